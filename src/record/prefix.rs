//! The text around a record in its line, and how to skip it.
//!
//! AWS delivers records alone in their lines. CloudWatch exports put the event's time before the
//! record, `aws logs tail` also the name of the stream, and the console's downloads are CSV in
//! which one cell is the record.

use super::{
    Fault, FaultKind,
    cells::{LineCells, Separator},
    instant,
    leaf::{Leaf, blank, number, token},
    odd,
};
use nom::{Parser, combinator::eof, sequence::terminated};

/// The text around the record in each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing.
    #[default]
    None,
    /// The event's time: `2018-09-22T20:28:14.000Z `.
    Time,
    /// The event's time and the name of its stream.
    TimeAndStream,
    /// Other cells of a CSV line.
    Cells(Envelope),
}

/// The cells of a CSV line, or of a line of another table, that hold the event's time and the
/// record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    time: Option<u16>,
    message: u16,
    separator: Separator,
}

/// A record's own text, its offset in the line, and the time next to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body<'a> {
    pub(super) text: &'a [u8],
    pub(super) start: usize,
    pub(super) time_ns: Option<i64>,
}

impl Prefix {
    /// Returns the record in `line`. In a line without the time that other lines have, the whole
    /// line is the record.
    pub(super) fn body<'a>(self, line: &'a [u8]) -> Result<Body<'a>, Fault<'a>> {
        let in_front = match self {
            Self::None => None,
            Self::Time => leading_time(line).ok(),
            Self::TimeAndStream => time_and_stream(line).ok(),
            Self::Cells(envelope) => return envelope.body(line),
        };
        let (text, time_ns) = in_front.map_or((line, None), |(text, time)| (text, Some(time)));
        Ok(Body {
            text,
            start: line.len() - text.len(),
            time_ns,
        })
    }
}

/// Parses the time before a record.
pub(super) fn leading_time(line: &[u8]) -> Leaf<'_, i64> {
    terminated(instant::iso, blank).parse(line)
}

/// Parses the time before a record, and the name of its stream.
pub(super) fn time_and_stream(line: &[u8]) -> Leaf<'_, i64> {
    terminated(leading_time, (token, blank)).parse(line)
}

impl Envelope {
    /// Returns the envelope that a CSV header such as `timestamp,message` describes.
    pub(super) fn from_header(line: &[u8]) -> Option<Self> {
        let separator = match Separator::of_names(line) {
            Separator::Blank => Separator::Comma,
            other => other,
        };
        let index_of = |names: [&[u8]; 2]| {
            let mut cells = LineCells::new(line, separator);
            let index = cells.position(|cell| {
                names
                    .iter()
                    .any(|name| cell.text.eq_ignore_ascii_case(name))
            });
            index.and_then(|index| u16::try_from(index).ok())
        };
        Some(Self {
            time: index_of([b"timestamp", b"@timestamp"]),
            message: index_of([b"message", b"@message"])?,
            separator,
        })
    }

    fn body<'a>(self, line: &'a [u8]) -> Result<Body<'a>, Fault<'a>> {
        let cells = LineCells::new(line, self.separator);
        let Some(message) = cells.clone().nth(usize::from(self.message)) else {
            let found = cells.count();
            return Err(Fault::in_line(
                line,
                FaultKind::columns(found, usize::from(self.message) + 1),
            ));
        };
        if message.open {
            return Err(Fault::in_line(line, FaultKind::OpenQuote));
        }
        let time = self
            .time
            .and_then(|index| cells.clone().nth(usize::from(index)));
        Ok(Body {
            text: message.text,
            start: message.start,
            time_ns: time.and_then(|cell| odd::time(cell.text).ok()),
        })
    }
}

/// Parses a cell that is exactly one time, in Unix time or in ISO 8601.
pub(crate) fn instant_in(text: &[u8]) -> Option<i64> {
    let whole = |text| terminated(instant::iso, eof).parse(text);
    if let Ok((_, instant_ns)) = whole(text) {
        return Some(instant_ns);
    }
    let (_, value) = terminated(number, eof).parse(text).ok()?;
    instant::from_epoch(value?)
}
