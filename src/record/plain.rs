//! Lines in AWS's plain spelling, as words whose ends are known, for code that wants texts.
//!
//! A [`Record`] holds values. Code that needs the texts of columns would split the line a
//! second time. Here a line is split once, 64 bytes at a time, and each column is read where it is.
//! Only ASCII lines with one space character between two columns are plain, under a layout that
//! [`Layout::has_plain_lines`] accepts. Every other line, and every line in which a column that is
//! needed is not spelled as AWS spells it, is left to [`Rows`](super::Rows), so a line is the same
//! record either way.

mod words;

use std::net::IpAddr;
use std::sync::Arc;

use super::address;
use super::cells::is_absent;
use super::instant;
use super::leaf::{lane_digits, number};
use super::recent_addresses::RecentAddresses;
use super::{Column, Field, Interval, Layout, LogStatus, Prefix, Record, Separator};

pub(super) use self::words::PlainWords;

/// How a column of a plain line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainKind {
    /// Any text.
    Text,
    /// An address.
    Address,
    /// `ACCEPT` or `REJECT`.
    Action,
    /// `ingress` or `egress`.
    Direction,
    /// `OK` or `NODATA`. Records of intervals that were skipped, and `-`, which a record has as `OK`, are left
    /// to [`Rows`](super::Rows).
    LogStatus,
    /// A number up to 65,535.
    Port,
    /// A number up to 255.
    Byte,
    /// A count. One above [`i64::MAX`] is read as that.
    Count,
    /// Unix seconds, or a smaller unit that is converted to them.
    Time,
}

/// A column that is not spelled as AWS spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPlain;

/// A line whose words are known.
#[derive(Clone, Copy, Debug)]
pub struct PlainLine<'l> {
    /// The block from the first byte of the line: numbers are read eight bytes at a time.
    rest: &'l [u8],
    /// Where each word ends, up to the last column that is wanted.
    ends: &'l [u32],
    layout: &'l Arc<Layout>,
    places: &'l PlainPlaces,
}

/// Consecutive lines whose words are known, at least one. Code that wants texts of many lines is faster
/// column by column.
#[derive(Clone, Copy, Debug)]
pub struct PlainLines<'l> {
    /// The block from the first byte of the first line.
    rest: &'l [u8],
    /// Where each line begins in it, and where the last one ends.
    begins: &'l [usize],
    /// By line: where each word ends, up to the last column that is wanted, counted from the line.
    ends: &'l [u32],
    layout: &'l Arc<Layout>,
    places: &'l PlainPlaces,
}

/// Where the fields of a layout are.
#[derive(Clone, Debug)]
pub(super) struct PlainPlaces {
    /// By number of the field.
    of_fields: Vec<Option<u16>>,
    /// The columns that must be spelled plainly, other than texts.
    needs: Vec<(usize, PlainKind)>,
    /// The columns that say of which family the source and the destination are, the better one first.
    families: [[Option<u16>; 2]; 2],
    /// The columns up to the last one that is needed.
    wanted: usize,
}

/// Rows whose plain lines can be had as words.
pub trait PlainSource {
    /// Returns the next rows, as long as they are plain lines, or `None` if the next one is not. The next
    /// row remains the same.
    fn plain_lines(&mut self) -> Option<PlainLines<'_>> {
        None
    }

    /// Goes on after so many of the lines that [`plain_lines`](Self::plain_lines) returned last.
    fn take_plain(&mut self, _lines: usize) {}

    /// Notes that the line after those is to be read as a row.
    fn leave_plain(&mut self) {}
}

impl PlainKind {
    /// Returns how the grammar reads a field.
    pub fn of(field: Field) -> Self {
        match field {
            Field::SrcAddr | Field::DstAddr | Field::PktSrcAddr | Field::PktDstAddr => {
                Self::Address
            }
            Field::SrcPort | Field::DstPort => Self::Port,
            Field::Protocol | Field::TcpFlags | Field::TrafficPath => Self::Byte,
            Field::Packets | Field::Bytes => Self::Count,
            Field::Start | Field::End => Self::Time,
            Field::Action => Self::Action,
            Field::FlowDirection => Self::Direction,
            Field::LogStatus => Self::LogStatus,
            _ => Self::Text,
        }
    }

    /// Whether a word that is not a number is spelled so.
    pub fn spells(self, word: &[u8]) -> bool {
        match self {
            Self::Text => true,
            Self::Address => word == b"-" || address::whole(word).is_some(),
            Self::Action => matches!(word, b"ACCEPT" | b"REJECT" | b"-"),
            Self::Direction => matches!(word, b"ingress" | b"egress" | b"-"),
            Self::LogStatus => matches!(word, b"OK" | b"NODATA"),
            Self::Port | Self::Byte | Self::Count | Self::Time => false,
        }
    }

    #[inline(always)]
    fn is_number(self) -> bool {
        matches!(self, Self::Port | Self::Byte | Self::Count | Self::Time)
    }

    /// Returns the largest number of up to sixteen digits that is read as it is.
    #[inline(always)]
    fn most_plain(self) -> u64 {
        match self {
            Self::Port => u16::MAX.into(),
            Self::Byte => u8::MAX.into(),
            Self::Count => u64::MAX,
            Self::Time => instant::SECONDS_MAX,
            _ => 0,
        }
    }

    /// Reads a number that is longer or larger, as the grammar does.
    #[cold]
    fn rare_number(self, word: &[u8]) -> Result<i64, NotPlain> {
        let is_digits = word.iter().all(u8::is_ascii_digit);
        let value = match self {
            Self::Count | Self::Time if is_digits => number(word).map_err(|_| NotPlain)?.1,
            _ => None,
        };
        let value = value.ok_or(NotPlain)?;
        match self {
            Self::Time => instant::seconds_of_epoch(value).ok_or(NotPlain),
            _ => Ok(i64::try_from(value).unwrap_or(i64::MAX)),
        }
    }
}

impl Layout {
    /// Whether lines of this layout can be plain.
    pub(super) fn has_plain_lines(&self) -> bool {
        let is_bare = self.separator() == Separator::Blank && self.prefix() == Prefix::None;
        is_bare && !self.needs_care() && !self.has_tags()
    }
}

impl PlainPlaces {
    fn of(layout: &Layout) -> Self {
        let place = |field: &Field| {
            layout
                .index_of(*field)
                .and_then(|at| u16::try_from(at).ok())
        };
        let is_needed = |field: &Field| {
            let needed = layout.needed();
            needed.is_none_or(|needed| needed.contains(field)) || *field == Field::LogStatus
        };
        let needed_place = |field: Field| Some(field).filter(is_needed).as_ref().and_then(place);
        let columns = layout.columns().iter().enumerate();
        let needed = columns.filter_map(|(at, column)| match column {
            Column::Known(field) if is_needed(field) => Some((at, PlainKind::of(*field))),
            _ => None,
        });
        let needed: Vec<_> = needed.collect();
        let last = needed.last().map_or(0, |(at, _)| at + 1);
        let wanted = match layout.needed() {
            Some(_) => last,
            None => layout.columns().len(),
        };
        let is_no_text = |(_, kind): &(usize, PlainKind)| *kind != PlainKind::Text;
        Self {
            of_fields: Field::ALL.iter().map(place).collect(),
            needs: needed.into_iter().filter(is_no_text).collect(),
            families: [
                [Field::PktSrcAddr, Field::SrcAddr].map(needed_place),
                [Field::PktDstAddr, Field::DstAddr].map(needed_place),
            ],
            wanted,
        }
    }
}

/// Returns the number of up to eight digits that begins at `begin`, if there are no other characters
/// among them.
#[inline(always)]
fn eight_digits(rest: &[u8], begin: usize, len: usize) -> Option<u64> {
    let chunk = rest.get(begin..)?.first_chunk::<8>()?;
    lane_digits(u64::from_le_bytes(*chunk), len)
}

/// Reads a time of more than sixteen digits, which nanoseconds have, or `-`, as the grammar does.
#[cold]
fn rare_instant_ns(word: &[u8]) -> Result<Option<i64>, NotPlain> {
    let (rest, value) = number(word).map_err(|_| NotPlain)?;
    let instant = value.map(|value| instant::from_epoch(value).ok_or(NotPlain));
    instant
        .transpose()
        .and_then(|instant| rest.is_empty().then_some(instant).ok_or(NotPlain))
}

impl<'l> PlainLines<'l> {
    /// Returns the layout.
    #[inline(always)]
    pub fn layout(&self) -> &'l Arc<Layout> {
        self.layout
    }

    /// Returns the number of lines.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.begins.len() - 1
    }

    /// Returns a line.
    ///
    /// # Panics
    /// Panics if there are no more lines than `index`.
    #[inline(always)]
    pub fn line(&self, index: usize) -> PlainLine<'l> {
        let wanted = self.places.wanted;
        PlainLine {
            rest: &self.rest[self.begins[index]..],
            ends: &self.ends[index * wanted..][..wanted],
            layout: self.layout,
            places: self.places,
        }
    }

    /// Returns one of the lines, alone.
    ///
    /// # Panics
    /// Panics if there are no more lines than `index`.
    #[inline(always)]
    pub fn only(&self, index: usize) -> Self {
        Self {
            begins: &self.begins[index..index + 2],
            ends: &self.ends[index * self.places.wanted..],
            ..*self
        }
    }

    /// Returns the status that the intervals of all of them have, or `None` if they differ or
    /// [`Rows`](super::Rows) must read one.
    #[inline(always)]
    pub fn log_status(&self) -> Option<LogStatus> {
        let mut statuses = self.iter().map(|line| line.log_status());
        let first = statuses.next()??;
        statuses
            .all(|status| status == Some(first))
            .then_some(first)
    }

    /// Checks that each is a record in AWS's spelling, as [`PlainLine::check`] does.
    ///
    /// # Errors
    /// One of them is not.
    #[inline]
    pub fn check(&self, recent: &mut RecentAddresses) -> Result<(), NotPlain> {
        self.iter().try_for_each(|line| line.check(recent))
    }

    /// Returns the lines.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = PlainLine<'l>> + use<'l> {
        let lines = *self;
        (0..lines.count()).map(move |index| lines.line(index))
    }
}

impl<'l> PlainLine<'l> {
    /// Returns the layout.
    #[inline(always)]
    pub fn layout(&self) -> &'l Arc<Layout> {
        self.layout
    }

    /// Returns the index of the column with `field`, if there is one.
    #[inline(always)]
    pub fn index_of(&self, field: Field) -> Option<usize> {
        self.places.of_fields[field as usize].map(usize::from)
    }

    /// Returns the columns whose spelling decides whether the line is a record, other than texts.
    pub fn needs(&self) -> &'l [(usize, PlainKind)] {
        &self.places.needs
    }

    #[inline(always)]
    fn begin(&self, index: usize) -> usize {
        let before = index.checked_sub(1);
        before.map_or(0, |before| self.ends[before] as usize + 1)
    }

    /// Returns the word of a column that is needed, which is ASCII and not empty.
    ///
    /// # Panics
    /// Panics for a column after the last one that is needed.
    #[inline(always)]
    pub fn word(&self, index: usize) -> &'l [u8] {
        &self.rest[self.begin(index)..self.ends[index] as usize]
    }

    /// Returns the text of a column, or `None` if it means that there is no value.
    #[inline(always)]
    pub fn text(&self, index: usize) -> Option<&'l [u8]> {
        let word = self.word(index);
        (!is_absent(word)).then_some(word)
    }

    /// Returns the number of a column of this kind, or `None` for `-`.
    ///
    /// # Errors
    /// The column is not spelled as AWS spells it.
    #[inline(always)]
    pub fn number(&self, index: usize, kind: PlainKind) -> Result<Option<i64>, NotPlain> {
        let Some(value) = self.digits(index) else {
            return match self.word(index) {
                b"-" if kind.is_number() => Ok(None),
                word => kind.rare_number(word).map(Some),
            };
        };
        // Up to sixteen digits, so it is within the range of an `i64`.
        match value <= kind.most_plain() {
            true => Ok(Some(value.cast_signed())),
            false => kind.rare_number(self.word(index)).map(Some),
        }
    }

    /// Returns the number in a column of up to sixteen digits.
    #[inline(always)]
    fn digits(&self, index: usize) -> Option<u64> {
        let (begin, end) = (self.begin(index), self.ends[index] as usize);
        let len = end - begin;
        if len <= 8 {
            return eight_digits(self.rest, begin, len);
        }
        if len > 16 {
            return None;
        }
        let head = eight_digits(self.rest, begin, len - 8)?;
        Some(head * 100_000_000 + eight_digits(self.rest, end - 8, 8)?)
    }

    /// Whether `after` begins at the end of a column.
    #[inline(always)]
    fn is_end(&self, index: usize, after: &[u8]) -> bool {
        self.rest.len() - after.len() == self.ends[index] as usize
    }

    /// Returns the address in a column, if it is one.
    #[inline(always)]
    pub fn address(&self, index: usize) -> Option<IpAddr> {
        let input = &self.rest[self.begin(index)..];
        let mut place = None;
        let (after, ()) = address::address(input, &mut place).ok()?;
        self.is_end(index, after).then_some(place)?
    }

    /// Whether a column is spelled as AWS spells it.
    #[inline(always)]
    pub fn is_spelled(&self, index: usize, kind: PlainKind) -> bool {
        match kind {
            PlainKind::Address => self.address(index).is_some() || self.word(index) == b"-",
            _ if kind.is_number() => self.number(index, kind).is_ok(),
            _ => kind.spells(self.word(index)),
        }
    }

    /// Checks that the line is a record in AWS's spelling. Addresses of other lines are quick to check.
    ///
    /// # Errors
    /// A column that is needed is not spelled so, or the ends are of two families.
    #[inline]
    pub fn check(&self, recent: &mut RecentAddresses) -> Result<(), NotPlain> {
        let mut needs = self.places.needs.iter();
        let is_plain = needs.all(|(index, kind)| match kind {
            PlainKind::Address => recent.has(self.word(*index), || {
                self.is_spelled(*index, PlainKind::Address)
            }),
            kind => self.is_spelled(*index, *kind),
        });
        (is_plain && self.families_agree())
            .then_some(())
            .ok_or(NotPlain)
    }

    /// Whether both ends are of one family, as the grammar compares them.
    #[inline(always)]
    pub fn families_agree(&self) -> bool {
        let [source, destination] = self.places.families;
        match (self.is_v6(source), self.is_v6(destination)) {
            (Some(source), Some(destination)) => source == destination,
            _ => true,
        }
    }

    /// Whether the first of these columns that has an address has one of IPv6.
    #[inline(always)]
    fn is_v6(&self, [better, other]: [Option<u16>; 2]) -> Option<bool> {
        let address = |column: Option<u16>| {
            let word = self.word(usize::from(column?));
            (word != b"-").then_some(word)
        };
        let word = address(better).or_else(|| address(other))?;
        // The first group of IPv6 has at most four digits, and IPv4 has at least seven characters.
        match word {
            [a, b, c, d, e, ..] => {
                let is_colon = |byte: &u8| *byte == b':';
                Some(is_colon(a) | is_colon(b) | is_colon(c) | is_colon(d) | is_colon(e))
            }
            _ => Some(true),
        }
    }

    /// Returns the status of the interval, or `None` if [`Rows`](super::Rows) must read the line.
    #[inline(always)]
    pub fn log_status(&self) -> Option<LogStatus> {
        let Some(index) = self.index_of(Field::LogStatus) else {
            return Some(LogStatus::Ok);
        };
        match self.word(index) {
            b"OK" => Some(LogStatus::Ok),
            b"NODATA" => Some(LogStatus::NoData),
            _ => None,
        }
    }

    /// Returns the instant of a column of time.
    #[inline(always)]
    fn instant_ns(&self, field: Field) -> Result<Option<i64>, NotPlain> {
        let Some(index) = self.index_of(field) else {
            return Ok(None);
        };
        match self.digits(index) {
            Some(value) => instant::from_epoch(value).map(Some).ok_or(NotPlain),
            None => rare_instant_ns(self.word(index)),
        }
    }

    /// Returns when the flow starts.
    ///
    /// # Errors
    /// The column is not spelled as AWS spells it.
    #[inline(always)]
    pub fn start_ns(&self) -> Result<Option<i64>, NotPlain> {
        self.instant_ns(Field::Start)
    }

    /// Returns the time span of the flow, as [`Record::interval`] does.
    ///
    /// # Errors
    /// A column of its times is not spelled as AWS spells it.
    #[inline(always)]
    pub fn interval(&self) -> Result<Option<Interval>, NotPlain> {
        let record = Record {
            start_ns: self.instant_ns(Field::Start)?,
            end_ns: self.instant_ns(Field::End)?,
            ..Record::default()
        };
        Ok(record.interval())
    }
}

#[cfg(test)]
mod tests;
