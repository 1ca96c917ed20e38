//! The folder of a row: its account, its region and its time, in Hive's or AWS's layout. What the path
//! of its file says comes first, as in Athena's tables.
//!
//! A folder is `NAME=VALUE`, as Hive writes partitions, so that query engines read the values from
//! the path. Values come from outside. What is not a letter, a digit, `.`, `_` or `-` becomes `%XX`,
//! as Hive does it, so that no value leads to another folder.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::table::FileFacts;
use crate::time::SECOND_NS;

/// The value of an account or a region that nothing gives.
pub(super) const UNKNOWN: &str = "unknown";

/// Hive's name for the partition of rows without a value, which engines read as null.
const NO_TIME: &str = "__HIVE_DEFAULT_PARTITION__";

/// The most bytes of a value.
const VALUE_LEN_MAX: usize = 64;

/// How the folders of a table are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LakeLayout {
    /// `account=/region=/date=`.
    #[default]
    Hive,
    /// As AWS delivers with Hive-compatible prefixes:
    /// `aws-account-id=/aws-service=/aws-region=/year=/month=/day=/hour=`.
    Aws,
}

/// The partition of a row within its table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PartitionKey {
    /// The account, safe in a path.
    pub account: Arc<str>,
    /// The region, safe in a path.
    pub region: Arc<str>,
    /// Days since the Unix epoch, or hours in AWS's layout. `None` without a time.
    pub slot: Option<i64>,
}

/// The account, region and time of a partition that the path of a file gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PathPartition {
    pub account: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    /// Days since the Unix epoch.
    day: Option<i64>,
    /// The hour of that day.
    hour: Option<i64>,
}

impl LakeLayout {
    /// Returns the names of the partition columns.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Hive => &["account", "region", "date"],
            Self::Aws => &[
                "aws-account-id",
                "aws-service",
                "aws-region",
                "year",
                "month",
                "day",
                "hour",
            ],
        }
    }

    /// Returns the slot of a time in nanoseconds since the Unix epoch.
    pub(super) fn slot(self, ns: i64) -> i64 {
        ns.div_euclid(self.slot_len_ns())
    }

    fn slot_len_ns(self) -> i64 {
        match self {
            Self::Hive => 86_400 * SECOND_NS,
            Self::Aws => 3_600 * SECOND_NS,
        }
    }

    /// Returns the folders of a partition, separated by `/`.
    pub(super) fn folders(self, key: &PartitionKey, service: &str) -> String {
        let (account, region) = (&key.account, &key.region);
        let time = key.slot.and_then(|slot| self.time_of(slot));
        match (self, time) {
            (Self::Hive, Some(time)) => {
                let date = time.strftime("%Y-%m-%d");
                format!("account={account}/region={region}/date={date}")
            }
            (Self::Hive, None) => format!("account={account}/region={region}/date={NO_TIME}"),
            (Self::Aws, time) => {
                let before =
                    format!("aws-account-id={account}/aws-service={service}/aws-region={region}/");
                match time {
                    Some(time) => {
                        let slot = time.strftime("year=%Y/month=%m/day=%d/hour=%H");
                        format!("{before}{slot}")
                    }
                    None => format!(
                        "{before}year={NO_TIME}/month={NO_TIME}/day={NO_TIME}/hour={NO_TIME}"
                    ),
                }
            }
        }
    }

    /// Returns the start of a slot.
    pub(super) fn time_of(self, slot: i64) -> Option<jiff::Zoned> {
        let ns = slot.checked_mul(self.slot_len_ns())?;
        let time = Timestamp::from_nanosecond(ns.into()).ok()?;
        Some(time.to_zoned(TimeZone::UTC))
    }
}

impl PathPartition {
    /// Reads the path of a file as AWS names it, whatever log it is.
    pub(super) fn of(path: &str) -> Self {
        let facts = FileFacts::of(path);
        let day = facts.date.map(|date| (date - EPOCH).get_days().into());
        Self {
            account: facts.account.as_deref().map(value),
            region: facts.region.as_deref().map(value),
            day,
            hour: facts.hour.map(Into::into),
        }
    }

    /// Returns the slot of a row at this time in nanoseconds since the Unix epoch.
    pub(super) fn slot(&self, layout: LakeLayout, ns: Option<i64>) -> Option<i64> {
        let Some(day) = self.day else {
            return ns.map(|ns| layout.slot(ns));
        };
        if layout == LakeLayout::Hive {
            return Some(day);
        }
        let of_row = || Some(layout.slot(ns?).rem_euclid(HOURS));
        Some(day * HOURS + self.hour.or_else(of_row)?)
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Hours of a day.
const HOURS: i64 = 24;

/// Returns a text as the value of a folder.
pub(super) fn value(text: &str) -> Arc<str> {
    if text.is_empty() || text == "-" {
        return UNKNOWN.into();
    }
    let mut out = String::new();
    for byte in text.bytes() {
        if out.len() >= VALUE_LEN_MAX {
            break;
        }
        match byte {
            b'.' | b'_' | b'-' => out.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            // Writing to a string cannot fail.
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_a_path_comes_before_that_of_the_row() {
        let midnight_ns = Some(1_773_532_800 * SECOND_NS); // 2026-03-15T00:00:00Z
        let slot = |path: &str, layout: LakeLayout, ns| {
            let slot = PathPartition::of(path).slot(layout, ns)?;
            let time = layout.time_of(slot)?;
            Some(time.strftime("%Y-%m-%d %H").to_string())
        };
        let (hive, aws) = (LakeLayout::Hive, LakeLayout::Aws);
        let is = |text: &str| Some(text.to_owned());
        let day = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/03/14/a.log";
        assert_eq!(slot(day, hive, midnight_ns), is("2026-03-14 00"));
        assert_eq!(slot(day, hive, None), is("2026-03-14 00"));
        assert_eq!(slot(day, aws, midnight_ns), is("2026-03-14 00"));
        assert_eq!(slot(day, aws, None), None);
        let hour = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/03/14/23/a.log";
        assert_eq!(slot(hour, aws, midnight_ns), is("2026-03-14 23"));
        assert_eq!(slot(hour, aws, None), is("2026-03-14 23"));
        assert_eq!(slot("a.log", aws, midnight_ns), is("2026-03-15 00"));
        assert_eq!(slot("a.log", hive, None), None);
    }

    #[test]
    fn values_stay_in_their_folder() {
        assert_eq!(&*value("eu-central-1"), "eu-central-1");
        assert_eq!(&*value("../../etc"), "..%2F..%2Fetc");
        assert_eq!(&*value("a\n\u{202e}"), "a%0A%E2%80%AE");
        assert_eq!((&*value(""), &*value("-")), (UNKNOWN, UNKNOWN));
        assert!(value(&"/".repeat(1_000)).len() < VALUE_LEN_MAX + 3);
    }

    #[test]
    fn folders_have_the_day_or_the_hour_in_utc() {
        let at = |layout: LakeLayout, ns: Option<i64>| {
            let key = PartitionKey {
                account: "1".into(),
                region: "r".into(),
                slot: ns.map(|ns| layout.slot(ns)),
            };
            layout.folders(&key, "vpcflowlogs")
        };
        let midnight_ns = 1_773_532_800 * SECOND_NS; // 2026-03-15T00:00:00Z
        let hive = |ns| at(LakeLayout::Hive, ns);
        assert_eq!(
            hive(Some(midnight_ns)),
            "account=1/region=r/date=2026-03-15"
        );
        assert_eq!(
            hive(Some(midnight_ns - 1)),
            "account=1/region=r/date=2026-03-14"
        );
        assert_eq!(
            hive(None),
            "account=1/region=r/date=__HIVE_DEFAULT_PARTITION__"
        );
        assert_eq!(
            at(LakeLayout::Aws, Some(midnight_ns - 1)),
            "aws-account-id=1/aws-service=vpcflowlogs/aws-region=r/year=2026/month=03/day=14/hour=23"
        );
    }
}
