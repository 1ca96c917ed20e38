//! The grammar of a line as AWS writes it.
//!
//! A layout is compiled into steps ([`Step`]), one per column, where adjacent unneeded columns are
//! merged into one. A line is read by following its steps with nom's leaves and one blank between
//! two columns. A line that differs from AWS's spelling in any way is rejected as a whole and read
//! by [`super::careful`].
//!
//! The input is the rest of a block, not a line: the end of the line is found by reading it, and
//! the leaves may load bytes beyond it.

use std::net::IpAddr;

use super::{
    Action, Direction, LogStatus, ObservedFlags, Prefix, Record, RecordText, Separator,
    address::address,
    column::Step,
    instant,
    layout::Layout,
    leaf::{Leaf, ODD, blank, line_end, number, short_number, token},
    prefix::leading_time,
    skip::skip,
};

/// Reads the record at the front of a block, if it is spelled as AWS spells it.
///
/// The record is written in its final place. After an error, its contents are meaningless.
#[inline(always)]
pub(super) fn record<'a>(
    layout: &Layout,
    block: &'a [u8],
    record: &mut Record<'a>,
) -> Leaf<'a, ()> {
    let input = match (layout.separator(), layout.prefix()) {
        (Separator::Blank, Prefix::None) => block,
        (Separator::Blank, Prefix::Time) => {
            let (rest, instant_ns) = leading_time(block)?;
            record.line_time_ns = Some(instant_ns);
            rest
        }
        _ => return Err(ODD),
    };
    if layout.needs_care() {
        return Err(ODD);
    }
    let (rest, ()) = columns(layout.steps(), input, record)?;
    record.text = RecordText::Line(&input[..input.len() - rest.len()]);
    line_end(rest)
}

/// Reads the columns of one record, up to the end of the last one.
#[inline(always)]
pub(super) fn columns<'a>(
    steps: &[Step],
    input: &'a [u8],
    record: &mut Record<'a>,
) -> Leaf<'a, ()> {
    let mut rest = input;
    let mut ends = Ends::default();
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            (rest, ()) = blank(rest)?;
        }
        (rest, ()) = read(*step, rest, &mut ends, record)?;
    }
    if record.families_agree() {
        Ok((rest, ()))
    } else {
        Err(ODD)
    }
}

/// The text of the ENI's addresses in the current line. Empty before they are read.
#[derive(Default)]
struct Ends<'a> {
    source: &'a [u8],
    destination: &'a [u8],
}

/// Reads one step's columns into `record`, and returns the text after them.
#[inline(always)]
fn read<'a>(
    step: Step,
    input: &'a [u8],
    ends: &mut Ends<'a>,
    record: &mut Record<'a>,
) -> Leaf<'a, ()> {
    let rest;
    match step {
        Step::Skip(count) => (rest, ()) = skip(count, input)?,
        Step::Eni => {
            let text;
            (rest, text) = token(input)?;
            if text != b"-" {
                record.eni = text;
            }
        }
        Step::EniElse => {
            let text;
            (rest, text) = token(input)?;
            if text != b"-" && record.eni.is_empty() {
                record.eni = text;
            }
        }
        Step::Source => {
            (rest, ()) = address(input, &mut record.source)?;
            ends.source = &input[..input.len() - rest.len()];
        }
        Step::Destination => {
            (rest, ()) = address(input, &mut record.destination)?;
            ends.destination = &input[..input.len() - rest.len()];
        }
        Step::PktSource => match again(ends.source, input) {
            Some(after) => (rest, record.pkt_source) = (after, record.source),
            None => (rest, ()) = address(input, &mut record.pkt_source)?,
        },
        Step::PktDestination => match again(ends.destination, input) {
            Some(after) => (rest, record.pkt_destination) = (after, record.destination),
            None => (rest, ()) = address(input, &mut record.pkt_destination)?,
        },
        Step::SourcePort => (rest, record.source_port) = port(input)?,
        Step::DestinationPort => (rest, record.destination_port) = port(input)?,
        Step::Protocol => (rest, record.protocol) = byte(input)?,
        Step::Packets => (rest, record.packets) = number(input)?,
        Step::Bytes => (rest, record.bytes) = number(input)?,
        Step::Start => (rest, record.start_ns) = time(input)?,
        Step::End => (rest, record.end_ns) = time(input)?,
        Step::Action => (rest, record.action) = action(input)?,
        Step::LogStatus => (rest, record.log_status) = log_status(input)?,
        Step::Flags => (rest, record.flags) = flags(input)?,
        Step::Direction => (rest, record.direction) = direction(input)?,
        Step::TrafficPath => (rest, record.traffic_path) = byte(input)?,
    }
    Ok((rest, ()))
}

/// Returns the text after `text`, if the column is exactly `text`. The packet's own address usually
/// equals the ENI's, which was just read.
#[inline(always)]
fn again<'a>(text: &[u8], input: &'a [u8]) -> Option<&'a [u8]> {
    let rest = input.strip_prefix(text)?;
    (!text.is_empty() && rest.first().is_some_and(|byte| *byte <= b' ')).then_some(rest)
}

#[inline(always)]
pub(super) fn port(input: &[u8]) -> Leaf<'_, Option<u16>> {
    narrow(short_number(input)?)
}

#[inline(always)]
pub(super) fn byte(input: &[u8]) -> Leaf<'_, Option<u8>> {
    narrow(short_number(input)?)
}

#[inline(always)]
pub(super) fn flags(input: &[u8]) -> Leaf<'_, Option<ObservedFlags>> {
    let (rest, bits) = byte(input)?;
    Ok((rest, bits.map(ObservedFlags)))
}

#[inline(always)]
fn narrow<T: TryFrom<u64>>((rest, value): (&[u8], Option<u64>)) -> Leaf<'_, Option<T>> {
    let Some(value) = value else {
        return Ok((rest, None));
    };
    T::try_from(value).map_or(Err(ODD), |value| Ok((rest, Some(value))))
}

#[inline(always)]
pub(super) fn time(input: &[u8]) -> Leaf<'_, Option<i64>> {
    let (rest, value) = number(input)?;
    let Some(value) = value else {
        return Ok((rest, None));
    };
    instant::from_epoch(value).map_or(Err(ODD), |instant_ns| Ok((rest, Some(instant_ns))))
}

#[inline(always)]
pub(super) fn action(input: &[u8]) -> Leaf<'_, Option<Action>> {
    if let Some(rest) = input.strip_prefix(b"ACCEPT") {
        return Ok((rest, Some(Action::Accept)));
    }
    match input {
        [b'R', b'E', b'J', b'E', b'C', b'T', rest @ ..] => Ok((rest, Some(Action::Reject))),
        [b'-', rest @ ..] => Ok((rest, None)),
        _ => Err(ODD),
    }
}

#[inline(always)]
pub(super) fn log_status(input: &[u8]) -> Leaf<'_, LogStatus> {
    match input {
        [b'O', b'K', rest @ ..] | [b'-', rest @ ..] => Ok((rest, LogStatus::Ok)),
        [b'N', b'O', b'D', b'A', b'T', b'A', rest @ ..] => Ok((rest, LogStatus::NoData)),
        [b'S', b'K', b'I', b'P', b'D', b'A', b'T', b'A', rest @ ..] => {
            Ok((rest, LogStatus::SkipData))
        }
        _ => Err(ODD),
    }
}

#[inline(always)]
pub(super) fn direction(input: &[u8]) -> Leaf<'_, Option<Direction>> {
    match input {
        [b'i', b'n', b'g', b'r', b'e', b's', b's', rest @ ..] => {
            Ok((rest, Some(Direction::Ingress)))
        }
        [b'e', b'g', b'r', b'e', b's', b's', rest @ ..] => Ok((rest, Some(Direction::Egress))),
        [b'-', rest @ ..] => Ok((rest, None)),
        _ => Err(ODD),
    }
}

impl Record<'_> {
    /// Whether both ends of the flow have the same address family, if both are known.
    ///
    /// If the record has the packet's own addresses, only those count: at a translating gateway,
    /// `srcaddr` and `dstaddr` may have different families.
    #[inline(always)]
    pub(super) fn families_agree(&self) -> bool {
        let source: Option<IpAddr> = self.pkt_source.or(self.source);
        let destination = self.pkt_destination.or(self.destination);
        match (source, destination) {
            (Some(source), Some(destination)) => source.is_ipv4() == destination.is_ipv4(),
            _ => true,
        }
    }
}
