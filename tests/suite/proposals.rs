//! Files without a header in an unknown order: the formats that are proposed, and the orders of the
//! AWS examples, which are known.

use std::path::Path;

use crate::support::{convert, file, flow2pcap, run};

/// Returns the error of an inspection of `input`.
#[track_caller]
fn refused(input: &Path) -> String {
    let mut command = flow2pcap();
    let run = run(command.arg("inspect").arg(input));
    assert_eq!(run.code, 2, "{}", run.stderr);
    run.stderr
}

const HEADER: &str = "version subnet-id interface-id srcaddr dstaddr dstport srcport protocol \
                      tcp-flags bytes packets start end action log-status";
const FIRST: &str = "3 subnet-5d eni-5d 10.5.0.4 198.51.100.3 443 50100 6 3 1500 10 1740000000 \
                     1740000030 ACCEPT OK";
const SECOND: &str = "3 subnet-5d eni-5d 198.51.100.3 10.5.0.4 50100 443 6 19 5000 9 1740000000 \
                      1740000030 ACCEPT OK";

/// `names` as a format on the command line.
fn format_of(names: &str) -> String {
    let names = names.split_whitespace().map(|name| match name {
        "?" => name.to_owned(),
        name => format!("${{{name}}}"),
    });
    format!("--format '{}'", names.collect::<Vec<_>>().join(" "))
}

#[test]
fn header_of_a_neighbor_is_proposed_first() {
    let folder = tempfile::tempdir().unwrap();
    file(&folder, "cut_1.log", format!("{HEADER}\n{FIRST}\n"));
    // As many columns, but other values.
    let other = HEADER.replace("subnet-id", "vpc-id");
    file(&folder, "cut_2_.log", format!("{other}\n{FIRST}\n"));
    let second = file(&folder, "cut_2.log", format!("{SECOND}\n"));
    let guess = format_of(
        "? subnet-id interface-id srcaddr dstaddr ? ? ? ? ? ? start end action log-status",
    );
    for input in [&*second, folder.path()] {
        let error = refused(input);
        let proposed = format!(
            "cut_1.log has a header with as many columns:\n       {}",
            format_of(HEADER)
        );
        let (first, second) = (error.find(&proposed), error.find(&guess));
        assert!(first.is_some() && first < second, "{error}");
    }
    let format = format_of(HEADER)
        .replace("--format '", "--format=")
        .replace('\'', "");
    let converted = convert(&[second], &["--detail", "exact", &format]);
    assert_eq!(converted.count("/packets/written"), 9);
}

#[test]
fn order_of_its_own_has_a_proposal_without_a_guess() {
    let folder = tempfile::tempdir().unwrap();
    let line = "ACCEPT eun1-az2 i-5d 10.5.0.4 10.5.0.4 50100 443 198.51.100.3 198.51.100.3 17 \
                1740000000 1740000042 subnet-5d egress 7 700 OK";
    let silent = "- eun1-az2 i-5d - - - - - - - 1740000000 1740000042 subnet-5d - - - NODATA";
    let path = file(&folder, "own.log", format!("{line}\n{silent}\n"));
    let expected = format_of(
        "action az-id instance-id ? ? ? ? ? ? ? start end subnet-id flow-direction ? ? log-status",
    );
    let error = refused(&path);
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn several_records_on_one_line_have_no_proposal() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "joined.log", format!("{FIRST} {SECOND}\n"));
    let error = refused(&path);
    assert!(!error.contains("${log-status}"), "{error}");
}

#[test]
fn orders_of_the_aws_examples_are_known() {
    for (line, name, used) in [
        (
            "i-5d eni-5d 10.5.0.4 198.51.100.3 10.5.0.4 198.51.100.3",
            "NAT gateway example",
            None,
        ),
        (
            "3 eni-5d 210987654321 vpc-5d subnet-5d i-5d 10.5.0.4 10.6.0.4 50100 443 6 2 IPv4 \
             10.5.0.4 10.6.0.4 ACCEPT OK",
            "transit gateway example",
            None,
        ),
        (
            "3 vpc-5d subnet-5d i-5d eni-5d 210987654321 IPv4 10.5.0.4 10.6.0.4 50100 443 10.5.0.4 \
             10.6.0.4 6 568 8 1740000000 1740000058 ACCEPT 2 OK",
            "TCP flags example",
            Some(8),
        ),
        (
            "5 10.5.0.4 198.51.100.3 50100 443 6 1740000000 1740000058 IPv4 14 15044 210987654321 \
             vpc-5d subnet-5d i-5d eni-5d eu-north-1 eun1-az2 - - ACCEPT 19 10.5.0.4 198.51.100.3 \
             - S3 8 egress OK",
            "traffic path example",
            Some(14),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "example.log", format!("{line}\n{line}\n"));
        let mut command = flow2pcap();
        let run = run(command.arg("inspect").arg(&path));
        let expected = if used.is_some() { 0 } else { 2 };
        assert_eq!(run.code, expected, "{name}: {}", run.stderr);
        let page = String::from_utf8(run.stdout).unwrap();
        let evidence = format!("order of the values ({name})");
        assert!(page.contains(&evidence), "{name}: {page}");
        if let Some(packets) = used {
            let converted = convert(&[path], &["--detail", "exact"]);
            assert_eq!(converted.count("/packets/written"), packets, "{name}");
        }
    }
}
