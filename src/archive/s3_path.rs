//! Facts in the S3 key of a flow log file, available before the file is read.
//!
//! AWS delivers to `AWSLogs/ACCOUNT/vpcflowlogs/REGION/YYYY/MM/DD/`, or to the same folders with
//! Hive names (`aws-account-id=ACCOUNT/…`). In both, the file is
//! `ACCOUNT_vpcflowlogs_REGION_FLOWLOG_YYYYMMDDTHHMMZ_HASH.log.gz`. Archives get moved, so
//! everything before those folders is ignored, and the file name alone is enough.
//!
//! Values in records take precedence. A path only supplies values that a format omits.

use jiff::ToSpan as _;
use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Facts in a path about the records of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct S3Name<'a> {
    /// The account that owns the flow log.
    pub account: &'a str,
    /// The region, such as `eu-central-1`.
    pub region: &'a str,
    /// The flow log, `fl-…`, or `None` if only the folders follow the AWS layout.
    pub flow_log: Option<&'a str>,
    /// Start of the file's five-minute slot, in Unix seconds. Records are filed by their `end`.
    pub slot_s: Option<i64>,
    /// Range of the records' end times in Unix seconds, start inclusive and end exclusive. It is
    /// the slot, or the hour or day in the folder names if the file name has no slot.
    pub filed_s: Option<(i64, i64)>,
}

/// Parses `path`, whose parts are separated by `/`. Returns `None` if it does not follow the AWS
/// layout.
///
/// # Examples
/// ```
/// use flow2pcap::archive::s3_path;
///
/// let name = "123456789012_vpcflowlogs_us-east-1_fl-0a1b_20240501T1620Z_fe123456.log.gz";
/// let name = s3_path::parse(name).ok_or("not recognized")?;
/// assert_eq!(name.region, "us-east-1");
/// assert_eq!(name.slot_s, Some(1_714_580_400));
/// # Ok::<(), &str>(())
/// ```
pub fn parse(path: &str) -> Option<S3Name<'_>> {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    from_file(file).or_else(|| from_folders(folders, filed_s))
}

/// Parses the path of a folder, which ends in `/`, as [`parse`] does for what is in it. Its range may be a
/// month or a year.
pub(crate) fn parse_folder(path: &str) -> Option<S3Name<'_>> {
    from_folders(path.strip_suffix('/').unwrap_or(path), span_s)
}

/// Length of the slot in a file name, in seconds.
const SLOT_S: i64 = 300;

fn from_file(file: &str) -> Option<S3Name<'_>> {
    let mut parts = file.split('_');
    let account = parts.next()?;
    let service = parts.next()?;
    let region = parts.next()?;
    let flow_log = parts.next()?;
    let is_ours = service == SERVICE && flow_log.starts_with("fl-") && !account.is_empty();
    let slot_s = parts.next().and_then(slot_s);
    is_ours.then_some(S3Name {
        account,
        region,
        flow_log: Some(flow_log),
        slot_s,
        filed_s: slot_s.map(|slot_s| (slot_s, slot_s + SLOT_S)),
    })
}

/// Parses the folders. Both layouts use the same order; only Hive labels the values.
fn from_folders(
    folders: &str,
    filed_s: impl Fn(&[&str]) -> Option<(i64, i64)>,
) -> Option<S3Name<'_>> {
    let folders: Vec<&str> = folders.split('/').collect();
    folders.windows(3).enumerate().find_map(|(index, window)| {
        let &[account, service, region] = window else {
            return None;
        };
        let account = account.strip_prefix("aws-account-id=").unwrap_or(account);
        let service = service.strip_prefix("aws-service=").unwrap_or(service);
        let region = region.strip_prefix("aws-region=").unwrap_or(region);
        // Users also name folders `vpcflowlogs`, but without an account and a region next to it.
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_region = region.contains('-') && !region.contains('=');
        (service == SERVICE && is_account && is_region).then_some(S3Name {
            account,
            region,
            flow_log: None,
            slot_s: None,
            filed_s: filed_s(&folders[index + 3..]),
        })
    })
}

/// Returns the day or hour in the folder names below the region.
fn filed_s(folders: &[&str]) -> Option<(i64, i64)> {
    let number = |index: usize, label: &str| -> Option<i8> {
        let folder = folders.get(index)?;
        let text = folder.strip_prefix(label).unwrap_or(folder);
        (text.len() == 2).then(|| text.parse().ok())?
    };
    let year = folders.first()?;
    let year: i16 = year.strip_prefix("year=").unwrap_or(year).parse().ok()?;
    let day = Date::new(year, number(1, "month=")?, number(2, "day=")?).ok()?;
    let midnight_s = day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(
        match number(3, "hour=").filter(|hour| (0..24).contains(hour)) {
            Some(hour) => {
                let hour_s = midnight_s + 3_600 * i64::from(hour);
                (hour_s, hour_s + 3_600)
            }
            None => (midnight_s, midnight_s + 86_400),
        },
    )
}

/// Returns the time in the folder names below the region: an hour, a day, a month or a year.
fn span_s(folders: &[&str]) -> Option<(i64, i64)> {
    let number = |text: &str, label: &str| text.strip_prefix(label).unwrap_or(text).parse().ok();
    let midnight_s = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
    let year: i16 = number(folders.first()?, "year=")?;
    let january = Date::new(year, 1, 1).ok()?;
    let (from, to) = match folders {
        [_] => (january, january.checked_add(1.year()).ok()?),
        [_, month] => {
            let month = i8::try_from(number(month, "month=")?).ok()?;
            let first = Date::new(year, month, 1).ok()?;
            (first, first.checked_add(1.month()).ok()?)
        }
        _ => return filed_s(folders),
    };
    Some((midnight_s(from)?, midnight_s(to)?))
}

fn slot_s(text: &str) -> Option<i64> {
    if text.len() != "20240501T1620Z".len() {
        return None;
    }
    let slot = DateTime::strptime("%Y%m%dT%H%MZ", text).ok()?;
    Some(slot.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

const SERVICE: &str = "vpcflowlogs";

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "123456789012_vpcflowlogs_us-east-1_fl-0a1b_20240501T1620Z_fe123456.log.gz";
    const FILE_FACTS: S3Name<'_> = S3Name {
        account: "123456789012",
        region: "us-east-1",
        flow_log: Some("fl-0a1b"),
        slot_s: Some(1_714_580_400),
        filed_s: Some((1_714_580_400, 1_714_580_700)),
    };
    const FOLDERS_TOLD: S3Name<'_> = S3Name {
        flow_log: None,
        slot_s: None,
        filed_s: Some((1_714_521_600, 1_714_608_000)),
        ..FILE_FACTS
    };

    #[track_caller]
    fn check(path: &str, expected: Option<S3Name<'_>>) {
        assert_eq!(parse(path), expected, "{path}");
    }

    #[test]
    fn aws_file_name_is_parsed_in_any_folder() {
        check(FILE, Some(FILE_FACTS));
        check(&format!("/mnt/old logs/{FILE}"), Some(FILE_FACTS));
        check(
            &format!("p/o-abc/AWSLogs/123456789012/vpcflowlogs/us-east-1/2024/05/01/16/{FILE}"),
            Some(FILE_FACTS),
        );
    }

    #[test]
    fn plain_and_hive_folders_give_account_and_region() {
        check(
            "AWSLogs/123456789012/vpcflowlogs/us-east-1/2024/05/01/renamed.log",
            Some(FOLDERS_TOLD),
        );
        check(
            "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/\
             year=2024/month=05/day=01/renamed.log",
            Some(FOLDERS_TOLD),
        );
    }

    #[test]
    fn hourly_folders_give_the_hour() {
        let hour = Some(S3Name {
            filed_s: Some((1_714_579_200, 1_714_582_800)),
            ..FOLDERS_TOLD
        });
        check(
            "AWSLogs/123456789012/vpcflowlogs/us-east-1/2024/05/01/16/renamed.log",
            hour,
        );
        check(
            "aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/\
             year=2024/month=05/day=01/hour=16/renamed.log",
            hour,
        );
        let undated = Some(S3Name {
            filed_s: None,
            ..FOLDERS_TOLD
        });
        for folders in ["2024/13/01", "2024/5/1", "2024", "flows"] {
            check(
                &format!("123456789012/vpcflowlogs/us-east-1/{folders}/renamed.log"),
                undated,
            );
        }
    }

    #[test]
    fn folder_gives_its_year_month_day_or_hour() {
        let region = "p/AWSLogs/123456789012/vpcflowlogs/us-east-1/";
        let hive =
            "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/";
        let span = |path: &str| parse_folder(path).map(|name| name.filed_s);
        let day_s = 86_400;
        let may_s = 1_714_521_600;
        for (plain, labeled, expected) in [
            ("", "", None),
            (
                "2024/",
                "year=2024/",
                Some((1_704_067_200, 1_704_067_200 + 366 * day_s)),
            ),
            (
                "2024/05/",
                "year=2024/month=05/",
                Some((may_s, may_s + 31 * day_s)),
            ),
            (
                "2024/05/01/",
                "year=2024/month=05/day=01/",
                Some((may_s, may_s + day_s)),
            ),
            (
                "2024/05/01/16/",
                "year=2024/month=05/day=01/hour=16/",
                Some((1_714_579_200, 1_714_582_800)),
            ),
            ("2024/13/", "year=2024/month=13/", None),
            ("2024/300/", "year=x/", None),
        ] {
            assert_eq!(span(&format!("{region}{plain}")), Some(expected), "{plain}");
            assert_eq!(
                span(&format!("{hive}{labeled}")),
                Some(expected),
                "{labeled}"
            );
        }
        assert_eq!(span("AWSLogs/123456789012/vpcflowlogs/"), None);
        assert_eq!(
            span("AWSLogs/123456789012/CloudTrail/us-east-1/2024/"),
            None
        );
    }

    #[test]
    fn invalid_slot_time_is_none() {
        let expected = S3Name {
            slot_s: None,
            filed_s: None,
            ..FILE_FACTS
        };
        check(
            &FILE.replace("20240501T1620Z", "20241301T1620Z"),
            Some(expected),
        );
        check(&FILE.replace("20240501T1620Z", "yesterday"), Some(expected));
    }

    #[test]
    fn other_names_are_none() {
        check("", None);
        check("flows.log", None);
        check(
            "123456789012_CloudTrail_us-east-1_20240501T1620Z_x.json.gz",
            None,
        );
        check("backup/vpcflowlogs/2024/flows.log", None);
    }
}
