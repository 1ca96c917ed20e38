//! A filter that nothing matches, a name that is not in the archive, and input without records:
//! each has its exit status, says why, and leaves no output.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{Run, file, flow2pcap, names_in, run, testdata};

/// The subcommands that read an archive.
const SUBCOMMANDS: [&str; 6] = [
    "convert", "inspect", "diagnose", "metrics", "report", "export",
];

/// The column order of version 2.
const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                      bytes start end action log-status\n";

/// A line of version 2.
fn line(account: &str, eni: &str, port: u16, start: u64) -> String {
    format!(
        "2 {account} {eni} 10.0.0.1 10.0.0.2 40000 {port} 6 5 400 {start} {} ACCEPT OK\n",
        start + 59
    )
}

/// Three ENIs, of which one has a name that begins another one's.
fn log(folder: &TempDir) -> std::path::PathBuf {
    let lines = [
        line("111122223333", "eni-1", 443, 1_773_454_500),
        line("111122223333", "eni-10", 443, 1_773_454_560),
        line("111122223333", "eni-2ab", 80, 1_773_454_620),
        line("444455556666", "eni-2ac", 22, 1_773_454_680),
    ];
    file(folder, "in/flows.log", lines.concat())
}

/// Runs a subcommand on `input`, its output going to a folder of its own if it needs one.
fn asked(subcommand: &str, input: &Path, options: &[&str]) -> (Run, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = flow2pcap();
    command.arg(subcommand).arg(input).args(options);
    match subcommand {
        "convert" => command.arg("-o").arg(folder.path().join("out.pcapng")),
        "report" => command.arg("-o").arg(folder.path().join("page.html")),
        "export" => command.arg("-o").arg(folder.path().join("lake")),
        _ => &mut command,
    };
    let mut command = command;
    // A page and a folder are not captures, which `run` would read.
    let run = match subcommand {
        "report" | "export" => {
            let output = command.output().unwrap();
            Run {
                code: output.status.code().unwrap(),
                stdout: output.stdout,
                stderr: String::from_utf8(output.stderr).unwrap(),
            }
        }
        _ => run(&mut command),
    };
    (run, names_in(folder.path()))
}

/// Every subcommand ends with `code`, without output, and says `parts`.
#[track_caller]
fn refused(input: &Path, options: &[&str], code: i32, parts: &[&str]) {
    for subcommand in SUBCOMMANDS {
        let (run, files) = asked(subcommand, input, options);
        assert_eq!(run.code, code, "{subcommand} {options:?}: {}", run.stderr);
        // An inspection shows what was skipped, and why, before it ends with an error.
        let is_shown = subcommand == "inspect" && run.stderr.contains("no record can be used");
        assert!(
            run.stdout.is_empty() || is_shown,
            "{subcommand} {options:?}"
        );
        assert_eq!(files, [""; 0], "{subcommand} {options:?}");
        let said = run.stderr.clone() + &String::from_utf8_lossy(&run.stdout);
        for part in parts {
            assert!(said.contains(part), "{subcommand} {options:?}: {said}");
        }
    }
}

/// How many records a conversion uses.
#[track_caller]
fn used(input: &Path, options: &[&str]) -> u64 {
    let (run, _) = asked("convert", input, &[&["--json"], options].concat());
    assert_eq!(run.code, 0, "{options:?}: {}", run.stderr);
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    summary["records"]["used"].as_u64().unwrap()
}

#[test]
fn name_that_the_archive_does_not_have_is_refused_with_those_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let known = "no record of ENI eni-9; the archive has eni-1, eni-10, eni-2ab, eni-2ac";
    refused(&log, &["--eni", "eni-9"], 2, &[known]);
    refused(&log, &["--filter", "port 443 or eni eni-9"], 2, &[known]);
    refused(&log, &["--eni", "eni-1", "--eni", "eni-9"], 2, &[known]);
    let accounts = "no record of account 777788889999; the archive has 111122223333, 444455556666";
    refused(&log, &["--account", "777788889999"], 2, &[accounts]);
    refused(&log, &["--vpc", "vpc-1"], 2, &["no record names its VPC"]);
    refused(
        &log,
        &["--region", "us-east-1"],
        2,
        &["no record names its region"],
    );
}

#[test]
fn names_are_listed_up_to_ten_and_then_counted() {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..25)
        .map(|n| line("111122223333", &format!("eni-{n:02}"), 443, 1_773_454_500))
        .collect();
    let log = file(&folder, "flows.log", lines);
    refused(
        &log,
        &["--eni", "eni-x"],
        2,
        &["eni-00, eni-01", "eni-09, and 15 more"],
    );
}

#[test]
fn beginning_of_one_name_is_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    assert_eq!(used(&log, &["--eni", "eni-2ab", "--only-matching"]), 1);
    assert_eq!(used(&log, &["--eni", "eni-10", "--only-matching"]), 1);
    // A whole name, and also the beginning of another one.
    assert_eq!(used(&log, &["--eni", "eni-1", "--only-matching"]), 1);
    assert_eq!(used(&log, &["--account", "4444"]), 1);
    let several = "ENI eni-2 is the beginning of eni-2ab, eni-2ac";
    refused(&log, &["--eni", "eni-2"], 2, &[several]);
    refused(
        &log,
        &["--filter", "not account 1 and eni eni-2a"],
        2,
        &["is the beginning of"],
    );
}

#[test]
fn accounts_and_regions_of_paths_are_known() {
    let folder = tempfile::tempdir().unwrap();
    for region in ["eu-west-1", "us-east-1"] {
        let name = format!(
            "AWSLogs/111122223333/vpcflowlogs/{region}/2026/03/14/\
             111122223333_vpcflowlogs_{region}_fl-0a_20260314T0215Z_ab.log"
        );
        file(
            &folder,
            &name,
            line("111122223333", "eni-1", 443, 1_773_454_500),
        );
    }
    let known = "no record of region eu-central-1; ";
    refused(
        folder.path(),
        &["--region", "eu-central-1"],
        2,
        &[known, "eu-west-1, us-east-1"],
    );
    assert_eq!(used(folder.path(), &["--region", "us-"]), 1);
    // A time that no path has.
    let time = ["--from", "2026-03-15"];
    refused(
        folder.path(),
        &time,
        3,
        &["2026-03-14T02:15:00Z to 2026-03-14T02:20:00Z"],
    );
}

#[test]
fn filter_that_keeps_nothing_says_which_part_excludes_everything() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let rest = "no record matches port 9999; 4 records match the rest of the filter";
    refused(&log, &["--port", "9999", "--protocol", "tcp"], 3, &[rest]);
    refused(&log, &["--filter", "tcp and port 9999"], 3, &[rest]);
    let only = "no record matches reject; 4 records were read";
    refused(&log, &["--action", "reject"], 3, &[only]);
    let each = "port 443: 2 match it, 1 match the rest of the filter";
    refused(&log, &["--port", "443", "--eni", "eni-2ab"], 3, &[each]);
    let field = "none has the field for that condition";
    refused(&log, &["--filter", "flags syn"], 3, &[field]);
}

#[test]
fn time_that_excludes_everything_is_reported_with_that_of_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let span = "the records that were read are from 2026-03-14T02:15:00Z to 2026-03-14T02:18:59Z";
    refused(
        &log,
        &["--from", "2026-03-15"],
        3,
        &["2026-03-15T00:00:00Z or later", span],
    );
    let both = ["--to", "2026-03-01", "--port", "443"];
    refused(
        &log,
        &both,
        3,
        &["2 records match the filter at other times", span],
    );
}

#[test]
fn time_that_ends_before_it_begins_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let swapped = ["--since", "2026-03-15", "--until", "2026-03-14"];
    refused(
        &log,
        &swapped,
        2,
        &["--from 2026-03-15T00:00:00Z is after --to"],
    );
    refused(
        &log,
        &["--from", "-1h", "--to", "-2h"],
        2,
        &["--from is not before --to"],
    );
}

#[test]
fn input_without_a_record_that_can_be_read_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let torn =
        "2 111122223333 eni-1 10.0.0.1 10.0.0.2 40000 443 6 5 x 1773454500 1773454559 ACCEPT OK\n";
    let log = file(&folder, "torn.log", format!("{HEADER}{}", torn.repeat(3)));
    refused(&log, &[], 2, &["no record can be", "torn.log:2"]);
    refused(&log, &["--eni", "eni-1"], 2, &["no record can be"]);
}

#[test]
fn archive_of_nodata_records_only_is_empty_and_sound() {
    let folder = tempfile::tempdir().unwrap();
    let silent = "2 111122223333 eni-1 - - - - - - - 1773454500 1773454559 - NODATA\n";
    let log = file(&folder, "silent.log", silent);
    for subcommand in SUBCOMMANDS {
        let (run, _) = asked(subcommand, &log, &[]);
        assert_eq!(run.code, 0, "{subcommand}: {}", run.stderr);
        assert!(
            run.stderr.contains("only NODATA records"),
            "{subcommand}: {}",
            run.stderr
        );
    }
    // One line that is no record is not the archive.
    let torn = file(&folder, "torn.log", format!("{silent}{silent}2 torn\n"));
    for subcommand in SUBCOMMANDS {
        let (run, _) = asked(subcommand, &torn, &[]);
        assert_eq!(run.code, 0, "{subcommand}: {}", run.stderr);
    }
    let (diagnosis, _) = asked("diagnose", &log, &["--quiet"]);
    assert_eq!(diagnosis.stderr, "");
    let told = String::from_utf8(diagnosis.stdout).unwrap();
    assert!(
        told.contains("none: there are no records of traffic"),
        "{told}"
    );
}

#[test]
fn status_3_is_in_the_help() {
    for subcommand in SUBCOMMANDS {
        let help = run(flow2pcap().args([subcommand, "--help"]));
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(
            text.contains("3    nothing matches the filter"),
            "{subcommand}"
        );
    }
}

#[test]
fn failures_of_a_beginner_suggest_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let capture = file(
        &folder,
        "a.pcapng",
        b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0",
    );
    refused(&capture, &[], 2, &["a packet capture, not a flow log"]);
    let input = testdata("incident");
    let path = run(flow2pcap().arg(&input));
    let meant = format!("flow2pcap convert {} -o out.pcapng", input.display());
    assert!(
        path.code == 2 && path.stderr.contains(&meant),
        "{}",
        path.stderr
    );
    for (word, meant) in [("deny", "reject, which"), ("allow", "accept, which")] {
        let (run, _) = asked("inspect", &input, &["--action", word]);
        assert!(
            run.code == 2 && run.stderr.contains(meant),
            "{}",
            run.stderr
        );
    }
    for name in ["postgres", "postgresql", "PostgreSQL"] {
        let (run, _) = asked("inspect", &input, &["--port", name]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    // Known, and not in this archive.
    for (option, name) in [
        ("--port", "mongodb"),
        ("--port", "oracle"),
        ("--protocol", "vrrp"),
        ("--protocol", "l2tp"),
    ] {
        let (run, _) = asked("inspect", &input, &[option, name]);
        assert_eq!(run.code, 3, "{name}: {}", run.stderr);
    }
}
