//! The tables of connections and findings, held against what `metrics` and `diagnose` print.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_select::concat::concat_batches;
use flow2pcap::pipeline::{self, ConnectionsRead, Meter, Request};
use flow2pcap::table::DerivedTable;
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

use crate::support::sums::sums;
use crate::support::{file, flow2pcap, run, testdata};

/// The connections of an archive in their order.
fn connections(request: &Request) -> (ConnectionsRead, RecordBatch) {
    let batches = Mutex::new(Vec::new());
    let read = pipeline::connections(request, &Meter::default(), &|batch| {
        batches.lock().unwrap().push(batch);
        Ok(())
    });
    let mut batches = batches.into_inner().unwrap();
    batches.sort_by_key(|batch| batch.place);
    let rows = batches.iter().map(|batch| &batch.rows);
    let rows = concat_batches(&DerivedTable::Connections.schema(), rows).unwrap();
    let read = read.unwrap();
    assert_eq!(read.connections, rows.num_rows() as u64);
    (read, rows)
}

fn connections_of(input: &Path) -> RecordBatch {
    connections(&Request::new(vec![input.to_owned()])).1
}

fn numbers<'r>(rows: &'r RecordBatch, name: &str) -> impl Iterator<Item = Option<i64>> + 'r {
    rows.column_by_name(name)
        .unwrap()
        .as_primitive::<Int64Type>()
        .iter()
}

fn sum(rows: &RecordBatch, names: &[&str]) -> u128 {
    let all = names.iter().flat_map(|name| numbers(rows, name)).flatten();
    all.map(|number| u128::try_from(number).unwrap()).sum()
}

fn texts(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let texts = rows.column_by_name(name).unwrap().as_string_view();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

/// How many rows have each value.
fn counts(rows: &RecordBatch, name: &str) -> BTreeMap<String, u128> {
    let mut counts = BTreeMap::new();
    for text in texts(rows, name) {
        *counts.entry(text.unwrap()).or_default() += 1;
    }
    counts
}

/// The sums by the last label, over all time.
fn by_label(inputs: &[PathBuf], options: &[&str]) -> BTreeMap<String, u128> {
    let mut found = BTreeMap::new();
    for ((labels, _), value) in sums(inputs, options) {
        *found.entry(labels.last().unwrap().clone()).or_default() += value;
    }
    found
}

/// A generated archive of some minutes.
fn generated(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("generated");
    let settings = Settings {
        enis: 40,
        ..Settings::new(Version::V5, 7)
    };
    generate(settings, Goal::Lines(30_000), Shape::Tree, false, &path).unwrap();
    path
}

#[test]
fn sums_are_those_of_metrics() {
    let folder = tempfile::tempdir().unwrap();
    for input in [testdata("incident"), testdata("bucket"), generated(&folder)] {
        let rows = connections_of(&input);
        let inputs = [input];
        let measures = ["--once", "--measure", "packets,bytes,records"];
        let found = by_label(&inputs, &measures);
        let expected = [
            (
                "packets",
                sum(&rows, &["initiator_packets", "responder_packets"]),
            ),
            ("bytes", sum(&rows, &["initiator_bytes", "responder_bytes"])),
            ("records", sum(&rows, &["records"])),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(name, n)| (name.to_owned(), n)).into();
        assert_eq!(found, expected, "{inputs:?}");
        for by in ["outcome", "action"] {
            let options = ["--by", by, "--measure", "connections"];
            assert_eq!(by_label(&inputs, &options), counts(&rows, by), "{inputs:?}");
        }
    }
}

#[test]
fn threads_and_memory_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request::new(vec![generated(&folder)]).temp_dir(folder.path().to_owned());
    let with = |threads: usize, memory: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let request = request.clone().memory(memory);
        pool.build().unwrap().install(|| connections(&request))
    };
    let (read, rows) = with(1, 1 << 30);
    assert_eq!(read.spilled_bytes, 0);
    assert!(rows.num_rows() > 5_000, "{}", rows.num_rows());
    for (threads, memory) in [(2, 1 << 30), (4, 1 << 30), (2, 1 << 21)] {
        let (read, same) = with(threads, memory);
        assert_eq!(read.spilled_bytes > 0, memory < 1 << 30);
        assert!(same == rows, "{threads} {memory}");
    }
}

#[test]
fn connection_has_its_ends_its_sides_and_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status \
vpc-id tcp-flags flow-direction pkt-srcaddr pkt-dstaddr reject-reason
5 123456789010 eni-a 10.0.0.1 10.0.0.2 40000 5432 6 6 600 1773454500 1773454510 ACCEPT OK vpc-1 3 egress - - -
5 123456789010 eni-a 10.0.0.2 10.0.0.1 5432 40000 6 5 500 1773454500 1773454512 ACCEPT OK vpc-1 19 ingress - - -
8 123456789010 eni-b 10.0.9.9 10.0.1.2 50000 22 6 2 120 1773454600 1773454600 REJECT OK - 2 ingress 203.0.113.9 - BPA
5 123456789010 eni-c 10.0.2.1 10.0.2.2 41000 8080 6 1 60 1773454700 1773454700 ACCEPT OK vpc-2 2 egress - - -
5 123456789010 eni-c 10.0.2.2 10.0.2.1 8080 41000 6 1 40 1773454700 1773454700 ACCEPT OK vpc-2 4 ingress - - -
";
    let log = file(
        &folder,
        "123456789010_vpcflowlogs_eu-central-1_fl-0a1b2c3d_20260314T0215Z_0a1b2c3d.log",
        text,
    );
    let rows = connections_of(&log);
    let row_of = |address: &str| {
        let all = texts(&rows, "initiator");
        all.iter()
            .position(|text| text.as_deref() == Some(address))
            .unwrap()
    };
    let shown = |row: usize, names: &str| {
        let cell = |name: &str| {
            let column = rows.column_by_name(name).unwrap().slice(row, 1);
            if column.is_null(0) {
                return "-".to_owned();
            }
            match name {
                "enis" => column
                    .as_list::<i32>()
                    .value(0)
                    .as_string_view()
                    .iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("+"),
                "presumed" | "closed_first_guessed" | "sent_first_guessed" => {
                    column.as_boolean().value(0).to_string()
                }
                _ => match column.as_string_view_opt() {
                    Some(text) => text.value(0).to_owned(),
                    None => match column.as_primitive_opt::<Int64Type>() {
                        Some(number) => number.value(0).to_string(),
                        None => column.as_primitive::<Int32Type>().value(0).to_string(),
                    },
                },
            }
        };
        names
            .split_whitespace()
            .map(cell)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let names = "account region vpc protocol initiator_port responder responder_port initiator_evidence service \
        first_second last_second outcome presumed initiator_packets initiator_bytes responder_packets responder_bytes \
        records enis action rejected_packets rejected_at reject_reason closed_first closed_first_guessed reset_by \
        sent_first_guessed";
    assert_eq!(
        shown(row_of("10.0.0.1"), names),
        "123456789010 eu-central-1 vpc-1 6 40000 10.0.0.2 5432 syn PostgreSQL 1773454500 1773454512 complete false \
         6 600 5 500 2 eni-a ACCEPT 0 - - responder false - false"
    );
    assert_eq!(
        shown(row_of("203.0.113.9"), names),
        "123456789010 eu-central-1 - 6 50000 10.0.1.2 22 syn SSH 1773454600 1773454600 rejected false \
         2 120 0 0 1 eni-b REJECT 2 eni-b BPA - false - false"
    );
    assert_eq!(
        shown(row_of("10.0.2.1"), "service outcome closed_first reset_by"),
        "- refused - responder"
    );
}

#[test]
fn filter_selects_connections() {
    let request = Request::new(vec![testdata("incident")]);
    let (_, all) = connections(&request);
    let filter = flow2pcap::filter::Filter {
        condition: Some("port 5432".parse().unwrap()),
        ..Default::default()
    };
    let (read, some) = connections(&request.filter(filter));
    assert!(some.num_rows() > 0 && some.num_rows() < all.num_rows());
    assert!(read.records.filtered > 0 && read.records.adds_up());
    let ports = some.column_by_name("responder_port").unwrap();
    assert!(
        ports
            .as_primitive::<Int32Type>()
            .iter()
            .all(|port| port == Some(5432))
    );
}

#[test]
fn findings_are_those_of_diagnose() {
    for name in ["incident", "bucket"] {
        let input = testdata(name);
        let printed = run(flow2pcap().arg("diagnose").arg("--json").arg(&input));
        let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
        let expected = printed["findings"].as_array().unwrap();
        let request = Request::new(vec![input]);
        let (rows, diagnosis) = pipeline::findings(&request, &Meter::default()).unwrap();
        assert_eq!(rows.num_rows(), expected.len());
        assert_eq!(diagnosis.findings.len(), expected.len());
        assert_eq!(rows.schema(), DerivedTable::Findings.schema());
        assert!(name != "incident" || rows.num_rows() > 3);
        for (column, field) in [
            ("cause", "/cause"),
            ("certainty", "/certainty"),
            ("title", "/title"),
            ("first_time", "/first"),
            ("since", "/since"),
            ("means", "/means"),
            ("display_filter", "/display_filter"),
        ] {
            let found = texts(&rows, column);
            let expected = expected.iter().map(|finding| {
                let value = finding.pointer(field).unwrap().as_str();
                value.map(str::to_owned)
            });
            assert!(found.iter().cloned().eq(expected), "{column}: {found:?}");
        }
        for (column, field) in [
            ("sources", "/where/from"),
            ("ports", "/where/ports"),
            ("records", "/records"),
        ] {
            let found = texts(&rows, column)
                .into_iter()
                .map(|text| serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap());
            let expected = expected
                .iter()
                .map(|finding| finding.pointer(field).unwrap());
            assert!(found.eq(expected.cloned()), "{column}");
        }
        let attempts = expected.iter().map(|finding| finding["count"].as_i64());
        assert!(numbers(&rows, "attempts").eq(attempts));
        assert!(numbers(&rows, "number").eq((1..).map(Some).take(expected.len())));
        for accounts in texts(&rows, "accounts") {
            let accounts: Vec<String> = serde_json::from_str(&accounts.unwrap()).unwrap();
            assert!(
                accounts.iter().all(|account| account.len() == 12),
                "{accounts:?}"
            );
        }
    }
}
