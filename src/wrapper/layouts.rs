//! Determines the column order of the lines in a batch.
//!
//! Lines that were logged have a header or are recognized by their values. Named values follow from
//! their names. A header in the middle of the lines applies until the end of the file, so the
//! reader of a batch reports which column order applied at its end.

use std::sync::Arc;

use super::batch::{Batch, Lines};
use crate::record::{Evidence, Layout, Unrecognized, recognize};

/// How the columns were identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// By the names of the values.
    Keys,
    /// By something in the lines.
    Lines(Evidence),
}

/// The column orders of a file's lines, by the kind of the lines.
pub(super) struct Layouts<'g> {
    /// The format given by the user.
    given: Option<&'g Layout>,
    plain: Option<Arc<Layout>>,
    timed: Option<Arc<Layout>>,
    /// The layout of named values, with the names.
    named: Option<(Arc<[String]>, Arc<Layout>)>,
    /// How the first of these layouts was identified.
    pub(super) named_by: Option<NamedBy>,
    /// Why the first unrecognized lines were not recognized.
    pub(super) refused: Option<Unrecognized>,
}

impl<'g> Layouts<'g> {
    pub(super) fn new(given: Option<&'g Layout>) -> Self {
        Self {
            given,
            plain: None,
            timed: None,
            named: None,
            named_by: None,
            refused: None,
        }
    }

    /// Whether `line` is a flow log record whose columns are known.
    pub(super) fn is_record(&self, line: &[u8]) -> bool {
        recognize(line, self.given).is_ok()
    }

    /// Returns the column order of a batch's lines, if it is known.
    pub(super) fn of(&mut self, batch: &Batch) -> Option<Arc<Layout>> {
        let known = match &batch.lines {
            _ if batch.text.is_empty() => Some(Arc::new(Layout::default_v2())),
            Lines::Plain => self.plain.clone(),
            Lines::Timed => self.timed.clone(),
            Lines::Columns(names, unit) => {
                let is_same = |(known, layout): &&(Arc<[String]>, Arc<Layout>)| {
                    known == names && layout.byte_unit() == *unit
                };
                let same = self.named.as_ref().filter(is_same);
                same.map(|(_, layout)| Arc::clone(layout))
            }
        };
        known.or_else(|| self.find(batch))
    }

    fn find(&mut self, batch: &Batch) -> Option<Arc<Layout>> {
        let (layout, named_by) = match &batch.lines {
            Lines::Columns(names, unit) => {
                let layout = Layout::from_names(names.iter().map(String::as_str))?;
                (layout.counted_in(*unit), NamedBy::Keys)
            }
            Lines::Plain | Lines::Timed => {
                let head = &batch.text[..batch.text.len().min(HEAD_LEN)];
                match recognize(head, self.given) {
                    Ok(recognized) => (recognized.layout, NamedBy::Lines(recognized.evidence)),
                    Err(refused) => {
                        self.refused.get_or_insert(refused);
                        return None;
                    }
                }
            }
        };
        self.named_by.get_or_insert(named_by);
        Some(Arc::new(layout))
    }

    /// Keeps the column order at the end of a batch for the next batch of the same kind.
    pub(super) fn keep(&mut self, batch: &Batch, at_end: &Arc<Layout>) {
        if batch.text.is_empty() {
            return;
        }
        let layout = Arc::clone(at_end);
        match &batch.lines {
            Lines::Plain => self.plain = Some(layout),
            Lines::Timed => self.timed = Some(layout),
            Lines::Columns(names, _) => self.named = Some((Arc::clone(names), layout)),
        }
    }
}

/// Number of bytes at the beginning of the lines that must show the column order.
const HEAD_LEN: usize = 64 << 10;
