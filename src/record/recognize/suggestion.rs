//! Suggests a format to complete, for lines in an unknown order.
//!
//! Only columns that the values decide are named. An `eni-…`, an action or a region identifies its
//! column if no other column has such values. Addresses and times do so if there are exactly two of
//! them, as source and destination, and as start and end if the first is never later. Plain numbers
//! never do, unless they are where the default format has them and can be its ports and counters.
//! Every other column becomes `?`, to be completed by someone who knows the flow log.

use super::embedded::embedded_records;
use super::order::fits;
use crate::record::{
    Column, Field, Layout, Separator,
    cells::{LineCells, is_absent},
    odd,
};

/// The cells of lines with equally many columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CellTable {
    lines: Vec<Vec<Vec<u8>>>,
    column_count: usize,
    /// Whether a line has several records.
    has_joined_records: bool,
}

impl CellTable {
    /// Returns the cells of those `records` that have as many columns as the first.
    pub(super) fn new(records: &[&[u8]], separator: Separator) -> Self {
        let lines = records.iter().map(|line| -> Vec<Vec<u8>> {
            LineCells::new(line, separator)
                .map(|cell| cell.text.to_vec())
                .collect()
        });
        let mut lines: Vec<_> = lines.collect();
        let column_count = lines.first().map_or(0, Vec::len);
        lines.retain(|cells| cells.len() == column_count);
        let has_joined_records = records.iter().any(|line| embedded_records(line).len() > 1);
        Self {
            lines,
            column_count,
            has_joined_records,
        }
    }

    /// Whether lines of `layout` can have these values.
    pub(super) fn can_have(&self, layout: &Layout) -> bool {
        let columns = layout.columns();
        let fits_line = |cells: &Vec<Vec<u8>>| {
            columns
                .iter()
                .zip(cells)
                .all(|(column, text)| match column {
                    Column::Known(field) => fits(*field, text),
                    Column::Unknown(_) => true,
                })
        };
        !self.lines.is_empty()
            && columns.len() == self.column_count
            && self.lines.iter().all(fits_line)
    }

    /// Whether every line has a pair of addresses, as only logs of traffic do.
    pub(super) fn has_two_addresses(&self) -> bool {
        self.columns(is_address).len() >= 2
    }

    /// Returns a format with the columns that the values decide, or `None` if they decide hardly
    /// any.
    pub(super) fn format(&self) -> Option<String> {
        if self.has_joined_records || self.column_count > Field::ALL.len() {
            return None;
        }
        let mut names: Vec<Option<Field>> = vec![None; self.column_count];
        let has_gateway = !self.columns(|text| text.starts_with(b"tgw-")).is_empty();
        for (field, is_value) in VALUES {
            match self.columns(is_value)[..] {
                [_, _, ..] if ONCE.contains(field) => return None, // several records on one line
                // Transit Gateway logs have a source and a destination of these.
                [index] if !(has_gateway && fits_gateway(*field)) => names[index] = Some(*field),
                _ => {}
            }
        }
        let (addresses, times) = (self.columns(is_address), self.columns(is_time));
        if times.len() > 3 {
            return None; // several records on one line
        }
        if let [source, destination] = addresses[..] {
            names[source] = Some(Field::SrcAddr);
            names[destination] = Some(Field::DstAddr);
        }
        if let [start, end] = times[..]
            && self.is_never_later(start, end)
        {
            names[start] = Some(Field::Start);
            names[end] = Some(Field::End);
        }
        self.name_default_format(&mut names);
        let known = names.iter().flatten().count();
        let spelt = names.iter().map(|name| match name {
            Some(field) => format!("${{{field}}}"),
            None => "?".to_owned(),
        });
        (known >= 2).then(|| spelt.collect::<Vec<_>>().join(" "))
    }

    /// Returns the columns of which every value is of a kind, and at least one is present.
    fn columns(&self, is_value: impl Fn(&[u8]) -> bool) -> Vec<usize> {
        let has_kind = |index: &usize| {
            let mut values = self.values(*index).peekable();
            values.peek().is_some() && values.all(&is_value)
        };
        (0..self.column_count).filter(has_kind).collect()
    }

    /// Returns the values of a column that are not `-`.
    fn values(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        let cells = self.lines.iter().map(move |cells| &*cells[index]);
        cells.filter(|text| !is_absent(text))
    }

    /// Whether the first of two columns of times is never later, and is earlier in some line.
    fn is_never_later(&self, first: usize, second: usize) -> bool {
        let pairs = self.lines.iter().map(|cells| {
            let time = |index: usize| odd::time(&cells[index]).ok();
            (time(first), time(second))
        });
        let known = pairs.filter_map(|(first, second)| Some((first?, second?)));
        let pairs: Vec<_> = known.collect();
        pairs.iter().all(|(first, second)| first <= second)
            && pairs.iter().any(|(first, second)| first < second)
    }

    /// Names the columns of the default format, from the account on, if they are all there in their
    /// order and the values show it.
    fn name_default_format(&self, names: &mut [Option<Field>]) {
        let fields = &Field::ALL[1..14];
        let starts = 0..(self.column_count + 1).saturating_sub(fields.len());
        let found = starts.into_iter().find(|start| {
            let shown = fields.iter().zip(&names[*start..]).zip(*start..);
            shown.into_iter().all(|((field, name), index)| match field {
                Field::InterfaceId | Field::Action | Field::LogStatus => *name == Some(*field),
                Field::SrcAddr | Field::DstAddr => self.is_all(index, is_address),
                Field::Start | Field::End => self.is_all(index, is_time),
                _ => self.is_all(index, |text| fits(*field, text)),
            }) && self.is_never_later(start + 9, start + 10)
                && self.are_counters(start + 4)
        });
        if let Some(start) = found {
            for (name, field) in names[start..].iter_mut().zip(fields) {
                *name = Some(*field);
            }
        }
    }

    fn is_all(&self, index: usize, is_value: impl Fn(&[u8]) -> bool) -> bool {
        self.values(index).all(is_value)
    }

    /// Whether the five columns from `start` on can only be ports, protocol, packets and bytes, in
    /// this order: no packet is shorter than an IP header, and TCP has ports.
    fn are_counters(&self, start: usize) -> bool {
        let numbers = |cells: &Vec<Vec<u8>>| -> Option<[u64; 5]> {
            let mut numbers = [0; 5];
            for (number, text) in numbers.iter_mut().zip(&cells[start..]) {
                *number = odd::number(text, u64::MAX).ok()?;
            }
            Some(numbers)
        };
        let flows = self
            .lines
            .iter()
            .filter(|cells| !is_absent(&cells[start + 4]));
        let mut flows = flows.map(numbers).peekable();
        flows.peek().is_some()
            && flows.all(|numbers| {
                numbers.is_some_and(|[from, to, protocol, packets, bytes]| {
                    let has_ports = from.max(to) > 0 || !matches!(protocol, 6 | 17);
                    has_ports && packets > 0 && bytes >= packets.saturating_mul(HEADER_LEN)
                })
            })
    }
}

/// The length of the shortest IP header.
const HEADER_LEN: u64 = 20;

/// Whether a value can only be of one kind of field.
type Giveaway = fn(&[u8]) -> bool;

/// Fields whose values show the field, if only one column has such values.
const VALUES: &[(Field, Giveaway)] = &[
    (Field::InterfaceId, |text| fits(Field::InterfaceId, text)),
    (Field::Protocol, |text| {
        text.first().is_some_and(u8::is_ascii_alphabetic) && odd::protocol(text).is_ok()
    }),
    (Field::Action, |text| fits(Field::Action, text)),
    (Field::LogStatus, |text| fits(Field::LogStatus, text)),
    (Field::VpcId, |text| fits(Field::VpcId, text)),
    (Field::SubnetId, |text| fits(Field::SubnetId, text)),
    (Field::InstanceId, |text| fits(Field::InstanceId, text)),
    (Field::Type, |text| fits(Field::Type, text)),
    (Field::FlowDirection, |text| {
        fits(Field::FlowDirection, text)
    }),
    (Field::AzId, is_zone),
    (Field::Region, is_region),
    (Field::AccountId, |text| {
        text.len() == 12 && text.iter().all(u8::is_ascii_digit)
    }),
    (Field::TgwId, |text| {
        text.starts_with(b"tgw-") && !text.starts_with(b"tgw-attach")
    }),
    (Field::ResourceType, |text| fits(Field::ResourceType, text)),
];

/// Fields that a record has only once.
const ONCE: &[Field] = &[Field::Action, Field::LogStatus];

/// Whether Transit Gateway logs have fields for both ends with values like those of `field`.
fn fits_gateway(field: Field) -> bool {
    matches!(
        field,
        Field::InterfaceId | Field::VpcId | Field::SubnetId | Field::AzId | Field::AccountId
    )
}

fn is_address(text: &[u8]) -> bool {
    odd::address(text).is_ok()
}

/// Whether `text` can be a time after flow logs were introduced (June 2015).
fn is_time(text: &[u8]) -> bool {
    let seconds = odd::time(text).map(|instant_ns| instant_ns / 1_000_000_000);
    seconds.is_ok_and(|seconds| (1_400_000_000..4_000_000_000).contains(&seconds))
}

/// Whether `text` can be a time in seconds after flow logs were introduced (June 2015).
pub(super) fn is_recent(text: &[u8]) -> bool {
    let seconds = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    seconds.is_some_and(|seconds: u64| (1_400_000_000..4_000_000_000).contains(&seconds))
}

/// Whether `text` is a region: `us-east-1`, `us-gov-west-1`.
fn is_region(text: &[u8]) -> bool {
    let words: Vec<_> = text.split(|byte| *byte == b'-').collect();
    let [area, middle @ .., number] = &words[..] else {
        return false;
    };
    let is_one_of = |word: &[u8], all: &[&str]| all.iter().any(|one| one.as_bytes() == word);
    is_one_of(area, AREAS)
        && !middle.is_empty()
        && middle.iter().all(|word| is_one_of(word, DIRECTIONS))
        && is_number(number)
}

/// Whether `text` is the ID of a zone: `use1-az4`, `usw2-lax1-az1`.
fn is_zone(text: &[u8]) -> bool {
    let words: Vec<_> = text.split(|byte| *byte == b'-').collect();
    let [region, .., zone] = &words[..] else {
        return false;
    };
    let ends_in_number = region.last().is_some_and(u8::is_ascii_digit);
    let has_area = AREAS.iter().any(|area| region.starts_with(area.as_bytes()));
    has_area && ends_in_number && zone.strip_prefix(b"az").is_some_and(is_number)
}

fn is_number(text: &[u8]) -> bool {
    matches!(text.len(), 1..=2) && text.iter().all(u8::is_ascii_digit)
}

/// The first words of the names of regions.
const AREAS: &[&str] = &[
    "af", "ap", "ca", "cn", "eu", "eusc", "il", "me", "mx", "sa", "us",
];

/// The other words of the names of regions.
const DIRECTIONS: &[&str] = &[
    "central",
    "de",
    "east",
    "gov",
    "iso",
    "isob",
    "isoe",
    "isof",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let records: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        let format = CellTable::new(&records, Separator::Blank).format();
        assert_eq!(format.as_deref(), expected, "{lines:?}");
    }

    #[test]
    fn numbers_are_not_named() {
        check(
            &[
                "3 vpc-1f eni-1f 10.3.0.4 10.3.0.5 8080 40100 6 18 900 7 1700000000 1700000050 REJECT OK",
            ],
            Some(
                "? ${vpc-id} ${interface-id} ${srcaddr} ${dstaddr} ? ? ? ? ? ? ${start} ${end} \
                 ${action} ${log-status}",
            ),
        );
        check(
            &["eni-1f 10.3.0.4 10.3.0.5 8080 40100 6 7 900 ACCEPT"],
            Some("${interface-id} ${srcaddr} ${dstaddr} ? ? ? ? ? ${action}"),
        );
    }

    #[test]
    fn more_than_two_addresses_or_times_are_not_named() {
        check(
            &["OK 10.3.0.4 10.3.0.4 10.3.0.5 10.3.0.5 egress 1700000000 1700000050 1700000060"],
            Some("${log-status} ? ? ? ? ${flow-direction} ? ? ?"),
        );
    }

    #[test]
    fn times_are_named_only_in_the_order_that_they_show() {
        check(
            &["eni-1f 1700000000 1700000000 OK"],
            Some("${interface-id} ? ? ${log-status}"),
        );
        check(
            &[
                "eni-1f 1700000000 1700000050 OK",
                "eni-1f 1700000060 1700000050 OK",
            ],
            Some("${interface-id} ? ? ${log-status}"),
        );
    }

    #[test]
    fn default_format_inside_a_longer_one_is_named() {
        let flow = "123456789010 eni-1f 10.3.0.4 10.3.0.5 8080 40100 6 7 900 1700000000 1700000050 \
                    REJECT OK";
        let named = "${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
                     ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";
        check(
            &[&format!("x {flow} 10.3.0.4 10.3.0.5")],
            Some(&format!("? {named} ? ?")),
        );
        // Bytes before packets: no packet has less than 20 bytes.
        let swapped = flow.replace("7 900", "900 7");
        let unnamed = named.replace(
            "${srcport} ${dstport} ${protocol} ${packets} ${bytes}",
            "? ? ? ? ?",
        );
        check(&[&swapped], Some(&unnamed));
    }

    #[test]
    fn regions_and_zones_are_named_only_as_aws_spells_them() {
        check(
            &["us-gov-west-1 usw2-lax1-az1 i-1f"],
            Some("${region} ${az-id} ${instance-id}"),
        );
        check(
            &["fra-edge-1 us-east-1a i-1f OK"],
            Some("? ? ${instance-id} ${log-status}"),
        );
        check(
            &["us-east-1 eu-west-1 i-1f OK"],
            Some("? ? ${instance-id} ${log-status}"),
        );
    }

    #[test]
    fn several_records_on_one_line_have_no_format() {
        let record = "eni-1f 10.3.0.4 10.3.0.5 1700000000 1700000050 REJECT OK";
        check(&[&format!("{record} {record}")], None);
        let record = "eni-1f 10.3.0.4 10.3.0.5 1700000000 1700000050";
        check(&[&format!("{record} {record}")], None);
    }

    #[test]
    fn protocol_is_named_by_its_words_only() {
        check(
            &["10.3.0.4 10.3.0.5 tcp 9", "10.3.0.4 10.3.0.5 udp 9"],
            Some("${srcaddr} ${dstaddr} ${protocol} ?"),
        );
    }
}
