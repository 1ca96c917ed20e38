//! Runs statements: plans them, and passes their rows on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as EngineStatement;
use futures::StreamExt as _;
use tokio::runtime::Runtime;

use super::dialect::{self, Known};
use super::fault::QueryFault;
use super::provider::{Hiding, LogSource, Unread};
use super::statements::{SqlStatement, StatementKind};
use super::tables::InputTables;
use super::{Parameters, functions, order, overflow};
use crate::error::{Error, ErrorKind};
use crate::pipeline::{Meter, Request};

/// The share of the memory that the engine may use. The rest is for the readers of the inputs.
const ENGINE_SHARE: u64 = 2;

/// How often a running query is looked at, to end it if it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How much the engine may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineRoom {
    /// Threads, at least one.
    pub threads: usize,
    /// Bytes of memory, for the engine and the readers.
    pub memory: u64,
    /// The folder of temporary files.
    pub temp_dir: PathBuf,
}

/// Receives the rows of a statement.
pub trait RowSink {
    /// Receives the columns, before any rows.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    fn begin(&mut self, columns: &SchemaRef) -> Result<(), Error>;

    /// Receives some rows.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    fn rows(&mut self, rows: &RecordBatch) -> Result<(), Error>;

    /// Receives the end.
    ///
    /// # Errors
    /// Fails if what is left cannot be written.
    fn end(&mut self) -> Result<(), Error>;
}

/// Tables, and what runs statements over them.
pub struct Engine {
    context: SessionContext,
    runtime: Runtime,
    parameters: Parameters,
    /// The logs that the tables are read from.
    source: Option<Arc<LogSource>>,
    /// What may end a query early.
    meter: Option<Arc<Meter>>,
}

impl Engine {
    /// Makes an engine with the tables of the inputs. `meter` shows the progress of its queries.
    ///
    /// # Errors
    /// An input is missing, or the system refuses threads.
    pub fn open(
        request: &Request,
        room: &EngineRoom,
        parameters: Parameters,
        meter: &Arc<Meter>,
    ) -> Result<Self, QueryFault> {
        let inputs =
            InputTables::open(request, room.threads, meter).map_err(QueryFault::Reading)?;
        let engine = Self::with_tables(inputs.tables, room, parameters)?;
        Ok(Self {
            source: Some(inputs.source),
            meter: Some(Arc::clone(meter)),
            ..engine
        })
    }

    /// Makes an engine with these tables.
    ///
    /// # Errors
    /// The system refuses threads.
    pub(super) fn with_tables(
        tables: Vec<(String, Arc<dyn TableProvider>)>,
        room: &EngineRoom,
        parameters: Parameters,
    ) -> Result<Self, QueryFault> {
        let folder = |error| {
            QueryFault::Reading(Error::io("use for temporary files", &room.temp_dir, error))
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(room.threads.max(1))
            .build()
            .map_err(folder)?;
        let context = context(room).map_err(QueryFault::from_engine)?;
        for function in functions::all() {
            context.register_udf(function);
        }
        context.register_udf(overflow::lenient_marker());
        context.register_udaf(overflow::checked_sum());
        context.add_analyzer_rule(Arc::new(overflow::CheckedOperators));
        let made = add_tables(&context, tables);
        made.map_err(QueryFault::from_engine)?;
        Ok(Self {
            context,
            runtime,
            parameters,
            source: None,
            meter: None,
        })
    }

    /// Returns what the queries so far have left out of their tables, because it cannot be read.
    pub fn unread(&self) -> Unread {
        self.source
            .as_ref()
            .map(|source| source.unread())
            .unwrap_or_default()
    }

    /// Returns the names of all tables and views.
    pub fn tables(&self) -> BTreeSet<String> {
        let catalogs = self.context.catalog_names().into_iter();
        let catalogs = catalogs.filter_map(|name| self.context.catalog(&name));
        let schemas = catalogs.flat_map(|catalog| {
            let names = catalog.schema_names().into_iter();
            names
                .filter_map(move |name| catalog.schema(&name))
                .collect::<Vec<_>>()
        });
        schemas.flat_map(|schema| schema.table_names()).collect()
    }

    /// Returns the names of the tables that have the column that `*` does not show.
    fn tables_with_path(&self) -> BTreeSet<String> {
        let catalogs = self.context.catalog_names().into_iter();
        let catalogs = catalogs.filter_map(|name| self.context.catalog(&name));
        let schemas = catalogs.filter_map(|catalog| catalog.schema(dialect::PATH_SCHEMA));
        schemas.flat_map(|schema| schema.table_names()).collect()
    }

    /// Plans a statement without running it, to find what is wrong with it.
    ///
    /// # Errors
    /// The statement cannot be run.
    pub fn check(&self, statement: &SqlStatement) -> Result<(), QueryFault> {
        if let StatementKind::NotNeeded { .. } = statement.kind() {
            return Ok(());
        }
        self.runtime.block_on(async {
            let (frame, _) = self.planned(statement).await?;
            let plan = frame.create_physical_plan().await;
            plan.map(|_| ()).map_err(QueryFault::from_engine)
        })
    }

    /// Runs a statement, and passes its rows to `sink`, if it has any.
    ///
    /// # Errors
    /// The statement cannot be run, the inputs cannot be read, or `sink` fails.
    pub fn run(&self, statement: &SqlStatement, sink: &mut dyn RowSink) -> Result<(), QueryFault> {
        match statement.kind() {
            StatementKind::NotNeeded { alias, .. } => {
                if let Some((name, table)) = alias {
                    self.add_alias(name, table)?;
                }
                Ok(())
            }
            StatementKind::View => self.runtime.block_on(async {
                let (frame, _) = self.planned(statement).await?;
                let made = self
                    .context
                    .execute_logical_plan(frame.into_unoptimized_plan());
                made.await.map(|_| ()).map_err(QueryFault::from_engine)
            }),
            StatementKind::Rows => self.unless_stopped(self.pass(statement, sink)),
        }
    }

    /// Runs `work` to its end, or until the meter says that it is to end: joins and sorts may take long
    /// after the inputs are read.
    fn unless_stopped(
        &self,
        work: impl Future<Output = Result<(), QueryFault>>,
    ) -> Result<(), QueryFault> {
        let Some(meter) = &self.meter else {
            return self.runtime.block_on(work);
        };
        let (work, stop) = futures::future::abortable(work);
        let (ended, is_ended) = mpsc::channel::<()>();
        let watched = Arc::clone(meter);
        self.runtime.spawn_blocking(move || {
            while is_ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if watched.check().is_err() {
                    return stop.abort();
                }
            }
        });
        let made = self.runtime.block_on(work);
        drop(ended);
        match (made, meter.check()) {
            (Ok(made), _) => made,
            (Err(_), Err(stopped)) => Err(QueryFault::Reading(stopped)),
            (Err(_), Ok(())) => Err(QueryFault::Reading(ErrorKind::Stopped.into())),
        }
    }

    async fn pass(
        &self,
        statement: &SqlStatement,
        sink: &mut dyn RowSink,
    ) -> Result<(), QueryFault> {
        let (frame, columns) = self.planned(statement).await?;
        let rows = frame.execute_stream().await;
        let mut rows = rows.map_err(QueryFault::from_engine)?;
        sink.begin(&columns).map_err(QueryFault::Writing)?;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(QueryFault::from_engine)?;
            sink.rows(&batch).map_err(QueryFault::Writing)?;
        }
        sink.end().map_err(QueryFault::Writing)
    }

    /// Plans a statement; returns the plan and its columns.
    async fn planned(
        &self,
        statement: &SqlStatement,
    ) -> Result<(DataFrame, SchemaRef), QueryFault> {
        let parsed = dialect::parsed(statement.tokens.clone());
        let parsed = parsed.map_err(|error| QueryFault::from_parser(&error))?;
        let mut state = self.context.state();
        let known = Known {
            functions: [
                state.scalar_functions().keys().cloned().collect::<Vec<_>>(),
                state.aggregate_functions().keys().cloned().collect(),
                state.window_functions().keys().cloned().collect(),
                state.higher_order_functions().keys().cloned().collect(),
                state.table_functions().keys().cloned().collect(),
                // The planner's own.
                vec!["unnest".to_owned()],
            ]
            .into_iter()
            .flatten()
            .collect(),
            tables: self.tables(),
            with_path: self.tables_with_path(),
            parameters: &self.parameters,
        };
        let rewritten = dialect::rewritten(parsed, &known)?;
        let rewritten = EngineStatement::Statement(Box::new(rewritten));
        let plan = state.statement_to_plan(rewritten).await;
        let plan = plan.map_err(QueryFault::from_engine)?;
        let may = SQLOptions::new()
            .with_allow_dml(false)
            .with_allow_statements(false);
        may.verify_plan(&plan).map_err(QueryFault::from_engine)?;
        let is_in_order = !order::is_order_free(&plan);
        let plan = match is_in_order {
            true => order::with_ties_broken(plan),
            false => order::in_total_order(plan),
        };
        let plan = plan.map_err(QueryFault::from_engine)?;
        if is_in_order {
            let options = state.config_mut().options_mut();
            options.execution.target_partitions = 1;
        }
        let columns = Arc::clone(plan.schema().inner());
        Ok((DataFrame::new(state, plan), columns))
    }

    fn add_alias(&self, name: &str, table: &str) -> Result<(), QueryFault> {
        let known = self.tables();
        if known.contains(name) || !known.contains(table) {
            return Ok(());
        }
        let mut pairs = vec![(quoted(name), quoted(table))];
        if self.tables_with_path().contains(table) {
            pairs.push((with_path(name), with_path(table)));
        }
        for (name, table) in pairs {
            let found = self.runtime.block_on(self.context.table_provider(table));
            let made = found.and_then(|found| self.context.register_table(name, found));
            made.map_err(QueryFault::from_engine)?;
        }
        Ok(())
    }
}

/// Adds tables: those with a column that `*` does not show are there with it and without it.
fn add_tables(
    context: &SessionContext,
    tables: Vec<(String, Arc<dyn TableProvider>)>,
) -> Result<(), DataFusionError> {
    let names = context.catalog_names();
    if let Some(catalog) = names.first().and_then(|name| context.catalog(name)) {
        let schema = Arc::new(MemorySchemaProvider::new());
        catalog.register_schema(dialect::PATH_SCHEMA, schema)?;
    }
    for (name, table) in tables {
        match Hiding::new(&table, dialect::PATH_COLUMN) {
            Some(hiding) => {
                context.register_table(with_path(&name), table)?;
                context.register_table(quoted(&name), Arc::new(hiding))?;
            }
            None => {
                context.register_table(quoted(&name), table)?;
            }
        }
    }
    Ok(())
}

/// Makes a name that is taken as it is.
fn quoted(name: &str) -> datafusion::common::TableReference {
    datafusion::common::TableReference::bare(name.to_owned())
}

/// Makes the name of a table with the column that `*` does not show.
fn with_path(name: &str) -> datafusion::common::TableReference {
    datafusion::common::TableReference::partial(dialect::PATH_SCHEMA, name.to_owned())
}

fn context(room: &EngineRoom) -> Result<SessionContext, DataFusionError> {
    let memory = usize::try_from(room.memory / ENGINE_SHARE).unwrap_or(usize::MAX);
    let temporary = DiskManagerMode::Directories(vec![room.temp_dir.clone()]);
    let room_of_engine = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(temporary))
        .with_max_temp_directory_size(u64::MAX)
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_target_partitions(room.threads.max(1))
        .with_information_schema(true);
    let options = config.options_mut();
    options.execution.time_zone = Some("+00:00".into());
    // As in Trino, whichever the direction: a list of the largest does not begin with NULL.
    options.sql_parser.default_null_ordering = "nulls_last".to_owned();
    // A sort merges what it has spilled with memory that it reserves first.
    options.execution.sort_spill_reservation_bytes = (memory / 16).min(10 << 20);
    Ok(SessionContext::new_with_config_rt(config, room_of_engine))
}
