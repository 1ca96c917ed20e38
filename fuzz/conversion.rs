//! What must hold of any conversion, whatever was converted.
//!
//! The capture is read by the tests' own reader, which knows neither the library
//! nor the crate that writes the blocks, and forgives nothing. Like
//! `checks.rs`, this is called by the targets and by `tests/suite/seeds.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use flow2pcap::capture::LinkType;
use flow2pcap::connection::Detail;
use flow2pcap::filter::Filter;
use flow2pcap::pipeline::{Comments, Convert, Meter, Request, VantageChoice, convert, diagnose};
use flow2pcap::summary::Summary;

use crate::support::{flow_log, packet, pcapng, rules};

/// Lines that are looked at; more would only be slower.
const LINES_MAX: usize = 64;

/// Any text, with any options, becomes a capture that can be read, or is refused with a reason.
///
/// The first octet chooses the options.
pub(crate) fn any_log(octets: &[u8]) {
    let Some((choice, text)) = octets.split_first() else {
        return;
    };
    let details = [Detail::Control, Detail::Compact { per_record_max: 8 }];
    let vantages = [VantageChoice::Auto, VantageChoice::All];
    let links = [LinkType::Raw, LinkType::Ethernet];
    let asked = |bit: u8| usize::from(choice >> bit & 1);
    let change = |request: Convert| Convert {
        detail: details[asked(0)],
        vantage: vantages[asked(1)].clone(),
        link: links[asked(2)],
        single_interface: asked(3) == 1,
        comments: [Comments::Record, Comments::All][asked(4)],
        ..request
    };
    match run(text, change) {
        Ok((summary, capture)) => check(&summary, &capture, links[asked(2)].header_len()),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

/// Any records become packets whose sums, by directed five-tuple, are theirs, and are diagnosed.
///
/// The first octet chooses the detail, and each eight more are a record.
pub(crate) fn any_records(octets: &[u8]) {
    let Some((choice, records)) = octets.split_first() else {
        return;
    };
    let detail = match choice % 4 {
        0 => Detail::Control,
        1 => Detail::Compact {
            per_record_max: u64::from(choice >> 2) + 4,
        },
        _ => Detail::Exact,
    };
    let chunks = records.as_chunks::<8>().0.iter().take(LINES_MAX);
    // One record delivered twice counts once.
    let lines: BTreeSet<String> = chunks.map(line).collect();
    if lines.is_empty() {
        return;
    }
    let text = format!("{HEADER}\n{}", Vec::from_iter(lines).concat());
    let change = |request| Convert { detail, ..request };
    let (summary, capture) = run(text.as_bytes(), change).expect("records are a flow log");
    check(&summary, &capture, 0);
    diagnosed(text.as_bytes());
    let expected = flow_log::sums(&flow_log::records(&text));
    let found = packet::sums(&capture);
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (flow, (packets, octets)) in &expected {
        assert_eq!(found[flow].1, *octets, "octets of {flow:?}");
        if detail == Detail::Exact {
            assert_eq!(found[flow].0, *packets, "packets of {flow:?}");
        }
    }
}

const HEADER: &str = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start \
                      end action tcp-flags flow-direction log-status";

/// Those that send, each with one that it sends to; every third pair is the one before it, turned round.
const PAIRS: [(&str, &str, &str); 6] = [
    ("10.0.0.1", "10.0.0.2", "egress"),
    ("10.0.0.2", "10.0.0.1", "ingress"),
    ("10.0.0.1", "10.0.1.3", "egress"),
    ("10.0.1.3", "10.0.0.1", "ingress"),
    ("2001:db8::1", "2001:db8::2", "egress"),
    ("2001:db8::2", "2001:db8::1", "ingress"),
];

/// A line that has room for the headers of all its packets.
fn line(octets: &[u8; 8]) -> String {
    let [pair, ports, packets, bytes, start, length, flags, rest] = octets.map(u64::from);
    let (source, destination, direction) = PAIRS[octets[0] as usize % PAIRS.len()];
    let protocol = [6, 6, 6, 17, 1, 47, 58, 0][(pair / 8 % 8) as usize];
    let (near, far) = (
        [443, 53, 22, 40_000][(ports % 4) as usize],
        40_000 + ports / 4 % 4,
    );
    let (source_port, destination_port) = match (protocol, direction) {
        (6 | 17, "egress") => (far, near),
        (6 | 17, _) => (near, far),
        _ => (0, 0),
    };
    let packets = packets % 100 + 1;
    // Two records that differ only there are one, delivered twice: other protocols have no flags.
    let flags = if protocol == 6 { flags } else { 0 };
    let bytes = packets * (100 + rest / 4) + bytes;
    let start = 1_773_454_500 + start % 128;
    let end = start + length % 64;
    let action = ["ACCEPT", "ACCEPT", "ACCEPT", "REJECT"][(rest % 4) as usize];
    format!(
        "eni-1 {source} {destination} {source_port} {destination_port} {protocol} {packets} {bytes} \
         {start} {end} {action} {flags} {direction} OK\n"
    )
}

/// What holds of every capture and its summary.
fn check(summary: &Summary, capture: &pcapng::Capture, link_len: u32) {
    assert!(summary.records.adds_up(), "{:?}", summary.records);
    rules::check(capture);
    let lens = capture.packets.iter();
    let octets: u128 = lens.map(|p| u128::from(p.original_len - link_len)).sum();
    assert_eq!(capture.packets.len() as u128, summary.packets.written);
    assert_eq!(octets, summary.packets.bytes_written);
}

/// Any records are diagnosed; each is looked at once, and no finding counts more than there is.
fn diagnosed(text: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.log");
    fs::write(&path, text).expect("room for a log");
    let request = Request {
        inputs: vec![path],
        format: None,
        filter: Filter::default(),
        memory: 1 << 30,
        temp_dir: folder.path().to_owned(),
    };
    let found = diagnose(&request, &Meter::default()).expect("records are a flow log");
    assert!(found.records.adds_up(), "{:?}", found.records);
    assert_eq!(found.symptoms.values().sum::<u64>(), found.attempts);
    for finding in &found.findings {
        assert!((1..=finding.of).contains(&finding.count), "{finding:?}");
        assert!(!finding.records.is_empty(), "{finding:?}");
    }
}

/// Converts a text in a folder of its own; the reason if it is refused.
fn run(
    text: &[u8],
    change: impl FnOnce(Convert) -> Convert,
) -> Result<(Summary, pcapng::Capture), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name| -> PathBuf { folder.path().join(name) };
    fs::write(file("in.log"), text).expect("room for a log");
    let request = change(Convert::new(vec![file("in.log")], file("out.pcapng")));
    match convert(&request, &Meter::default()) {
        Ok(summary) => {
            let octets = fs::read(file("out.pcapng")).expect("what was just written");
            Ok((summary, pcapng::read(&octets)))
        }
        Err(error) => {
            assert!(!file("out.pcapng").exists(), "no output behind an error");
            Err(error.to_string())
        }
    }
}
