//! Instants as this project represents them: nanoseconds since the Unix epoch.

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

/// Returns the earlier start and the later end of two time ranges.
pub fn joined(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
