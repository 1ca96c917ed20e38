//! The fields of a flow log, by name.
//!
//! A field has a name, the format version that introduced it, and a kind of value. It is not a
//! column: a [`Layout`](super::Layout) defines where a field is in a line.
//!
//! Fields are in the order in which AWS lists them, so that "all fields up to version N" is a
//! prefix of [`Field::ALL`]. Fields that only Transit Gateway flow logs have come last.

use std::fmt;

/// The kind of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text: identifiers, names, words.
    Text,
    /// A decimal count or code.
    Number,
    /// An IPv4 or IPv6 address.
    Address,
}

/// One line of the table below a variant: the known facts about a field.
struct FieldEntry {
    field: Field,
    name: &'static str,
    version: u8,
    kind: FieldKind,
}

macro_rules! fields {
    ($($variant:ident $name:literal $version:literal $kind:ident,)+) => {
        /// A field of a VPC or Transit Gateway flow log record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $(#[doc = concat!("`", $name, "`, since version ", $version, ".")] $variant,)+
        }

        const TABLE: &[FieldEntry] = &[
            $(FieldEntry { field: Field::$variant, name: $name, version: $version, kind: FieldKind::$kind },)+
        ];

        impl Field {
            /// Every field: VPC fields in AWS order, then the fields that only Transit Gateways
            /// have.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
        }
    };
}

// AWS field table: docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
// and docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html.
fields! {
    Version "version" 2 Number,
    AccountId "account-id" 2 Text,
    InterfaceId "interface-id" 2 Text,
    SrcAddr "srcaddr" 2 Address,
    DstAddr "dstaddr" 2 Address,
    SrcPort "srcport" 2 Number,
    DstPort "dstport" 2 Number,
    Protocol "protocol" 2 Number,
    Packets "packets" 2 Number,
    Bytes "bytes" 2 Number,
    Start "start" 2 Number,
    End "end" 2 Number,
    Action "action" 2 Text,
    LogStatus "log-status" 2 Text,
    VpcId "vpc-id" 3 Text,
    SubnetId "subnet-id" 3 Text,
    InstanceId "instance-id" 3 Text,
    TcpFlags "tcp-flags" 3 Number,
    Type "type" 3 Text,
    PktSrcAddr "pkt-srcaddr" 3 Address,
    PktDstAddr "pkt-dstaddr" 3 Address,
    Region "region" 4 Text,
    AzId "az-id" 4 Text,
    SublocationType "sublocation-type" 4 Text,
    SublocationId "sublocation-id" 4 Text,
    PktSrcAwsService "pkt-src-aws-service" 5 Text,
    PktDstAwsService "pkt-dst-aws-service" 5 Text,
    FlowDirection "flow-direction" 5 Text,
    TrafficPath "traffic-path" 5 Number,
    EcsClusterArn "ecs-cluster-arn" 7 Text,
    EcsClusterName "ecs-cluster-name" 7 Text,
    EcsContainerInstanceArn "ecs-container-instance-arn" 7 Text,
    EcsContainerInstanceId "ecs-container-instance-id" 7 Text,
    EcsContainerId "ecs-container-id" 7 Text,
    EcsSecondContainerId "ecs-second-container-id" 7 Text,
    EcsServiceName "ecs-service-name" 7 Text,
    EcsTaskDefinitionArn "ecs-task-definition-arn" 7 Text,
    EcsTaskArn "ecs-task-arn" 7 Text,
    EcsTaskId "ecs-task-id" 7 Text,
    RejectReason "reject-reason" 8 Text,
    ResourceId "resource-id" 9 Text,
    EncryptionStatus "encryption-status" 10 Number,
    InstanceTag "instance-tag" 11 Text,
    InstanceTag2 "instance-tag-2" 11 Text,
    InterfaceTag "interface-tag" 11 Text,
    InterfaceTag2 "interface-tag-2" 11 Text,
    AsgTag "asg-tag" 11 Text,
    AsgTag2 "asg-tag-2" 11 Text,
    InterfaceType "interface-type" 11 Text,
    NextHopInterfaceId "next-hop-interface-id" 11 Text,
    NextHopSubnetId "next-hop-subnet-id" 11 Text,
    NextHopAzId "next-hop-az-id" 11 Text,
    NextHopVpcId "next-hop-vpc-id" 11 Text,
    NextHopInterfaceType "next-hop-interface-type" 11 Text,
    ResourceType "resource-type" 6 Text,
    TgwId "tgw-id" 6 Text,
    TgwAttachmentId "tgw-attachment-id" 6 Text,
    TgwSrcVpcAccountId "tgw-src-vpc-account-id" 6 Text,
    TgwDstVpcAccountId "tgw-dst-vpc-account-id" 6 Text,
    TgwSrcVpcId "tgw-src-vpc-id" 6 Text,
    TgwDstVpcId "tgw-dst-vpc-id" 6 Text,
    TgwSrcSubnetId "tgw-src-subnet-id" 6 Text,
    TgwDstSubnetId "tgw-dst-subnet-id" 6 Text,
    TgwSrcEni "tgw-src-eni" 6 Text,
    TgwDstEni "tgw-dst-eni" 6 Text,
    TgwSrcAzId "tgw-src-az-id" 6 Text,
    TgwDstAzId "tgw-dst-az-id" 6 Text,
    TgwPairAttachmentId "tgw-pair-attachment-id" 6 Text,
    PacketsLostNoRoute "packets-lost-no-route" 6 Number,
    PacketsLostBlackhole "packets-lost-blackhole" 6 Number,
    PacketsLostMtuExceeded "packets-lost-mtu-exceeded" 6 Number,
    PacketsLostTtlExpired "packets-lost-ttl-expired" 6 Number,
}

impl Field {
    /// Returns the name as AWS spells it, with hyphens.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Returns the format version that introduced the field.
    pub fn version(self) -> u8 {
        self.entry().version
    }

    /// Returns the kind of the field's values.
    pub fn kind(self) -> FieldKind {
        self.entry().kind
    }

    /// Returns the field called `name`, in any of the spellings found in archives.
    ///
    /// Case, hyphens and underscores are ignored, which covers text files (`account-id`), Parquet
    /// (`account_id`) and Logs Insights (`accountId`). The names in older Athena tables and in
    /// subscription filters are also recognized.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::record::Field;
    /// assert_eq!(Field::from_name(b"pkt_srcaddr"), Some(Field::PktSrcAddr));
    /// assert_eq!(Field::from_name(b"sourceaddress"), Some(Field::SrcAddr));
    /// assert_eq!(Field::from_name(b"172.31.9.69"), None);
    /// ```
    pub fn from_name(name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > NAME_LEN_MAX || !name[0].is_ascii_alphabetic() {
            return None;
        }
        let known = TABLE.iter().find(|entry| spells(name, entry.name));
        known.map(|entry| entry.field).or_else(|| {
            let other = OTHER_NAMES.iter().find(|(other, _)| spells(name, other));
            other.map(|&(_, field)| field)
        })
    }

    /// Returns the field whose name is most similar to `name`, if it is similar enough to be a
    /// typo.
    pub fn nearest(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('_', "-");
        let by_distance = TABLE.iter().map(|entry| (edits(&name, entry.name), entry));
        let (distance, entry) = by_distance.min_by_key(|&(distance, _)| distance)?;
        (distance <= 1 + entry.name.len() / 4).then_some(entry.field)
    }

    fn entry(self) -> &'static FieldEntry {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether `found` equals `name`, ignoring case, hyphens and underscores.
pub(super) fn spells(found: &[u8], name: &str) -> bool {
    let is_letter = |byte: &&u8| !matches!(byte, b'-' | b'_');
    let letters = name.bytes().filter(|byte| is_letter(&byte));
    let found = found.iter().filter(is_letter).map(u8::to_ascii_lowercase);
    found.eq(letters.map(|byte| byte.to_ascii_lowercase()))
}

/// Returns the number of single-letter edits between two names (Levenshtein distance).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Maximum length of a field's name in any spelling. Anything longer is data.
const NAME_LEN_MAX: usize = 40;

/// Names that other tools give to fields, apart from case and punctuation.
const OTHER_NAMES: &[(&str, Field)] = &[
    ("account", Field::AccountId),
    ("eni", Field::InterfaceId),
    ("interface", Field::InterfaceId),
    ("source", Field::SrcAddr),
    ("sourceaddress", Field::SrcAddr),
    ("sourceaddr", Field::SrcAddr),
    ("sourceip", Field::SrcAddr),
    ("srcip", Field::SrcAddr),
    ("destination", Field::DstAddr),
    ("destinationaddress", Field::DstAddr),
    ("destinationaddr", Field::DstAddr),
    ("destaddr", Field::DstAddr),
    ("destinationip", Field::DstAddr),
    ("dstip", Field::DstAddr),
    ("sourceport", Field::SrcPort),
    ("destinationport", Field::DstPort),
    ("destport", Field::DstPort),
    ("numpackets", Field::Packets),
    ("numbytes", Field::Bytes),
    ("starttime", Field::Start),
    ("windowstart", Field::Start),
    ("endtime", Field::End),
    ("windowend", Field::End),
    ("flowlogstatus", Field::LogStatus),
    ("status", Field::LogStatus),
    ("pktsourceaddress", Field::PktSrcAddr),
    ("pktdestinationaddress", Field::PktDstAddr),
];

/// The fields used for output: packets, interfaces, comments, and filter results. VPC fields come
/// first.
///
/// If unused columns can be left unread, only these are read, and a log that should convert well
/// has all of them. The grammar parses fewer fields from a line of text. The others are looked up
/// in the line by name when needed.
pub const USED: &[Field] = &[
    Field::AccountId,
    Field::InterfaceId,
    Field::SrcAddr,
    Field::DstAddr,
    Field::SrcPort,
    Field::DstPort,
    Field::Protocol,
    Field::Packets,
    Field::Bytes,
    Field::Start,
    Field::End,
    Field::Action,
    Field::LogStatus,
    Field::VpcId,
    Field::SubnetId,
    Field::InstanceId,
    Field::TcpFlags,
    Field::PktSrcAddr,
    Field::PktDstAddr,
    Field::Region,
    Field::AzId,
    Field::FlowDirection,
    Field::TrafficPath,
    Field::RejectReason,
    Field::ResourceId,
    Field::InstanceTag,
    Field::InstanceTag2,
    Field::InterfaceTag,
    Field::InterfaceTag2,
    Field::AsgTag,
    Field::AsgTag2,
    Field::InterfaceType,
    Field::TgwAttachmentId,
    Field::TgwSrcEni,
    Field::TgwDstEni,
    Field::TgwSrcVpcAccountId,
    Field::TgwDstVpcAccountId,
    Field::TgwSrcVpcId,
    Field::TgwDstVpcId,
    Field::TgwSrcSubnetId,
    Field::TgwDstSubnetId,
    Field::PacketsLostNoRoute,
    Field::PacketsLostBlackhole,
    Field::PacketsLostMtuExceeded,
    Field::PacketsLostTtlExpired,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_in_every_spelling() {
        for &field in Field::ALL {
            let name = field.name();
            let mut camel = String::new();
            for (index, part) in name.split('-').enumerate() {
                let first = part
                    .chars()
                    .take(1)
                    .map(|c| if index > 0 { c.to_ascii_uppercase() } else { c });
                camel.extend(first.chain(part.chars().skip(1)));
            }
            for spelling in [
                name.to_owned(),
                name.replace('-', "_"),
                name.to_uppercase(),
                camel,
            ] {
                assert_eq!(
                    Field::from_name(spelling.as_bytes()),
                    Some(field),
                    "{spelling}"
                );
            }
        }
    }

    #[test]
    fn table_has_the_order_of_the_variants() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.field as usize, index, "{}", entry.name);
        }
    }

    #[test]
    fn fields_up_to_a_version_are_a_prefix() {
        // AWS field table: the number of fields up to each version.
        for (version, count) in [
            (2, 14),
            (3, 21),
            (4, 25),
            (5, 29),
            (7, 39),
            (8, 40),
            (9, 41),
            (10, 42),
            (11, 54),
        ] {
            let up_to = Field::ALL[..54]
                .iter()
                .take_while(|field| field.version() <= version);
            assert_eq!(up_to.count(), count, "version {version}");
        }
    }

    #[test]
    fn names_from_other_tools_are_recognized() {
        for (name, field) in [
            ("sourceaddress", Field::SrcAddr),
            ("destinationaddress", Field::DstAddr),
            ("interfaceid", Field::InterfaceId),
            ("numpackets", Field::Packets),
            ("startTime", Field::Start),
            ("windowend", Field::End),
            ("flowlogstatus", Field::LogStatus),
            ("Account_id", Field::AccountId),
            ("nextHopAzId", Field::NextHopAzId),
        ] {
            assert_eq!(Field::from_name(name.as_bytes()), Some(field), "{name}");
        }
    }

    #[test]
    fn values_are_not_names() {
        for text in [
            "",
            "-",
            "2",
            "eni-1235b8ca",
            "ACCEPT",
            "10.0.0.1",
            "@timestamp",
            "message",
        ] {
            assert_eq!(Field::from_name(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn nearest_name_is_found_only_for_a_typo() {
        assert_eq!(Field::nearest("src-addr"), Some(Field::SrcAddr));
        assert_eq!(Field::nearest("interfaceid"), Some(Field::InterfaceId));
        assert_eq!(Field::nearest("flow_directon"), Some(Field::FlowDirection));
        assert_eq!(Field::nearest("@ingestionTime"), None);
    }
}
