//! `flow2pcap query`, run as a user runs it, over the test data.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::process::{Command, Output};

fn query(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flow2pcap"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.arg("query").args(args).env("COLUMNS", "100");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The rows of a query that succeeds.
#[track_caller]
fn rows(args: &[&str]) -> String {
    let output = query(args);
    assert!(
        output.status.success(),
        "{args:?}\n{}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The message of a query that fails.
#[track_caller]
fn refused(args: &[&str]) -> String {
    let output = query(args);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{args:?}\n{}",
        text(&output.stderr)
    );
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

const BUCKET: &str = "testdata/bucket";
const INCIDENT: &str = "testdata/incident";

#[test]
fn queries_of_the_guides_give_the_rows_of_the_files() {
    // A header line each is no row; NODATA and SKIPDATA are.
    assert_eq!(
        rows(&["SELECT count(*) FROM vpc_flow_logs", BUCKET]),
        "_col0\n627\n"
    );
    assert_eq!(
        rows(&["SELECT count(*) FROM vpc_flow_logs", INCIDENT]),
        "_col0\n128\n"
    );
    assert_eq!(
        rows(&["SELECT sum(bytes) FROM vpc_flow_logs", BUCKET]),
        "_col0\n1527506\n"
    );
    assert_eq!(
        rows(&["most-rejected-protocols", INCIDENT]),
        "protocol,rejected\n6,14\n"
    );
    assert_eq!(
        rows(&["top-rejected-sources", BUCKET]),
        "srcaddr,rejected\n10.0.1.20,6\n198.51.100.66,3\n10.0.2.20,2\n"
    );
    assert_eq!(
        rows(&["top-https-servers", BUCKET])
            .lines()
            .take(4)
            .collect::<Vec<_>>(),
        [
            "packetcount,dstaddr",
            "360,10.0.2.20",
            "298,10.0.1.20",
            "36,10.90.0.12"
        ]
    );
    let printed = "SELECT SUM(packets) AS packetcount, dstaddr FROM vpc_flow_logs WHERE dstport = 443 AND date > \
                   current_date - interval '36500' day GROUP BY dstaddr ORDER BY packetcount DESC LIMIT 1";
    assert_eq!(
        rows(&[printed, INCIDENT]),
        "packetcount,dstaddr\n22,10.0.1.20\n"
    );
    assert_eq!(
        rows(&["rejected-tcp-by-15-minutes", INCIDENT]),
        "time,records,packets\n2026-03-14 02:15:00.000 UTC,14,20\n"
    );
    assert_eq!(rows(&["SELECT count(*) FROM flow_logs WHERE dstport = '443' AND start >= current_timestamp - interval '36500' day", BUCKET]).lines().count(), 2);
}

#[test]
fn events_have_tables_too() {
    assert_eq!(
        rows(&["SELECT count(*) FROM alb_logs", BUCKET]),
        "_col0\n65\n"
    );
    let clients = rows(&["requests-by-client", BUCKET]);
    assert_eq!(clients.lines().nth(1), Some("12,GET,203.0.113.9"));
    assert_eq!(
        rows(&[
            "SELECT eventname, count(*) n FROM cloudtrail_logs GROUP BY 1 ORDER BY n DESC, 1 LIMIT 2",
            BUCKET
        ]),
        "eventname,n\nAuthorizeSecurityGroupIngress,2\nRevokeSecurityGroupIngress,2\n"
    );
    assert_eq!(rows(&["who-did-what", BUCKET]).lines().count(), 8);
    assert!(rows(&["changes-before-rejects", BUCKET]).contains("RevokeSecurityGroupIngress"));
}

#[test]
fn partitions_and_paths_are_those_of_the_files() {
    assert_eq!(
        rows(&[
            "SELECT DISTINCT date, day, year, region, account FROM vpc_flow_logs",
            INCIDENT
        ]),
        "date,day,year,region,account\n2026-03-14,2026/03/14,2026,eu-central-1,111122223333\n"
    );
    let paths = rows(&[
        "SELECT \"$path\" FROM vpc_flow_logs ORDER BY 1 LIMIT 1",
        INCIDENT,
    ]);
    assert!(
        paths.contains("_20260314T0215Z_3f9a1c2e.log.gz:10"),
        "{paths}"
    );
}

#[test]
fn every_form_has_the_same_rows() {
    let sql = "SELECT srcaddr, count(*) AS n FROM vpc_flow_logs WHERE action = 'REJECT' GROUP BY 1 ORDER BY 2 DESC LIMIT 1";
    let form = |form: &str| rows(&[sql, INCIDENT, "--format", form]);
    assert_eq!(form("csv"), "srcaddr,n\n203.0.113.66,12\n");
    assert_eq!(
        form("json"),
        "[\n{\"srcaddr\":\"203.0.113.66\",\"n\":12}\n]\n"
    );
    assert_eq!(form("jsonl"), "{\"srcaddr\":\"203.0.113.66\",\"n\":12}\n");
    assert_eq!(
        form("markdown"),
        "| srcaddr | n |\n| --- | ---: |\n| 203.0.113.66 | 12 |\n"
    );
    assert_eq!(
        form("table"),
        "srcaddr       n\n------------  --\n203.0.113.66  12\n1 row\n"
    );
}

#[test]
fn named_queries_are_listed_with_their_values() {
    let list = rows(&["--list"]);
    for part in [
        "top-talkers\n",
        "who-talked-to\n",
        "    --set address=10.0.11.15\n",
        "VpcFlowLogsTopTalkers",
    ] {
        assert!(list.contains(part), "{part}\n{list}");
    }
}

#[test]
fn rows_without_tables_come_in_each_form_and_into_files() {
    assert_eq!(rows(&["SELECT 1 AS a, NULL AS b", INCIDENT]), "a,b\n1,\n");
    assert_eq!(
        rows(&["SELECT :x AS a; SELECT 2 AS b;", INCIDENT, "--set", "x==1"]),
        "a\n'=1\n\nb\n2\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let output = query(&["SELECT 1 AS a", INCIDENT, "-o", file.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"a\":1}\n");
    let sql = folder.path().join("guide.sql");
    std::fs::write(
        &sql,
        "-- as printed\nMSCK REPAIR TABLE x;\nSELECT 3 AS c;\n",
    )
    .unwrap();
    let output = query(&["-f", sql.to_str().unwrap(), INCIDENT]);
    assert_eq!(text(&output.stdout), "c\n3\n");
    assert!(text(&output.stderr).starts_with("warning: MSCK REPAIR TABLE does nothing here"));
    let parquet = folder.path().join("rows.parquet");
    assert!(
        query(&["SELECT 1 AS a", INCIDENT, "-o", parquet.to_str().unwrap()])
            .status
            .success()
    );
    assert!(std::fs::read(&parquet).unwrap().starts_with(b"PAR1"));
}

#[test]
fn no_rows_are_status_3() {
    let output = query(&["SELECT 1 AS a WHERE false", INCIDENT]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "a\n");
}

#[test]
fn faults_come_with_what_to_do_next() {
    let message = refused(&["SELECT srcadr FROM vpc_flow_logs", INCIDENT]);
    assert!(
        message.contains("there is no column srcadr") && message.contains("did you mean srcaddr?"),
        "{message}"
    );
    let message = refused(&["SELECT 1 FROM vpc_flow_log", INCIDENT]);
    assert!(message.contains("did you mean vpc_flow_logs?"), "{message}");
    let message = refused(&["SELECT datefmt(1)", INCIDENT]);
    assert!(
        message.contains("there is no function datefmt"),
        "{message}"
    );
    assert!(refused(&["SELECT histogram(1)", INCIDENT]).contains("Athena has it"));
    assert!(refused(&["who-talked-to", INCIDENT]).contains("--set address=VALUE"));
    assert!(refused(&["top-talker", INCIDENT]).contains("did you mean top-talkers?"));
    assert!(refused(&["SELECT 1"]).contains("there is no input"));
    assert!(
        refused(&["SELECT 1 AS a", INCIDENT, "--format", "parquet"]).contains("-o rows.parquet")
    );
    assert!(refused(&["SELECT FROM WHERE 1", INCIDENT]).contains("the SQL cannot be read"));
    assert!(refused(&["DELETE FROM vpc_flow_logs", INCIDENT]).contains("only read"));
}
