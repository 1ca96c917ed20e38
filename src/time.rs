//! Instants as this project represents them: nanoseconds since the Unix epoch.

use jiff::Timestamp;

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
const MS_NS: i64 = 1_000_000;

/// Returns the first instant after the window of a record that ends at `end_ns`: a time in whole
/// seconds means any instant of that second, and any other time means an instant of its
/// millisecond.
pub fn until_ns(end_ns: i64) -> i64 {
    let step = if end_ns % SECOND_NS == 0 {
        SECOND_NS
    } else {
        MS_NS
    };
    end_ns.saturating_add(step)
}

/// Formats an instant as RFC 3339 does, without a fraction if that is zero.
pub fn rfc3339(ns: i64) -> String {
    Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |at| at.to_string())
}

/// Formats the second of an instant as RFC 3339 does.
pub fn rfc3339_second(ns: i64) -> String {
    let second = ns.div_euclid(SECOND_NS);
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.to_string())
}

/// Returns the earlier start and the later end of two time ranges.
pub fn joined(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
