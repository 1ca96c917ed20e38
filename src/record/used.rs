//! The fields that anything is made of: packets, interfaces, comments, the verdicts of filters.
//!
//! Where columns can be left unread only these are read, and a log that is to convert well
//! has them. What a line of text is parsed for is less (the grammar); the rest
//! is found in the line when asked for by name.

use super::Field;

/// Every field that is used, those of VPC logs first.
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
    use crate::record::Column;
    use crate::record::grammar::Step;

    #[test]
    fn what_the_grammar_reads_is_used() {
        for field in Field::ALL {
            let column = Column::Known(*field);
            let is_read = Step::of(&column, std::slice::from_ref(&column), None) != Step::Skip(1);
            assert!(!is_read || USED.contains(field), "{field}");
        }
    }
}
