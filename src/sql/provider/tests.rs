//! Tables over archives, queried.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;
use crate::pipeline::Request;
use crate::read::Meter;
use crate::sql::tables::of_logs;

/// A query of an archive, and what was read for it.
struct Asked {
    rows: String,
    files_read: u64,
    meter: Arc<Meter>,
}

fn ask_on(folder: &Path, partitions: usize, sql: &str) -> Asked {
    let meter = Arc::new(Meter::default());
    let request = Request::new(vec![folder.to_owned()]);
    let source = LogSource::open(&request, 2, Arc::clone(&meter)).unwrap();
    let config = SessionConfig::new().with_target_partitions(partitions);
    let context = SessionContext::new_with_config(config);
    for (name, table) in of_logs(&Arc::new(source)) {
        context.register_table(name, table).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let batches = runtime.block_on(async { context.sql(sql).await?.collect().await });
    let rows = pretty_format_batches(&batches.unwrap())
        .unwrap()
        .to_string();
    let cells = rows
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|').map(str::trim);
            cells.collect::<Vec<_>>().join("|")
        });
    Asked {
        rows: cells.skip(1).collect::<Vec<_>>().join("\n"),
        files_read: meter.files.load(Relaxed),
        meter,
    }
}

#[track_caller]
fn ask(folder: &Path, sql: &str) -> String {
    let rows = ask_on(folder, 1, sql).rows;
    let mut sorted: Vec<String> = rows.lines().map(str::to_owned).collect();
    sorted.sort_unstable();
    let in_any_order = ask_on(folder, 3, sql).rows;
    let mut others: Vec<&str> = in_any_order.lines().collect();
    others.sort_unstable();
    if !sql.contains("LIMIT") {
        assert_eq!(sorted, others, "one partition and three differ");
    }
    rows
}

const DAY: &str = "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/03";

fn name(day: u8, minute: u8) -> String {
    format!(
        "{DAY}/{day}/123456789012_vpcflowlogs_eu-central-1_fl-0a1b2c3d_202603{day}T02{minute:02}Z_0{minute:07}.log"
    )
}

/// 2026-03-14T02:00:00Z.
const NOON_S: i64 = 1_773_453_600;

fn line(start_s: i64, source: &str, port: u16, action: &str) -> String {
    let end_s = start_s + 60;
    format!(
        "2 123456789012 eni-0a1b2c3d4e5f60718 {source} 10.0.0.2 40000 {port} 6 1 60 {start_s} {end_s} {action} OK\n"
    )
}

fn archive() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (day, minute, start_s) in [
        (14, 0, NOON_S),
        (14, 5, NOON_S + 300),
        (15, 0, NOON_S + 86_400),
    ] {
        let path = folder.path().join(name(day, minute));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut text = line(start_s, "10.0.0.1", 443, "ACCEPT");
        text += &line(start_s + 30, "10.0.0.9", 22, "REJECT");
        text += &format!(
            "2 123456789012 eni-0a1b2c3d4e5f60718 - - - - - - - {start_s} {} - NODATA\n",
            start_s + 60
        );
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn every_record_is_a_row_and_a_dash_is_null_in_numbers_only() {
    let folder = archive();
    let all = "SELECT count(*), count(packets), sum(packets), count(srcaddr) FROM vpc_flow_logs";
    assert_eq!(ask(folder.path(), all), "9|6|6|9");
    let silent = "SELECT log_status, action, srcaddr FROM vpc_flow_logs WHERE srcaddr = '-' AND bytes IS NULL";
    assert_eq!(ask(folder.path(), silent), ["NODATA|-|-"; 3].join("\n"));
    let other = "SELECT count(vpc_id), count(*) FROM vpc_flow_logs";
    assert_eq!(ask(folder.path(), other), "0|9");
}

#[test]
fn partitions_are_those_of_the_path_and_the_place_is_a_line() {
    let folder = archive();
    let sql = "SELECT date, day, year, month, hour, region, account FROM vpc_flow_logs WHERE dstport = 22 LIMIT 1";
    let row = ask(folder.path(), sql);
    assert_eq!(
        row,
        "2026-03-14|2026/03/14|2026|03|02|eu-central-1|123456789012"
    );
    let place =
        r#"SELECT "$path" FROM vpc_flow_logs WHERE dstport = 22 AND date = DATE '2026-03-15'"#;
    let place = ask(folder.path(), place);
    assert!(place.ends_with(&format!("{}:2", name(15, 0))), "{place}");
}

#[test]
fn moved_file_has_the_day_and_hour_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        line(NOON_S, "10.0.0.1", 443, "ACCEPT") + &line(NOON_S + 86_400, "10.0.0.1", 1, "ACCEPT");
    std::fs::write(folder.path().join("a.log"), text).unwrap();
    let sql = "SELECT dstport, date, day, hour, region, account FROM vpc_flow_logs";
    assert_eq!(
        ask(folder.path(), sql),
        "443|2026-03-14|2026/03/14|02||\n1|2026-03-15|2026/03/15|02||"
    );
}

#[test]
fn file_whose_path_rules_it_out_is_not_opened() {
    let folder = archive();
    let files = |condition: &str| {
        let sql = format!("SELECT count(*) FROM vpc_flow_logs WHERE {condition}");
        let asked = ask_on(folder.path(), 2, &sql);
        (asked.rows, asked.files_read)
    };
    assert_eq!(files("date = DATE '2026-03-14'"), ("6".to_owned(), 2));
    assert_eq!(
        files("day = '2026/03/15' OR day = '2026/03/16'"),
        ("3".to_owned(), 1)
    );
    assert_eq!(
        files("date BETWEEN DATE '2026-03-15' AND DATE '2026-03-20'"),
        ("3".to_owned(), 1)
    );
    assert_eq!(files("region = 'us-east-1'"), ("0".to_owned(), 0));
    assert_eq!(
        files("account IN ('1', '123456789012') AND month = '03'"),
        ("9".to_owned(), 3)
    );
    assert_eq!(
        files(&format!("start > {}", NOON_S + 80_000)),
        ("3".to_owned(), 1)
    );
    assert_eq!(files("region <> 'us-east-1'"), ("9".to_owned(), 3));
}

#[test]
fn conditions_on_records_lose_no_row() {
    let folder = archive();
    for condition in [
        "dstport = 443",
        "443 >= dstport",
        "dstport IN (22, 80)",
        "srcaddr = '10.0.0.9' OR dstaddr = '10.0.0.9'",
        "srcaddr = '-' OR dstport = 22",
        "action = 'REJECT' AND NOT dstport = 443",
        "action <> 'REJECT'",
        "action = '-'",
        "interface_id IN ('-', 'eni-1') OR action IN ('REJECT', '-')",
        "start BETWEEN 1773453600 AND 1773453630",
        "interface_id = 'eni-0a1b2c3d4e5f60718' AND packets > 0",
        "dstport = '443'",
        "action LIKE 'REJ%'",
    ] {
        let pushed = format!("SELECT start, srcaddr, dstport FROM vpc_flow_logs WHERE {condition}");
        let kept = format!(
            "SELECT start, srcaddr, dstport FROM (SELECT *, random() AS r FROM vpc_flow_logs) WHERE ({condition}) AND r >= 0"
        );
        let rows = ask(folder.path(), &pushed);
        assert_eq!(rows, ask(folder.path(), &kept), "{condition}");
        assert!(
            condition.contains("'-' OR") || !rows.is_empty(),
            "{condition}"
        );
    }
}

#[test]
fn conditions_are_the_same_for_words_and_for_records() {
    let (plain, spelled) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut text = String::new();
    for second in 0..400_u16 {
        let start_s = NOON_S + i64::from(second);
        let action = if second % 3 == 0 { "REJECT" } else { "ACCEPT" };
        text += &line(
            start_s,
            &format!("10.0.{}.1", second % 7),
            20 + second % 9,
            action,
        );
        if second % 50 == 0 {
            text += "not a record at all\n";
            text += &line(start_s, "10.0.0.256", 22, "ACCEPT");
        }
    }
    std::fs::write(plain.path().join("flows.log"), &text).unwrap();
    // Lines with a blank at the end are read as records.
    std::fs::write(spelled.path().join("flows.log"), text.replace('\n', " \n")).unwrap();
    for condition in [
        "dstport IN (22, 23)",
        "dstport IN (20, 21, 22, 23, 24, 25)",
        "dstport = 22 OR srcport = 22 OR dstport = 27",
        "srcport IN (22, 40000) AND dstport > 25",
        "srcaddr = '10.0.3.1'",
        "srcaddr IN ('10.0.3.1', '10.0.4.1') AND action = 'REJECT'",
        "action = 'REJECT' AND protocol = 6",
        "start BETWEEN 1773453610 AND 1773453630",
        "interface_id = 'eni-0a1b2c3d4e5f60718' AND bytes < 60",
    ] {
        let sql = format!(
            "SELECT count(*), sum(start), sum(dstport) FROM vpc_flow_logs WHERE {condition}"
        );
        assert_eq!(
            ask(plain.path(), &sql),
            ask(spelled.path(), &sql),
            "{condition}"
        );
    }
}

#[test]
fn flow_logs_has_timestamps() {
    let folder = archive();
    let sql = "SELECT start, dstport FROM flow_logs WHERE start > timestamp '2026-03-15 02:00:00'";
    assert_eq!(ask(folder.path(), sql), "2026-03-15T02:00:30|22");
    let equal = "SELECT count(*) FROM flow_logs WHERE start = timestamp '2026-03-14 02:00:30'";
    assert_eq!(ask(folder.path(), equal), "1");
}

#[test]
fn one_partition_gives_rows_in_the_order_of_files_and_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for file in 0..40_u16 {
        let mut text = String::new();
        for row in 0..50 {
            text += &line(NOON_S, "10.0.0.1", file * 50 + row, "ACCEPT");
            expected.push((file * 50 + row).to_string());
        }
        std::fs::write(folder.path().join(format!("{file:02}.log")), text).unwrap();
    }
    let all = ask_on(folder.path(), 1, "SELECT dstport FROM vpc_flow_logs").rows;
    assert_eq!(all.lines().collect::<Vec<_>>(), expected);
    let first = ask_on(
        folder.path(),
        1,
        "SELECT dstport FROM vpc_flow_logs LIMIT 60",
    )
    .rows;
    assert_eq!(first.lines().collect::<Vec<_>>(), expected[..60]);
}

#[test]
fn limit_ends_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let text = line(NOON_S, "10.0.0.1", 1, "ACCEPT").repeat(1_000);
    for file in 0..400 {
        std::fs::write(folder.path().join(format!("{file:03}.log")), &text).unwrap();
    }
    let asked = ask_on(
        folder.path(),
        1,
        "SELECT dstport FROM vpc_flow_logs LIMIT 3",
    );
    assert_eq!(asked.rows.lines().count(), 3);
    assert!(
        asked.files_read < 100,
        "{} files were read for three rows",
        asked.files_read
    );
}

#[test]
fn named_queries_about_both_ends_read_the_archive_once() {
    let folder = archive();
    let sent = "10.0.0.2|360\n10.0.0.1|180\n10.0.0.9|180";
    for (name, expected) in [
        ("top-talkers", sent),
        ("top-talkers-packet-level", ""),
        ("admin-port-traffic", ""),
    ] {
        let sql = crate::sql::NamedQuery::find(name).unwrap().sql;
        for partitions in [1, 3] {
            let asked = ask_on(folder.path(), partitions, sql);
            let mut rows: Vec<&str> = asked.rows.lines().collect();
            rows.sort_by_key(|row| (std::cmp::Reverse(row.len()), row.to_owned()));
            let mut sorted: Vec<&str> = expected.lines().collect();
            sorted.sort_by_key(|row| (std::cmp::Reverse(row.len()), row.to_owned()));
            assert_eq!(rows, sorted, "{name}");
            assert_eq!(asked.files_read, 3, "{name}");
        }
    }
}

#[test]
fn one_large_file_is_read_by_several_threads_in_the_order_of_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..60_000_u32)
        .map(|row| {
            line(
                NOON_S,
                "10.0.0.1",
                u16::try_from(row % 60_000).unwrap(),
                "ACCEPT",
            )
        })
        .collect();
    assert!(text.len() > 3 * (2 << 20), "it has several blocks");
    std::fs::write(folder.path().join("large.log"), text).unwrap();
    let rows = ask_on(folder.path(), 1, "SELECT dstport FROM vpc_flow_logs").rows;
    let expected: Vec<String> = (0..60_000).map(|row| row.to_string()).collect();
    assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
    let sql = "SELECT \"$path\" FROM vpc_flow_logs WHERE dstport = 59999";
    assert!(
        ask_on(folder.path(), 1, sql)
            .rows
            .ends_with("large.log:60000")
    );
}

#[test]
fn progress_counts_the_files_that_all_scans_read() {
    let folder = archive();
    let sql = "SELECT count(*) FROM vpc_flow_logs UNION ALL \
               SELECT count(*) FROM vpc_flow_logs WHERE date = DATE '2026-03-14'";
    let meter = ask_on(folder.path(), 3, sql).meter;
    assert_eq!(meter.phase(), crate::read::Phase::Reading);
    assert_eq!(meter.files_total.load(Relaxed), 5);
    assert_eq!(meter.files.load(Relaxed), 5);
    assert!(meter.done() > 0);
    assert_eq!(meter.done(), meter.total());
}
