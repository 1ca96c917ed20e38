//! The destination of records: a log group, a bucket, or a Firehose stream.

use std::fmt;
use std::str::FromStr;

use super::InvalidSetting;

/// The destination of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A log group of CloudWatch Logs.
    CloudWatch {
        /// Its name.
        group: String,
    },
    /// A bucket.
    S3 {
        /// Its name.
        bucket: String,
        /// The folder in it, without slashes at its ends; may be empty.
        folder: String,
        /// The naming scheme of its folders.
        partitions: Partitions,
    },
    /// An existing Firehose stream.
    Firehose {
        /// Its ARN.
        arn: String,
    },
}

/// AWS's naming scheme for the folders below `AWSLogs` in a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partitions {
    /// `year=2026/month=03/day=14` in place of `2026/03/14`, which Athena recognizes by itself.
    pub hive: bool,
    /// Whether there is a folder for each hour.
    pub hourly: bool,
}

/// The expected forms, for error messages.
const EXPECTED: &str = "cloudwatch:GROUP, s3://BUCKET/FOLDER, or firehose:ARN";

impl Destination {
    /// Returns `--log-destination-type` of the AWS CLI, and `LogDestinationType` of CloudFormation.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::CloudWatch { .. } => "cloud-watch-logs",
            Self::S3 { .. } => "s3",
            Self::Firehose { .. } => "kinesis-data-firehose",
        }
    }
}

impl FromStr for Destination {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        if let Some(group) = text.strip_prefix("cloudwatch:") {
            check_group(group)?;
            let group = group.to_owned();
            return Ok(Self::CloudWatch { group });
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
            let folder = folder.strip_suffix('/').unwrap_or(folder);
            check_bucket(bucket)?;
            check_folder(folder)?;
            return Ok(Self::S3 {
                bucket: bucket.to_owned(),
                folder: folder.to_owned(),
                partitions: Partitions::default(),
            });
        }
        if let Some(arn) = text.strip_prefix("firehose:") {
            check_stream(arn)?;
            let arn = arn.to_owned();
            return Ok(Self::Firehose { arn });
        }
        Err(InvalidSetting::new("destination", text, EXPECTED))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloudWatch { group } => write!(f, "log group {group}"),
            Self::S3 { bucket, folder, .. } => write!(f, "s3://{bucket}/{folder}"),
            Self::Firehose { arn } => f.write_str(arn),
        }
    }
}

/// Whether `text` has between one and `len_max` bytes, all of them letters, digits or characters in
/// `more`.
fn is_of(text: &str, len_max: usize, more: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    (1..=len_max).contains(&text.len()) && text.chars().all(may)
}

// CloudWatch Logs API reference, CreateLogGroup.
fn check_group(group: &str) -> Result<(), InvalidSetting> {
    if is_of(group, 512, "_-/.#") && !group.starts_with("aws/") {
        return Ok(());
    }
    let expected = "1 to 512 of the letters a-z A-Z 0-9 _ - / . #, and not starting with aws/";
    Err(InvalidSetting::new("log group", group, expected))
}

// S3 user guide, "General purpose bucket naming rules".
fn check_bucket(bucket: &str) -> Result<(), InvalidSetting> {
    let is_inner = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    let is_outer = |b: Option<u8>| b.is_some_and(|b| is_inner(b) && b.is_ascii_alphanumeric());
    let is_address = bucket.parse::<std::net::Ipv4Addr>().is_ok();
    if (3..=63).contains(&bucket.len())
        && bucket.bytes().all(is_inner)
        && is_outer(bucket.bytes().next())
        && is_outer(bucket.bytes().next_back())
        && !bucket.contains("..")
        && !is_address
    {
        return Ok(());
    }
    let expected = "3 to 63 of the letters a-z 0-9 . -, with a letter or digit at both ends";
    Err(InvalidSetting::new("bucket", bucket, expected))
}

/// A key of S3 has at most 1024 bytes, and AWS's own folders and file names follow this folder.
const FOLDER_LEN_MAX: usize = 255;

// VPC user guide, "Create a flow log that publishes to Amazon S3": AWSLogs is reserved.
fn check_folder(folder: &str) -> Result<(), InvalidSetting> {
    let is_part = |part: &str| is_of(part, FOLDER_LEN_MAX, "_-.=") && part != "AWSLogs";
    if folder.is_empty() || (folder.len() <= FOLDER_LEN_MAX && folder.split('/').all(is_part)) {
        return Ok(());
    }
    let expected =
        "at most 255 of the letters a-z A-Z 0-9 _ - . = /, with no part empty or AWSLogs";
    Err(InvalidSetting::new("folder of a bucket", folder, expected))
}

// Amazon Data Firehose API reference, CreateDeliveryStream.
fn check_stream(arn: &str) -> Result<(), InvalidSetting> {
    let parts: Vec<&str> = arn.split(':').collect();
    if let ["arn", partition, "firehose", region, account, stream] = &parts[..] {
        let name = stream.strip_prefix("deliverystream/").unwrap_or("");
        let region: Result<super::Region, _> = region.parse();
        if region.is_ok_and(|region| region.partition() == *partition)
            && account.parse::<super::AccountId>().is_ok()
            && is_of(name, 64, "_-.")
        {
            return Ok(());
        }
    }
    let expected = "an ARN such as arn:aws:firehose:eu-west-1:123456789012:deliverystream/NAME";
    Err(InvalidSetting::new(
        "ARN of a Firehose stream",
        arn,
        expected,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_distinguished_by_their_prefix() {
        let s3 = |folder: &str| Destination::S3 {
            bucket: "my-logs".into(),
            folder: folder.into(),
            partitions: Partitions::default(),
        };
        for text in ["s3://my-logs", "s3://my-logs/"] {
            assert_eq!(text.parse(), Ok(s3("")));
        }
        assert_eq!("s3://my-logs/a/b/".parse(), Ok(s3("a/b")));
        let group = "/vpc/flow-logs".into();
        assert_eq!(
            "cloudwatch:/vpc/flow-logs".parse(),
            Ok(Destination::CloudWatch { group })
        );
        let arn = "arn:aws-cn:firehose:cn-north-1:123456789012:deliverystream/to-s3";
        let firehose: Destination = format!("firehose:{arn}").parse().unwrap();
        assert_eq!(firehose.to_string(), arn);
    }

    #[test]
    fn names_that_aws_or_a_shell_would_misread_are_refused() {
        for text in [
            "",
            "my-logs",
            "cloudwatch:",
            "cloudwatch:aws/logs",
            "cloudwatch:a b",
            "cloudwatch:$(reboot)",
            "cloudwatch:a'b",
            "s3://",
            "s3://ab",
            "s3://My-Logs",
            "s3://-logs",
            "s3://a..b",
            "s3://10.0.0.1",
            "s3://logs/AWSLogs/",
            "s3://logs/a//b",
            "s3://logs/`reboot`",
            "s3://logs/${AWS::Region}",
            "s3://logs/a\nb",
            "firehose:to-s3",
            "firehose:arn:aws:firehose:cn-north-1:123456789012:deliverystream/x",
            "firehose:arn:aws:firehose:eu-west-1:123456789012:deliverystream/a'b",
        ] {
            let error = text.parse::<Destination>().unwrap_err().to_string();
            assert!(error.contains("expected"), "{error}");
        }
    }
}
