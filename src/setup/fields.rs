//! Which columns to ask for.
//!
//! Every field that a conversion or a filter uses, and few others, since AWS charges by the
//! octet: `traffic-path`, which tells a person how packets left. In AWS's own order, so that
//! people and other programs know the log again.

use super::resource::Kind;
use crate::record::Field;

/// The value of `--log-format`: names in AWS's spelling.
pub(super) fn format(kind: Kind) -> String {
    let fields = if kind.is_transit_gateway() {
        TRANSIT_GATEWAY
    } else {
        VPC
    };
    let names = fields.iter().map(|field| format!("${{{field}}}"));
    names.collect::<Vec<String>>().join(" ")
}

/// Of VPC flow logs. Fields of version 11 are left out: not every region has them.
const VPC: &[Field] = &[
    Field::Version,
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
    Field::Type,
    Field::PktSrcAddr,
    Field::PktDstAddr,
    Field::Region,
    Field::AzId,
    Field::FlowDirection,
    Field::TrafficPath,
    Field::RejectReason,
];

/// Of Transit Gateway flow logs, which have no verdict and no ENI of their own.
const TRANSIT_GATEWAY: &[Field] = &[
    Field::Version,
    Field::ResourceType,
    Field::AccountId,
    Field::TgwId,
    Field::TgwAttachmentId,
    Field::TgwSrcVpcId,
    Field::TgwDstVpcId,
    Field::TgwSrcSubnetId,
    Field::TgwDstSubnetId,
    Field::TgwSrcEni,
    Field::TgwDstEni,
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
    Field::TcpFlags,
    Field::Region,
    Field::FlowDirection,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;

    #[test]
    fn format_is_read_back_as_the_same_columns() {
        for kind in [Kind::Vpc, Kind::TransitGateway] {
            let format = format(kind);
            assert_eq!(Layout::from_format(&format).unwrap().format(), format);
        }
        assert!(format(Kind::Subnet).starts_with("${version} ${account-id} ${interface-id} "));
    }

    #[test]
    fn fields_are_those_that_the_kind_of_log_has() {
        let only_gateways = Field::ResourceType;
        assert!(VPC.iter().all(|field| *field < only_gateways));
        for field in [Field::Action, Field::InterfaceId, Field::PktSrcAddr] {
            assert!(!TRANSIT_GATEWAY.contains(&field), "{field}");
        }
    }
}
