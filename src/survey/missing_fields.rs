//! Fields that the rebuild could use and an archive has no columns for.
//!
//! This says what it costs to be without a field, so that whoever creates the
//! next flow log can add it. What becomes of a record without it is decided in
//! [`crate::flow`] and [`crate::connection`].

use serde::Serialize;

use super::{ColumnOrder, ColumnOrders};
use crate::record::Field;

/// Fields that are missing, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MissingFields {
    /// Those of one kind that some order of columns lacks.
    pub fields: Vec<&'static str>,
    /// What a capture loses by it.
    pub cost: &'static str,
    /// Records that stand under such an order, NODATA and SKIPDATA among them.
    pub records: u64,
}

/// What the rebuild makes of some fields, and what it does without.
struct ColumnNeed {
    fields: &'static [Field],
    /// Fields of which one is enough to do without.
    or: &'static [Field],
    cost: &'static str,
}

/// The most telling first. What no Transit Gateway can log is not missed in its logs.
const NEEDS: &[ColumnNeed] = &[
    ColumnNeed {
        fields: &[Field::TcpFlags],
        or: &[],
        cost: "handshakes and ends are presumed; resets and refusals do not show",
    },
    ColumnNeed {
        fields: &[Field::SrcPort, Field::DstPort],
        or: &[],
        cost: "all connections between two addresses become one",
    },
    ColumnNeed {
        fields: &[Field::Protocol],
        or: &[],
        cost: "tcp-flags and ports tell it; a record without these is skipped",
    },
    ColumnNeed {
        fields: &[Field::Start, Field::End],
        or: &[],
        cost: "one instant stands for the interval; without any the record is skipped",
    },
    ColumnNeed {
        fields: &[Field::Packets],
        or: &[],
        cost: "each record is taken for one packet",
    },
    ColumnNeed {
        fields: &[Field::Bytes],
        or: &[],
        cost: "packets have the size of their headers",
    },
    ColumnNeed {
        fields: &[Field::Action],
        or: TRANSIT_GATEWAY,
        cost: "what was rejected looks like silence",
    },
    ColumnNeed {
        fields: &[Field::PktSrcAddr, Field::PktDstAddr],
        or: TRANSIT_GATEWAY,
        cost: "behind NAT gateways and pods the true ends do not show",
    },
    ColumnNeed {
        fields: &[Field::FlowDirection],
        or: &[],
        cost: "direction is inferred from an ENI's addresses, where they tell it",
    },
    ColumnNeed {
        fields: &[Field::InterfaceId],
        or: &[Field::TgwAttachmentId, Field::ResourceId],
        cost: "ENIs are not told apart, so what two of them saw is told twice",
    },
    ColumnNeed {
        fields: &[Field::VpcId, Field::SubnetId, Field::InstanceId],
        or: TRANSIT_GATEWAY,
        cost: "Wireshark shows no such names, and no filter finds them",
    },
    ColumnNeed {
        fields: &[Field::LogStatus],
        or: &[],
        cost: "gaps in the log do not show",
    },
];

/// Fields that every Transit Gateway log has one of.
const TRANSIT_GATEWAY: &[Field] = &[Field::TgwId, Field::TgwAttachmentId];

/// What the records under these orders of columns lack.
pub fn missing_fields(orders: &ColumnOrders) -> Vec<MissingFields> {
    NEEDS.iter().filter_map(|need| need.lack(orders)).collect()
}

impl ColumnNeed {
    fn lack(&self, orders: &ColumnOrders) -> Option<MissingFields> {
        let missing_fields = orders.iter().filter(|order| self.is_lacking(order));
        let records = missing_fields.clone().map(|order| order.records).sum();
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
            evidence: "header line",
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
    fn all_fields_up_to_version_5_lack_nothing() {
        assert_eq!(missing_fields(&order(&Field::ALL[..29])), []);
    }

    #[test]
    fn default_format_lacks_flags_true_ends_direction_and_names() {
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
    fn only_the_field_that_is_missing_is_named_with_its_records() {
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
    fn transit_gateway_lacks_nothing_that_it_cannot_log() {
        let fields = Field::ALL.iter().copied().filter(|f| {
            let vpc_only = [Field::Action, Field::PktSrcAddr, Field::PktDstAddr];
            !vpc_only.contains(f) && ![Field::VpcId, Field::SubnetId, Field::InstanceId].contains(f)
        });
        assert_eq!(names(&order(&fields.collect::<Vec<_>>())), [""; 0]);
    }
}
