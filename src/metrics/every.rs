//! The length of a time bucket.
//!
//! Buckets begin at whole multiples of their length since the Unix epoch. Only lengths with a
//! boundary at every full hour or every midnight UTC are allowed, so that different runs have the
//! same buckets, whenever the archive begins.

use std::fmt;
use std::str::FromStr;

use crate::time::SECOND_NS;

const HOUR_S: i64 = 3_600;

const DAY_S: i64 = 24 * HOUR_S;

/// The length of a time bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    seconds: i64,
}

/// Error for a text that is not the length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a length that divides the hour (30s, 1m, 5m, 15m, 1h) or whole hours that divide the \
     day (2h, 6h, 1d)"
)]
pub struct EveryError;

impl Default for Every {
    /// Returns 15 minutes.
    fn default() -> Self {
        Self { seconds: 15 * 60 }
    }
}

impl Every {
    /// Returns the shortest of 1 minute, 15 minutes, 1 hour, 6 hours and 1 day that divides the
    /// span between two instants, in nanoseconds since the Unix epoch, into at most `stretches_max`
    /// buckets; a day if even days are more.
    pub fn of_span((start_ns, end_ns): (i64, i64), stretches_max: u64) -> Self {
        let lengths = [60, 15 * 60, HOUR_S, 6 * HOUR_S, DAY_S].map(|seconds| Self { seconds });
        let is_long = |every: &Self| {
            let first = every.begin_ns(start_ns);
            first.abs_diff(end_ns) / every.ns().unsigned_abs() < stretches_max
        };
        let found = lengths.into_iter().find(is_long);
        found.unwrap_or(Self { seconds: DAY_S })
    }

    /// Returns its length in seconds, 1 to 86,400.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns its length in nanoseconds.
    pub fn ns(self) -> i64 {
        self.seconds * SECOND_NS
    }

    /// Returns the start of the bucket that contains an instant, both in nanoseconds since the Unix
    /// epoch.
    pub fn begin_ns(self, instant_ns: i64) -> i64 {
        instant_ns - instant_ns.rem_euclid(self.ns())
    }
}

impl FromStr for Every {
    type Err = EveryError;

    /// Parses a number with its unit: s, m, h or d.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::metrics::Every;
    ///
    /// assert_eq!("15m".parse(), Ok(Every::default()));
    /// assert!("7m".parse::<Every>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, EveryError> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(EveryError)?;
        let (number, unit) = text.split_at(digits);
        let unit_s = match unit {
            "s" => 1,
            "m" => 60,
            "h" => HOUR_S,
            "d" => DAY_S,
            _ => return Err(EveryError),
        };
        let number: i64 = number.parse().map_err(|_| EveryError)?;
        let seconds = number.checked_mul(unit_s).ok_or(EveryError)?;
        let divides_hour = seconds > 0 && HOUR_S % seconds == 0;
        let divides_day = seconds > 0 && seconds % HOUR_S == 0 && DAY_S % seconds == 0;
        if divides_hour || divides_day {
            Ok(Self { seconds })
        } else {
            Err(EveryError)
        }
    }
}

impl fmt::Display for Every {
    /// Formats it in the largest unit in which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            s if s % DAY_S == 0 => write!(f, "{}d", s / DAY_S),
            s if s % HOUR_S == 0 => write!(f, "{}h", s / HOUR_S),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_divide_hour_or_day_are_parsed_and_formatted() {
        for text in ["1s", "30s", "1m", "15m", "30m", "1h", "2h", "12h", "1d"] {
            let every: Every = text.parse().unwrap();
            assert_eq!(every.to_string(), text);
        }
        let same: [Every; 2] = ["3600s", "60m"].map(|text| text.parse().unwrap());
        assert_eq!(same.map(|every| every.to_string()), ["1h", "1h"]);
    }

    #[test]
    fn length_for_a_span_is_the_shortest_within_the_limit() {
        let of = |seconds: i64| Every::of_span((0, seconds * SECOND_NS), 200).to_string();
        let spans = [
            0,
            199 * 60,
            200 * 60,
            50 * HOUR_S - 1,
            50 * HOUR_S,
            9_999 * DAY_S,
        ];
        assert_eq!(spans.map(of), ["1m", "1m", "15m", "15m", "1h", "1d"]);
    }

    #[test]
    fn lengths_that_would_drift_and_other_texts_are_errors() {
        let refused = [
            "7m",
            "90m",
            "5h",
            "2d",
            "0s",
            "0",
            "15",
            "",
            "m",
            "-1h",
            "1w",
            "1.5h",
            "9223372036854775807d",
        ];
        for text in refused {
            let error = text.parse::<Every>().unwrap_err();
            assert!(error.to_string().contains("15m"), "{text}");
        }
    }

    #[test]
    fn bucket_begins_at_or_before_the_instant_also_before_1970() {
        let every: Every = "1h".parse().unwrap();
        assert_eq!(every.begin_ns(2 * every.ns()), 2 * every.ns());
        assert_eq!(every.begin_ns(2 * every.ns() - 1), every.ns());
        assert_eq!(every.begin_ns(-1), -every.ns());
    }
}
