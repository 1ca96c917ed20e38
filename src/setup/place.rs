//! The owner of the flow log: an account and a region, and the partition that follows from the
//! region.

use std::fmt;
use std::str::FromStr;

use super::InvalidSetting;

/// An AWS account: 12 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

impl FromStr for AccountId {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidSetting::new("account", text, "12 digits"))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A region, such as `eu-west-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

/// Prefixes of regions outside the partition `aws`, and their partitions.
///
/// The AWS SDKs determine partitions by these prefixes (`partitions.json`).
pub(super) const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
    ("eusc-", "aws-eusc"),
];

impl Region {
    /// Returns the partition in the ARNs of its resources, the part after `arn:`.
    pub fn partition(&self) -> &'static str {
        let known = PARTITIONS
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix));
        known.map_or("aws", |(_, partition)| partition)
    }
}

impl FromStr for Region {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_word =
            |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        match &parts[..] {
            [words @ .., number]
                if words.len() >= 2
                    && words.iter().all(is_word)
                    && matches!(
                        number.as_bytes(),
                        [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9']
                    ) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidSetting::new(
                "region",
                text,
                "a name such as eu-west-1",
            )),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_follows_from_the_region() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let region: Region = region.parse().unwrap();
            assert_eq!(region.partition(), partition, "{region}");
        }
    }

    #[test]
    fn invalid_account_or_region_is_refused() {
        for text in [
            "",
            "12345678901",
            "12345678901a",
            "1234567890123",
            "$ACCOUNT1234",
        ] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
        for text in [
            "",
            "eu",
            "eu-west",
            "EU-WEST-1",
            "eu-west-1;x",
            "eu--1",
            "eu-west-100",
            "$(x)-a-1",
        ] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }
}
