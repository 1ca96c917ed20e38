//! Fields that would help the rebuild and for which an archive has no columns.
//!
//! Describes the effect of each missing field, so that the person who creates the next flow log can
//! add it. [`crate::flow`] and [`crate::connection`] decide how a record without the field is
//! handled.

use serde::Serialize;

use super::{ColumnOrder, ColumnOrders};
use crate::record::Field;

/// Missing fields of one kind, and the effect on a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MissingFields {
    /// Fields of one kind that some order of columns lacks.
    pub fields: Vec<&'static str>,
    /// The information that a capture loses.
    pub cost: &'static str,
    /// Number of records with such an order of columns, including NODATA and SKIPDATA.
    pub records: u64,
}

/// The use of some fields by the rebuild, and the effect if they are missing.
struct ColumnNeed {
    fields: &'static [Field],
    /// Fields of which any one is a substitute.
    or: &'static [Field],
    cost: &'static str,
}

/// The most informative fields first. Fields that Transit Gateways cannot log are not reported as
/// missing in their logs.
const NEEDS: &[ColumnNeed] = &[
    ColumnNeed {
        fields: &[Field::SrcAddr, Field::DstAddr],
        or: &[Field::PktSrcAddr, Field::PktDstAddr],
        cost: "a record without both addresses is skipped",
    },
    ColumnNeed {
        fields: &[Field::TcpFlags],
        or: &[],
        cost: "handshakes and ends are presumed; resets and refusals are not visible",
    },
    ColumnNeed {
        fields: &[Field::SrcPort, Field::DstPort],
        or: &[],
        cost: "all connections between two addresses are merged into one",
    },
    ColumnNeed {
        fields: &[Field::Protocol],
        or: &[],
        cost: "it is inferred from tcp-flags and ports; a record without these is skipped",
    },
    ColumnNeed {
        fields: &[Field::Start, Field::End],
        or: &[],
        cost: "one instant or the slot in the file name is used as the interval; a record without any \
               time is skipped",
    },
    ColumnNeed {
        fields: &[Field::Packets],
        or: &[],
        cost: "each record is counted as one packet",
    },
    ColumnNeed {
        fields: &[Field::Bytes],
        or: &[],
        cost: "packets have headers only, without payload length",
    },
    ColumnNeed {
        fields: &[Field::Action],
        or: TRANSIT_GATEWAY,
        cost: "rejected packets look like unanswered packets",
    },
    ColumnNeed {
        fields: &[Field::PktSrcAddr, Field::PktDstAddr],
        or: TRANSIT_GATEWAY,
        cost: "the true endpoints beyond NAT gateways and of pods are not visible",
    },
    ColumnNeed {
        fields: &[Field::FlowDirection],
        or: &[],
        cost: "direction is inferred from an ENI's addresses where possible",
    },
    ColumnNeed {
        fields: &[Field::InterfaceId],
        or: &[Field::TgwAttachmentId, Field::ResourceId],
        cost: "ENIs cannot be distinguished, so packets that two of them saw appear twice",
    },
    ColumnNeed {
        fields: &[Field::VpcId, Field::SubnetId, Field::InstanceId],
        or: TRANSIT_GATEWAY,
        cost: "Wireshark does not show these names, and filters cannot use them",
    },
    ColumnNeed {
        fields: &[Field::LogStatus],
        or: &[],
        cost: "gaps in the log are not visible",
    },
];

/// Fields of which every Transit Gateway log has at least one.
const TRANSIT_GATEWAY: &[Field] = &[Field::TgwId, Field::TgwAttachmentId];

/// Returns the fields missing from records with these orders of columns.
pub fn missing_fields(orders: &ColumnOrders) -> Vec<MissingFields> {
    NEEDS.iter().filter_map(|need| need.lack(orders)).collect()
}

impl ColumnNeed {
    fn lack(&self, orders: &ColumnOrders) -> Option<MissingFields> {
        let missing_fields = orders.iter().filter(|order| self.is_lacking(order));
        let records = missing_fields
            .clone()
            .fold(0, |sum: u64, order| sum.saturating_add(order.records));
        let lacks = |field: &&Field| missing_fields.clone().any(|order| !has(order, **field));
        let fields = self.fields.iter().filter(lacks);
        let fields: Vec<&'static str> = fields.map(|field| field.name()).collect();
        (!fields.is_empty()).then_some(MissingFields {
            fields,
            cost: self.cost,
            records,
        })
    }

    fn is_lacking(&self, order: &ColumnOrder) -> bool {
        let all = self.fields.iter().all(|field| has(order, *field));
        !all && !self.or.iter().any(|field| has(order, *field))
    }
}

fn has(order: &ColumnOrder, field: Field) -> bool {
    order.layout.index_of(field).is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::Layout;

    fn order(fields: &[Field]) -> ColumnOrders {
        let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
        let mut orders = ColumnOrders::default();
        orders.count(ColumnOrder {
            layout: Arc::new(Layout::from_format(&names.join(" ")).unwrap()),
            evidence: "header line".into(),
            files: 1,
            records: 7,
        });
        orders
    }

    fn names(orders: &ColumnOrders) -> Vec<&'static str> {
        let lacks = missing_fields(orders).into_iter();
        lacks.flat_map(|lack| lack.fields).collect()
    }

    #[test]
    fn format_with_all_fields_up_to_version_5_lacks_nothing() {
        assert_eq!(missing_fields(&order(&Field::ALL[..29])), []);
    }

    #[test]
    fn default_format_lacks_flags_true_endpoints_direction_and_names() {
        let missing_fields = names(&order(&Field::ALL[..14]));
        let expected = [
            "tcp-flags",
            "pkt-srcaddr",
            "pkt-dstaddr",
            "flow-direction",
            "vpc-id",
            "subnet-id",
            "instance-id",
        ];
        assert_eq!(missing_fields, expected);
    }

    #[test]
    fn only_the_missing_field_is_named_with_its_records() {
        let mut orders = order(&Field::ALL[..29]);
        let fields = Field::ALL[..29].iter();
        let without: Vec<Field> = fields.copied().filter(|f| *f != Field::End).collect();
        orders.add(order(&without));
        let lacks = missing_fields(&orders);
        assert_eq!(
            (lacks.len(), &*lacks[0].fields, lacks[0].records),
            (1, &["end"][..], 7)
        );
    }

    #[test]
    fn fields_that_transit_gateways_cannot_log_are_not_missing() {
        let fields = Field::ALL.iter().copied().filter(|f| {
            let vpc_only = [Field::Action, Field::PktSrcAddr, Field::PktDstAddr];
            !vpc_only.contains(f) && ![Field::VpcId, Field::SubnetId, Field::InstanceId].contains(f)
        });
        assert_eq!(names(&order(&fields.collect::<Vec<_>>())), [""; 0]);
    }
}
