//! Narrowing an archive: what is kept, what is left out, and what is said of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::support::{Converted, Run, convert, file, flow2pcap, names_in, run, testdata};
use tempfile::TempDir;
use testkit::pcapng::packet::{Tuple, headers, sums};

const DATABASE: &str = "eni-0d73f0b5c9e2a6184";
const V2: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                  bytes start end action log-status";

/// The incident under these options, its lines accounted for.
#[track_caller]
fn incident(options: &[&str]) -> Converted {
    let options = [&["--detail", "exact"], options].concat();
    let converted = convert(&[testdata("incident")], &options);
    converted.assert_lines_add_up();
    converted
}

fn tuples(converted: &Converted) -> BTreeSet<Tuple> {
    let packets = converted.capture().packets;
    packets.iter().map(|packet| headers(packet).tuple).collect()
}

fn conversations(converted: &Converted) -> BTreeSet<Tuple> {
    tuples(converted)
        .into_iter()
        .map(Tuple::conversation)
        .collect()
}

/// Runs `convert` on the incident; nothing is asserted of how it ends.
fn incident_run(folder: &TempDir, options: &[&str]) -> Run {
    let mut command = flow2pcap();
    command.arg("convert").arg(testdata("incident"));
    let command = command.args(options).arg("-o");
    run(command.arg(folder.path().join("out.pcapng")))
}

/// A line of version 2 in which a client port talks to port 443, seen from `start` for a minute.
fn line(port: u16, start: u64, action: &str) -> String {
    format!(
        "2 111122223333 eni-0a 10.0.0.1 10.0.0.2 {port} 443 6 5 400 {start} {} {action} OK\n",
        start + 59
    )
}

/// The way back.
fn answer(port: u16, start: u64) -> String {
    format!(
        "2 111122223333 eni-0a 10.0.0.2 10.0.0.1 443 {port} 6 5 4000 {start} {} ACCEPT OK\n",
        start + 59
    )
}

#[test]
fn options_keep_what_they_name() {
    let far = "198.51.100.23".parse::<std::net::IpAddr>().unwrap();
    let has_host = |t: &Tuple| t.source.0 == far || t.destination.0 == far;
    let found = tuples(&incident(&["--host", "198.51.100.23"]));
    assert!(!found.is_empty() && found.iter().all(has_host));
    let net = conversations(&incident(&["--host", "198.51.100.23/32"]));
    assert_eq!(net, found.into_iter().map(Tuple::conversation).collect());

    let has_port = |t: &Tuple| [t.source.1, t.destination.1].contains(&5432);
    let found = tuples(&incident(&["--port", "postgresql"]));
    assert!(!found.is_empty() && found.iter().all(has_port));

    let found = tuples(&incident(&["--protocol", "udp"]));
    assert!(!found.is_empty() && found.iter().all(|t| t.protocol == 17));

    let all = conversations(&incident(&[])).len();
    let rejected = conversations(&incident(&["--action", "reject"])).len();
    assert!(rejected > 0 && rejected < all);
}

#[test]
fn options_of_one_name_widen_and_of_two_narrow() {
    let count = |options: &[&str]| conversations(&incident(options)).len();
    let (udp, database) = (count(&["--protocol", "udp"]), count(&["--port", "5432"]));
    let both = count(&["--port", "5432", "--port", "1-65535", "--protocol", "udp"]);
    assert_eq!(both, udp);
    assert_eq!(count(&["--filter", "udp or port 5432"]), udp + database);
    let folder = tempfile::tempdir().unwrap();
    for none in [["--protocol", "udp"], ["--filter", "udp"]] {
        let run = incident_run(&folder, &[&["--port", "5432"], &none[..]].concat());
        assert_eq!(run.code, 3, "{none:?}: {}", run.stderr);
    }
}

#[test]
fn expression_and_options_of_the_same_meaning_give_the_same_capture() {
    let pairs: [(&[&str], &str); 3] = [
        (
            &["--host", "198.51.100.0/24", "--port", "443"],
            "net 198.51.100.0/24 and tcp port 443",
        ),
        (
            &["--action", "reject", "--direction", "ingress"],
            "reject && inbound",
        ),
        (&["--eni", DATABASE], "not not eni eni-0d73f0b5c9e2a6184"),
    ];
    for (options, expression) in pairs {
        let by_options = incident(options).bytes();
        assert_eq!(
            by_options,
            incident(&["--filter", expression]).bytes(),
            "{expression}"
        );
    }
}

#[test]
fn filter_that_everything_matches_changes_nothing() {
    let all = incident(&[]).bytes();
    assert_eq!(all, incident(&["--filter", "tcp or not tcp"]).bytes());
    assert_eq!(
        all,
        incident(&["--from", "2020-01-01", "--to", "2030-01-01"]).bytes()
    );
    assert_eq!(all, incident(&["--max-packets", "316"]).bytes());
}

#[test]
fn connection_is_kept_whole_unless_only_matching() {
    let folder = tempfile::tempdir().unwrap();
    let start = 1_773_454_500;
    let mut text = format!("{V2}\n");
    for minute in 0..3 {
        text += &line(40_000, start + 60 * minute, "ACCEPT");
        text += &answer(40_000, start + 60 * minute);
        text += &line(41_000, start + 60 * minute, "ACCEPT");
    }
    let log = file(&folder, "flows.log", text);
    let narrowed = |filter: &str, more: &[&str]| {
        let converted = convert(&[&log], &[&["--filter", filter], more].concat());
        converted.assert_lines_add_up();
        ["used", "filtered"].map(|fate| converted.count(&format!("/records/{fate}")))
    };
    let second = [
        "--from",
        "2026-03-14T02:16:00Z",
        "--to",
        "2026-03-14T02:17:00Z",
    ];
    assert_eq!(narrowed("bytes = 4000", &[]), [6, 3]);
    assert_eq!(narrowed("bytes = 4000", &["--only-matching"]), [3, 6]);
    assert_eq!(narrowed("bytes = 4000", &second), [6, 3]);
    let only = [&second[..], &["--only-matching"]].concat();
    assert_eq!(narrowed("bytes = 4000", &only), [1, 8]);
    assert_eq!(narrowed("src port 41000", &[]), [3, 6]);
}

#[test]
fn eni_keeps_its_connections_whoever_tells_them() {
    let all = sums(&incident(&["--vantage", "all"]).capture());
    let seen_there = all.into_keys().filter(|(eni, _)| eni == DATABASE);
    let expected: BTreeSet<Tuple> = seen_there.map(|(_, tuple)| tuple.conversation()).collect();
    assert_eq!(conversations(&incident(&["--eni", DATABASE])), expected);
    let views = sums(&incident(&["--eni", DATABASE, "--vantage", "all"]).capture());
    assert!(views.into_keys().all(|(eni, _)| eni == DATABASE));
}

#[test]
fn relative_time_counts_from_the_newest_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!("{V2}\n");
    for hour in 0..10 {
        text += &line(
            40_000 + hour,
            1_773_446_400 + 3_600 * u64::from(hour),
            "ACCEPT",
        );
    }
    let log = file(&folder, "flows.log", text);
    let told = |options: &[&str]| {
        let converted = convert(&[&log], options);
        converted.assert_lines_add_up();
        converted.count("/records/used")
    };
    assert_eq!(
        told(&["--from", "-2h"]),
        3,
        "the newest ends a minute after it begins"
    );
    assert_eq!(told(&["--from", "-90m"]), 2);
    assert_eq!(told(&["--to", "-2h"]), 8);
    assert_eq!(told(&["--from=-3h30m", "--to=-90m"]), 2);
    assert_eq!(
        told(&["--from", "1773446400", "--to", "2026-03-14T01:00"]),
        1
    );
}

#[test]
fn column_that_is_missing_matches_neither_way() {
    let log = testdata("v2_default.log");
    let folder = tempfile::tempdir().unwrap();
    for filter in ["not vpc vpc-1", "flags syn", "egress or ingress"] {
        let mut command = flow2pcap();
        command.arg("convert").arg(&log);
        command.args(["--filter", filter, "-o"]);
        let run = run(command.arg(folder.path().join("out.pcapng")));
        assert_eq!(run.code, 3, "{filter}");
        let said = "none has the field for that condition";
        assert!(run.stderr.contains(said), "{filter}: {}", run.stderr);
    }
    let converted = convert(&[&log], &["--filter", "flags syn or port 443"]);
    converted.assert_lines_add_up();
    assert!(converted.count("/records/missing_filter_field") > 0);
}

/// An archive of a day as AWS files it: a record in each slot, and a file that must not be opened
/// as it would end the run, if `trap`.
fn day(folder: &TempDir, named: bool) -> Vec<PathBuf> {
    let midnight = 1_773_446_400;
    let slots = (0..288_u16).map(|slot| {
        let end = midnight + 300 * u64::from(slot) + 10;
        let text = format!("{V2}\n{}", line(40_000 + slot, end - 59, "ACCEPT"));
        let (hour, minute) = (slot / 12, slot % 12 * 5);
        let mut name = format!("flat/{slot}.log");
        if named {
            name.clear();
            let folders = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/03/14";
            let stem = "111122223333_vpcflowlogs_us-east-1_fl-0a1b";
            write!(
                name,
                "{folders}/{stem}_20260314T{hour:02}{minute:02}Z_ab12.log"
            )
            .unwrap();
        }
        file(folder, &name, text)
    });
    slots.collect()
}

#[test]
fn hour_of_a_day_reads_less_than_a_tenth_and_misses_nothing() {
    let (named, flat) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (files, others) = (day(&named, true), day(&flat, false));
    // Whoever opens this one stops.
    std::fs::write(&files[0], "10.0.0.1 10.0.0.2 x y 6 unknown\n".repeat(9)).unwrap();
    let hour = ["--from", "2026-03-14T12:00Z", "--to", "2026-03-14T13:00Z"];
    let options = [&hour[..], &["--comments", "none"]].concat();
    let narrowed = convert(&files, &options);
    narrowed.assert_lines_add_up();
    assert_eq!(narrowed.count("/input/pruned"), 270);
    assert_eq!(narrowed.count("/input/files"), 18);
    assert!(narrowed.count("/input/file_bytes") * 10 < narrowed.count("/input/pruned_file_bytes"));
    let whole = convert(&others, &options);
    assert_eq!(whole.count("/input/files"), 288);
    assert_eq!(narrowed.bytes(), whole.bytes());
    assert_eq!(
        narrowed.count("/records/used"),
        13,
        "the last one ends at 13:00:10"
    );
    let relative = convert(&files, &["--from=-1h"]);
    assert_eq!(relative.count("/input/files"), 15);
    let flat_relative = convert(&others, &["--from=-1h"]);
    assert_eq!(
        relative.count("/records/used"),
        flat_relative.count("/records/used")
    );
}

#[test]
fn region_of_the_path_stands_for_a_column_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let files = day(&folder, true);
    let told = |filter: &str| {
        let converted = convert(&files[..3], &["--filter", filter]);
        converted.assert_lines_add_up();
        ["/records/used", "/input/pruned"].map(|count| converted.count(count))
    };
    assert_eq!(told("region us-east-1 and port 40001"), [1, 0]);
    assert_eq!(
        told("account 111122223333 and not region eu-west-1"),
        [3, 0]
    );
    let folder = tempfile::tempdir().unwrap();
    for (filter, code, said) in [
        (["--region", "eu-west-1"], 2, "us-east-1"),
        (["--from", "2026-03-16"], 3, "none of 288 files"),
    ] {
        let mut command = flow2pcap();
        command.arg("convert").args(&files).args(filter).arg("-o");
        let run = run(command.arg(folder.path().join("out.pcapng")));
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn too_many_packets_end_the_run_with_filters_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let exact = ["--detail", "exact", "--max-packets", "100"];
    let run = incident_run(&folder, &exact);
    assert_eq!(run.code, 2);
    assert!(names_in(folder.path()).is_empty());
    assert!(run.stderr.contains("about 316 packets"), "{}", run.stderr);
    let options: Vec<&str> = run
        .stderr
        .lines()
        .filter(|l| l.starts_with("       --"))
        .collect();
    assert_eq!(options.len(), 3, "{}", run.stderr);
    assert!(options[0].contains("--action reject"), "{}", run.stderr);
    // What is proposed does what is said.
    let words: Vec<&str> = options[0].split_whitespace().collect();
    let narrowed = incident(&[words[0], words[1], "--max-packets", "100"]);
    assert_eq!(narrowed.count("/packets/written").to_string(), words[4]);
    let run = incident_run(&folder, &["--max-packets", "2000000"]);
    assert_eq!(run.code, 0);
    assert!(
        run.stderr
            .starts_with("warning: Wireshark is slow with more than about 1,000,000 packets, and --max-packets is 2,000,000\n")
    );
}

#[test]
fn more_than_a_million_packets_come_with_filters_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!("{V2}\n");
    for port in 0..20_000 {
        text += &line(
            40_000 + port % 1_000,
            1_773_446_400 + u64::from(port) * 60,
            "ACCEPT",
        )
        .replace(" 5 400 ", " 64 640000 ");
    }
    text += &line(1, 1_773_446_400, "REJECT");
    let log = file(&folder, "flows.log", text);
    let converted = convert(&[&log], &["--detail", "compact"]);
    let first = &converted.summary()["suggested_filters"][0];
    assert_eq!(first["filter"], "reject");
    assert_eq!(first["packets"], 5);
}

#[test]
fn filter_that_makes_no_sense_is_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let run = incident_run(&folder, &["--filter", "host 10.0.0.5 and prot 443"]);
    assert_eq!(run.code, 2);
    let place = "  host 10.0.0.5 and prot 443\n                    ^^^^\n";
    assert!(run.stderr.contains(place), "{}", run.stderr);
    for options in [
        ["--port", "70000"],
        ["--host", "10.0.0"],
        ["--from", "yesterday"],
        ["--action", "drop"],
        ["--protocol", "tcpp"],
    ] {
        let run = incident_run(&folder, &options);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("expected "), "{}", run.stderr);
    }
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn summary_says_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run = incident_run(&folder, &["--from=-5m", "--filter", "reject"]);
    let said = "78 do not match the filter";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("requested    2026-03-14T02:23:56Z to the end")
    );
    let mut command = flow2pcap();
    command.arg("convert").args(day(&folder, true)).arg("-o");
    command.arg(folder.path().join("hour.pcapng"));
    let hour = ["--from", "2026-03-14T02:00", "--to", "2026-03-14T03:00"];
    let run = crate::support::run(command.args(hour));
    let said = "270 files";
    assert!(run.stderr.contains(said), "{}", run.stderr);
}
