//! What people saved of the AWS command line, the console and Athena, gives the
//! same packets as the logs themselves.

use crate::support::wrapping::*;
use serde_json::{Value, json};

#[test]
fn saved_answers_of_filter_and_get_log_events() {
    let events = events();
    let filter = json!({"events": events, "searchedLogStreams": [{"a": [1]}], "nextToken": "x"});
    check(serde_json::to_string_pretty(&filter).unwrap());
    let get = json!({"nextForwardToken": "f", "nextBackwardToken": "b", "events": events});
    check(get.to_string());
    // Page after page.
    let page = |events: &[Value]| json!({"events": events}).to_string();
    check(page(&events[..7]) + "\n" + &page(&events[7..]));
    // What jq leaves of it.
    let messages: Vec<&Value> = events.iter().map(|event| &event["message"]).collect();
    check(json!(messages).to_string());
}

#[test]
fn saved_answers_of_logs_tail() {
    let (_, records) = v5();
    let text =
        |front: &str| -> String { records.iter().map(|r| format!("{front} {r}\n")).collect() };
    check(text(
        "2026-03-14T08:00:31.000000+00:00 eni-0c2e4a6b8d0f31957-all",
    ));
    check(text("2026-03-14T08:00:31"));
}

#[test]
fn saved_answers_of_logs_insights() {
    let (_, records) = v5();
    let row = |record: &String| {
        json!([
            {"field": "@timestamp", "value": "2026-03-14 08:00:31.000"},
            {"field": "@message", "value": record},
            {"field": "@ptr", "value": "Cn"},
        ])
    };
    let rows: Vec<Value> = records.iter().map(row).collect();
    check(
        json!({"results": rows, "statistics": {"recordsMatched": 1.0}, "status": "Complete"})
            .to_string(),
    );
    let camel = |name: &str| {
        let mut parts = name.split('-');
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |name, part| {
            name + &part[..1].to_uppercase() + &part[1..]
        })
    };
    let fields = objects(camel, as_text);
    let row = |object: &Value| -> Value {
        let cells = object.as_object().unwrap().iter();
        cells
            .map(|(name, value)| json!({"field": name, "value": value}))
            .collect()
    };
    check(json!({"results": fields.iter().map(row).collect::<Vec<_>>()}).to_string());
    check(Value::from(fields).to_string());
    let (columns, _) = v5();
    let header = columns
        .iter()
        .map(|name| camel(name))
        .collect::<Vec<_>>()
        .join(",");
    let rows = records.iter().map(|record| record.replace(' ', ",") + "\n");
    check(header + "\n" + &rows.collect::<String>());
    let csv = records
        .iter()
        .map(|record| format!("2026-03-14 08:00:31.000,{record}\n"));
    check("@timestamp,@message\n".to_owned() + &csv.collect::<String>());
}

#[test]
fn saved_answers_of_the_console_and_of_athena() {
    let (columns, records) = v5();
    let console = records
        .iter()
        .map(|record| format!("1773475231000,\"{record}\"\n"));
    check("timestamp,message\n".to_owned() + &console.collect::<String>());
    let table = |columns: Vec<String>| -> String {
        let rows = records
            .iter()
            .map(|record| record.split(' ').map(|cell| cell.replace('-', "\u{1}")));
        let quoted = |cells: Vec<String>| format!("\"{}\"\n", cells.join("\",\""));
        let rows = rows.map(|cells| {
            let cells = cells.map(|cell| {
                if cell == "\u{1}" {
                    String::new()
                } else {
                    cell.replace('\u{1}', "-")
                }
            });
            quoted(cells.collect())
        });
        quoted(columns) + &rows.collect::<String>()
    };
    check(table(
        columns.iter().map(|name| name.replace('-', "_")).collect(),
    ));
    let old = |name: &String| match name.as_str() {
        "account-id" => "account".to_owned(),
        "srcaddr" => "sourceaddress".to_owned(),
        "dstaddr" => "destinationaddress".to_owned(),
        "srcport" => "sourceport".to_owned(),
        "dstport" => "destinationport".to_owned(),
        "packets" => "numpackets".to_owned(),
        "bytes" => "numbytes".to_owned(),
        "start" => "starttime".to_owned(),
        "end" => "endtime".to_owned(),
        other => other.replace('-', ""),
    };
    check(table(columns.iter().map(old).collect()));
}
