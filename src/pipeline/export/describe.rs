//! What a lake needs to be queried: table definitions for Athena and Glue, and lines to copy.
//!
//! With partition projection, Athena computes the folders from the query, so that neither a crawler
//! nor `MSCK REPAIR TABLE` is needed:
//! <https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html>.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use arrow_schema::{DataType, SchemaRef};
use serde_json::{Value, json};

use super::place::{LakeLayout, PartitionKey};
use super::{LakeCompression, LakeFormat};
use crate::error::Result;
use crate::output::OutputFolder;

/// Where a user puts the location of the folder.
const LOCATION: &str = "s3://BUCKET/PREFIX";

/// A table of a lake.
pub(super) struct DescribedTable {
    pub name: String,
    /// The columns in the files.
    pub schema: SchemaRef,
    /// The partitions that were written; none if the table is one folder.
    pub partitions: BTreeSet<PartitionKey>,
    pub is_partitioned: bool,
    /// The value of `aws-service`.
    pub service: &'static str,
}

/// How the files of all tables are written.
#[derive(Clone, Copy)]
pub(super) struct LakeForm {
    pub format: LakeFormat,
    pub compression: LakeCompression,
    pub layout: LakeLayout,
}

/// Writes the files that describe a lake.
///
/// # Errors
/// They cannot be written.
pub(super) fn write(
    tables: &[DescribedTable],
    form: LakeForm,
    folder: &OutputFolder,
) -> Result<()> {
    folder
        .file("README.txt")?
        .write_all(readme(tables, form).as_bytes())?;
    if let Some(sql) = athena_sql(tables, form) {
        folder.file("athena.sql")?.write_all(sql.as_bytes())?;
    }
    if let Some(inputs) = glue(tables, form) {
        let text = format!("{inputs:#}\n");
        folder.file("glue.json")?.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Returns the definitions for Athena; `None` if Athena does not read the format.
fn athena_sql(tables: &[DescribedTable], form: LakeForm) -> Option<String> {
    let storage = storage(form.format)?;
    let mut sql = format!(
        "-- Table definitions for Amazon Athena. Copy the folders of the tables to S3, for example with\n\
         --   aws s3 sync . {LOCATION}/\n\
         -- and replace BUCKET and PREFIX below by yours. Folders of new partitions need no command:\n\
         -- Athena finds them by partition projection. If you add an account, a region or a date outside\n\
         -- of what is listed, add it in TBLPROPERTIES.\n"
    );
    for table in tables {
        let columns = table.schema.fields().iter().map(|field| {
            let kind = athena_type(field.data_type());
            format!("  {} {kind}", name(field.name()))
        });
        let columns = columns.collect::<Vec<_>>().join(",\n");
        // Writing to a string cannot fail.
        let _ = write!(
            sql,
            "\nCREATE EXTERNAL TABLE IF NOT EXISTS {} (\n{columns}\n)\n",
            name(&table.name)
        );
        let partitions = partition_columns(table, form.layout);
        if !partitions.is_empty() {
            let columns = partitions
                .iter()
                .map(|(column, kind)| format!("{} {kind}", name(column)));
            let columns = columns.collect::<Vec<_>>().join(", ");
            let _ = writeln!(sql, "PARTITIONED BY ({columns})");
        }
        let _ = writeln!(sql, "{}", storage.clause);
        let _ = writeln!(sql, "LOCATION '{LOCATION}/{}/'", table.name);
        let properties = properties(table, form);
        let properties = properties
            .iter()
            .map(|(key, value)| format!("  '{key}' = '{value}'"));
        let properties = properties.collect::<Vec<_>>().join(",\n");
        let _ = writeln!(sql, "TBLPROPERTIES (\n{properties}\n);");
    }
    Some(sql)
}

/// Returns the input of Glue's `CreateTable` for each table; `None` if Athena does not read the format.
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html>
fn glue(tables: &[DescribedTable], form: LakeForm) -> Option<Value> {
    let storage = storage(form.format)?;
    let inputs = tables.iter().map(|table| {
        let column = |name: &str, kind: &str| json!({ "Name": name, "Type": kind });
        let columns = table.schema.fields().iter();
        let columns = columns.map(|field| column(field.name(), &athena_type(field.data_type())));
        let partitions = partition_columns(table, form.layout).into_iter();
        let properties = properties(table, form).into_iter();
        json!({
            "Name": table.name,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": partitions.map(|(name, kind)| column(name, kind)).collect::<Vec<_>>(),
            "Parameters": properties
                .chain([("EXTERNAL".to_owned(), "TRUE".to_owned())])
                .map(|(key, value)| (key, value.into()))
                .collect::<serde_json::Map<String, Value>>(),
            "StorageDescriptor": {
                "Columns": columns.collect::<Vec<_>>(),
                "Location": format!("{LOCATION}/{}/", table.name),
                "InputFormat": storage.input,
                "OutputFormat": storage.output,
                "SerdeInfo": {
                    "SerializationLibrary": storage.library,
                    "Parameters": storage.parameters,
                },
            },
        })
    });
    Some(Value::Array(inputs.collect()))
}

/// Returns the text of README.txt.
fn readme(tables: &[DescribedTable], form: LakeForm) -> String {
    let mut text = String::from(
        "Tables of AWS logs, written by flow2pcap export. Run these lines in this folder.\n",
    );
    let extension = form.format.extension(form.compression);
    for table in tables {
        let name = &table.name;
        let files = match table.is_partitioned {
            true => format!("{name}/**/*.{extension}"),
            false => format!("{name}/*.{extension}"),
        };
        let (duckdb, spark, pandas) = match form.format {
            LakeFormat::Parquet => (
                format!("SELECT count(*) FROM read_parquet('{files}', hive_partitioning = true);"),
                format!("spark.read.parquet(\"{name}\").count()"),
                format!("pandas.read_parquet(\"{name}\")"),
            ),
            LakeFormat::Csv => (
                format!("SELECT count(*) FROM read_csv('{files}', hive_partitioning = true);"),
                format!("spark.read.option(\"header\", True).csv(\"{name}\").count()"),
                concatenated("read_csv", &files, ""),
            ),
            LakeFormat::JsonLines => (
                format!("SELECT count(*) FROM read_json('{files}', hive_partitioning = true);"),
                format!("spark.read.json(\"{name}\").count()"),
                concatenated("read_json", &files, ", lines=True"),
            ),
            LakeFormat::Arrow => (
                "not without an extension; export Parquet for it".to_owned(),
                "not; export Parquet for it".to_owned(),
                format!(
                    "pyarrow.dataset.dataset(\"{name}\", format=\"arrow\", partitioning=\"hive\").to_table().to_pandas()"
                ),
            ),
        };
        let _ = write!(
            text,
            "\n{name}\n  DuckDB   {duckdb}\n  Spark    {spark}\n  pandas   {pandas}\n"
        );
    }
    text.push_str(match storage(form.format) {
        Some(_) => {
            "\nAthena: athena.sql defines the tables, and says what to do first. glue.json has the same for\n\
             CreateTable of AWS Glue: one TableInput for each table.\n"
        }
        None => "\nAthena does not read this format, so there are no table definitions; export Parquet for it.\n",
    });
    text
}

fn concatenated(function: &str, files: &str, options: &str) -> String {
    format!(
        "pandas.concat(pandas.{function}(file{options}) for file in glob.glob(\"{files}\", recursive=True))"
    )
}

/// How Hive reads the files of a format.
struct HiveStorage {
    clause: &'static str,
    input: &'static str,
    output: &'static str,
    library: &'static str,
    parameters: Value,
}

fn storage(format: LakeFormat) -> Option<HiveStorage> {
    let text_input = "org.apache.hadoop.mapred.TextInputFormat";
    let text_output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
    Some(match format {
        LakeFormat::Parquet => HiveStorage {
            clause: "STORED AS PARQUET",
            input: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            output: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
            parameters: json!({ "serialization.format": "1" }),
        },
        LakeFormat::Csv => HiveStorage {
            clause: "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'\nSTORED AS TEXTFILE",
            input: text_input,
            output: text_output,
            library: "org.apache.hadoop.hive.serde2.OpenCSVSerde",
            parameters: json!({ "separatorChar": ",", "quoteChar": "\"" }),
        },
        LakeFormat::JsonLines => HiveStorage {
            clause: "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'\nSTORED AS TEXTFILE",
            input: text_input,
            output: text_output,
            library: "org.openx.data.jsonserde.JsonSerDe",
            parameters: json!({}),
        },
        LakeFormat::Arrow => return None,
    })
}

fn partition_columns(
    table: &DescribedTable,
    layout: LakeLayout,
) -> Vec<(&'static str, &'static str)> {
    if !table.is_partitioned {
        return Vec::new();
    }
    let columns = layout.columns().iter();
    let typed = columns.map(|name| match *name {
        "date" => ("date", "date"),
        name => (name, "string"),
    });
    typed.collect()
}

/// Returns the properties of a table, with partition projection if it has partitions.
fn properties(table: &DescribedTable, form: LakeForm) -> Vec<(String, String)> {
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut put = |key: &str, value: &str| properties.push((key.to_owned(), value.to_owned()));
    match form.format {
        LakeFormat::Parquet => {
            put("classification", "parquet");
            let name = form.compression.name().to_uppercase();
            put("parquet.compression", &name.replace("NONE", "UNCOMPRESSED"));
        }
        LakeFormat::Csv => {
            put("classification", "csv");
            put("skip.header.line.count", "1");
        }
        LakeFormat::JsonLines => put("classification", "json"),
        LakeFormat::Arrow => {}
    }
    if table.is_partitioned {
        put("projection.enabled", "true");
        let mut template = format!("{LOCATION}/{}", table.name);
        for column in form.layout.columns() {
            for (key, value) in projection(table, form.layout, column) {
                put(&format!("projection.{column}.{key}"), &value);
            }
            let _ = write!(template, "/{column}=${{{column}}}");
        }
        put("storage.location.template", &format!("{template}/"));
    }
    properties
}

/// Returns the properties of one partition column.
fn projection(
    table: &DescribedTable,
    layout: LakeLayout,
    column: &str,
) -> Vec<(&'static str, String)> {
    let values = |of: fn(&PartitionKey) -> &str| {
        let values: BTreeSet<&str> = table.partitions.iter().map(of).collect();
        let values = values.into_iter().collect::<Vec<_>>().join(",");
        vec![("type", "enum".to_owned()), ("values", values)]
    };
    let range = |first: String, last: String| {
        let range = format!("{first},{last}");
        vec![
            ("type", "integer".to_owned()),
            ("range", range),
            ("digits", "2".to_owned()),
        ]
    };
    let slots = table.partitions.iter().filter_map(|key| key.slot);
    let time = |slot: Option<i64>| layout.time_of(slot.unwrap_or(0));
    let (first, last) = (time(slots.clone().min()), time(slots.max()));
    let written = |time: &Option<jiff::Zoned>, pattern: &str| match time {
        Some(time) => time.strftime(pattern).to_string(),
        None => String::new(),
    };
    let first = |pattern| written(&first, pattern);
    let last = |pattern| written(&last, pattern);
    match column {
        "account" | "aws-account-id" => values(|key| &key.account),
        "region" | "aws-region" => values(|key| &key.region),
        "aws-service" => vec![
            ("type", "enum".to_owned()),
            ("values", table.service.to_owned()),
        ],
        "date" => vec![
            ("type", "date".to_owned()),
            (
                "range",
                format!("{},{}", first("%Y-%m-%d"), last("%Y-%m-%d")),
            ),
            ("format", "yyyy-MM-dd".to_owned()),
            ("interval", "1".to_owned()),
            ("interval.unit", "DAYS".to_owned()),
        ],
        "year" => {
            let mut years = range(first("%Y"), last("%Y"));
            years.truncate(2);
            years
        }
        "month" => range("01".to_owned(), "12".to_owned()),
        "day" => range("01".to_owned(), "31".to_owned()),
        _ => range("00".to_owned(), "23".to_owned()),
    }
}

/// Returns a name as Athena's DDL has it. Names in backticks may be reserved words.
fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Returns the type in Athena for a type of Arrow.
fn athena_type(kind: &DataType) -> String {
    match kind {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Struct(members) => {
            let members = members
                .iter()
                .map(|member| format!("{}:{}", member.name(), athena_type(member.data_type())));
            format!("struct<{}>", members.collect::<Vec<_>>().join(","))
        }
        DataType::List(element) => format!("array<{}>", athena_type(element.data_type())),
        _ => "string".to_owned(),
    }
}
