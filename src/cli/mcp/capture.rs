//! The tool `capture`: writes packets as a new file in the one folder that was given for that.

use std::fs;

use clap::Args;
use flow2pcap::pipeline;
use flow2pcap::printable::shown;
use flow2pcap::summary::Summary;

use super::arguments::{NARROWING, schema};
use super::facts::{AnswerFacts, Fact, instant};
use super::inspect::lines;
use super::message::quoted;
use super::tools::{AgentTool, ToolRun};
use crate::cli::advice::refusal;
use crate::cli::convert;

/// The options of `convert` that are arguments, with those that narrow, and the name.
const OPTIONS: [&str; 6] = [
    "name",
    "finding",
    "detail",
    "max-packets",
    "only-matching",
    "events",
];

/// The longest name of a capture, in bytes.
const NAME_MAX: usize = 128;

pub(super) const TOOL: AgentTool = AgentTool {
    name: "capture",
    title: "Write a capture",
    description: "Rebuilds packets and writes them as a new pcapng file for Wireshark. Packets have headers and \
        no payload; times within a record, order and sequence numbers are invented. Give finding to write only \
        the connections of a finding, with the other arguments of the diagnose call that numbered it.",
    schema: || schema::<CaptureArgs>(&taken(), &["name"]),
    writes: true,
    run,
};

fn taken() -> Vec<&'static str> {
    [&OPTIONS[..], &NARROWING].concat()
}

/// The arguments of the tool.
#[derive(Debug, Args)]
struct CaptureArgs {
    /// Name of the new file, without a folder: letters, digits, dots, - and _, with .pcapng at the end
    #[arg(long, value_name = "NAME")]
    name: String,

    #[command(flatten)]
    convert: convert::Args,
}

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    // The inputs and the output are set here.
    let args: CaptureArgs = call.parse(&taken(), &["--output=-", "--", "."])?;
    let folder = call.place.write.as_ref();
    let folder = folder.ok_or_else(|| refusal("nothing may be written", "start with --write"))?;
    if !is_name(&args.name) {
        return Err(refusal(
            format!("{} is not the name of a new capture", quoted(&args.name)),
            "use letters, digits, dots, - and _, as in incident-1.pcapng",
        ));
    }
    let output = folder.join(&args.name);
    // A link counts, too: what is there is not replaced. Nor is what comes while the capture is made.
    if fs::symlink_metadata(&output).is_ok() {
        return Err(refusal(
            format!(
                "{} is there already, and is not replaced",
                shown(&args.name)
            ),
            "choose another name",
        ));
    }
    let mut convert = args.convert.request()?;
    convert.request = call.within(convert.request)?;
    convert.output = output;
    convert.keeps_existing = true;
    let summary = pipeline::convert(&convert, call.meter)?;
    Ok(Box::new(
        facts(&summary, &shown(&convert.output).to_string()).into_iter(),
    ))
}

/// Whether a name is that of a file, and cannot lead out of a folder or hide in it.
fn is_name(name: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    starts && name.ends_with(".pcapng") && name.len() <= NAME_MAX && name.chars().all(may)
}

fn facts(summary: &Summary, path: &str) -> Vec<Fact> {
    let s = summary;
    let packets = u64::try_from(s.packets.written).unwrap_or(u64::MAX);
    vec![
        Fact::new("capture")
            .observed("file", path)
            .observed("first", s.span_ns.map(|(first, _)| instant(first)))
            .observed("last", s.span_ns.map(|(_, last)| instant(last)))
            .observed("enis", s.enis)
            .deduced("packets", packets)
            .deduced("detail", super::facts::value(&s.detail))
            .invented(
                "in_the_packets",
                "times within a record, order within a second, sequence numbers, sizes of single packets",
            ),
        lines(&s.records),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_lead_out_of_the_folder() {
        assert!(is_name("incident-1.2_a.pcapng"));
        for name in [
            "",
            ".pcapng",
            "a.pcap",
            "../a.pcapng",
            "a/b.pcapng",
            "a\\b.pcapng",
            "-a.pcapng",
            ".a.pcapng",
            "a b.pcapng",
            "ä.pcapng",
            "a\0.pcapng",
            "C:a.pcapng",
        ] {
            assert!(!is_name(name), "{name}");
        }
        assert!(!is_name(&format!("{}.pcapng", "a".repeat(NAME_MAX))));
    }
}
