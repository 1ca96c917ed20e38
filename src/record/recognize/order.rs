//! Orders of columns that occur without a header, and how to check whether lines have one.
//!
//! An order is accepted if every value fits its column: an `eni-…` where an interface is expected,
//! an address where an address is. All columns are checked, including those that a conversion does
//! not use, since two formats of the same length often differ only there.

use crate::record::{
    Column, Field, Layout, Separator,
    cells::{LineCells, is_absent},
    fault::Excerpt,
    odd,
};

/// An order of columns that is known to occur.
pub(crate) struct Order {
    name: &'static str,
    fields: &'static [Field],
    /// Whether every line must fit without doubt, because the order has no column that identifies
    /// it.
    strict: bool,
}

/// A layout that was tried, and why it does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LayoutAttempt {
    pub(super) name: &'static str,
    pub(super) why: String,
}

impl LayoutAttempt {
    pub(super) fn new(name: &'static str, why: String) -> Self {
        Self { name, why }
    }
}

/// Every order that occurs without a header.
pub(super) const ORDERS: &[Order] = &[
    Order::aws("default", 14),
    Order::aws("version 3", 21),
    Order::aws("version 4", 25),
    Order::aws("version 5", 29),
    Order::aws("version 7", 39),
    Order::aws("version 8", 40),
    Order::aws("version 9", 41),
    Order::aws("version 10", 42),
    Order::aws("version 11", 54),
    Order {
        name: "transit gateway",
        fields: TRANSIT_GATEWAY,
        strict: false,
    },
    Order {
        name: "troubleshooting",
        fields: TROUBLESHOOTING,
        strict: true,
    },
    Order::example("NAT gateway example", NAT_GATEWAY),
    Order::example("transit gateway example", TRANSIT_GATEWAY_EXAMPLE),
    Order::example("TCP flags example", TCP_FLAGS),
    Order::example("traffic path example", TRAFFIC_PATH),
];

// AWS field table: docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html, default order.
const TRANSIT_GATEWAY: &[Field] = &[
    Field::Version,
    Field::ResourceType,
    Field::AccountId,
    Field::TgwId,
    Field::TgwAttachmentId,
    Field::TgwSrcVpcAccountId,
    Field::TgwDstVpcAccountId,
    Field::TgwSrcVpcId,
    Field::TgwDstVpcId,
    Field::TgwSrcSubnetId,
    Field::TgwDstSubnetId,
    Field::TgwSrcEni,
    Field::TgwDstEni,
    Field::TgwSrcAzId,
    Field::TgwDstAzId,
    Field::TgwPairAttachmentId,
    Field::SrcAddr,
    Field::DstAddr,
    Field::SrcPort,
    Field::DstPort,
    Field::Protocol,
    Field::Packets,
    Field::Bytes,
    Field::Start,
    Field::End,
    Field::LogStatus,
    Field::Type,
    Field::PacketsLostNoRoute,
    Field::PacketsLostBlackhole,
    Field::PacketsLostMtuExceeded,
    Field::PacketsLostTtlExpired,
    Field::TcpFlags,
    Field::Region,
    Field::FlowDirection,
    Field::PktSrcAwsService,
    Field::PktDstAwsService,
];

/// The order that guides to troubleshooting refused connections recommend.
const TROUBLESHOOTING: &[Field] = &[
    Field::PktSrcAddr,
    Field::SrcAddr,
    Field::SrcPort,
    Field::PktDstAddr,
    Field::DstAddr,
    Field::DstPort,
    Field::TcpFlags,
    Field::Action,
];

// The custom formats of AWS's examples:
// docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html.
const NAT_GATEWAY: &[Field] = &[
    Field::InstanceId,
    Field::InterfaceId,
    Field::SrcAddr,
    Field::DstAddr,
    Field::PktSrcAddr,
    Field::PktDstAddr,
];

const TRANSIT_GATEWAY_EXAMPLE: &[Field] = &[
    Field::Version,
    Field::InterfaceId,
    Field::AccountId,
    Field::VpcId,
    Field::SubnetId,
    Field::InstanceId,
    Field::SrcAddr,
    Field::DstAddr,
    Field::SrcPort,
    Field::DstPort,
    Field::Protocol,
    Field::TcpFlags,
    Field::Type,
    Field::PktSrcAddr,
    Field::PktDstAddr,
    Field::Action,
    Field::LogStatus,
];

const TCP_FLAGS: &[Field] = &[
    Field::Version,
    Field::VpcId,
    Field::SubnetId,
    Field::InstanceId,
    Field::InterfaceId,
    Field::AccountId,
    Field::Type,
    Field::SrcAddr,
    Field::DstAddr,
    Field::SrcPort,
    Field::DstPort,
    Field::PktSrcAddr,
    Field::PktDstAddr,
    Field::Protocol,
    Field::Bytes,
    Field::Packets,
    Field::Start,
    Field::End,
    Field::Action,
    Field::TcpFlags,
    Field::LogStatus,
];

const TRAFFIC_PATH: &[Field] = &[
    Field::Version,
    Field::SrcAddr,
    Field::DstAddr,
    Field::SrcPort,
    Field::DstPort,
    Field::Protocol,
    Field::Start,
    Field::End,
    Field::Type,
    Field::Packets,
    Field::Bytes,
    Field::AccountId,
    Field::VpcId,
    Field::SubnetId,
    Field::InstanceId,
    Field::InterfaceId,
    Field::Region,
    Field::AzId,
    Field::SublocationType,
    Field::SublocationId,
    Field::Action,
    Field::TcpFlags,
    Field::PktSrcAddr,
    Field::PktDstAddr,
    Field::PktSrcAwsService,
    Field::PktDstAwsService,
    Field::TrafficPath,
    Field::FlowDirection,
    Field::LogStatus,
];

impl Order {
    /// Returns the order of an example of AWS. Others may use the same columns in another order, so
    /// every line must fit.
    const fn example(name: &'static str, fields: &'static [Field]) -> Self {
        Self {
            name,
            fields,
            strict: true,
        }
    }

    /// Returns the first `count` fields, in AWS order.
    const fn aws(name: &'static str, count: usize) -> Self {
        Self {
            name,
            fields: Field::ALL.split_at(count).0,
            strict: false,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the fields in order.
    pub(super) fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Returns the layout of lines in this order, separated by blanks.
    pub(crate) fn layout(&self) -> Layout {
        Layout::of_fields(self.fields)
    }

    /// Whether `layout` has these columns in this order.
    pub(crate) fn has_columns(&self, layout: &Layout) -> bool {
        let columns = layout.columns();
        let known = |(column, field): (&Column, &Field)| *column == Column::Known(*field);
        columns.len() == self.len() && columns.iter().zip(self.fields).all(known)
    }

    /// Whether every one of `cells` can be a value of its column.
    pub(super) fn holds(&self, cells: &[&[u8]]) -> bool {
        let mut columns = self.fields.iter().zip(cells);
        columns.all(|(field, text)| fits(*field, text))
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns the layout of `records`, if they have this order.
    ///
    /// Most of them must fit, so that a few broken lines do not matter. The error is `None` if no
    /// line has the right number of columns.
    pub(super) fn fit(
        &self,
        records: &[&[u8]],
        separator: Separator,
    ) -> Result<Layout, Option<LayoutAttempt>> {
        let mut fitting_count = 0;
        let mut has_values = false;
        let mut why = None;
        for record in records {
            let cells: Vec<_> = LineCells::new(record, separator)
                .map(|cell| cell.text)
                .collect();
            if cells.len() != self.len() {
                continue;
            }
            match self.misfit(&cells) {
                Some(reason) => why = why.or(Some(reason)),
                None => {
                    fitting_count += 1;
                    has_values |= self.is_identified(&cells)
                        && cells.iter().filter(|text| !is_absent(text)).count() > 1;
                }
            }
        }
        let all = records.len() == fitting_count;
        if has_values
            && if self.strict {
                all
            } else {
                fitting_count * 2 > records.len()
            }
        {
            return Ok(Layout::of_fields(self.fields).separated_by(separator));
        }
        Err(why.map(|reason| {
            LayoutAttempt::new(self.name, format!("{} columns, but {reason}", self.len()))
        }))
    }

    /// Whether `cells` have an interface, if every line must fit and there is a column for it.
    fn is_identified(&self, cells: &[&[u8]]) -> bool {
        let mut fields = self.fields.iter();
        let index = fields.position(|field| *field == Field::InterfaceId);
        !self.strict || index.is_none_or(|index| !is_absent(cells[index]))
    }

    /// Describes the first column with a value that it cannot have.
    fn misfit(&self, cells: &[&[u8]]) -> Option<String> {
        let mut columns = self.fields.iter().zip(cells).enumerate();
        let (index, (field, text)) = columns.find(|(_, (field, text))| !fits(**field, text))?;
        Some(format!(
            "column {} ({field}) holds {}",
            index + 1,
            Excerpt(text)
        ))
    }
}

/// Whether `text` can be a value of `field`.
pub(in crate::record) fn fits(field: Field, text: &[u8]) -> bool {
    if is_absent(text) {
        return true;
    }
    let starts = |prefix: &str| text.starts_with(prefix.as_bytes());
    let number = |max| odd::number(text, max).is_ok();
    let one_of = |words: &[&str]| words.iter().any(|word| text == word.as_bytes());
    match field {
        // AWS field table: versions 2 to 11. The version is only used for this check.
        Field::Version => odd::number(text, 11).is_ok_and(|version| version >= 2),
        Field::InterfaceId | Field::NextHopInterfaceId => starts("eni-"),
        Field::TgwSrcEni | Field::TgwDstEni => starts("eni-"),
        Field::SrcAddr | Field::DstAddr | Field::PktSrcAddr | Field::PktDstAddr => {
            odd::address(text).is_ok()
        }
        Field::SrcPort | Field::DstPort => number(u64::from(u16::MAX)),
        Field::Protocol => odd::protocol(text).is_ok(),
        Field::TcpFlags | Field::TrafficPath | Field::EncryptionStatus => {
            number(u64::from(u8::MAX))
        }
        Field::Packets | Field::Bytes => number(u64::MAX),
        Field::PacketsLostNoRoute | Field::PacketsLostBlackhole => number(u64::MAX),
        Field::PacketsLostMtuExceeded | Field::PacketsLostTtlExpired => number(u64::MAX),
        Field::Start | Field::End => odd::time(text).is_ok(),
        Field::Action => odd::action(text).is_ok(),
        Field::LogStatus => odd::log_status(text).is_ok(),
        Field::VpcId | Field::NextHopVpcId | Field::TgwSrcVpcId | Field::TgwDstVpcId => {
            starts("vpc-")
        }
        Field::SubnetId | Field::NextHopSubnetId => starts("subnet-"),
        Field::TgwSrcSubnetId | Field::TgwDstSubnetId => starts("subnet-"),
        Field::InstanceId => starts("i-"),
        Field::Type => one_of(&["IPv4", "IPv6", "EFA"]),
        Field::Region | Field::AzId | Field::NextHopAzId => is_place(text),
        Field::TgwSrcAzId | Field::TgwDstAzId => is_place(text),
        Field::SublocationType => one_of(&["wavelength", "outpost", "localzone"]),
        Field::PktSrcAwsService | Field::PktDstAwsService => is_service(text),
        Field::FlowDirection => odd::direction(text).is_ok(),
        Field::EcsClusterArn | Field::EcsContainerInstanceArn => starts("arn:"),
        Field::EcsTaskDefinitionArn | Field::EcsTaskArn => starts("arn:"),
        Field::ResourceType => starts("TransitGateway"),
        Field::TgwId => starts("tgw-"),
        Field::TgwAttachmentId | Field::TgwPairAttachmentId => starts("tgw-attach"),
        _ => true,
    }
}

/// Whether `text` has the form of a region or zone: `us-east-1`, `use1-az4`, `usw2-lax1-az1`.
fn is_place(text: &[u8]) -> bool {
    let letters = text.iter().take(2).all(u8::is_ascii_lowercase);
    letters && text.contains(&b'-') && text.last().is_some_and(u8::is_ascii_digit)
}

/// Whether `text` has the form of a service name: `AMAZON`, `ROUTE53_HEALTHCHECKS`.
fn is_service(text: &[u8]) -> bool {
    let capital = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    text.first().is_some_and(u8::is_ascii_uppercase) && text.iter().all(capital)
}
