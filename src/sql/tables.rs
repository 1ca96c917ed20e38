//! The tables that a query may name, and what they are called.
//!
//! The names are those of AWS's user guides, and those that older guides and integrations use.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::provider::{DerivedProvider, FlowTimes, LogProvider, LogSource};
use crate::error::Result;
use crate::pipeline::{Meter, Request};
use crate::table::{DerivedTable, LogTable};

/// The names of tables over logs, by the log. The first name of each log is that in the list of tables.
const NAMES: &[(&str, LogTable, FlowTimes)] = &[
    ("vpc_flow_logs", LogTable::VpcFlowLogs, FlowTimes::Seconds),
    ("flow_logs", LogTable::VpcFlowLogs, FlowTimes::Timestamps),
    (
        "alb_access_logs",
        LogTable::AlbAccessLogs,
        FlowTimes::Seconds,
    ),
    ("alb_logs", LogTable::AlbAccessLogs, FlowTimes::Seconds),
    (
        "alb_connection_logs",
        LogTable::AlbConnectionLogs,
        FlowTimes::Seconds,
    ),
    ("nlb_tls_logs", LogTable::NlbTlsLogs, FlowTimes::Seconds),
    ("elb_logs", LogTable::ElbLogs, FlowTimes::Seconds),
    (
        "cloudtrail_logs",
        LogTable::CloudTrailLogs,
        FlowTimes::Seconds,
    ),
    ("r53_rlogs", LogTable::R53ResolverLogs, FlowTimes::Seconds),
    ("waf_logs", LogTable::WafLogs, FlowTimes::Seconds),
];

/// The tables of the inputs.
pub(super) struct InputTables {
    /// The tables, with their names.
    pub(super) tables: Vec<(String, Arc<dyn TableProvider>)>,
    /// The logs that they are read from.
    pub(super) source: Arc<LogSource>,
}

impl InputTables {
    /// Lists the inputs, to be read by `threads`.
    ///
    /// # Errors
    /// An input is missing or empty, or is standard input.
    pub(super) fn open(request: &Request, threads: usize, meter: &Arc<Meter>) -> Result<Self> {
        let source = Arc::new(LogSource::open(request, threads, Arc::clone(meter))?);
        let mut tables = of_logs(&source);
        for table in DerivedTable::ALL {
            let provider = DerivedProvider::new(table, request, threads, Arc::clone(meter));
            tables.push((table.name().to_owned(), Arc::new(provider)));
        }
        Ok(Self { tables, source })
    }
}

/// Returns every table of a log in an archive.
pub(super) fn of_logs(source: &Arc<LogSource>) -> Vec<(String, Arc<dyn TableProvider>)> {
    let tables = NAMES.iter().map(|(name, table, times)| {
        let provider = LogProvider::new(Arc::clone(source), *table, *times);
        let provider: Arc<dyn TableProvider> = Arc::new(provider);
        ((*name).to_owned(), provider)
    });
    tables.collect()
}
