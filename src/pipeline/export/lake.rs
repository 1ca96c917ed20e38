//! The tables of a lake, and how rows get into their partitions.
//!
//! To add a table, add a [`LakeTable`] with its Arrow schema, and [`Lake::put`] its rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Schema, SchemaRef};

use super::ExportedTable;
use super::describe::{self, DescribedTable, LakeForm};
use super::gather::{ChosenRows, Gathered, RowAt};
use super::lake_file::{LakeSums, LakeWriter};
use super::order::RowOrder;
use super::place::{LakeLayout, PartitionKey, PathPartition, UNKNOWN, value};
use super::store::RowStore;
use super::stored::{StoredRows, words};
use crate::error::Result;
use crate::output::OutputFolder;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::Meter;
use crate::table::{DerivedTable, LogTable, TableBatch};

/// The columns that may have the account of a row.
const ACCOUNT_COLUMNS: [&str; 3] = ["account", "account_id", "recipientaccountid"];

/// The name of flow logs in the paths of their deliveries.
const FLOW_LOGS_SERVICE: &str = "vpcflowlogs";

/// The columns that may have its region.
const REGION_COLUMNS: [&str; 2] = ["region", "awsregion"];

/// A table of a lake.
pub(super) struct LakeTable {
    /// Its name, which is that of its folder.
    pub name: &'static str,
    /// The value of `aws-service`.
    pub service: &'static str,
    /// Its columns.
    pub schema: SchemaRef,
    /// Whether it has partitions.
    pub is_partitioned: bool,
}

/// Rows of a table.
pub(super) struct LakeRows<'a> {
    /// The columns of the table. Text may also be a dictionary with 32-bit keys.
    pub columns: &'a [ArrayRef],
    /// The times in nanoseconds since the Unix epoch.
    pub instants_ns: &'a [Option<i64>],
    /// The number of their file, which orders rows of one instant.
    pub file: u32,
    /// The numbers of their lines in it, which order rows of one file.
    pub lines: Vec<u64>,
    /// What the path of their file gives.
    pub path: &'a PathPartition,
}

/// The rows of all tables.
pub(super) struct Lake<'a> {
    tables: Vec<LakeTable>,
    layout: LakeLayout,
    store: RowStore<'a>,
}

impl LakeTable {
    /// Returns the table of a log.
    pub(super) fn of_log(table: LogTable) -> Self {
        let columns: Vec<usize> = (0..table.columns().len()).collect();
        Self {
            name: table.name(),
            service: match table {
                LogTable::VpcFlowLogs => FLOW_LOGS_SERVICE,
                LogTable::CloudTrailLogs => "CloudTrail",
                LogTable::R53ResolverLogs => "vpcdnsquerylogs",
                LogTable::WafLogs => "WAFLogs",
                _ => "elasticloadbalancing",
            },
            schema: table.schema(&columns),
            is_partitioned: true,
        }
    }

    /// Returns a derived table. It is made from flow logs, whose service it has. Findings are too few
    /// for partitions.
    pub(super) fn of_derived(table: DerivedTable) -> Self {
        Self {
            name: table.name(),
            service: FLOW_LOGS_SERVICE,
            schema: table.schema(),
            is_partitioned: table == DerivedTable::Connections,
        }
    }

    fn column(&self, names: &[&str]) -> Option<usize> {
        let fields = self.schema.fields();
        names
            .iter()
            .find_map(|name| fields.iter().position(|field| field.name() == name))
    }

    /// Whether a partition has the name of a column. The partition has its values then.
    fn is_in_path(&self, layout: LakeLayout, column: usize) -> bool {
        let name = self.schema.field(column).name();
        self.is_partitioned && layout.columns().contains(&name.as_str())
    }
}

impl<'a> Lake<'a> {
    /// Creates a lake without rows.
    pub(super) fn new(
        tables: Vec<LakeTable>,
        layout: LakeLayout,
        folder: &'a SpillFolder,
        held_max: usize,
    ) -> Self {
        let schemas = tables.iter().map(|table| Arc::clone(&table.schema));
        Self {
            store: RowStore::new(schemas.collect(), folder, held_max),
            tables,
            layout,
        }
    }

    /// Adds rows that were read from a log.
    ///
    /// # Errors
    /// See [`put`](Self::put).
    pub(super) fn put_batch(&self, batch: TableBatch, path: &PathPartition) -> Result<()> {
        let name = batch.table.name();
        let rows = LakeRows {
            columns: batch.rows.columns(),
            instants_ns: &batch.instants_ns,
            file: batch.file,
            lines: batch.lines,
            path,
        };
        self.put(name, rows)
    }

    /// Adds rows to the table of that name.
    ///
    /// # Errors
    /// There are too many partitions, or temporary data cannot be stored.
    pub(super) fn put(&self, name: &str, rows: LakeRows<'_>) -> Result<()> {
        let Some(table) = self.tables.iter().position(|table| table.name == name) else {
            return Ok(());
        };
        let of = &self.tables[table];
        let known = rows.instants_ns.iter().copied();
        let order = RowOrder {
            instants_ns: known.map(|ns| ns.unwrap_or(i64::MIN)).collect(),
            files: vec![rows.file; rows.lines.len()],
            lines: rows.lines,
        };
        let stored = StoredRows::new(rows.columns, order);
        if !of.is_partitioned {
            let key = PartitionKey {
                account: UNKNOWN.into(),
                region: UNKNOWN.into(),
                slot: None,
            };
            return self.store.add((table, key), stored);
        }
        let accounts = self.owners(of, &stored, &ACCOUNT_COLUMNS, rows.path.account.as_ref());
        let regions = self.owners(of, &stored, &REGION_COLUMNS, rows.path.region.as_ref());
        let slots: Vec<Option<i64>> = rows
            .instants_ns
            .iter()
            .map(|ns| rows.path.slot(self.layout, *ns))
            .collect();
        let key = |row: usize| PartitionKey {
            account: Arc::clone(accounts.of(row)),
            region: Arc::clone(regions.of(row)),
            slot: slots[row],
        };
        let is_one = slots.windows(2).all(|pair| pair[0] == pair[1]);
        if is_one && accounts.is_one() && regions.is_one() && !slots.is_empty() {
            return self.store.add((table, key(0)), stored);
        }
        let mut parts: BTreeMap<PartitionKey, Vec<RowAt>> = BTreeMap::new();
        for (row, index) in (0..).zip(0..slots.len()) {
            let at = RowAt { batch: 0, row };
            parts.entry(key(index)).or_default().push(at);
        }
        let whole = [Arc::new(stored)];
        for (key, rows) in parts {
            let part = self.store.piece(table, &whole, &rows);
            self.store.add((table, key), part)?;
        }
        Ok(())
    }

    /// Returns the accounts or regions of rows: those of the path, else those of a column. A column
    /// with the name of a partition comes first, because it is nowhere else.
    fn owners(
        &self,
        table: &LakeTable,
        stored: &StoredRows,
        columns: &[&str],
        path: Option<&Arc<str>>,
    ) -> RowOwners {
        let otherwise = path.cloned().unwrap_or_else(|| UNKNOWN.into());
        let column = table.column(columns);
        let column = column
            .filter(|column| path.is_none() || table.is_in_path(self.layout, *column))
            .map(|column| &stored.columns[column]);
        let Some((column, values)) = column.and_then(|column| Some((column, words(column)?)))
        else {
            return RowOwners::one(otherwise);
        };
        let named = values.iter().flatten().map(|word| owner(word, &otherwise));
        let named: BTreeSet<Arc<str>> = match column.null_count() {
            0 => named.collect(),
            _ => named.chain([Arc::clone(&otherwise)]).collect(),
        };
        // Records without a region belong to that of the path, which nearly always is that of the others.
        if named.len() == 1 {
            return RowOwners::one(named.into_iter().next().unwrap_or(otherwise));
        }
        let rows: Vec<RowAt> = (0..)
            .zip(0..column.len())
            .map(|(row, _)| RowAt { batch: 0, row })
            .collect();
        let alone = [Arc::new(StoredRows {
            columns: vec![Arc::clone(column)],
            order: RowOrder::default(),
        })];
        let chosen = ChosenRows::new(&alone, &rows);
        let Gathered::Text { numbers, words } = chosen.gather(0, &DataType::Utf8) else {
            return RowOwners::one(otherwise);
        };
        let named = words.iter().map(|word| owner(word, &otherwise));
        RowOwners {
            values: std::iter::once(Arc::clone(&otherwise))
                .chain(named)
                .collect(),
            numbers,
        }
    }

    /// Writes all rows into a folder, with table definitions. `flow_log_columns` are the columns of
    /// `vpc_flow_logs` that the archive has. Returns what was written of each table.
    ///
    /// # Errors
    /// A file cannot be written, or temporary data cannot be read.
    pub(super) fn write(
        self,
        folder: &OutputFolder,
        form: LakeForm,
        flow_log_columns: &[usize],
        meter: &Meter,
    ) -> Result<BTreeMap<String, ExportedTable>> {
        let Self {
            tables,
            layout,
            store,
        } = self;
        let columns = |table: &LakeTable| -> Vec<usize> {
            let is_flow_logs = table.name == LogTable::VpcFlowLogs.name();
            let all = 0..table.schema.fields().len();
            all.filter(|column| !is_flow_logs || flow_log_columns.contains(column))
                .filter(|column| !table.is_in_path(layout, *column))
                .collect()
        };
        let columns: Vec<Vec<usize>> = tables.iter().map(columns).collect();
        let writer = LakeWriter {
            folder,
            format: form.format,
            compression: form.compression,
        };
        let mut written: BTreeMap<usize, WrittenTable> = BTreeMap::new();
        store.for_each_group(
            |(table, key)| {
                let of = &tables[*table];
                let folders = match of.is_partitioned {
                    true => format!("{}/{}", of.name, layout.folders(key, of.service)),
                    false => of.name.to_owned(),
                };
                let schema = chosen(&of.schema, &columns[*table]);
                let files = writer.partition(folders, schema, columns[*table].clone());
                Ok(((*table, key.clone()), files))
            },
            |(_, files), batches, rows| {
                meter.add(rows.len() as u64);
                files.write(batches, rows)
            },
            |((table, key), files)| {
                let table = written.entry(table).or_default();
                table.sums.add(files.close()?);
                table.partitions.insert(key);
                Ok(())
            },
        )?;
        let described = written.iter().map(|(table, written)| DescribedTable {
            name: tables[*table].name.to_owned(),
            schema: chosen(&tables[*table].schema, &columns[*table]),
            partitions: written.partitions.clone(),
            is_partitioned: tables[*table].is_partitioned,
            service: tables[*table].service,
        });
        describe::write(&described.collect::<Vec<_>>(), form, folder)?;
        let written = written.into_iter().map(|(table, written)| {
            let exported = ExportedTable {
                rows: written.sums.rows,
                partitions: written.partitions.len() as u64,
                files: written.sums.files,
                bytes: written.sums.bytes,
            };
            (tables[table].name.to_owned(), exported)
        });
        Ok(written.collect())
    }
}

/// What was written of a table.
#[derive(Default)]
struct WrittenTable {
    sums: LakeSums,
    partitions: BTreeSet<PartitionKey>,
}

/// The accounts or regions of rows.
struct RowOwners {
    values: Vec<Arc<str>>,
    /// By row: the index of its value. Empty if there is one for all.
    numbers: Vec<u32>,
}

impl RowOwners {
    fn one(value: Arc<str>) -> Self {
        Self {
            values: vec![value],
            numbers: Vec::new(),
        }
    }

    fn is_one(&self) -> bool {
        self.numbers.is_empty()
    }

    fn of(&self, row: usize) -> &Arc<str> {
        let number = self.numbers.get(row).copied().unwrap_or(0);
        &self.values[number as usize]
    }
}

/// Returns a value of a column as that of a folder. `-` in text is no value.
fn owner(text: &str, otherwise: &Arc<str>) -> Arc<str> {
    match text {
        "" | "-" => Arc::clone(otherwise),
        text => value(text),
    }
}

/// Returns these columns of a schema.
fn chosen(schema: &SchemaRef, columns: &[usize]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|column| Arc::clone(&schema.fields()[*column]));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
