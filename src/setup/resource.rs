//! The resource to log: an ENI, a subnet, a VPC, a Transit Gateway or an attachment.

use std::fmt;
use std::str::FromStr;

use super::InvalidSetting;

/// The kind of a resource, from the prefix of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// One ENI: `eni-`.
    NetworkInterface,
    /// All ENIs of a subnet: `subnet-`.
    Subnet,
    /// All ENIs of a VPC: `vpc-`.
    Vpc,
    /// All attachments of a Transit Gateway: `tgw-`.
    TransitGateway,
    /// One attachment of a Transit Gateway: `tgw-attach-`.
    TransitGatewayAttachment,
}

impl ResourceKind {
    /// Returns `--resource-type` of `aws ec2 create-flow-logs`, and `ResourceType` of
    /// CloudFormation.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkInterface => "NetworkInterface",
            Self::Subnet => "Subnet",
            Self::Vpc => "VPC",
            Self::TransitGateway => "TransitGateway",
            Self::TransitGatewayAttachment => "TransitGatewayAttachment",
        }
    }

    /// Whether its logs are Transit Gateway flow logs, which have other fields, and no verdicts to
    /// select by.
    pub(super) fn is_transit_gateway(self) -> bool {
        matches!(self, Self::TransitGateway | Self::TransitGatewayAttachment)
    }
}

/// The name of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    id: String,
    kind: ResourceKind,
}

/// Prefixes of names; a longer prefix comes before a shorter one that it begins with.
const PREFIXES: [(&str, ResourceKind); 5] = [
    ("eni-", ResourceKind::NetworkInterface),
    ("subnet-", ResourceKind::Subnet),
    ("vpc-", ResourceKind::Vpc),
    ("tgw-attach-", ResourceKind::TransitGatewayAttachment),
    ("tgw-", ResourceKind::TransitGateway),
];

impl Resource {
    /// Returns its kind.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }
}

impl FromStr for Resource {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let known = PREFIXES.iter().find_map(|(prefix, kind)| {
            let digits = text.strip_prefix(prefix)?;
            // EC2 user guide, "Resource IDs": 17 digits, or 8 if it was created before 2018.
            let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
            ([8, 17].contains(&digits.len()) && digits.bytes().all(is_digit)).then_some(*kind)
        });
        let kind = known.ok_or_else(|| {
            InvalidSetting::new(
                "name of a resource with flow logs",
                text,
                "eni-, subnet-, vpc-, tgw- or tgw-attach- and 8 or 17 digits 0-9a-f",
            )
        })?;
        let id = text.to_owned();
        Ok(Self { id, kind })
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_follows_from_the_name() {
        for (text, name) in [
            ("eni-0b8e13f64d7ac2951", "NetworkInterface"),
            ("subnet-0f00ba11", "Subnet"),
            ("vpc-0c5e8a7d2b914f630", "VPC"),
            ("tgw-0c5e8a7d2b914f630", "TransitGateway"),
            ("tgw-attach-0c5e8a7d2b914f630", "TransitGatewayAttachment"),
        ] {
            let resource: Resource = text.parse().unwrap();
            assert_eq!(resource.kind().name(), name);
            assert_eq!(resource.to_string(), text);
        }
    }

    #[test]
    fn any_other_name_is_refused_with_the_expected_form() {
        for text in [
            "",
            "i-0b8e13f64d7ac2951",
            "vpc-",
            "vpc-0C5E8A7D2B914F630",
            "vpc-0c5e8a7d2b914f63",
            "vpc-$(reboot)",
            "vpc-0c5e8a7d2b914f630; reboot",
            "vpc-0c5e8a7d2b914f630\n",
            "tgw-attach-",
        ] {
            let error = text.parse::<Resource>().unwrap_err().to_string();
            assert!(error.contains("eni-, subnet-"), "{error}");
        }
    }
}
