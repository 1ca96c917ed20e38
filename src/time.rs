//! Instants as this project counts them: nanoseconds since the Unix epoch.

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
const MS_NS: i64 = 1_000_000;

/// First instant after those that a record ending at `end_ns` allows for its packets: a time in
/// whole seconds means any instant of that second, any other time one of its millisecond.
pub fn until_ns(end_ns: i64) -> i64 {
    let step = if end_ns % SECOND_NS == 0 {
        SECOND_NS
    } else {
        MS_NS
    };
    end_ns.saturating_add(step)
}

/// The first and the last instant of both.
pub fn joined(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
