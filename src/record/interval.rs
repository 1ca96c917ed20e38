//! The time span of a record's flow, with implausible times corrected.
//!
//! A [`Record`] holds `start` and `end` as they are in the line. Archives that passed through other
//! tools contain starts that lost digits (`164000066` next to an end of `1640000297`), ends before
//! starts, and formats with neither. They are corrected here, each with a note, so that a capture
//! can mention the correction.

use super::Record;

/// First and last instant of a record, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The time when the first packet was seen.
    pub start_ns: i64,
    /// The time when the last packet was seen; never before `start_ns`.
    pub end_ns: i64,
    /// The basis of these times.
    pub note: TimeNote,
}

/// The basis of the times of an [`Interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeNote {
    /// `start` and `end`, as logged.
    AsLogged,
    /// Only one of `start` and `end` is present and is used for both.
    OneEnd,
    /// Neither is present; the time before the record is used for both.
    LineTime,
    /// Neither is present; the slot in the name of the file is used.
    FileSlot,
    /// `end` was before `start`; they were exchanged.
    Swapped,
    /// They were implausibly far apart; the later one is used for both.
    Implausible,
}

impl Interval {
    /// Corrects the times of a record. Returns `None` if it has no time at all.
    pub(super) fn of(record: &Record<'_>) -> Option<Self> {
        let (start_ns, end_ns) = match (record.start_ns, record.end_ns) {
            (Some(start_ns), Some(end_ns)) => (start_ns, end_ns),
            (Some(at), None) | (None, Some(at)) => return Some(Self::at(at, TimeNote::OneEnd)),
            (None, None) => {
                let at = record.line_time_ns?;
                return Some(match record.slot_len_s {
                    0 => Self::at(at, TimeNote::LineTime),
                    len_s => Self {
                        start_ns: at,
                        end_ns: at.saturating_add(i64::from(len_s - 1) * 1_000_000_000),
                        note: TimeNote::FileSlot,
                    },
                });
            }
        };
        // A number that lost digits is the smaller one, whichever column it is in.
        if start_ns.abs_diff(end_ns) > LENGTH_MAX_NS {
            return Some(Self::at(start_ns.max(end_ns), TimeNote::Implausible));
        }
        Some(Self {
            start_ns: start_ns.min(end_ns),
            end_ns: start_ns.max(end_ns),
            note: if start_ns <= end_ns {
                TimeNote::AsLogged
            } else {
                TimeNote::Swapped
            },
        })
    }

    fn at(instant_ns: i64, note: TimeNote) -> Self {
        Self {
            start_ns: instant_ns,
            end_ns: instant_ns,
            note,
        }
    }
}

/// Longest plausible interval: one day. AWS aggregates over at most 600 s. Users who summarize
/// their logs afterward do so by the hour or the day.
const LENGTH_MAX_NS: u64 = 86_400 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start_s: Option<i64>, end_s: Option<i64>, expected_s: (i64, i64), note: TimeNote) {
        let ns = |seconds: i64| seconds * 1_000_000_000;
        let record = Record {
            start_ns: start_s.map(ns),
            end_ns: end_s.map(ns),
            line_time_ns: Some(ns(77)),
            ..Record::default()
        };
        let expected = Interval {
            start_ns: ns(expected_s.0),
            end_ns: ns(expected_s.1),
            note,
        };
        assert_eq!(record.interval(), Some(expected));
    }

    #[test]
    fn start_and_end_are_kept() {
        check(Some(100), Some(160), (100, 160), TimeNote::AsLogged);
        check(Some(100), Some(100), (100, 100), TimeNote::AsLogged);
    }

    #[test]
    fn start_missing_digits_is_corrected_to_end() {
        let end = 1_640_000_297;
        check(
            Some(164_000_066),
            Some(end),
            (end, end),
            TimeNote::Implausible,
        );
    }

    #[test]
    fn end_missing_digits_is_corrected_to_start() {
        let start = 1_640_000_297;
        check(
            Some(start),
            Some(164_000_066),
            (start, start),
            TimeNote::Implausible,
        );
    }

    #[test]
    fn start_after_end_is_swapped() {
        check(Some(160), Some(100), (100, 160), TimeNote::Swapped);
    }

    #[test]
    fn single_time_is_used_for_both_ends() {
        check(None, Some(160), (160, 160), TimeNote::OneEnd);
        check(Some(100), None, (100, 100), TimeNote::OneEnd);
    }

    #[test]
    fn line_time_is_used_only_without_start_and_end() {
        check(None, None, (77, 77), TimeNote::LineTime);
        assert_eq!(Record::default().interval(), None);
    }

    #[test]
    fn slot_lasts_until_its_last_second() {
        let record = Record {
            line_time_ns: Some(600_000_000_000),
            slot_len_s: 300,
            ..Record::default()
        };
        let expected = Interval {
            start_ns: 600_000_000_000,
            end_ns: 899_000_000_000,
            note: TimeNote::FileSlot,
        };
        assert_eq!(record.interval(), Some(expected));
    }
}
