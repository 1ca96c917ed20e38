//! Determines the layout of a file from its first lines.
//!
//! A header line determines it, wherever it is among the first lines. Without one, the format given
//! by the user is used if the lines match it. Otherwise the values are compared column by column
//! with the few orders of columns that are known to occur. The `version` column is never trusted,
//! and the number of columns alone is never enough. Any other file is refused without a guess, and
//! the error lists the attempts and a format to complete.

mod embedded;
mod foreign;
mod json_kinds;
mod order;
mod refusal;
mod suggestion;

pub(super) use self::{embedded::certain_order, order::fits};
pub use self::{
    embedded::{EMBEDDED_WORDS_MIN, embedded_records, holds_embedded, order_name},
    foreign::Foreign,
    refusal::Unrecognized,
};

use std::sync::Arc;

use self::order::{LayoutAttempt, ORDERS};
use super::{
    FormatError, Layout, Prefix, Separator, careful,
    given::{FormatOfLine, format_of},
    prefix::{Envelope, leading_time, time_and_stream},
    table_lines,
};

/// A file's layout, and how it was determined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognized {
    /// The layout of its lines.
    pub layout: Layout,
    /// How it was determined.
    pub evidence: Evidence,
}

/// How a file's layout was determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// By a header line in the file.
    Header,
    /// By the format given by the user, which the lines match.
    Given,
    /// By values that fit the well-known order of columns with this name.
    Order(&'static str),
}

/// Determines a file's layout from its first lines. `given` is the order given by the user, or
/// several ([`Layout::any_of`]), one of which the lines may have.
///
/// `head` should hold a few dozen whole lines. A last line without its end is ignored.
///
/// # Errors
/// [`Unrecognized`] contains what the file is instead, or the attempts and why they failed.
///
/// # Examples
/// ```
/// use flow2pcap::record::{Evidence, recognize};
/// let head = b"2 123456789010 eni-abc123de 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 \
///     1418530010 1418530070 REJECT OK\n";
/// assert_eq!(recognize(head, None).unwrap().evidence, Evidence::Order("default"));
/// ```
pub fn recognize(head: &[u8], given: Option<&Layout>) -> Result<Recognized, Unrecognized> {
    let found = recognize_lines(head, given)?;
    let Some(given) = given else {
        return Ok(found);
    };
    // Later lines may have another of the formats.
    let formats: Vec<Layout> = given.formats().cloned().collect();
    let is_header = found.evidence == Evidence::Header;
    Ok(Recognized {
        layout: found.layout.beside(&formats, is_header),
        ..found
    })
}

fn recognize_lines(head: &[u8], given: Option<&Layout>) -> Result<Recognized, Unrecognized> {
    let lines = sample(head);
    let Some(&first) = lines.first() else {
        let kind = Foreign::of(b"", head).unwrap_or(Foreign::Empty);
        return Err(Unrecognized::foreign_file(kind, b""));
    };
    if let Some(foreign) = Foreign::of(first, head) {
        return Err(Unrecognized::foreign_file(foreign, first));
    }
    for (index, line) in lines.iter().take(HEADER_LINES_MAX).enumerate() {
        let Some(header) = HeaderLine::read(line) else {
            continue;
        };
        // Lines before a header to which it does not apply: concatenated files.
        if let Ok(before) = without_header(&lines[..index], given) {
            return Ok(before);
        }
        let number = || line_number(head, line);
        return header.recognize((number, line), &lines[index + 1..], given);
    }
    without_header(&lines, given).map_err(|refusal| {
        // The first line of another log may be cut or damaged.
        let mut later = lines.iter().skip(1);
        match later.find_map(|line| Foreign::of_balancer(line)) {
            Some(kind) if !refusal.is_ambiguous() => Unrecognized::foreign_file(kind, first),
            _ => refusal,
        }
    })
}

/// Returns the number of `line` in `head`, from 1.
fn line_number(head: &[u8], line: &[u8]) -> usize {
    let head = without_mark(head);
    let mut all = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    all.position(|other| other == line)
        .map_or(1, |index| index + 1)
}

fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)
}

/// Returns the first meaningful lines: trimmed, and neither blank nor comments.
fn sample(head: &[u8]) -> Vec<&[u8]> {
    let head = without_mark(head);
    let whole_len = memchr::memrchr(b'\n', head).map_or(head.len(), |last| last + 1);
    let lines = head[..whole_len]
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii);
    let is_blank =
        |line: &[u8]| line.is_empty() || line.starts_with(b"#") || table_lines::is_rule(line);
    let lines = lines.filter(|line| !is_blank(line));
    let mut lines: Vec<_> = lines.take(SAMPLE_LINES_MAX).collect();
    if lines.is_empty() && !head[whole_len..].trim_ascii().is_empty() {
        lines.push(head[whole_len..].trim_ascii());
    }
    lines
}

/// A line that describes the lines below it.
enum HeaderLine {
    /// A header with the columns, possibly with an error.
    Columns(Result<Layout, FormatError>),
    /// A header that says which cell of a CSV line holds the record.
    Envelope(Envelope),
}

impl HeaderLine {
    fn read(line: &[u8]) -> Option<Self> {
        let in_front = leading_time(line).ok();
        let text = in_front.map_or(line, |(text, _)| text);
        if let Some(layout) = Layout::try_from_header(text) {
            let prefix = if in_front.is_some() {
                Prefix::Time
            } else {
                Prefix::None
            };
            return Some(Self::Columns(
                layout.map(|layout| layout.with_prefix(prefix)),
            ));
        }
        Envelope::from_header(line).map(Self::Envelope)
    }

    /// Returns the layout of the lines `below` this header. `number` is its line number.
    fn recognize(
        self,
        (number, line): (impl FnOnce() -> usize, &[u8]),
        below: &[&[u8]],
        given: Option<&Layout>,
    ) -> Result<Recognized, Unrecognized> {
        let envelope = match self {
            Self::Columns(Ok(layout)) => {
                let evidence = Evidence::Header;
                return Ok(Recognized { layout, evidence });
            }
            Self::Columns(Err(error)) => {
                // The error message below asks for a format, so a given format is used.
                if let (Some(_), Ok(found)) = (given, without_header(below, given)) {
                    return Ok(found);
                }
                return Err(Unrecognized::bad_header(number(), line, error, below));
            }
            Self::Envelope(envelope) => Prefix::Cells(envelope),
        };
        let bodies = below.iter().filter_map(|line| envelope.body(line).ok());
        let records: Vec<_> = bodies.map(|body| body.text).collect();
        if records.is_empty() {
            return Err(Unrecognized::foreign_file(Foreign::Empty, line));
        }
        let found = without_header(&records, given)?;
        Ok(Recognized {
            layout: found.layout.with_prefix(envelope),
            ..found
        })
    }
}

/// Returns the layout of lines without a header.
fn without_header(lines: &[&[u8]], given: Option<&Layout>) -> Result<Recognized, Unrecognized> {
    let mut attempts = Vec::new();
    for (prefix, records) in prefixes(lines) {
        match given.map(|given| agree(given, prefix, &records)) {
            Some(Ok(layout)) => {
                let evidence = Evidence::Given;
                return Ok(Recognized { layout, evidence });
            }
            Some(Err(Disagreement::Ambiguous(unrecognized))) => return Err(*unrecognized),
            Some(Err(Disagreement::Misfit(attempt))) => attempts.push(attempt),
            None => {}
        }
        for order in ORDERS {
            match order.fit(&records, separator_of(&records)) {
                Ok(layout) => {
                    let layout = layout.with_prefix(prefix);
                    let evidence = Evidence::Order(order.name());
                    return Ok(Recognized { layout, evidence });
                }
                Err(attempt) => attempts.extend(attempt),
            }
        }
    }
    if let Some(found) = several_orders(lines) {
        return Ok(found);
    }
    let first = lines.first().copied().unwrap_or_default();
    let (_, records) = prefixes(lines).pop().unwrap_or_default();
    Err(Unrecognized::none_fits(first, attempts, &records))
}

/// Returns the order of the first record of `lines`, if most lines are certainly records, but of
/// several well-known orders. [`Rows`](super::Rows) reads each line in its own order.
fn several_orders(lines: &[&[u8]]) -> Option<Recognized> {
    prefixes(lines).into_iter().find_map(|(prefix, records)| {
        let separator = separator_of(&records);
        let mut orders = records.iter().map(|line| certain_order(line, separator));
        let found: Vec<_> = orders.by_ref().flatten().collect();
        let first = found.first().filter(|_| found.len() * 2 > lines.len())?;
        let layout = first.layout().separated_by(separator).with_prefix(prefix);
        let evidence = Evidence::Order(first.name());
        Some(Recognized { layout, evidence })
    })
}

/// Returns the possible prefixes of the records in `lines`, each with the records after it.
fn prefixes<'a>(lines: &[&'a [u8]]) -> Vec<(Prefix, Vec<&'a [u8]>)> {
    let mut prefixes = vec![(Prefix::None, lines.to_vec())];
    let all = |strip: fn(&'a [u8]) -> Option<&'a [u8]>| -> Option<Vec<_>> {
        let records: Vec<_> = lines.iter().filter_map(|&line| strip(line)).collect();
        (records.len() * 2 > lines.len()).then_some(records)
    };
    let timed = all(|line| leading_time(line).ok().map(|(text, _)| text));
    prefixes.extend(timed.map(|records| (Prefix::Time, records)));
    let streamed = all(|line| time_and_stream(line).ok().map(|(text, _)| text));
    prefixes.extend(streamed.map(|records| (Prefix::TimeAndStream, records)));
    prefixes
}

/// The reason why none of the given formats is used.
enum Disagreement {
    /// They cannot read the lines.
    Misfit(LayoutAttempt),
    /// Several can read them, and no line decides.
    Ambiguous(Box<Unrecognized>),
}

/// Checks whether a given format can read any of `records`, and no other given format can. If so,
/// returns it as their layout.
fn agree(given: &Layout, prefix: Prefix, records: &[&[u8]]) -> Result<Layout, Disagreement> {
    let separator = separator_of(records);
    let plain = |format: &Layout| {
        let format = format.clone().with_prefix(Prefix::None);
        Arc::new(format.separated_by(separator))
    };
    let formats: Vec<Arc<Layout>> = given.formats().map(plain).collect();
    let mut ambiguous = None;
    for record in records {
        match format_of(formats.iter(), record) {
            FormatOfLine::One(format, _) => {
                return Ok(Layout::clone(format).with_prefix(prefix));
            }
            FormatOfLine::Several(one, other) => {
                ambiguous = ambiguous.or(Some((record, one.clone(), other.clone())));
            }
            FormatOfLine::None => {}
        }
    }
    if let Some((record, one, other)) = ambiguous {
        let unrecognized = Unrecognized::several_formats(record, &one, &other);
        return Err(Disagreement::Ambiguous(Box::new(unrecognized)));
    }
    let why = |format: &Arc<Layout>| {
        let mut faults = records
            .iter()
            .filter_map(|record| careful::record(format, record).err());
        let last = faults.next_back();
        last.map_or_else(
            || "there are no lines".to_owned(),
            |fault| fault.to_string(),
        )
    };
    let why: Vec<String> = formats.iter().map(why).collect();
    let name = if formats.len() > 1 {
        "the given formats"
    } else {
        "the given format"
    };
    Err(Disagreement::Misfit(LayoutAttempt::new(
        name,
        why.join("; "),
    )))
}

/// Returns the separator of the columns of `records`.
fn separator_of(records: &[&[u8]]) -> Separator {
    let first = records.first();
    first.map_or(Separator::Blank, |line| Separator::of_record(line))
}

/// Maximum number of lines examined.
const SAMPLE_LINES_MAX: usize = 32;
/// Maximum number of meaningless lines before a header.
const HEADER_LINES_MAX: usize = 8;

#[cfg(test)]
mod tests;
