//! What to do next, as options of the command line, after a failure or a large capture.
//!
//! The errors of the library report what failed. Which option helps is known only here.

use flow2pcap::error::{Error, ErrorKind, NeighborHeader, SecondReading, TemporaryData};
use flow2pcap::printable::number::grouped;
use flow2pcap::printable::shell::{option, quoted};
use flow2pcap::summary::WIRESHARK_PACKETS;

use super::message::{Message, Tip};
use super::nothing_kept;

/// Makes the message of an error that ends a run.
pub(super) fn message(error: &anyhow::Error) -> Message {
    if let Some(message) = error.downcast_ref::<Refusal>() {
        return Message::error(&message.text).tips(message.tips.clone());
    }
    let text = format!("{error:#}");
    let Some(failure) = error.downcast_ref::<Error>() else {
        return Message::error(text);
    };
    match failure.kind() {
        ErrorKind::TooManyPackets {
            packets,
            limit,
            suggestions,
            is_coarsest,
        } => too_many_packets(*packets, *limit, suggestions, *is_coarsest),
        ErrorKind::NothingKept(unmatched) => Message::error(nothing_kept::worded(unmatched)),
        ErrorKind::NothingMatches {
            filed_ns: Some((start, end)),
            ..
        } => {
            let span = nothing_kept::archive_span("by their paths, the files are", *start, *end);
            Message::error(text + &span)
        }
        kind => Message::error(text).tips(tips(kind)),
    }
}

/// A refusal of the command line itself, with what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    text: String,
    tips: Vec<Tip>,
}

/// Makes an error with one tip.
pub(super) fn refusal(text: impl Into<String>, tip: impl Into<Tip>) -> anyhow::Error {
    let (text, tips) = (text.into(), vec![tip.into()]);
    anyhow::Error::new(Refusal { text, tips })
}

fn tips(kind: &ErrorKind) -> Vec<Tip> {
    match kind {
        ErrorKind::NoRoom { .. } => vec![
            "make room there (`df`, `ulimit -f`)".into(),
            "choose another place with -o".into(),
        ],
        ErrorKind::NoTemporaryFile { what, .. } => vec![
            "choose another folder with --temp-dir".into(),
            match what {
                TemporaryData::Overflow => "keep more in memory with --memory".into(),
                TemporaryData::Table => {
                    "decompress or extract the Parquet files first, and do not \
                                         read them from a pipe"
                        .into()
                }
            },
        ],
        ErrorKind::UnknownLayout {
            suggestion,
            neighbor,
            ..
        } => {
            let neighbor = neighbor.iter().map(format_of_neighbor);
            let completed = format_to_complete(suggestion.as_deref());
            neighbor.chain([completed]).collect()
        }
        ErrorKind::AmbiguousFormats { .. } => vec![
            "leave out one of these formats, or read the files of each format in a run of their own"
                .into(),
        ],
        ErrorKind::NeedsMemory { ends, needed, .. } => {
            let [low, high] = ends.map(|end| end.ip());
            vec![
                format!(
                    "keep more in memory with --memory {}MiB",
                    needed.div_ceil(1 << 20)
                )
                .into(),
                "make fewer packets with --detail control".into(),
                Tip {
                    text: "leave the connection out:".into(),
                    commands: vec![format!(
                        "--filter {}",
                        quoted(&format!("not (host {low} and host {high})"))
                    )],
                },
                TIME_RANGE.into(),
            ]
        }
        ErrorKind::TooManyBuckets { .. } => {
            vec!["use longer buckets with --every".into(), TIME_RANGE.into()]
        }
        ErrorKind::ReadsStdinTwice { purpose } => vec![match purpose {
            SecondReading::RelativeTime => {
                "give a date and time, as in --from 2026-03-14T02:15".into()
            }
            SecondReading::Report | SecondReading::Finding | SecondReading::Query => {
                WRITE_FIRST.into()
            }
        }],
        ErrorKind::NothingReadable { .. } => vec![format_to_complete(None)],
        ErrorKind::AmbiguousName { is_whole: true, .. } => vec![WRITE_FIRST.into()],
        ErrorKind::AmbiguousName { .. } => vec!["write more of the name".into()],
        ErrorKind::NoSuchFinding { count: 1.., .. } => {
            vec!["`flow2pcap diagnose` with the same inputs and filters lists the findings".into()]
        }
        _ => Vec::new(),
    }
}

/// The tip for standard input, which can be read only once.
const WRITE_FIRST: &str = "write it to a file first, as in `cat >archive.log`, and read that file";

/// The tip to read less.
const TIME_RANGE: &str = "choose a time range with --from and --to";

fn format_of_neighbor(neighbor: &NeighborHeader) -> Tip {
    Tip {
        text: format!("{} has a header with as many columns:", neighbor.file),
        commands: vec![format!("--format {}", quoted(&neighbor.format))],
    }
}

fn format_to_complete(suggestion: Option<&str>) -> Tip {
    match suggestion {
        Some(format) => Tip {
            text: "give the order of the columns; replace each ? with the name of a field:".into(),
            commands: vec![format!("--format {}", quoted(format))],
        },
        None => Tip {
            text: "if this is a flow log, give the order of its columns:".into(),
            commands: vec!["--format '${srcaddr} ${dstaddr} …'".into()],
        },
    }
}

fn too_many_packets(
    packets: u64,
    limit: u64,
    suggestions: &[(String, u64)],
    is_coarsest: bool,
) -> Message {
    let mut text = format!(
        "about {} packets, more than --max-packets {}, so nothing is written",
        grouped(packets),
        grouped(limit)
    );
    if packets > WIRESHARK_PACKETS {
        let slow = grouped(WIRESHARK_PACKETS);
        text += &format!(" (Wireshark is slow with more than about {slow})");
    }
    let message = Message::error(text);
    let suggestions = suggestions.iter();
    let commands = suggestions.filter_map(|(filter, packets)| suggestion(filter, *packets));
    let commands: Vec<String> = commands.collect();
    let mut tips = Vec::new();
    if !commands.is_empty() {
        let text = "add a filter:".into();
        tips.push(Tip { text, commands });
    }
    tips.push(TIME_RANGE.into());
    if !is_coarsest {
        tips.push("make fewer packets of the same records with --detail control".into());
    }
    message.tips(tips)
}

/// Formats a filter to try as an option, with the packets that it leaves; `None` if it cannot be typed.
pub(super) fn suggestion(filter: &str, packets: u64) -> Option<String> {
    let option = as_option(filter)?;
    let noun = if packets == 1 { "packet" } else { "packets" };
    Some(format!(
        "{option:<40} leaves about {} {noun}",
        grouped(packets)
    ))
}

/// The shortest option that means the same as `filter`.
fn as_option(filter: &str) -> Option<String> {
    match filter.split_once(' ') {
        None if filter == "reject" => option("--action", "reject"),
        Some(("eni", name)) => option("--eni", name),
        Some(("host", address)) => option("--host", address),
        _ => option("--filter", filter),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::cli::page::Page;

    fn worded(kind: ErrorKind) -> String {
        let message = message(&anyhow::Error::new(Error::from(kind)));
        message.on(Page::PLAIN).to_string()
    }

    #[test]
    fn suggested_filter_is_the_shortest_option_and_one_word_of_a_shell() {
        let quoted = r"eni-1'\'';x;'\'''";
        for (filter, expected) in [
            ("reject", "--action reject"),
            ("host 10.0.0.1", "--host 10.0.0.1"),
            ("not host 10.0.0.1", "--filter 'not host 10.0.0.1'"),
            ("eni -rf", "--eni=-rf"),
            ("eni eni-1';x;'", &format!("--eni '{quoted}")),
            ("not eni eni-1';x;'", &format!("--filter 'not eni {quoted}")),
        ] {
            assert_eq!(as_option(filter).as_deref(), Some(expected));
        }
        assert_eq!(as_option("eni a\x1b[31m"), None);
    }

    #[test]
    fn failure_is_reported_with_the_option_that_helps() {
        let memory = worded(ErrorKind::NeedsMemory {
            ends: ["10.0.0.1:40000", "10.0.0.2:443"].map(|end| end.parse().unwrap()),
            protocol: 6,
            records: 20,
            packets: 1_280,
            needed: 2_442 << 20,
        });
        for part in [
            "10.0.0.1:40000",
            "20 records that become 1,280 packets",
            "\n\n  tip: keep more in memory with --memory 2442MiB\n",
            "--from",
        ] {
            assert!(memory.contains(part), "{memory}");
        }
        let temporary = worded(ErrorKind::NoTemporaryFile {
            what: TemporaryData::Overflow,
            folder: PathBuf::from("/no/such"),
            said: std::io::ErrorKind::NotFound.into(),
        });
        assert!(temporary.contains("/no/such: ") && temporary.contains("--temp-dir"));
        let limit = worded(ErrorKind::TooManyBuckets { limit: 1_000 });
        assert!(
            limit.contains("1,000") && limit.contains("--every"),
            "{limit}"
        );
    }
}
