//! Which layout a file has, from its first lines.
//!
//! A header line tells it, wherever in the first lines it stands. Without one,
//! `--format` does if the lines agree with it. Failing that, the values are
//! held against the few orders of columns that are known to occur, column by
//! column; the `version` column is never believed, and a number of columns alone
//! never suffices. What remains is not guessed at: it is refused, with what was
//! tried and the `--format` to complete.

mod foreign;
mod order;
mod refusal;
mod suggestion;

pub use self::{foreign::Foreign, refusal::Unrecognised};

use self::order::{LayoutAttempt, ORDERS};
use super::{
    FormatError, Layout, Prefix, Separator, careful,
    cells::LineCells,
    prefix::{Envelope, time_and_stream, time_in_front},
};

/// A file's layout, and what told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognized {
    /// The layout its lines have.
    pub layout: Layout,
    /// What told it.
    pub evidence: Evidence,
}

/// What told a file's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A header line in the file.
    Header,
    /// The format that was given, with which the lines agree.
    Given,
    /// The values fit a well-known order of columns, named here.
    Order(&'static str),
}

/// Decides a file's layout from its first lines; `given` is the order that somebody
/// named.
///
/// `head` should hold a few dozen whole lines; a last line without its end is left out.
///
/// # Errors
/// [`Unrecognised`] says what the file is instead, or what was tried and why it failed.
///
/// # Examples
/// ```
/// use flow2pcap::record::{Evidence, recognize};
/// let head = b"2 123456789010 eni-abc123de 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 \
///     1418530010 1418530070 REJECT OK\n";
/// assert_eq!(recognize(head, None).unwrap().evidence, Evidence::Order("default"));
/// ```
pub fn recognize(head: &[u8], given: Option<&Layout>) -> Result<Recognized, Unrecognised> {
    let lines = sample(head);
    let Some(&first) = lines.first() else {
        return Err(Unrecognised::foreign_file(Foreign::Empty, b""));
    };
    if let Some(foreign) = Foreign::of(first, head) {
        return Err(Unrecognised::foreign_file(foreign, first));
    }
    for (index, line) in lines.iter().take(HEADER_LINES_MAX).enumerate() {
        let Some(header) = HeaderLine::read(line) else {
            continue;
        };
        // Lines before a header that has no part in them: files strung together.
        if let Ok(before) = without_header(&lines[..index], given) {
            return Ok(before);
        }
        let number = || line_number(head, line);
        return header.recognize((number, line), &lines[index + 1..], given);
    }
    without_header(&lines, given)
}

/// Which line of `head` reads `line`, from 1.
fn line_number(head: &[u8], line: &[u8]) -> usize {
    let head = without_mark(head);
    let mut all = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    all.position(|other| other == line)
        .map_or(1, |index| index + 1)
}

fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)
}

/// The first lines that say anything: trimmed, neither blank nor comments.
fn sample(head: &[u8]) -> Vec<&[u8]> {
    let head = without_mark(head);
    let whole_len = memchr::memrchr(b'\n', head).map_or(head.len(), |last| last + 1);
    let lines = head[..whole_len]
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii);
    let telling = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let mut lines: Vec<_> = telling.take(SAMPLE_LINES_MAX).collect();
    if lines.is_empty() && !head[whole_len..].trim_ascii().is_empty() {
        lines.push(head[whole_len..].trim_ascii());
    }
    lines
}

/// A line that says what the lines below it are.
enum HeaderLine {
    /// It names the columns, or tries to.
    Columns(Result<Layout, FormatError>),
    /// It says in which cell of a CSV line the record is.
    Envelope(Envelope),
}

impl HeaderLine {
    fn read(line: &[u8]) -> Option<Self> {
        let in_front = time_in_front(line).ok();
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

    /// The layout of the lines `below` this header, which has that number and reads `line`.
    fn recognize(
        self,
        (number, line): (impl FnOnce() -> usize, &[u8]),
        below: &[&[u8]],
        given: Option<&Layout>,
    ) -> Result<Recognized, Unrecognised> {
        let envelope = match self {
            Self::Columns(Ok(layout)) => {
                let evidence = Evidence::Header;
                return Ok(Recognized { layout, evidence });
            }
            Self::Columns(Err(error)) => {
                // What was asked for is what the message below asks for.
                if let (Some(_), Ok(found)) = (given, without_header(below, given)) {
                    return Ok(found);
                }
                return Err(Unrecognised::bad_header(number(), line, error, below));
            }
            Self::Envelope(envelope) => Prefix::Cells(envelope),
        };
        let bodies = below.iter().filter_map(|line| envelope.body(line).ok());
        let records: Vec<_> = bodies.map(|body| body.text).collect();
        if records.is_empty() {
            return Err(Unrecognised::foreign_file(Foreign::Empty, line));
        }
        let found = without_header(&records, given)?;
        Ok(Recognized {
            layout: found.layout.with_prefix(envelope),
            ..found
        })
    }
}

/// The layout of lines of which none is a header.
fn without_header(lines: &[&[u8]], given: Option<&Layout>) -> Result<Recognized, Unrecognised> {
    let mut attempts = Vec::new();
    for (prefix, records) in dressings(lines) {
        match given.map(|given| agree(given, prefix, &records)) {
            Some(Ok(layout)) => {
                let evidence = Evidence::Given;
                return Ok(Recognized { layout, evidence });
            }
            Some(Err(attempt)) => attempts.push(attempt),
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
    let first = lines.first().copied().unwrap_or_default();
    let (_, records) = dressings(lines).pop().unwrap_or_default();
    Err(Unrecognised::none_fits(first, attempts, &records))
}

/// What may stand in front of the records of `lines`, and the records without it.
fn dressings<'a>(lines: &[&'a [u8]]) -> Vec<(Prefix, Vec<&'a [u8]>)> {
    let mut dressings = vec![(Prefix::None, lines.to_vec())];
    let all = |strip: fn(&'a [u8]) -> Option<&'a [u8]>| -> Option<Vec<_>> {
        let records: Vec<_> = lines.iter().filter_map(|&line| strip(line)).collect();
        (records.len() * 2 > lines.len()).then_some(records)
    };
    let timed = all(|line| time_in_front(line).ok().map(|(text, _)| text));
    dressings.extend(timed.map(|records| (Prefix::Time, records)));
    let streamed = all(|line| time_and_stream(line).ok().map(|(text, _)| text));
    dressings.extend(streamed.map(|records| (Prefix::TimeAndStream, records)));
    dressings
}

/// Whether the given format reads any of `records`; if so, as the layout they have.
fn agree(given: &Layout, prefix: Prefix, records: &[&[u8]]) -> Result<Layout, LayoutAttempt> {
    let layout = given
        .clone()
        .with_prefix(Prefix::None)
        .separated_by(separator_of(records));
    let mut why = String::from("no line");
    for record in records {
        match careful::record(&layout, record) {
            Ok(_) => return Ok(layout.with_prefix(prefix)),
            Err(fault) => why = fault.to_string(),
        }
    }
    Err(LayoutAttempt::new("the given format", why))
}

/// What separates the columns of `records`.
fn separator_of(records: &[&[u8]]) -> Separator {
    let count = |separator| {
        records
            .first()
            .map_or(0, |line| LineCells::new(line, separator).count())
    };
    if count(Separator::Comma) > count(Separator::Blank) {
        Separator::Comma
    } else {
        Separator::Blank
    }
}

/// How many lines are looked at.
const SAMPLE_LINES_MAX: usize = 32;
/// How many lines may stand before a header and be nothing.
const HEADER_LINES_MAX: usize = 8;

#[cfg(test)]
mod tests;
