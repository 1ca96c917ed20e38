//! Instants as this project counts them: nanoseconds since the Unix epoch.

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// The first and the last instant of both.
pub fn joined(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
