//! The stories of `testdata/incident`, as tshark tells them.
//!
//! `testdata/README.md` says what happened in those fifteen minutes and what
//! must come out; this holds the capture against it, conversation by
//! conversation. What the log does not say, times within a second and sizes of
//! single packets, is not looked at.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::support::tshark::tshark;
use crate::support::{Converted, convert, testdata};

static INCIDENT: LazyLock<Converted> =
    LazyLock::new(|| convert(&[testdata("incident")], &["--detail", "exact"]));

/// One frame, as far as these tests ask.
#[derive(Clone, Debug)]
struct Frame {
    source: String,
    destination: String,
    len: u64,
    eni: String,
    comment: String,
    flags: u8,
    analysis: bool,
    retransmission: bool,
    seq: String,
}

/// All frames in order; none where there is no tshark.
fn frames() -> Option<&'static [Frame]> {
    static FRAMES: LazyLock<Vec<Frame>> = LazyLock::new(|| {
        let tshark = tshark().expect("asked for only where it is");
        let fields = [
            "ip.src",
            "ip.dst",
            "ipv6.src",
            "ipv6.dst",
            "tcp.srcport",
            "tcp.dstport",
            "udp.srcport",
            "udp.dstport",
            "frame.len",
            "frame.interface_name",
            "frame.comment",
            "tcp.flags",
            "tcp.analysis.flags",
            "tcp.analysis.retransmission",
            "tcp.seq_raw",
        ];
        let rows = tshark.fields(INCIDENT.path(), "", &fields);
        rows.into_iter().map(frame).collect()
    });
    tshark()?;
    Some(&FRAMES)
}

fn frame(row: Vec<String>) -> Frame {
    let any = |a: usize, b: usize| if row[a].is_empty() { &row[b] } else { &row[a] };
    let end = |address: &String, port: &String| match port.as_str() {
        "" => address.clone(),
        port => format!("{address}:{port}"),
    };
    let flags = row[11].trim_start_matches("0x");
    let flags = u16::from_str_radix(flags, 16).unwrap_or(0);
    Frame {
        source: end(any(0, 2), any(4, 6)),
        destination: end(any(1, 3), any(5, 7)),
        len: row[8].parse().unwrap(),
        eni: row[9].clone(),
        comment: row[10].clone(),
        flags: u8::try_from(flags & 0xff).unwrap(),
        analysis: !row[12].is_empty(),
        retransmission: !row[13].is_empty(),
        seq: row[14].clone(),
    }
}

/// The frames between two ends, given as `ADDRESS:PORT`, initiator first.
fn between(frames: &[Frame], initiator: &str, responder: &str) -> Vec<Frame> {
    let joins = |f: &&Frame| {
        [(initiator, responder), (responder, initiator)]
            .contains(&(f.source.as_str(), f.destination.as_str()))
    };
    frames.iter().filter(joins).cloned().collect()
}

/// `>` for the initiator's frames and `<` for the others, with what their flags say.
fn listing(frames: &[Frame], initiator: &str) -> Vec<String> {
    let word = |f: &Frame| {
        let arrow = if f.source == initiator { '>' } else { '<' };
        let named = [(SYN, "S"), (FIN, "F"), (RST, "R"), (ACK, ".")];
        let flags = named.iter().filter(|(bit, _)| f.flags & bit == *bit);
        format!(
            "{arrow}{}",
            flags.map(|(_, name)| *name).collect::<String>()
        )
    };
    frames.iter().map(word).collect()
}

/// How a conversation has to look.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Handshake, data, a FIN from each end.
    Complete,
    /// Handshake and data, no end.
    Open,
    /// Handshake and data, and the responder's RST as the last frame.
    Reset,
    /// SYN, RST.
    Refused,
    /// No SYN, FIN or RST at all.
    Midstream,
    /// SYNs of one sequence number, all but the first retransmissions.
    SynOnly,
    /// SYNs and SYN-ACKs likewise, and no more.
    NoAck,
    /// No TCP.
    Datagrams,
}

use Shape::{Complete, Datagrams, Midstream, NoAck, Open, Refused, Reset, SynOnly};
use testkit::flow_log;
use testkit::pcapng::packet::{ACK, FIN, RST, SYN};

/// Initiator, responder, packets and bytes there and back, shape.
type Story = (&'static str, &'static str, [u64; 4], Shape);

#[rustfmt::skip]
const STORIES: [Story; 19] = [
    ("198.51.100.23:51544", "10.0.1.20:443", [13, 1735, 15, 12994], Complete),
    ("10.0.1.20:34822", "10.0.12.27:8080", [8, 1136, 10, 8068], Complete),
    ("10.0.12.27:40112", "10.0.21.40:5432", [16, 1625, 8, 5796], Midstream),
    ("10.0.11.15:41873", "10.200.0.53:53", [2, 146, 2, 247], Datagrams),
    ("10.0.11.15:47310", "198.51.100.200:443", [11, 1581, 11, 6866], Complete),
    ("10.0.1.5:19644", "198.51.100.200:443", [11, 1581, 11, 6866], Complete),
    ("10.0.12.27:40960", "10.0.21.40:5432", [46, 6748, 42, 43957], Complete),
    ("10.0.11.15:52744", "10.0.21.40:5432", [4, 240, 0, 0], SynOnly),
    ("10.0.1.20:35010", "10.0.11.15:8080", [9, 1166, 15, 18152], Reset),
    ("10.0.1.20:35044", "10.0.11.15:8080", [1, 60, 1, 40], Refused),
    ("10.0.1.20:35090", "10.0.11.15:8080", [1, 60, 1, 40], Refused),
    ("10.0.12.27", "10.0.11.15", [2, 168, 2, 168], Datagrams),
    ("2001:db8:51::c0ff:ee:50122", "2001:db8:a1b2:c301::20:443", [11, 1823, 12, 8739], Complete),
    ("203.0.113.90:6022", "10.0.1.20:443", [1, 60, 5, 300], NoAck),
    ("10.0.12.27:58310", "10.200.0.77:389", [6, 360, 0, 0], SynOnly),
    ("10.200.0.9:60114", "10.0.12.27:22", [3, 180, 4, 240], NoAck),
    ("10.0.12.27:48211", "203.0.113.123:123", [1, 76, 1, 76], Datagrams),
    ("10.0.1.5:26113", "203.0.113.123:123", [1, 76, 1, 76], Datagrams),
    ("203.0.113.7:49816", "10.0.1.20:443", [8, 1436, 8, 6042], Open),
];

/// Ports of the load balancer that the scanner tries, one rejected SYN each.
const SCANNED: [u16; 12] = [21, 22, 23, 25, 110, 139, 445, 1433, 3306, 3389, 5900, 8443];

#[test]
fn conversations_have_the_packets_and_bytes_of_the_log() {
    let Some(frames) = frames() else { return };
    let mut told = 0;
    for (initiator, responder, sums, _) in STORIES {
        let frames = between(frames, initiator, responder);
        let sum = |source| {
            let own = frames.iter().filter(|f| f.source == source);
            own.fold((0, 0), |(n, len), f| (n + 1, len + f.len))
        };
        let ((there, there_len), (back, back_len)) = (sum(initiator), sum(responder));
        let found = [there, there_len, back, back_len];
        assert_eq!(found, sums, "{initiator} > {responder}");
        told += frames.len();
    }
    assert_eq!(told + SCANNED.len(), frames.len());
    assert_eq!(frames.len(), 316);
    assert_eq!(frames.iter().map(|f| f.len).sum::<u64>(), 139_452);
}

#[test]
fn conversations_go_as_their_stories_say() {
    let Some(frames) = frames() else { return };
    for (initiator, responder, _, shape) in STORIES {
        let frames = between(frames, initiator, responder);
        let flags = listing(&frames, initiator);
        let opened = flags.starts_with(&[">S".into(), "<S.".into(), ">.".into()]);
        let count = |mark: &str| flags.iter().filter(|f| f.contains(mark)).count();
        let is_told = match shape {
            Complete => opened && count("S") == 2 && count("F") == 2 && count("R") == 0,
            Open => opened && count("S") == 2 && count("F") + count("R") == 0,
            Reset => {
                let last = flags.last().unwrap();
                opened && count("S") == 2 && count("R") == 1 && last.starts_with("<R")
            }
            Refused => flags.len() == 2 && flags[0] == ">S" && flags[1].starts_with("<R"),
            Midstream => count("S") + count("F") + count("R") == 0,
            SynOnly => flags.iter().all(|f| f == ">S"),
            NoAck => flags[0] == ">S" && flags.iter().all(|f| f == ">S" || f == "<S."),
            Datagrams => flags.iter().all(|f| f.len() == 1),
        };
        assert!(is_told, "{initiator} > {responder}, {shape:?}: {flags:?}");
    }
}

#[test]
fn sides_that_close_send_nothing_but_acknowledgements_afterwards() {
    let Some(frames) = frames() else { return };
    for (initiator, responder, _, _) in STORIES.iter().filter(|story| story.3 == Complete) {
        let flags = listing(&between(frames, initiator, responder), initiator);
        for side in ['>', '<'] {
            let own: Vec<&String> = flags.iter().filter(|f| f.starts_with(side)).collect();
            let behind = own.iter().skip_while(|f| !f.contains('F')).skip(1);
            let idle = behind.filter(|f| !f.ends_with('.') || f.contains('F'));
            assert_eq!(idle.count(), 0, "{initiator} > {responder}: {flags:?}");
        }
    }
}

#[test]
fn wireshark_flags_seventeen_retransmissions_and_nothing_else() {
    let Some(frames) = frames() else { return };
    let mut flagged = BTreeMap::new();
    for f in frames.iter().filter(|f| f.analysis) {
        assert!(f.retransmission, "{f:?}");
        let mut ends = [f.source.as_str(), f.destination.as_str()];
        ends.sort_unstable();
        *flagged.entry(ends).or_insert(0) += 1;
    }
    let expected = BTreeMap::from([
        (["10.0.11.15:52744", "10.0.21.40:5432"], 3),
        (["10.0.1.20:443", "203.0.113.90:6022"], 4),
        (["10.0.12.27:58310", "10.200.0.77:389"], 5),
        (["10.0.12.27:22", "10.200.0.9:60114"], 5),
    ]);
    assert_eq!(flagged, expected);
}

#[test]
fn repeated_syns_have_one_sequence_number() {
    let Some(frames) = frames() else { return };
    let repeated = |story: &&Story| matches!(story.3, SynOnly | NoAck);
    for (initiator, responder, _, _) in STORIES.iter().filter(repeated) {
        for source in [initiator, responder] {
            let mut seqs: Vec<String> = between(frames, initiator, responder)
                .into_iter()
                .filter(|f| f.source == *source)
                .map(|f| f.seq)
                .collect();
            seqs.dedup();
            assert!(seqs.len() <= 1, "{source}: {seqs:?}");
        }
    }
}

#[test]
fn scan_is_one_rejected_syn_a_port() {
    let Some(frames) = frames() else { return };
    for port in SCANNED {
        let frames = between(frames, "203.0.113.66:61000", &format!("10.0.1.20:{port}"));
        assert_eq!(frames.len(), 1, "port {port}");
        assert_eq!((frames[0].flags, frames[0].len), (SYN, 44), "port {port}");
        assert!(frames[0].comment.contains("action=REJECT"), "port {port}");
    }
}

#[test]
fn rejected_packets_all_say_so() {
    let Some(tshark) = tshark() else { return };
    let filter = "frame.comment contains \"action=REJECT\"";
    assert_eq!(tshark.count(INCIDENT.path(), filter), 20);
    let Some(frames) = frames() else { return };
    let rejected = |frames: Vec<Frame>| {
        let says = |f: &&Frame| f.comment.contains("action=REJECT");
        frames.iter().filter(says).count()
    };
    let database = between(frames, "10.0.11.15:52744", "10.0.21.40:5432");
    assert_eq!(rejected(database), 4);
    let ssh = between(frames, "10.200.0.9:60114", "10.0.12.27:22");
    assert!(
        ssh.iter()
            .all(|f| f.comment.contains("action=REJECT") == (f.flags != SYN))
    );
}

#[test]
fn resets_are_those_that_were_logged() {
    let Some(tshark) = tshark() else { return };
    assert_eq!(tshark.count(INCIDENT.path(), "tcp.flags.reset == 1"), 3);
}

#[test]
fn frames_tell_eni_record_and_direction() {
    let Some(frames) = frames() else { return };
    assert!(frames.iter().all(|f| f.eni.starts_with("eni-0")));
    let told = frames.iter().filter(|f| f.comment.contains("record="));
    let told: Vec<&Frame> = told.collect();
    assert_eq!(told.len() as u64, INCIDENT.count("/records/used"));
    for f in told {
        assert!(f.comment.contains(&format!("eni={}", f.eni)), "{f:?}");
        assert!(f.comment.contains(".log.gz:"), "{f:?}");
    }
    let tshark = tshark().unwrap();
    // What app-1 sends leaves its interface, what it is sent enters it.
    let own = "frame.interface_name == \"eni-0b8e13f64d7ac2951\"";
    for (end, wrong) in [("src", 1), ("dst", 2)] {
        let filter =
            format!("{own} && ip.{end} == 10.0.11.15 && frame.packet_flags_direction == {wrong}");
        assert_eq!(tshark.count(INCIDENT.path(), &filter), 0, "{filter}");
    }
    let either = "frame.packet_flags_direction in {1, 2}";
    assert_eq!(tshark.count(INCIDENT.path(), either), frames.len());
}

#[test]
fn frames_stand_in_order_of_time() {
    let Some(tshark) = tshark() else { return };
    let told = tshark.capinfos(INCIDENT.path(), &["-o", "-c", "-M"]);
    assert!(told.contains("Strict time order:   True"), "{told}");
}

#[test]
fn summary_counts_outcomes_records_and_packets() {
    let outcomes = &INCIDENT.summary()["connections"]["by_outcome"];
    let expected = serde_json::json!({
        "complete": 6, "open": 1, "reset": 1, "refused": 2, "half-open": 1,
        "unanswered": 1, "rejected": 14, "midstream": 1, "datagrams": 4,
    });
    assert_eq!(*outcomes, expected);
    assert_eq!(INCIDENT.count("/records/lines"), 132);
    assert_eq!(INCIDENT.count("/records/headers"), 4);
    let told = INCIDENT.count("/records/used") + INCIDENT.count("/records/other_vantage");
    assert_eq!(told, 80);
    assert_eq!(INCIDENT.count("/records/no_data"), 47);
    assert_eq!(
        INCIDENT.skipped() + INCIDENT.count("/records/duplicates"),
        0
    );
    assert_eq!(INCIDENT.count("/enis"), 5);
    for pointer in ["/packets/logged", "/packets/written"] {
        assert_eq!(INCIDENT.count(pointer), 316);
    }
    for pointer in ["/packets/bytes_logged", "/packets/bytes_written"] {
        assert_eq!(INCIDENT.count(pointer), 139_452);
    }
    INCIDENT.assert_lines_add_up();
}

#[test]
fn summary_reports_the_gap() {
    let gap = &INCIDENT.summary()["records"]["gaps"];
    let expected = serde_json::json!([{
        "eni": "eni-0e19a4c6d8b3f7522",
        "start_ns": 1_773_454_970_000_000_000_u64, // 02:22:50
        "end_ns": 1_773_455_029_000_000_000_u64,
    }]);
    assert_eq!(*gap, expected);
    assert_eq!(INCIDENT.count("/records/skip_data"), 1);
}

#[test]
fn every_view_together_adds_up_to_the_whole_log() {
    let all = convert(
        &[testdata("incident")],
        &["--detail", "exact", "--vantage", "all"],
    );
    let capture = all.capture();
    let texts = flow_log::files_below(&testdata("incident"));
    let records: Vec<_> = texts
        .iter()
        .flat_map(|path| flow_log::records(&flow_log::text(path)))
        .collect();
    assert_eq!(records.len(), 80);
    assert_eq!(
        testkit::pcapng::packet::sums(&capture),
        flow_log::sums(&records)
    );
    assert_eq!(capture.packets.len(), 506);
    assert_eq!(all.count("/packets/bytes_written"), 235_475);
}
