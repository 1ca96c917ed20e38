//! Lines in which the values of tags contain blanks without quotes.
//!
//! Such a line has more words than columns. The surplus can only belong to tag columns, which are
//! the only ones whose values contain blanks. All columns around them must hold values of their
//! kind, so that a line with other columns is not taken for one of these. Which words belong to
//! which of several tag columns next to each other is not decided: the record has no such tags then.

use std::ops::Range;

use super::{
    Layout, Record, RecordText, Separator, careful,
    cells::{LineCell, is_absent},
    column::{Column, Step},
    leaf::blank,
    recognize::fits,
    skip::skip,
};

/// The most runs of tag columns with columns of other kinds between them.
const RUNS_MAX: usize = 3;

/// The most ways to divide the surplus among the runs that are tried for one line.
const TRIES_MAX: usize = 300;

/// How many words more than columns each run of tag columns has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surplus(Option<[u16; RUNS_MAX]>);

impl Surplus {
    /// A surplus of which only the sum is known.
    const UNCLEAR: Self = Self(None);
}

/// Returns the runs of consecutive tag columns.
pub(super) fn tag_runs(columns: &[Column]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        match (column, runs.last_mut()) {
            (Column::Known(field), Some(run)) if field.is_tag() && run.end == index => run.end += 1,
            (Column::Known(field), _) if field.is_tag() => runs.push(index..index + 1),
            _ => {}
        }
    }
    runs
}

/// Reads `line`, which has more words than `layout` has columns; `None` if its tags cannot be the
/// reason.
pub(super) fn record<'a>(layout: &Layout, line: &'a [u8]) -> Option<Record<'a>> {
    let runs = layout.tag_runs();
    let is_known = matches!(layout.separator(), Separator::Blank | Separator::Tab);
    if runs.is_empty() || runs.len() > RUNS_MAX || !is_known || layout.fits_anything() {
        return None;
    }
    let body = layout.prefix().body(line).ok()?;
    if layout.separator() == Separator::Tab && body.text.contains(&b'\t') {
        return None;
    }
    let words: Vec<LineCell<'a>> = layout.cells(body.text).collect();
    let surplus = words.len().checked_sub(layout.columns().len())?;
    let surplus = u16::try_from(surplus).ok().filter(|surplus| *surplus > 0)?;
    let mut found: Option<(Record<'a>, Surplus)> = None;
    for split in splits(runs.len(), surplus)? {
        let Some(record) = read(layout, &words, &split) else {
            continue;
        };
        match &mut found {
            None => found = Some((record, Surplus(Some(split)))),
            // The values that a conversion needs are the same either way.
            Some((known, surplus)) if *known == record => *surplus = Surplus::UNCLEAR,
            Some(_) => return None,
        }
    }
    let (mut record, surplus) = found?;
    record.text = RecordText::Spaced(body.text, surplus);
    record.line_time_ns = body.time_ns;
    Some(record)
}

/// Returns all ways to divide a surplus among some runs; `None` if these are too many.
fn splits(runs: usize, surplus: u16) -> Option<Vec<[u16; RUNS_MAX]>> {
    let sum = usize::from(surplus);
    let count = match runs {
        1 => 1,
        2 => sum + 1,
        _ => (sum + 1) * (sum + 2) / 2,
    };
    if count > TRIES_MAX {
        return None;
    }
    let splits = match runs {
        1 => vec![[surplus, 0, 0]],
        2 => (0..=surplus).map(|a| [a, surplus - a, 0]).collect(),
        _ => (0..=surplus)
            .flat_map(|a| (0..=surplus - a).map(move |b| [a, b, surplus - a - b]))
            .collect(),
    };
    Some(splits)
}

/// Reads the columns that are not tags, if each word can be a value of its column.
fn read<'a>(
    layout: &Layout,
    words: &[LineCell<'a>],
    split: &[u16; RUNS_MAX],
) -> Option<Record<'a>> {
    let columns = layout.columns();
    let mut record = Record::default();
    for (index, column) in columns.iter().enumerate() {
        let Some(word) = word_of(layout, split, index) else {
            continue;
        };
        let word = words.get(word.start)?;
        if let Column::Known(field) = column
            && !fits(*field, word.text)
        {
            return None;
        }
        let step = Step::of(column, columns, layout.needed());
        careful::put(step, word, &mut record).ok()?;
    }
    record.families_agree().then_some(record)
}

/// Returns the words of a column; `None` for a tag whose words are not clear.
fn word_of(layout: &Layout, split: &[u16; RUNS_MAX], index: usize) -> Option<Range<usize>> {
    let mut before = 0;
    for (run, surplus) in layout.tag_runs().iter().zip(split) {
        let surplus = usize::from(*surplus);
        if index < run.start {
            break;
        }
        if run.contains(&index) {
            return match (surplus, run.len()) {
                (0, _) => Some(index + before..index + before + 1),
                (_, 1) => Some(index + before..index + before + surplus + 1),
                _ => None,
            };
        }
        before += surplus;
    }
    Some(index + before..index + before + 1)
}

/// Returns the text of a column in a line with a surplus; `None` if it has no value, or if the value
/// is not clear.
pub(super) fn cell<'a>(
    layout: &Layout,
    line: &'a [u8],
    surplus: Surplus,
    index: usize,
) -> Option<&'a [u8]> {
    let words: Vec<LineCell<'a>> = layout.cells(line).collect();
    let range = match surplus.0 {
        Some(split) => word_of(layout, &split, index)?,
        None => {
            let runs = layout.tag_runs();
            let all = words.len().checked_sub(layout.columns().len())?;
            let at = match index {
                index if index < runs.first()?.start => index,
                index if index >= runs.last()?.end => index + all,
                _ => return None,
            };
            at..at + 1
        }
    };
    let (first, last) = (words.get(range.start)?, words.get(range.end - 1)?);
    let text = line.get(first.range().start..last.range().end)?;
    (!is_absent(text)).then_some(text)
}

/// Returns the text of the only run of tag columns in a line without a surplus, if no value in it is
/// quoted.
pub(super) fn run_text<'a>(layout: &Layout, line: &'a [u8]) -> Option<&'a [u8]> {
    let [run] = layout.tag_runs() else {
        return None;
    };
    let count = |count: usize| u16::try_from(count).ok();
    let rest = match count(run.start)? {
        0 => line,
        before => {
            let (rest, ()) = skip(before, line).ok()?;
            blank(rest).ok()?.0
        }
    };
    let (after, ()) = skip(count(run.len())?, rest).ok()?;
    let text = &rest[..rest.len() - after.len()];
    (!text.contains(&b'"')).then_some(text)
}

/// Whether the value of some tag in a line with a surplus is not clear.
pub(super) fn is_unclear(layout: &Layout, surplus: Surplus) -> bool {
    let Some(split) = surplus.0 else {
        return true;
    };
    let mut runs = layout.tag_runs().iter().zip(split);
    runs.any(|(run, surplus)| surplus > 0 && run.len() > 1)
}

#[cfg(test)]
mod tests;
