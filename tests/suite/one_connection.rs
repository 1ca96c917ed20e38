//! One connection out of an archive, and the connections of one finding.

use std::collections::BTreeSet;
use std::fs;

use testkit::pcapng::packet::{Tuple, headers};

use crate::support::{Converted, convert, file, flow2pcap, names_in, run, testdata};

fn conversations(converted: &Converted) -> BTreeSet<Tuple> {
    let packets = converted.capture().packets;
    let tuples = packets.iter().map(|packet| headers(packet).tuple);
    tuples.map(Tuple::conversation).collect()
}

fn incident(options: &[&str]) -> BTreeSet<Tuple> {
    let converted = convert(&[testdata("incident")], options);
    converted.assert_lines_add_up();
    conversations(&converted)
}

fn diagnosis() -> serde_json::Value {
    let run = run(flow2pcap()
        .arg("diagnose")
        .arg(testdata("incident"))
        .arg("--json"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn connection_is_named_by_its_two_ends_in_either_order() {
    let one = *incident(&["--protocol", "tcp"]).first().unwrap();
    let (source, destination) = (one.source, one.destination);
    let text = |from: (std::net::IpAddr, u16), sign: &str, to: (std::net::IpAddr, u16)| {
        let end = |(address, port)| std::net::SocketAddr::new(address, port).to_string();
        format!("{}{sign}{}", end(from), end(to))
    };
    for connection in [
        text(source, " > ", destination),
        text(destination, "->", source),
    ] {
        assert_eq!(
            incident(&["--connection", &connection]),
            BTreeSet::from([one])
        );
    }
    let [a, b] = [source.0, destination.0].map(|address| address.to_string());
    let is_between = |t: &Tuple| {
        [t.source.0, t.destination.0] == [source.0, destination.0]
            || [t.destination.0, t.source.0] == [source.0, destination.0]
    };
    let mut expected = incident(&[]);
    expected.retain(is_between);
    assert!(!expected.is_empty());
    assert_eq!(incident(&["--between", &a, &b]), expected);
    assert_eq!(incident(&["--between", &b, &format!("{a}/32")]), expected);
    assert_eq!(
        incident(&["--filter", &format!("between {a} and {b}")]),
        expected
    );
    let both = ["--only-matching", "--src", &a, "--dst", &b];
    assert!(incident(&both).is_subset(&expected));
}

#[test]
fn finding_is_converted_to_as_many_connections_as_it_counts() {
    let diagnosis = diagnosis();
    let findings = diagnosis["findings"].as_array().unwrap();
    assert!(findings.len() > 1);
    for (index, finding) in findings.iter().enumerate() {
        let number = (index + 1).to_string();
        let converted = convert(&[testdata("incident")], &["--finding", &number]);
        converted.assert_lines_add_up();
        let outcomes = converted.summary()["connections"]["by_outcome"]
            .as_object()
            .unwrap();
        let connections: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(
            connections,
            finding["count"].as_u64().unwrap(),
            "{number}: {}",
            finding["title"]
        );
    }
}

#[test]
fn number_that_no_finding_has_is_refused_with_how_many_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let count = diagnosis()["findings"].as_array().unwrap().len();
    let asked = |input: &std::path::Path, more: &[&str]| {
        let mut command = flow2pcap();
        command.arg("convert").arg(input).arg("-o").arg(&out);
        run(command.args(["--finding", "999"]).args(more))
    };
    let refused = asked(&testdata("incident"), &[]);
    assert_eq!(refused.code, 2);
    let expected = format!("no finding 999; there are {count} findings");
    assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    let stdin = asked(std::path::Path::new("-"), &[]);
    assert!(
        stdin.code == 2
            && stdin
                .stderr
                .contains("standard input can be read only once")
    );
    let interface = asked(&testdata("incident"), &["--addresses", "interface"]);
    assert!(interface.code == 2 && interface.stderr.contains("--addresses packet"));
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn each_finding_has_a_command_that_converts_it_with_the_same_filter() {
    let input = testdata("incident");
    let mut command = flow2pcap();
    command
        .arg("diagnose")
        .arg(&input)
        .args(["--protocol", "tcp", "--filter", "not port 1"]);
    let text = String::from_utf8(run(&mut command).stdout).unwrap();
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("flow2pcap convert"))
        .collect();
    assert!(!commands.is_empty(), "{text}");
    let end = "-o finding-1.pcapng --finding 1 --protocol tcp --filter 'not port 1'";
    assert!(
        commands[0].ends_with(&format!("flow2pcap convert {} {end}", input.display())),
        "{}",
        commands[0]
    );
}

#[test]
fn diagnosis_is_written_to_a_file_and_never_over_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(
        &folder,
        "in.log",
        fs::read(testdata("v2_default.log")).unwrap(),
    );
    let asked = |output: &std::path::Path, more: &[&str]| {
        let mut command = flow2pcap();
        // `run` would read what -o names as a capture.
        command
            .arg("diagnose")
            .arg(&log)
            .arg("--output")
            .arg(output)
            .args(more);
        run(&mut command)
    };
    let printed = run(flow2pcap().arg("diagnose").arg(&log)).stdout;
    let out = folder.path().join("findings.txt");
    let written = asked(&out, &[]);
    assert_eq!(
        (written.code, &written.stdout[..]),
        (0, &b""[..]),
        "{}",
        written.stderr
    );
    // A file is not as wide as the terminal of the tests.
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(text(fs::read(&out).unwrap()), text(printed));
    assert_eq!(asked(&out, &["--json"]).code, 0);
    serde_json::from_slice::<serde_json::Value>(&fs::read(&out).unwrap()).unwrap();
    let over = asked(&log, &[]);
    assert!(
        over.code == 2 && over.stderr.contains("also an input"),
        "{}",
        over.stderr
    );
    assert_eq!(
        fs::read(&log).unwrap(),
        fs::read(testdata("v2_default.log")).unwrap()
    );
}

#[test]
fn json_of_metrics_has_an_option_of_its_own() {
    let asked = |options: &[&str]| {
        let mut command = flow2pcap();
        run(command
            .arg("metrics")
            .arg(testdata("incident"))
            .args(options))
    };
    let tables = |run: crate::support::Run| {
        let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        json["tables"].clone()
    };
    assert!(tables(asked(&["--json"])).is_array());
    assert_eq!(
        tables(asked(&["--json"])),
        tables(asked(&["--format", "json"]))
    );
    assert_eq!(asked(&["--json", "--format", "csv"]).code, 2);
}
