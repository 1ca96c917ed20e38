//! Splitting of a capture into parts.
//!
//! The part of a frame is known when the frame is encoded, by its ENI or its connection, or when it
//! is written, by its time or by the bytes written before it. Both depend on the records alone.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::flow::{EniIndex, Enis};
use crate::time::SECOND_NS;

/// How a capture is split into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// One part for each ENI that logged packets.
    Eni,
    /// One part for each hour, UTC.
    Hour,
    /// Parts of a limited size: a part ends after the packet that brings it to this many bytes,
    /// uncompressed.
    Size(u64),
    /// Parts with this many connections, each connection with all its packets. Connections are
    /// counted in the order in which their episodes begin.
    Connections(u64),
}

impl Split {
    /// Returns the part number of a frame, where it follows from its ENI or from the number of
    /// connections before its own.
    pub(crate) fn number(self, eni: EniIndex, connection: u64) -> u32 {
        match self {
            Self::Eni => eni.0,
            Self::Connections(of_part) => {
                u32::try_from(connection / of_part.max(1)).unwrap_or(u32::MAX)
            }
            Self::Hour | Self::Size(_) => 0,
        }
    }
}

/// Returns the hours since the epoch; captures begin there.
pub(crate) fn hour(time_ns: i64) -> i64 {
    time_ns.max(0) / (3600 * SECOND_NS)
}

/// Returns the name of the part for an hour, without colons, which Windows does not allow.
pub(crate) fn hour_name(hour: i64) -> String {
    let begin = Timestamp::from_second(hour.saturating_mul(3600));
    begin.map_or_else(
        |_| hour.to_string(),
        |begin| begin.strftime("%Y-%m-%dT%H").to_string(),
    )
}

/// Returns the name of a numbered part; `number` counts from 0.
pub(crate) fn number_name(number: usize) -> String {
    format!("{:05}", number.saturating_add(1))
}

/// Returns names for the parts of ENIs, by their index: unique, and safe in a path.
///
/// The name of an ENI is untrusted input: it may contain slashes, or differ from another name only
/// in case.
pub(crate) fn eni_names(enis: &Enis) -> Vec<String> {
    let mut taken = HashSet::new();
    let names = enis.iter().map(|eni| {
        let may = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let letters = eni.name.chars().take(NAME_LEN_MAX);
        let name: String = letters.map(|c| if may(c) { c } else { '_' }).collect();
        let others = (2_u64..).map(|n| format!("{name}.{n}"));
        let free = std::iter::once(name.clone())
            .chain(others)
            .find(|name| taken.insert(name.to_ascii_lowercase()));
        free.unwrap_or(name)
    });
    names.collect()
}

/// The most characters of an ENI's name in a file name.
const NAME_LEN_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_enis_are_safe_in_a_path_and_differ() {
        let mut enis = Enis::default();
        let long = "x".repeat(300);
        for name in ["eni-1", "ENI-1", "../../etc/x", "a b", "a_b", "", &long] {
            enis.enter(name.as_bytes());
        }
        let names = eni_names(&enis);
        let lower: HashSet<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
        assert_eq!(lower.len(), enis.iter().len(), "{names:?}");
        assert!(
            names.iter().all(|name| !name.contains(['/', ' '])),
            "{names:?}"
        );
        assert!(names.contains(&"eni-1".to_owned()) && names.contains(&"ENI-1.2".to_owned()));
        assert!(names.iter().all(|name| name.len() <= NAME_LEN_MAX + 2));
    }

    #[test]
    fn hours_have_names_that_sort_by_time() {
        let at = |seconds: i64| hour_name(hour(seconds * SECOND_NS));
        assert_eq!(at(1_773_454_565), "2026-03-14T02");
        assert_eq!(at(-5), "1970-01-01T00");
        assert_eq!(at(i64::MAX / SECOND_NS), "2262-04-11T23");
    }

    #[test]
    fn parts_have_the_requested_number_of_connections() {
        let number = |connection| Split::Connections(3).number(EniIndex(7), connection);
        assert_eq!([0, 2, 3, 8].map(number), [0, 0, 1, 2]);
        assert_eq!(Split::Eni.number(EniIndex(7), 8), 7);
    }
}
