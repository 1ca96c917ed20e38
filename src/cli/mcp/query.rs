//! The tool `query`: SQL over the logs.

use clap::Args;
use flow2pcap::error::Error;
use flow2pcap::pipeline::Request;
use flow2pcap::sql::{
    Engine, EngineRoom, NamedQuery, Parameters, QueryForm, RowWriter, StatementKind, statements,
};
use serde_json::Value;

use super::arguments::{NARROWING, schema};
use super::facts::{AnswerFacts, Fact};
use super::tools::{AgentTool, ToolRun};
use crate::cli::advice::refusal;
use crate::cli::narrowing::Narrowing;
use crate::cli::query::explained;

/// The options that are arguments, with those that narrow.
const OPTIONS: [&str; 2] = ["sql", "set"];

/// The most bytes of a result as JSON.
const ROWS_LEN_MAX: usize = 8 << 20;

pub(super) const TOOL: AgentTool = AgentTool {
    name: "query",
    title: "Query with SQL",
    description: "Runs one SELECT in the SQL of Amazon Athena, with AWS's tables and columns: vpc_flow_logs, \
        alb_access_logs, nlb_tls_logs, cloudtrail_logs and more, and connections and findings. \"$path\" is the \
        file and line of a row. Sum or LIMIT: a result has at most 8 MiB.",
    schema: || schema::<QueryArgs>(&taken(), &["sql"]),
    writes: false,
    run,
};

fn taken() -> Vec<&'static str> {
    [&OPTIONS[..], &NARROWING].concat()
}

/// The arguments of the tool.
#[derive(Debug, Args)]
struct QueryArgs {
    /// A SELECT, or the name of a query such as top-talkers
    #[arg(long, value_name = "SQL")]
    sql: String,

    /// Values that a named query needs, as NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    narrowing: Narrowing,
}

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    let args: QueryArgs = call.parse(&taken(), &[])?;
    let sql = NamedQuery::find(&args.sql).map_or(&*args.sql, |query| query.sql);
    let all = statements(sql).map_err(explained)?;
    let [statement] = &all[..] else {
        return Err(refusal("this is not one statement", "give one SELECT"));
    };
    if *statement.kind() != StatementKind::Rows {
        return Err(refusal("this is not a SELECT", "give one SELECT"));
    }
    let request = Request::new(Vec::new()).filter(args.narrowing.filter()?);
    let request = call.within(request)?;
    let room = EngineRoom {
        threads: call.place.pool.current_num_threads(),
        memory: call.place.memory,
        temp_dir: call.place.temp_dir.clone(),
    };
    let engine = Engine::open(&request, &room, parameters(&args.set)?, call.meter);
    let engine = engine.map_err(explained)?;
    let mut rows = Vec::new();
    let mut take = |bytes: &[u8]| {
        if rows.len() + bytes.len() > ROWS_LEN_MAX {
            return Err(Error::usage(format!(
                "the result has more than {} MiB; sum the rows, or add LIMIT",
                ROWS_LEN_MAX >> 20
            )));
        }
        rows.extend_from_slice(bytes);
        Ok(())
    };
    let mut writer = RowWriter::new(QueryForm::Jsonl, &mut take);
    engine.run(statement, &mut writer).map_err(explained)?;
    let count = writer.count();
    let unread = engine.unread();
    let mut facts = vec![
        Fact::new("result")
            .observed("rows", count)
            .observed("lines_not_read", unread.lines)
            .observed("damaged_files", unread.files),
    ];
    facts.extend(String::from_utf8_lossy(&rows).lines().map(of_row));
    Ok(Box::new(facts.into_iter()))
}

fn parameters(set: &[String]) -> anyhow::Result<Parameters> {
    let each = set.iter().map(|text| {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| refusal("set is NAME=VALUE", "give set as in address=10.0.11.15"))
    });
    each.collect()
}

/// A row has what the query computes, under any names, so none of it is called observed.
fn of_row(row: &str) -> Fact {
    let Ok(Value::Object(columns)) = serde_json::from_str(row) else {
        return Fact::new("row");
    };
    let columns = columns.into_iter();
    columns.fold(Fact::new("row"), |fact, (name, value)| {
        fact.deduced(&name, value)
    })
}
