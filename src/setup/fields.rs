//! The columns to log.
//!
//! Every field that the program uses ([`USED`]), and few others, because AWS charges by the byte.
//! In AWS's own order, so that people and other programs recognize the log.

use super::resource::ResourceKind;
use crate::record::{Field, USED};

/// Returns the value of `--log-format`: names in AWS's spelling.
pub(super) fn format(kind: ResourceKind) -> String {
    let fields = if kind.is_transit_gateway() {
        TRANSIT_GATEWAY.to_vec()
    } else {
        vpc()
    };
    let names = fields.iter().map(|field| format!("${{{field}}}"));
    names.collect::<Vec<String>>().join(" ")
}

/// The latest version whose fields are requested: later versions describe special interfaces, and
/// not every region has version 11.
const VERSION_MAX: u8 = 8;

/// Fields by which people and programs recognize the format and the address family, and those that
/// name AWS services in captures.
const OTHERS: [Field; 4] = [
    Field::Version,
    Field::Type,
    Field::PktSrcAwsService,
    Field::PktDstAwsService,
];

/// Returns the fields of VPC flow logs: those the program uses, and [`OTHERS`].
fn vpc() -> Vec<Field> {
    let of_vpcs = Field::ALL
        .iter()
        .take_while(|field| **field < Field::ResourceType);
    let everywhere = of_vpcs.filter(|field| field.version() <= VERSION_MAX);
    let is_requested = |field: &&Field| USED.contains(field) || OTHERS.contains(field);
    everywhere.filter(is_requested).copied().collect()
}

/// Fields of Transit Gateway flow logs, which have no verdict and no ENI of their own.
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
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;

    #[test]
    fn format_is_read_back_as_the_same_columns() {
        for kind in [ResourceKind::Vpc, ResourceKind::TransitGateway] {
            let format = format(kind);
            assert_eq!(Layout::from_format(&format).unwrap().format(), format);
        }
        assert!(
            format(ResourceKind::Subnet).starts_with("${version} ${account-id} ${interface-id} ")
        );
    }

    #[test]
    fn every_used_field_is_requested_if_the_kind_of_log_has_it() {
        let of_gateways = |field: &&Field| **field >= Field::ResourceType;
        let missing = USED.iter().filter(of_gateways);
        let missing: Vec<_> = missing.filter(|f| !TRANSIT_GATEWAY.contains(f)).collect();
        assert_eq!(missing, [] as [&Field; 0]);
        for field in [Field::Action, Field::InterfaceId, Field::PktSrcAddr] {
            assert!(!TRANSIT_GATEWAY.contains(&field), "{field}");
        }
        assert!(vpc().contains(&Field::RejectReason));
        assert!(
            !vpc().contains(&Field::InterfaceType),
            "not in every region"
        );
    }
}
