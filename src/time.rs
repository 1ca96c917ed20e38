//! Instants as this project counts them: nanoseconds since the Unix epoch.

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;
