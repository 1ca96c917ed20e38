//! Which log is which table.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::column::TableColumn;
use super::{events, flow_logs};
use crate::event::EventKind;

/// A kind of log that AWS defines a table for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogTable {
    /// Flow logs.
    VpcFlowLogs,
    /// Application Load Balancer access logs.
    AlbAccessLogs,
    /// Application Load Balancer connection logs.
    AlbConnectionLogs,
    /// Network Load Balancer access logs.
    NlbTlsLogs,
    /// Classic Load Balancer access logs.
    ElbLogs,
    /// CloudTrail logs.
    CloudTrailLogs,
    /// Route 53 Resolver query logs.
    R53ResolverLogs,
    /// AWS WAF logs.
    WafLogs,
}

impl LogTable {
    /// All tables.
    pub const ALL: [Self; 8] = [
        Self::VpcFlowLogs,
        Self::AlbAccessLogs,
        Self::AlbConnectionLogs,
        Self::NlbTlsLogs,
        Self::ElbLogs,
        Self::CloudTrailLogs,
        Self::R53ResolverLogs,
        Self::WafLogs,
    ];

    /// Returns the name in AWS's user guides.
    pub fn name(self) -> &'static str {
        match self {
            Self::VpcFlowLogs => "vpc_flow_logs",
            Self::AlbAccessLogs => "alb_access_logs",
            Self::AlbConnectionLogs => "alb_connection_logs",
            Self::NlbTlsLogs => "nlb_tls_logs",
            Self::ElbLogs => "elb_logs",
            Self::CloudTrailLogs => "cloudtrail_logs",
            Self::R53ResolverLogs => "r53_rlogs",
            Self::WafLogs => "waf_logs",
        }
    }

    /// Returns the table with the events of this kind, if AWS defines one.
    pub fn of_events(kind: EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::AlbAccess => Self::AlbAccessLogs,
            EventKind::AlbConnection => Self::AlbConnectionLogs,
            EventKind::NlbAccess => Self::NlbTlsLogs,
            EventKind::ClbAccess => Self::ElbLogs,
            EventKind::CloudTrail => Self::CloudTrailLogs,
            EventKind::ResolverQuery => Self::R53ResolverLogs,
            EventKind::Waf => Self::WafLogs,
            _ => return None,
        })
    }

    /// Returns the columns in AWS's order. Flow logs have all columns that any version has.
    pub fn columns(self) -> &'static [TableColumn] {
        match self {
            Self::VpcFlowLogs => flow_logs::columns(),
            _ => events::columns(self),
        }
    }

    /// Returns these columns as an Arrow schema.
    pub fn schema(self, columns: &[usize]) -> SchemaRef {
        let all = self.columns();
        let fields = columns.iter().map(|index| all[*index].arrow());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}
