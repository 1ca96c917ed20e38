//! Small logs that each tell one story, and how tshark retells it.

use super::tshark::Tshark;
use super::{Converted, convert, file};

/// The columns of [`log`].
const COLUMNS: &str = "interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol packets bytes start end action tcp-flags flow-direction";

/// One TCP record. What matters to a story is given in words, as in a log:
/// `ENI direction source destination sport dport packets bytes start end action flags`.
/// An address `a(b)` is the ENI's own a, where the packet has b.
fn record(words: &str) -> String {
    let [
        eni,
        direction,
        source,
        destination,
        sport,
        dport,
        packets,
        bytes,
        start,
        end,
        action,
        flags,
    ]: [&str; 12] = words
        .split_whitespace()
        .collect::<Vec<_>>()
        .try_into()
        .expect("twelve words a record");
    let addresses = |text: &str| match text.trim_end_matches(')').split_once('(') {
        Some((own, packet)) => (own.to_owned(), packet.to_owned()),
        None => (text.to_owned(), text.to_owned()),
    };
    let ((source, pkt_source), (destination, pkt_destination)) =
        (addresses(source), addresses(destination));
    format!(
        "{eni} {source} {destination} {pkt_source} {pkt_destination} {sport} {dport} 6 {packets} {bytes} {start} {end} {action} {flags} {direction}\n"
    )
}

/// A log of these records.
pub(crate) fn log<R: AsRef<str>>(records: &[R]) -> String {
    let lines = records.iter().map(|words| record(words.as_ref()));
    std::iter::once(format!("{COLUMNS}\n"))
        .chain(lines)
        .collect()
}

/// Converts a [`log`] of `records`, whose every line must have one fate.
pub(crate) fn tell<R: AsRef<str>>(records: &[R], options: &[&str]) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "story.log", log(records))], options);
    converted.assert_lines_add_up();
    converted
}

/// Each TCP frame in a few words: its stream, the sender's port, its flags, and what Wireshark's
/// analysis says of it: `again` is a retransmission, `reused` a port used again.
pub(crate) fn retell(tshark: Tshark, converted: &Converted) -> Vec<String> {
    let fields = [
        "tcp.stream",
        "tcp.srcport",
        "tcp.flags.str",
        "tcp.analysis.flags",
        "tcp.analysis.retransmission",
        "tcp.analysis.reused_ports",
    ];
    let rows = tshark.fields(converted.path(), "tcp", &fields).into_iter();
    rows.map(|row| {
        let flags: String = row[2].chars().filter(char::is_ascii_alphabetic).collect();
        // tshark 4.0 has no tcp.analysis.flags on a SYN-ACK that it calls a retransmission.
        let said = ["flagged", "again", "reused"];
        let note = (3..6).rev().find(|i| !row[*i].is_empty());
        let note = note.map_or(String::new(), |i| format!(" {}", said[i - 3]));
        format!("{} {} {flags}{note}", row[0], row[1])
    })
    .collect()
}
