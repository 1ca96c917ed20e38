//! A finding as the page shows it.

use std::collections::BTreeSet;

use flow2pcap::diagnosis::{Certainty, Finding};
use flow2pcap::pipeline::Ladder;

use super::ladder::{self, LadderPicture};
use super::page::Typed;
use super::pieces::{Console, TextPiece};
use crate::cli::changes;
use crate::cli::convert_command::convert_command;
use crate::cli::page::{count, name, wide};

/// Lines that are named as proof of one finding.
const RECORDS_SHOWN: usize = 8;

/// Findings that are listed in short below the one that sums them up.
const ALIKE_SHOWN: usize = 10;

/// A finding, as it is shown.
pub(super) struct ShownFinding<'a> {
    /// The finding.
    pub(super) finding: &'a Finding,
    /// Its number, from 1.
    pub(super) number: usize,
    /// How sure it is, in a word that is a class of the page's style too.
    pub(super) certainty: &'static str,
    /// The cause.
    pub(super) title: Vec<TextPiece>,
    /// What was seen.
    pub(super) seen: Vec<TextPiece>,
    /// Where.
    pub(super) place: Vec<TextPiece>,
    /// How many attempts show it.
    pub(super) count: String,
    /// When, and how often.
    pub(super) often: Vec<TextPiece>,
    /// What the configuration says of it.
    pub(super) configuration: Vec<Vec<TextPiece>>,
    /// Who changed it: a label, and lines.
    pub(super) changes: Vec<(&'static str, Vec<Vec<TextPiece>>)>,
    /// What it means.
    pub(super) means: Vec<TextPiece>,
    /// What to look at in AWS.
    pub(super) look_at: Vec<Vec<TextPiece>>,
    /// What speaks against it.
    pub(super) against: Vec<Vec<TextPiece>>,
    /// Lines that prove it.
    pub(super) records: &'a [String],
    /// What to say of the lines that are not listed.
    pub(super) more_records: String,
    /// The findings that it sums up.
    pub(super) alike: Vec<Vec<TextPiece>>,
    /// How many of these are not listed.
    pub(super) alike_left: usize,
    /// One of its connections.
    pub(super) ladder: Option<LadderPicture>,
    /// What makes a capture of it.
    pub(super) command: Option<String>,
}

/// Shows a finding, the one of that number.
pub(super) fn shown<'a>(
    finding: &'a Finding,
    number: usize,
    ladder: Option<&Ladder>,
    console: Console<'_>,
    typed: &Typed<'_>,
) -> ShownFinding<'a> {
    let all = |texts: &[String]| texts.iter().map(|text| console.pieces(text)).collect();
    let records = &finding.records[..finding.records.len().min(RECORDS_SHOWN)];
    let often = format!(
        "{} to {}, {} of {}",
        finding.first,
        finding.last,
        wide(finding.count.into()),
        count(finding.of, "attempt")
    );
    let alike = finding.alike.iter().take(ALIKE_SHOWN).map(|brief| {
        let often = format!("{} to {}", brief.first, brief.last);
        let counted = format!(
            "{} of {}",
            wide(brief.count.into()),
            count(brief.of, "attempt")
        );
        console.pieces(&format!("{}: {often}, {counted}", brief.title))
    });
    let changes = changes::lines(&finding.changes, ["Changed", "Ended by"]);
    ShownFinding {
        finding,
        number,
        certainty: certainty(finding),
        title: console.pieces(&finding.title),
        seen: console.pieces(&finding.seen),
        place: console.pieces(&place(finding)),
        count: wide(finding.count.into()),
        often: console.pieces(&often),
        configuration: all(&finding.configuration),
        changes: changes
            .into_iter()
            .map(|(label, lines)| (label, all(&lines)))
            .collect(),
        means: console.pieces(&finding.means),
        look_at: all(&finding.look_at),
        against: all(&finding.against),
        records,
        more_records: more_records(finding, records.len()),
        alike: alike.collect(),
        alike_left: finding.alike.len().saturating_sub(ALIKE_SHOWN),
        ladder: ladder
            .filter(|ladder| !ladder.steps.is_empty())
            .map(ladder::picture),
        command: convert_command(
            typed.inputs,
            typed.format,
            typed.context,
            typed.narrowing,
            number,
        ),
    }
}

/// How sure a finding is, in a word that is a class of the page's style too.
pub(super) fn certainty(finding: &Finding) -> &'static str {
    match finding.certainty {
        Certainty::Proved => "proved",
        Certainty::Likely => "likely",
        Certainty::Possible => "possible",
    }
}

/// Where something was seen, and how many names are not listed.
fn place(finding: &Finding) -> String {
    let (scope, left_out) = (&finding.scope, finding.scope.left_out);
    let at_least = if finding.alike.is_empty() {
        ""
    } else {
        "at least "
    };
    let ports: BTreeSet<String> = scope.ports.iter().map(u16::to_string).collect();
    let lists = [
        ("", &scope.enis, left_out.enis),
        ("", &scope.instances, left_out.instances),
        ("", &scope.subnets, left_out.subnets),
        ("from ", &scope.from, left_out.from),
        ("to ", &scope.to, left_out.to),
        ("port ", &ports, left_out.ports),
    ];
    let lists = lists.into_iter().filter(|(_, names, _)| !names.is_empty());
    let texts = lists.map(|(what, names, left_out)| {
        let names: Vec<String> = names.iter().map(|text| name(text)).collect();
        let more = match left_out {
            0 => String::new(),
            more => format!(" and {at_least}{} more", wide(more as u128)),
        };
        format!("{what}{}{more}", names.join(", "))
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// Says how much the lines that are listed leave out. How many lines there are in all is not counted,
/// but each attempt has one at least.
fn more_records(finding: &Finding, listed: usize) -> String {
    match finding.count.saturating_sub(listed as u64) {
        0 => String::new(),
        more => format!(
            "and at least {} more: these are the first lines of {}",
            wide(more.into()),
            count(finding.count, "attempt")
        ),
    }
}
