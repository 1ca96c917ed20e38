//! `--split`: several captures and an index, which together are the one capture.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::tshark::tshark;
use crate::support::{
    Converted, convert, convert_to, file, flow2pcap, names_in, parts_of, run, testdata,
};
use tempfile::TempDir;
use testkit::pcapng::packet::{Tuple, headers};
use testkit::pcapng::{self, Capture, Packet};

/// A part: the name of its file, and what is in it.
type Part = (String, Capture);

fn parts(converted: &Converted) -> Vec<Part> {
    let files = parts_of(converted.path()).into_iter();
    let parts = files.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, pcapng::read(&crate::support::unpacked(&path)))
    });
    parts.collect()
}

/// Every packet with the name of its interface, sorted: what has to be the same however it is split.
fn packets<'c>(captures: impl IntoIterator<Item = &'c Capture>) -> Vec<(String, Packet)> {
    let packets = captures.into_iter().flat_map(|capture| {
        let named = |packet: &Packet| {
            let name = capture.interface_of(packet).to_owned();
            let interface = 0;
            (
                name,
                Packet {
                    interface,
                    ..packet.clone()
                },
            )
        };
        capture.packets.iter().map(named).collect::<Vec<_>>()
    });
    let mut packets: Vec<_> = packets.collect();
    packets.sort_by_key(|(name, p)| (p.time_ns, p.captured.clone(), name.clone()));
    packets
}

/// Converts `inputs` split and whole, and holds the parts against the whole and the index.
fn split(inputs: &[PathBuf], by: &str) -> Vec<Part> {
    let whole = convert(inputs, &[]).capture();
    let converted = convert(inputs, &["--split", by]);
    let parts = parts(&converted);
    assert!(
        packets(parts.iter().map(|(_, part)| part)) == packets([&whole]),
        "{by}"
    );
    let index = index(converted.path());
    let sum = |column: &str| -> u64 { index.iter().map(|row| number(row, column)).sum() };
    assert_eq!(sum("packets"), converted.count("/packets/written"));
    assert_eq!(sum("bytes"), converted.count("/packets/bytes_written"));
    assert_eq!(sum("file_bytes"), converted.count("/output/file_bytes"));
    let outcomes = converted.summary()["connections"]["by_outcome"].as_object();
    let connections = outcomes.unwrap().values().map(|n| n.as_u64().unwrap());
    assert_eq!(sum("connections"), connections.sum::<u64>());
    for ((name, part), row) in parts.iter().zip(&index) {
        assert_eq!(row["file"], *name);
        assert_eq!(number(row, "packets"), part.packets.len() as u64);
        let path = converted.path().with_file_name(name);
        assert_eq!(number(row, "file_bytes"), fs::metadata(path).unwrap().len());
        for (column, packet) in [
            ("first", part.packets.first()),
            ("last", part.packets.last()),
        ] {
            let time: jiff::Timestamp = row[column].parse().unwrap();
            assert_eq!(time.as_nanosecond(), i128::from(packet.unwrap().time_ns));
        }
    }
    let files = converted.summary()["output"]["parts"]["files"].as_array();
    assert_eq!(files.unwrap().len(), parts.len());
    parts
}

/// The rows of the index by the names of its columns.
fn index(output: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(output.with_extension("csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let columns: Vec<String> = lines.next().unwrap().collect();
    lines
        .map(|cells| columns.iter().cloned().zip(cells).collect())
        .collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> u64 {
    row[column].parse().unwrap()
}

/// A log of version 2 with a connection a line: its port, its ENI, when it begins and ends.
fn log(folder: &TempDir, connections: &[(u16, &str, u64, u64)]) -> PathBuf {
    let mut text = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
                    action log-status tcp-flags\n"
        .to_owned();
    for (port, eni, start, end) in connections {
        for (from, to, ports, flags) in [
            ("10.0.0.1", "10.0.0.2", format!("{port} 443"), 3),
            ("10.0.0.2", "10.0.0.1", format!("443 {port}"), 19),
        ] {
            text +=
                &format!("{eni} {from} {to} {ports} 6 12 1200 {start} {end} ACCEPT OK {flags}\n");
        }
    }
    file(folder, "made.log", text)
}

const HOUR: u64 = 3600;
/// 2026-03-14T02:00:00Z.
const TWO: u64 = 1_773_453_600;

#[test]
fn each_eni_has_a_part_with_its_own_interface() {
    let parts = split(&[testdata("incident")], "eni");
    assert_eq!(parts.len(), 5);
    for (name, part) in &parts {
        assert_eq!(part.interfaces.len(), 1, "{name}");
        assert_eq!(*name, format!("out-{}.pcapng", part.interfaces[0].name));
    }
}

#[test]
fn name_of_an_eni_cannot_leave_the_folder() {
    let folder = TempDir::new().unwrap();
    let enis = ["../up", "..", "eni-1", "ENI-1", "/etc/eni"];
    let connections = (40_000..)
        .zip(enis)
        .map(|(port, eni)| (port, eni, TWO, TWO + 5));
    let log = log(&folder, &connections.collect::<Vec<_>>());
    let parts = split(&[log], "eni");
    assert_eq!(parts.len(), enis.len());
    assert!(
        parts
            .iter()
            .all(|(name, _)| name.starts_with("out-") && !name.contains(".."))
    );
}

#[test]
fn each_hour_has_the_packets_of_its_hour() {
    let folder = TempDir::new().unwrap();
    let log = log(
        &folder,
        &[
            (40_000, "eni-1", TWO + 10, TWO + 20),
            // Goes on in the next hour.
            (40_001, "eni-1", TWO + HOUR - 20, TWO + HOUR + 20),
            (40_002, "eni-2", TWO + 5 * HOUR, TWO + 5 * HOUR + 9),
        ],
    );
    let parts = split(&[log], "hour");
    let names: Vec<&str> = parts.iter().map(|(name, _)| &**name).collect();
    let hours = ["02", "03", "07"].map(|hour| format!("out-2026-03-14T{hour}.pcapng"));
    assert_eq!(names, hours);
    for ((_, part), hour) in parts.iter().zip([0, 1, 5]) {
        let begin = (TWO + hour * HOUR) * 1_000_000_000;
        let end = begin + HOUR * 1_000_000_000;
        assert!(
            part.packets
                .iter()
                .all(|p| (begin..end).contains(&p.time_ns))
        );
    }
}

#[test]
fn part_ends_behind_the_packet_that_reaches_its_size() {
    let converted = convert(&[testdata("incident")], &["--split", "size=20kb"]);
    let lens: Vec<u64> = index(converted.path())
        .iter()
        .map(|row| number(row, "file_bytes"))
        .collect();
    assert_eq!(lens.len(), 3, "{lens:?}");
    for len in &lens[..2] {
        assert!((20_480..20_480 + 400).contains(len), "{lens:?}");
    }
    let parts = split(&[testdata("incident")], "size=20kb");
    let order = parts
        .iter()
        .flat_map(|(_, part)| &part.packets)
        .map(|p| p.time_ns);
    assert!(order.is_sorted(), "parts follow each other");
    assert_eq!(parts[0].0, "out-00001.pcapng");
}

#[test]
fn connections_are_whole_and_so_many_to_a_part() {
    let folder = TempDir::new().unwrap();
    let long = (41_000, "eni-1", TWO, TWO + 9 * HOUR);
    let short = (0..6).map(|n| {
        (
            40_000 + n,
            "eni-1",
            TWO + 60 * u64::from(n) + 1,
            TWO + 60 * u64::from(n) + 9,
        )
    });
    let connections: Vec<_> = std::iter::once(long).chain(short).collect();
    let parts = split(&[log(&folder, &connections)], "connections=3");
    let found = parts.iter().map(|(_, part)| {
        let mut packets: BTreeMap<Tuple, usize> = BTreeMap::new();
        for packet in &part.packets {
            *packets
                .entry(headers(packet).tuple.conversation())
                .or_default() += 1;
        }
        packets
    });
    let found: Vec<_> = found.collect();
    assert_eq!(
        found.iter().map(BTreeMap::len).collect::<Vec<_>>(),
        [3, 3, 1]
    );
    assert!(
        found
            .iter()
            .flat_map(BTreeMap::values)
            .all(|packets| *packets == 24)
    );
    // In order of their beginning, though the long one ends last.
    let ports = |part: usize| {
        let tuples = found[part].keys();
        let ports = tuples.map(|t| t.source.1.max(t.destination.1));
        ports.collect::<Vec<u16>>()
    };
    assert_eq!(ports(0), [40_000, 40_001, 41_000]);
    assert_eq!(ports(2), [40_005]);
}

#[test]
fn incident_is_conserved_by_every_split() {
    for by in [
        "hour",
        "connections=1",
        "connections=7",
        "size=1k",
        "size=1gib",
    ] {
        let parts = split(&[testdata("incident")], by);
        assert!(!parts.is_empty());
    }
}

#[test]
fn endings_are_kept_and_tshark_reads_every_part() {
    let Some(tshark) = tshark() else { return };
    let input = [testdata("incident")];
    let fields = [
        "frame.time_epoch",
        "frame.len",
        "ip.src",
        "tcp.seq_raw",
        "tcp.flags",
    ];
    let mut expected = tshark.fields(convert(&input, &[]).path(), "", &fields);
    expected.sort();
    for name in [
        "out.pcapng",
        "out.pcapng.gz",
        "out.pcapng.zst",
        "out.pcap",
        "out.pcap.gz",
    ] {
        let converted = convert_to(name, &input, &["--split", "connections=9"]);
        let parts = parts_of(converted.path());
        assert_eq!(parts.len(), 4);
        let ending = name.strip_prefix("out").unwrap();
        assert!(
            parts
                .iter()
                .all(|part| part.to_str().unwrap().ends_with(ending))
        );
        let frames = parts
            .iter()
            .flat_map(|part| tshark.fields(part, "", &fields));
        let mut frames: Vec<_> = frames.collect();
        frames.sort();
        assert!(frames == expected, "{name}");
    }
}

#[test]
fn what_cannot_be_split_is_refused_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let incident = testdata("incident");
    let incident = incident.to_str().unwrap();
    let out = folder.path().join("out.pcapng");
    let out = out.to_str().unwrap();
    for (arguments, said) in [
        (vec!["-o", "-", "--split", "eni"], "such as out.pcapng"),
        (
            vec!["-o", "/dev/null", "--split", "eni"],
            "such as out.pcapng",
        ),
        (vec!["-o", out, "--split", "day"], "eni, hour, size=SIZE"),
        (vec!["-o", out, "--split", "size=0mb"], "size=256MB"),
        (vec!["-o", out, "--split", "size=10"], "512MiB"),
        (
            vec!["-o", out, "--split", "connections=0"],
            "connections=1000",
        ),
        (
            vec!["-o", out, "--split", "hour", "--max-packets", "3"],
            "packets",
        ),
    ] {
        let run = run(flow2pcap().args(["convert", incident]).args(&arguments));
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
        assert!(run.stdout.is_empty());
        assert_eq!(names_in(folder.path()), [""; 0], "{arguments:?}");
    }
}

#[test]
fn part_over_an_input_is_refused_and_older_parts_stay() {
    let folder = TempDir::new().unwrap();
    let made = log(
        &folder,
        &[
            (40_000, "eni-1", TWO, TWO + 5),
            (40_001, "eni-1", TWO + HOUR, TWO + HOUR),
        ],
    );
    let input = folder.path().join("out-2026-03-14T03.pcapng");
    fs::rename(made, &input).unwrap();
    file(&folder, "out-2026-03-14T02.pcapng", "of last week");
    let before = names_in(folder.path());
    let out = folder.path().join("out.pcapng");
    let mut command = flow2pcap();
    command
        .arg("convert")
        .arg(&input)
        .arg("-o")
        .arg(&out)
        .args(["--split", "hour"]);
    let refused = run(&mut command);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("also an input"),
        "{}",
        refused.stderr
    );
    assert_eq!(names_in(folder.path()), before);
    let old = fs::read(folder.path().join("out-2026-03-14T02.pcapng")).unwrap();
    assert_eq!(old, b"of last week");
}

#[test]
fn summary_says_how_many_and_where_they_are_listed() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out.pcapng");
    let mut command = flow2pcap();
    command
        .arg("convert")
        .arg(testdata("incident"))
        .arg("-o")
        .arg(&out);
    let run = run(command.args(["--split", "eni"]));
    let line = run
        .stderr
        .lines()
        .find(|line| line.starts_with("output"))
        .unwrap();
    assert!(
        line.contains("5 parts") && line.contains("out.csv"),
        "{line}"
    );
    assert_eq!(names_in(folder.path()).len(), 6);
}
