//! The grammar of a line as AWS writes it.
//!
//! A layout is compiled into steps, one a column, with neighbouring columns
//! that nobody needs folded into one. Reading a line is walking its steps
//! with nom's leaves and a blank between any two. A line that departs from
//! AWS's spelling in any way is refused whole, and read by [`super::careful`].
//!
//! The input is the rest of a block, not a line: the end of the line is found
//! by reading it, and the leaves may load bytes beyond it.

use std::net::IpAddr;

use nom::{Parser, sequence::terminated};

use super::{
    Action, Column, Direction, Field, LogStatus, ObservedFlags, Prefix, Record, Separator, instant,
    layout::Layout,
    leaf::{ODD, Parsed, address, blank, line_end, number, short_number, token},
};

/// What to do with a column, or with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Pass over this many columns.
    Skip(u16),
    /// The column that names the interface.
    Eni,
    /// A column that names it where the first one does not.
    EniElse,
    Source,
    Destination,
    PktSource,
    PktDestination,
    SourcePort,
    DestinationPort,
    Protocol,
    Packets,
    Bytes,
    Start,
    End,
    Action,
    LogStatus,
    Flags,
    Direction,
    TrafficPath,
}

impl Step {
    /// What to do with `column` where `columns` are all there are.
    pub(super) fn of(column: &Column, columns: &[Column]) -> Self {
        let Column::Known(field) = column else {
            return Self::Skip(1);
        };
        let has = |field| columns.contains(&Column::Known(field));
        match field {
            Field::InterfaceId => Self::Eni,
            Field::TgwAttachmentId if !has(Field::InterfaceId) => Self::Eni,
            // AWS field table: flows of a regional NAT gateway have no interface.
            Field::ResourceId => Self::EniElse,
            Field::SrcAddr => Self::Source,
            Field::DstAddr => Self::Destination,
            Field::PktSrcAddr => Self::PktSource,
            Field::PktDstAddr => Self::PktDestination,
            Field::SrcPort => Self::SourcePort,
            Field::DstPort => Self::DestinationPort,
            Field::Protocol => Self::Protocol,
            Field::Packets => Self::Packets,
            Field::Bytes => Self::Bytes,
            Field::Start => Self::Start,
            Field::End => Self::End,
            Field::Action => Self::Action,
            Field::LogStatus => Self::LogStatus,
            Field::TcpFlags => Self::Flags,
            Field::FlowDirection => Self::Direction,
            Field::TrafficPath => Self::TrafficPath,
            _ => Self::Skip(1),
        }
    }

    /// The steps of a whole line: neighbouring skips are one.
    pub(super) fn fold(steps: &[Self]) -> Vec<Self> {
        let mut folded: Vec<Self> = Vec::with_capacity(steps.len());
        for &step in steps {
            match (folded.last_mut(), step) {
                (Some(Self::Skip(count)), Self::Skip(more)) => *count += more,
                _ => folded.push(step),
            }
        }
        folded
    }
}

/// The record at the front of a block, if it is spelt as AWS spells it.
#[inline]
pub(super) fn record<'a>(layout: &Layout, block: &'a [u8]) -> Parsed<'a, Record<'a>> {
    let (input, line_time_ns) = match (layout.separator(), layout.prefix()) {
        (Separator::Blank, Prefix::None) => (block, None),
        (Separator::Blank, Prefix::Time) => in_front(block)?,
        _ => return Err(ODD),
    };
    let (rest, mut record) = columns(layout.steps(), input)?;
    let line_len = input.len() - rest.len();
    record.line = &input[..line_len];
    record.line_time_ns = line_time_ns;
    let (rest, ()) = line_end(rest)?;
    Ok((rest, record))
}

#[inline(never)]
fn in_front(input: &[u8]) -> Parsed<'_, Option<i64>> {
    terminated(instant::iso, blank).map(Some).parse(input)
}

/// The columns of one record, up to the end of the last one.
#[inline]
pub(super) fn columns<'a>(steps: &[Step], input: &'a [u8]) -> Parsed<'a, Record<'a>> {
    let mut record = Record::default();
    let Some((last, steps)) = steps.split_last() else {
        return Err(ODD);
    };
    let mut rest = input;
    for step in steps {
        (rest, ()) = terminated(|input| read(*step, input, &mut record), blank).parse(rest)?;
    }
    (rest, ()) = read(*last, rest, &mut record)?;
    if record.families_agree() {
        Ok((rest, record))
    } else {
        Err(ODD)
    }
}

/// Reads one step's columns into `record`.
#[inline(always)]
fn read<'a>(step: Step, input: &'a [u8], record: &mut Record<'a>) -> Parsed<'a, ()> {
    match step {
        Step::Skip(count) => skip(count, input),
        Step::Eni => put(token, input, |text| {
            if text != b"-" {
                record.eni = text;
            }
        }),
        Step::EniElse => put(token, input, |text| {
            if text != b"-" && record.eni.is_empty() {
                record.eni = text;
            }
        }),
        Step::Source => put(address, input, |value| record.source = value),
        Step::Destination => put(address, input, |value| record.destination = value),
        Step::PktSource => put(address, input, |value| record.pkt_source = value),
        Step::PktDestination => put(address, input, |value| record.pkt_destination = value),
        Step::SourcePort => put(port, input, |value| record.source_port = value),
        Step::DestinationPort => put(port, input, |value| record.destination_port = value),
        Step::Protocol => put(octet, input, |value| record.protocol = value),
        Step::Packets => put(number, input, |value| record.packets = value),
        Step::Bytes => put(number, input, |value| record.bytes = value),
        Step::Start => put(time, input, |value| record.start_ns = value),
        Step::End => put(time, input, |value| record.end_ns = value),
        Step::Action => put(action, input, |value| record.action = value),
        Step::LogStatus => put(log_status, input, |value| record.log_status = value),
        Step::Flags => put(octet, input, |value| {
            record.flags = value.map(ObservedFlags)
        }),
        Step::Direction => put(direction, input, |value| record.direction = value),
        Step::TrafficPath => put(octet, input, |value| record.traffic_path = value),
    }
}

/// Reads a value with `leaf` and hands it to `store`.
#[inline(always)]
fn put<'a, T>(
    leaf: impl Fn(&'a [u8]) -> Parsed<'a, T>,
    input: &'a [u8],
    store: impl FnOnce(T),
) -> Parsed<'a, ()> {
    let (rest, value) = leaf(input)?;
    store(value);
    Ok((rest, ()))
}

/// Passes over `count` columns, and the blanks between them.
#[inline]
fn skip(count: u16, input: &[u8]) -> Parsed<'_, ()> {
    let (mut rest, _) = token(input)?;
    for _ in 1..count {
        (rest, ()) = blank(rest)?;
        (rest, _) = token(rest)?;
    }
    Ok((rest, ()))
}

#[inline]
fn port(input: &[u8]) -> Parsed<'_, Option<u16>> {
    narrow(short_number(input)?)
}

#[inline]
fn octet(input: &[u8]) -> Parsed<'_, Option<u8>> {
    narrow(short_number(input)?)
}

#[inline]
fn narrow<T: TryFrom<u64>>((rest, value): (&[u8], Option<u64>)) -> Parsed<'_, Option<T>> {
    let Some(value) = value else {
        return Ok((rest, None));
    };
    T::try_from(value).map_or(Err(ODD), |value| Ok((rest, Some(value))))
}

#[inline]
fn time(input: &[u8]) -> Parsed<'_, Option<i64>> {
    let (rest, value) = number(input)?;
    let Some(value) = value else {
        return Ok((rest, None));
    };
    instant::from_epoch(value).map_or(Err(ODD), |instant_ns| Ok((rest, Some(instant_ns))))
}

#[inline]
fn action(input: &[u8]) -> Parsed<'_, Option<Action>> {
    if let Some(rest) = input.strip_prefix(b"ACCEPT") {
        return Ok((rest, Some(Action::Accept)));
    }
    match input {
        [b'R', b'E', b'J', b'E', b'C', b'T', rest @ ..] => Ok((rest, Some(Action::Reject))),
        [b'-', rest @ ..] => Ok((rest, None)),
        _ => Err(ODD),
    }
}

#[inline]
fn log_status(input: &[u8]) -> Parsed<'_, LogStatus> {
    match input {
        [b'O', b'K', rest @ ..] | [b'-', rest @ ..] => Ok((rest, LogStatus::Ok)),
        [b'N', b'O', b'D', b'A', b'T', b'A', rest @ ..] => Ok((rest, LogStatus::NoData)),
        [b'S', b'K', b'I', b'P', b'D', b'A', b'T', b'A', rest @ ..] => {
            Ok((rest, LogStatus::SkipData))
        }
        _ => Err(ODD),
    }
}

#[inline]
fn direction(input: &[u8]) -> Parsed<'_, Option<Direction>> {
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
    /// Whether the ends of the flow are of one family, where both are known.
    ///
    /// Only the packet's own addresses count if they are there: at a translating
    /// gateway `srcaddr` and `dstaddr` may well be of two families.
    #[inline]
    pub(super) fn families_agree(&self) -> bool {
        let source: Option<IpAddr> = self.pkt_source.or(self.source);
        let destination = self.pkt_destination.or(self.destination);
        match (source, destination) {
            (Some(source), Some(destination)) => source.is_ipv4() == destination.is_ipv4(),
            _ => true,
        }
    }
}
