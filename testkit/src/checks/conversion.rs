//! What must hold of any conversion, whatever was converted.
//!
//! The capture is read by [`crate::pcapng`], which knows neither the library
//! nor the crate that writes the blocks, and forgives nothing.
//!
//! A conversion takes well under a millisecond, so what is around it counts: one folder serves all
//! that a thread does, and memory is what the smallest run gets.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flow2pcap::capture::LinkType;
use flow2pcap::connection::Detail;
use flow2pcap::pipeline::{
    Comments, Convert, Meter, Request, VantageChoice, convert, diagnose, inspect,
};
use flow2pcap::summary::Summary;

use crate::flow_log;
use crate::pcapng::{self, packet, rules};

/// Lines that are looked at; more would only be slower.
const LINES_MAX: usize = 64;

/// Files that are looked at.
const FILES_MAX: usize = 4;

/// What separates the files of one input: nothing that a text or a packed file is likely to hold.
const NEXT_FILE: &[u8] = b"\n--next-file--\n";

/// Bytes of memory that a conversion may use: the least that the program takes.
const MEMORY: u64 = 16 << 20;

/// Any text, with any options, becomes a capture that can be read, or is refused with a reason.
///
/// The first byte chooses the options.
pub fn any_log(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let details = [Detail::Control, Detail::Compact { per_record_max: 8 }];
    let vantages = [VantageChoice::Auto, VantageChoice::All];
    let links = [LinkType::Raw, LinkType::Ethernet];
    let asked = |bit: u8| usize::from(choice >> bit & 1);
    let change = |convert: &mut Convert| {
        convert.detail = details[asked(0)].into();
        convert.vantage = vantages[asked(1)].clone();
        convert.link = links[asked(2)];
        convert.single_interface = asked(3) == 1;
        convert.comments = [Comments::Record, Comments::All][asked(4)];
    };
    let log = write("in.log", text);
    match run(log, change) {
        Ok((summary, capture)) => check(&summary, &capture, links[asked(2)].header_len()),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

/// Any records become packets whose sums, by directed five-tuple, are theirs, and are diagnosed.
///
/// The first byte chooses the detail, and each eight more are a record.
pub fn any_records(bytes: &[u8]) {
    let Some((choice, records)) = bytes.split_first() else {
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
    let change = |convert: &mut Convert| convert.detail = detail.into();
    let log = write("in.log", text.as_bytes());
    let (summary, capture) = run(log.clone(), change).expect("records are a flow log");
    check(&summary, &capture, 0);
    diagnosed(log);
    let expected = flow_log::sums(&flow_log::records(&text));
    let found = packet::sums(&capture);
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (flow, (packets, bytes)) in &expected {
        assert_eq!(found[flow].1, *bytes, "bytes of {flow:?}");
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
fn line(choices: &[u8; 8]) -> String {
    let [pair, ports, packets, bytes, start, length, flags, rest] = choices.map(u64::from);
    let (source, destination, direction) = PAIRS[choices[0] as usize % PAIRS.len()];
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
    // From nothing beyond the headers to more than any packet holds.
    let payload = if bytes < 128 {
        bytes
    } else {
        bytes << (bytes / 8 - 16)
    };
    let bytes = packets * (100 + rest / 4) + payload;
    let start = 1_773_454_500 + start % 128;
    let end = start + length % 64;
    let action = ["ACCEPT", "ACCEPT", "ACCEPT", "REJECT"][(rest % 4) as usize];
    format!(
        "eni-1 {source} {destination} {source_port} {destination_port} {protocol} {packets} {bytes} \
         {start} {end} {action} {flags} {direction} OK\n"
    )
}

/// Files of any kinds are read or left out, each as a whole and whatever lies beside it.
///
/// The first byte chooses the options; each file begins with one that says how it is packed.
pub fn many_files(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let details = [Detail::Exact, Detail::Compact { per_record_max: 8 }];
    let change = |convert: &mut Convert| {
        convert.detail = details[usize::from(choice & 1)].into();
        // Which view is chosen depends on all files, and what all views say does not.
        convert.vantage = VantageChoice::All;
    };
    let mut sums = [0_u128; 4];
    let folder = path("in");
    // Left by the input before this one.
    let _ = fs::remove_dir_all(&folder);
    let files = files(rest);
    for (index, file) in files.iter().enumerate() {
        write(&format!("in/{index}/log"), file);
    }
    let Ok((summary, capture)) = run(folder, change) else {
        return;
    };
    check(&summary, &capture, 0);
    for index in 0..files.len() {
        // Refused is what holds no flow log at all; it is left out where there is another.
        match run(path(&format!("in/{index}")), change) {
            Ok((alone, capture)) => {
                check(&alone, &capture, 0);
                let counts = counts(&alone);
                sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
            }
            // Alone, a file whose records are all skipped is refused, and `inspect` counts its lines.
            Err(_) => sums[0] += lines_of(path(&format!("in/{index}"))),
        }
    }
    let [lines, kept, files_read, packets] = counts(&summary);
    assert_eq!(lines, sums[0], "lines, alone and together");
    assert!(kept <= sums[1], "records out of a file that has none");
    assert!(packets <= sums[3], "packets out of a file that has none");
    // An archive is as many files as it has members, and only damaged where it has none to read.
    let left_out = u128::from(summary.input.left_out.total() + summary.input.damaged.total());
    let events: u64 = summary.events.values().map(|log| log.files).sum();
    // One of which nothing can be read is damaged, and where it is alone the run is refused.
    assert!(files_read >= sums[2], "files, alone and together");
    assert!(
        files_read + left_out + u128::from(events) >= files.len() as u128,
        "each file has a fate"
    );
}

/// The lines of an input that is not converted: none where it holds no flow log.
fn lines_of(input: PathBuf) -> u128 {
    let survey = inspect(&request(input), &Meter::default());
    survey.map_or(0, |survey| survey.records.lines.into())
}

/// Lines, records that became packets, files read, packets.
fn counts(summary: &Summary) -> [u128; 4] {
    [
        summary.records.lines.into(),
        summary.records.used.into(),
        summary.input.files.into(),
        summary.packets.logged,
    ]
}

/// The files of one input, packed as their first bytes say.
fn files(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    while files.len() < FILES_MAX {
        let next = rest.windows(NEXT_FILE.len()).position(|at| at == NEXT_FILE);
        let file = &rest[..next.unwrap_or(rest.len())];
        files.extend(file.split_first().map(|(how, text)| packed(*how, text)));
        let Some(next) = next else { break };
        rest = &rest[next + NEXT_FILE.len()..];
    }
    files
}

fn packed(how: u8, text: &[u8]) -> Vec<u8> {
    if how % 4 != 1 {
        return text.to_vec();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).expect("memory takes anything");
    gzip.finish().expect("memory takes anything")
}

/// What holds of every capture and its summary.
fn check(summary: &Summary, capture: &pcapng::Capture, link_len: u32) {
    assert!(summary.records.adds_up(), "{:?}", summary.records);
    rules::check(capture);
    let lens = capture.packets.iter();
    let bytes: u128 = lens.map(|p| u128::from(p.original_len - link_len)).sum();
    assert_eq!(capture.packets.len() as u128, summary.packets.written);
    assert_eq!(bytes, summary.packets.bytes_written);
}

/// Any records are diagnosed; each is looked at once, and no finding counts more than there is.
fn diagnosed(log: PathBuf) {
    let request = request(log);
    let found = diagnose(&request, &Meter::default()).expect("records are a flow log");
    assert!(found.records.adds_up(), "{:?}", found.records);
    assert_eq!(found.symptoms.values().sum::<u64>(), found.attempts);
    for finding in &found.findings {
        assert!((1..=finding.of).contains(&finding.count), "{finding:?}");
        assert!(!finding.records.is_empty(), "{finding:?}");
    }
}

fn request(input: PathBuf) -> Request {
    Request::new(vec![input]).memory(MEMORY).temp_dir(path(""))
}

/// Converts what is at `input`; the reason if it is refused.
fn run(
    input: PathBuf,
    change: impl FnOnce(&mut Convert),
) -> Result<(Summary, pcapng::Capture), String> {
    let output = path("out.pcapng");
    let mut asked = Convert::new(request(input), output.clone());
    change(&mut asked);
    match convert(&asked, &Meter::default()) {
        Ok(summary) => {
            let bytes = fs::read(&output).expect("what was just written");
            fs::remove_file(&output).expect("what was just read");
            Ok((summary, pcapng::read(&bytes)))
        }
        Err(error) => {
            assert!(!output.exists(), "no output after an error");
            Err(error.to_string())
        }
    }
}

thread_local! {
    /// Where this thread keeps its files, in place of those of the input before.
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder");
}

fn path(name: &str) -> PathBuf {
    FOLDER.with(|folder| folder.path().join(name))
}

fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = path(name);
    if !path.parent().is_some_and(Path::is_dir) {
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a new folder");
    }
    fs::write(&path, bytes).expect("room for a log");
    path
}
