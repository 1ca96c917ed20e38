//! What to do next, in options of the command line, when a run fails or its capture is large.
//!
//! The library's errors say what failed; which option helps is known here alone.

use flow2pcap::error::{Error, ErrorKind, NeighborHeader, SecondReading, TemporaryData};
use flow2pcap::printable::shell::{option, quoted};
use flow2pcap::summary::WIRESHARK_PACKETS;

/// The message of an error that ends a run, with what to do next.
pub(super) fn message(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    match error.downcast_ref::<Error>() {
        Some(failure) => advised(text, failure.kind()),
        None => text,
    }
}

fn advised(text: String, kind: &ErrorKind) -> String {
    let advice = match kind {
        ErrorKind::NoRoom { .. } => ", or choose another place with -o".to_owned(),
        ErrorKind::NoTemporaryFile { what, .. } => {
            let instead = match what {
                TemporaryData::Overflow => "let more stay in memory with --memory",
                TemporaryData::Table => {
                    "unpack Parquet that is compressed, in an archive or comes from a pipe"
                }
            };
            format!("; choose another folder with --temp-dir, or {instead}")
        }
        ErrorKind::UnknownLayout {
            suggestion,
            neighbor,
            ..
        } => {
            let beside = neighbor.as_ref().map(format_of_neighbor);
            beside.unwrap_or_default() + &format_to_complete(suggestion.as_deref())
        }
        ErrorKind::NeedsMemory { ends, needed, .. } => {
            let [low, high] = ends.map(|end| end.ip());
            format!(
                ": let more stay in memory with --memory {}MiB, make fewer packets with --detail \
                 control, leave it out with --filter {}, or name a time with --from and --to",
                needed.div_ceil(1 << 20),
                quoted(&format!("not (host {low} and host {high})")),
            )
        }
        ErrorKind::TooManyPackets {
            packets,
            limit,
            suggestions,
        } => return too_many_packets(*packets, *limit, suggestions),
        ErrorKind::TooManyBuckets { .. } => {
            "; choose longer ones with --every, or a part of the archive with --from and --to"
                .to_owned()
        }
        ErrorKind::ReadsStdinTwice { purpose } => {
            let instead = match purpose {
                SecondReading::RelativeTime => "name the time, as in --from 2026-03-14T02:15",
                SecondReading::Report => {
                    "write it to a file first, as in `cat >archive.log`, and name that"
                }
            };
            format!("; {instead}")
        }
        _ => String::new(),
    };
    text + &advice
}

fn format_of_neighbor(neighbor: &NeighborHeader) -> String {
    format!(
        "\n  {} has a header with as many columns:\n    --format {}",
        neighbor.file,
        quoted(&neighbor.format)
    )
}

fn format_to_complete(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(format) => format!(
            "\n  give the order of the columns, with field names in place of any ?:\n    --format {}",
            quoted(format)
        ),
        None => "\n  if this is a flow log, give the order of its columns: --format '${srcaddr} \
                 ${dstaddr} …'"
            .to_owned(),
    }
}

fn too_many_packets(packets: u64, limit: u64, suggestions: &[(String, u64)]) -> String {
    let suggestions = suggestions.iter();
    let lines = suggestions.filter_map(|(filter, packets)| suggestion(filter, *packets));
    let lines: String = lines.map(|line| format!("\n  {line}")).collect();
    format!(
        "about {packets} packets, more than --max-packets {limit}, so nothing is written \
         (Wireshark is slow beyond about {WIRESHARK_PACKETS}). To narrow:{lines}\nor name a time \
         with --from and --to, or make fewer packets of the same records with --detail control"
    )
}

/// A filter to try as an option, and what it leaves; none if it cannot be typed.
pub(super) fn suggestion(filter: &str, packets: u64) -> Option<String> {
    let option = as_option(filter)?;
    Some(format!("{option:<40} leaves about {packets}"))
}

/// The shortest option that asks for what `filter` does.
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

    fn worded(kind: ErrorKind) -> String {
        message(&anyhow::Error::new(Error::from(kind)))
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
        for part in ["10.0.0.1:40000", "20 records", "--memory 2442MiB", "--from"] {
            assert!(memory.contains(part), "{memory}");
        }
        let temporary = worded(ErrorKind::NoTemporaryFile {
            what: TemporaryData::Overflow,
            folder: PathBuf::from("/no/such"),
            said: std::io::ErrorKind::NotFound.into(),
        });
        assert!(temporary.contains("/no/such: ") && temporary.contains("--temp-dir"));
        let limit = worded(ErrorKind::TooManyBuckets { limit: 1_000 });
        assert!(limit.contains("limit 1000") && limit.contains("--every"));
    }
}
