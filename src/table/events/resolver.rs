//! `r53_rlogs`: DNS queries to the Route 53 Resolver.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/querying-r53-resolver-logs-creating-the-table.html>

use super::super::column::ColumnType::{Int, List, Struct, Text};
use super::super::column::{ColumnType, TableColumn};

/// The columns. Each is the member of the row with the same name in any case.
pub(super) const TABLE: &[TableColumn] = &[
    text("version"),
    text("account_id"),
    text("region"),
    text("vpc_id"),
    text("query_timestamp"),
    text("query_name"),
    text("query_type"),
    text("query_class"),
    text("rcode"),
    TableColumn::new("answers", List(&ANSWER)),
    text("srcaddr"),
    TableColumn::new("srcport", Int),
    text("transport"),
    TableColumn::new(
        "srcids",
        Struct(&[text("instance"), text("resolver_endpoint")]),
    ),
    text("firewall_rule_action"),
    text("firewall_rule_group_id"),
    text("firewall_domain_list_id"),
];

const fn text(name: &'static str) -> TableColumn {
    TableColumn::new(name, Text)
}

const ANSWER: ColumnType = Struct(&[text("rdata"), text("type"), text("class")]);
