//! What the path of a file says of its rows: the account, the region, the day and the hour.
//!
//! AWS delivers to `AWSLogs/[ORGANIZATION/]ACCOUNT/SERVICE/REGION/YYYY/MM/DD/[HH/]`, or to folders
//! with Hive names, and names files `ACCOUNT_SERVICE_REGION_…`. These are the values of an Athena
//! table's partitions, and so those of queries and of an exported folder.

use jiff::civil::Date;

/// Facts in a path about the rows of the file. `None` is what it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// Twelve digits.
    pub(crate) account: Option<String>,
    /// Such as `eu-central-1`.
    pub(crate) region: Option<String>,
    /// The day of the delivery, which is not that of every row.
    pub(crate) date: Option<Date>,
    /// The hour of the delivery.
    pub(crate) hour: Option<i8>,
}

impl FileFacts {
    /// Parses a path whose parts are separated by `/`.
    pub(crate) fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        let (folders, name) = parts.split_at(parts.len().saturating_sub(1));
        let values: Vec<&str> = folders.iter().map(|folder| value(folder)).collect();
        let mut facts = Self::default();
        if let Some(at) = (0..values.len())
            .rev()
            .find(|at| date(&values[*at..]).is_some())
        {
            facts.date = date(&values[at..]);
            facts.hour = values
                .get(at + 3)
                .and_then(|hour| number(hour, 2))
                .filter(|hour| (0..24).contains(hour));
            let before = &values[..at];
            facts.region = before
                .last()
                .filter(|text| is_region(text))
                .map(|text| (*text).to_owned());
            facts.account = before
                .iter()
                .rev()
                .find(|text| is_account(text))
                .map(|text| (*text).to_owned());
        }
        if let Some(name) = name.first() {
            facts.add_name(name);
        }
        facts
    }

    /// Adds what only the name of the file says.
    fn add_name(&mut self, name: &str) {
        let name = name
            .strip_prefix("conn_log")
            .map_or(name, |rest| rest.trim_start_matches(['.', '_']));
        let mut parts = name.split('_');
        let account = parts.next().filter(|text| is_account(text));
        let _service = parts.next();
        let region = parts.next().filter(|text| is_region(text));
        if let (Some(account), Some(region)) = (account, region) {
            self.account.get_or_insert_with(|| account.to_owned());
            self.region.get_or_insert_with(|| region.to_owned());
        }
    }
}

/// Returns the value of a folder with a Hive name, `name=value`; the folder itself if it has none.
fn value(folder: &str) -> &str {
    folder.split_once('=').map_or(folder, |(_, value)| value)
}

fn date(parts: &[&str]) -> Option<Date> {
    let (year, month, day) = match parts {
        [date, ..] if date.len() == 10 => {
            let mut parts = date.split('-');
            (parts.next()?, parts.next()?, parts.next()?)
        }
        [year, month, day, ..] => (*year, *month, *day),
        _ => return None,
    };
    let year = year
        .parse::<i16>()
        .ok()
        .filter(|year| (2000..2200).contains(year))?;
    Date::new(year, number(month, 2)?, number(day, 2)?).ok()
}

fn number(text: &str, digits: usize) -> Option<i8> {
    Some(text).filter(|text| text.len() == digits)?.parse().ok()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word has the form of a region: `eu-central-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &&str| part.len() <= 2 && part.parse::<u8>().is_ok();
    (3..=5).contains(&parts.len())
        && parts.last().is_some_and(is_number)
        && text.len() <= 25
        && parts[0].bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn facts(path: &str) -> (Option<String>, Option<String>, Option<String>, Option<i8>) {
        let facts = FileFacts::of(path);
        (
            facts.account,
            facts.region,
            facts.date.map(|date| date.to_string()),
            facts.hour,
        )
    }

    #[test]
    fn folders_of_a_delivery_have_account_region_and_day() {
        let of = |account: &str, region: &str, date: &str, hour| {
            (
                Some(account.to_owned()),
                Some(region.to_owned()),
                Some(date.to_owned()),
                hour,
            )
        };
        assert_eq!(
            facts("logs/AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/03/14/x.log.gz"),
            of("123456789012", "eu-central-1", "2026-03-14", None)
        );
        assert_eq!(
            facts("AWSLogs/o-ab12/123456789012/CloudTrail/us-gov-west-1/2026/03/14/x.json.gz"),
            of("123456789012", "us-gov-west-1", "2026-03-14", None)
        );
        assert_eq!(
            facts(
                "aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=03/day=14/hour=05/x.parquet"
            ),
            of("123456789012", "us-east-1", "2026-03-14", Some(5))
        );
        assert_eq!(
            facts("t/account=123456789012/region=us-east-1/date=2026-03-14/part-0000.parquet"),
            of("123456789012", "us-east-1", "2026-03-14", None)
        );
    }

    #[test]
    fn name_of_a_moved_file_has_account_and_region() {
        let account = Some("123456789012".to_owned());
        let region = Some("eu-central-1".to_owned());
        let name = "a/conn_log.123456789012_elasticloadbalancing_eu-central-1_app.web.5_x.log.gz";
        assert_eq!(facts(name), (account, region, None, None));
        for path in ["a.log", "", "/", "2026/13/40/x", "a/2026-03-14x/b", "1/2/3"] {
            assert_eq!(facts(path), (None, None, None, None), "{path}");
        }
    }
}
