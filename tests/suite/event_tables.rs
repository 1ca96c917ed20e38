//! Events of an archive as rows of tables: each event that is read is one row.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use flow2pcap::read::Archive;
use flow2pcap::table::{LogTable, TableBatch, TableScan, TableSink};

/// The batches of all tables, in the order of their lines.
fn batches(inputs: &Path) -> BTreeMap<LogTable, Vec<TableBatch>> {
    let scans = LogTable::ALL.map(|table| TableScan {
        table,
        columns: (0..table.columns().len()).collect(),
    });
    let taken = Mutex::new(BTreeMap::<LogTable, Vec<TableBatch>>::new());
    let sink = TableSink::new(scans.to_vec(), |batch: TableBatch| {
        taken
            .lock()
            .unwrap()
            .entry(batch.table)
            .or_default()
            .push(batch);
        Ok(())
    });
    let archive = Archive::builder(&[inputs.to_owned()])
        .events()
        .open()
        .unwrap();
    archive.read(&sink).unwrap();
    let mut taken = taken.into_inner().unwrap();
    for batches in taken.values_mut() {
        batches.sort_by_key(|batch| (batch.file, batch.lines[0]));
    }
    taken
}

/// The texts of a column and the numbers of their lines.
fn column(batches: &[TableBatch], name: &str) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    for batch in batches {
        let texts = batch.rows.column_by_name(name).unwrap().as_string_view();
        assert_eq!(texts.len(), batch.lines.len());
        let texts = texts.iter().map(|text| text.unwrap_or("NULL").to_owned());
        all.extend(texts.zip(batch.lines.iter().copied()));
    }
    all
}

#[test]
fn every_event_is_a_row_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = |n: u32| {
        format!(
            "https 2026-03-14T02:15:{:02}.186641Z app/web/1 203.0.113.9:2817 - -1 -1 -1 503 - 34 366 \"GET https://a:443/{n} HTTP/1.1\" \"agent\" - - - \"Root=1-{n}\"\n",
            n % 60
        )
    };
    // Several blocks, a bad line, and a line of another log.
    let mut text: String = (0..20_000).map(line).collect();
    text.push_str("https yesterday app/web/1\n");
    text.push_str("2026-03-14T02:15:04.562461Z 203.0.113.9 58206 80 - - - \"-\" - - - TID_1\n");
    text.push_str(&line(20_000));
    fs::write(folder.path().join("alb.log"), text).unwrap();
    let call = |name: &str| {
        format!(
            r#"{{"eventVersion":"1.09","userIdentity":{{"type":"Root"}},"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"{name}","eventID":"{name}","requestParameters":{{"a": 1}}}}"#
        )
    };
    let records = format!(
        "{{\"Records\":[{},{}]}}",
        call("CreateRoute"),
        call("DeleteRoute")
    );
    fs::write(folder.path().join("calls.json"), records).unwrap();
    let found = batches(folder.path());
    let urls = column(&found[&LogTable::AlbAccessLogs], "request_url");
    assert_eq!(urls.len(), 20_001);
    assert!(found[&LogTable::AlbAccessLogs].len() > 1, "several blocks");
    for (n, (url, line)) in urls.iter().take(20_000).enumerate() {
        assert_eq!((url, *line), (&format!("https://a:443/{n}"), n as u64 + 1));
    }
    assert_eq!(urls[20_000], ("https://a:443/20000".to_owned(), 20_003));
    let ids = column(&found[&LogTable::AlbConnectionLogs], "conn_trace_id");
    assert_eq!(ids, [("TID_1".to_owned(), 20_002)]);
    let calls = column(&found[&LogTable::CloudTrailLogs], "eventname");
    let names: Vec<&str> = calls.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["CreateRoute", "DeleteRoute"]);
    let parameters = column(&found[&LogTable::CloudTrailLogs], "requestparameters");
    assert!(parameters.iter().all(|(text, _)| text == r#"{"a": 1}"#));
    assert_eq!(found.len(), 3);
}
