//! What a diagnosis found, in words: what cannot be seen first, then one block a finding.

use std::fmt;

use flow2pcap::diagnosis::{Certainty, Finding, FindingScope};
use flow2pcap::pipeline::Diagnosis;
use indicatif::HumanCount;

use super::account;
use super::page::{NOTE, Page, TROUBLE, count, name, wrapped};

/// Lines that are named as proof; more are in the JSON.
const RECORDS_SHOWN: usize = 4;

/// A diagnosis as a person reads it.
pub(crate) struct DiagnosisText<'a> {
    pub(crate) diagnosis: &'a Diagnosis,
    pub(crate) page: Page,
    /// The command that converts a finding, by its number; none where there is none.
    pub(crate) convert: &'a dyn Fn(usize) -> Option<String>,
}

impl fmt::Display for DiagnosisText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.diagnosis;
        account::input(f, self.page, &d.input, "")?;
        account::times(f, self.page, d.requested_ns, d.span_ns)?;
        account::records(f, self.page, &d.records, " looked at")?;
        account::gaps(f, self.page, &d.records)?;
        let symptoms: Vec<String> = d
            .symptoms
            .iter()
            .map(|(name, n)| format!("{} {name}", HumanCount(*n)))
            .collect();
        self.lines(
            f,
            "attempts",
            &format!("{}: {}", HumanCount(d.attempts), symptoms.join(", ")),
        )?;
        for (index, unseen) in d.blind_spots.iter().enumerate() {
            let name = if index == 0 { "cannot see" } else { "" };
            self.lines(f, name, &format!("{}: {}", unseen.what, unseen.means))?;
        }
        let is_trouble = |finding: &&Finding| finding.certainty != Certainty::Possible;
        let trouble = d.findings.iter().filter(is_trouble).count() as u64;
        let rest = d.findings.len() as u64 - trouble;
        let text = match (trouble, rest) {
            (0, 0) if d.records.used == 0 => "none: there are no records of traffic".to_owned(),
            (0, 0) => "none: nothing in these records looks wrong".to_owned(),
            (0, rest) => format!(
                "no trouble; {} that may be harmless",
                count(rest, "observation")
            ),
            (n, 0) => HumanCount(n).to_string(),
            (n, rest) => format!(
                "{}, and {} that may be harmless",
                HumanCount(n),
                count(rest, "observation")
            ),
        };
        self.page.row(f, "findings", &text)?;
        d.findings
            .iter()
            .enumerate()
            .try_for_each(|(index, finding)| self.finding(f, index + 1, finding))
    }
}

impl DiagnosisText<'_> {
    fn finding(&self, f: &mut fmt::Formatter<'_>, number: usize, finding: &Finding) -> fmt::Result {
        let (certainty, color) = match finding.certainty {
            Certainty::Proved => ("proved", TROUBLE),
            Certainty::Likely => ("likely", TROUBLE),
            Certainty::Possible => ("possible", NOTE),
        };
        writeln!(f)?;
        let head = format!("{} [{certainty}]", finding.title);
        let heads = wrapped(head.split(' '));
        let names = std::iter::once(format!("{number}.")).chain(std::iter::repeat(String::new()));
        for (name, line) in names.zip(heads) {
            self.page.row(f, &name, self.page.paint(color, &line))?;
        }
        self.lines(f, "seen", &finding.seen)?;
        self.lines(f, "where", &place(&finding.scope))?;
        let often = format!(
            "{} to {}, {} of {} attempts",
            finding.first,
            finding.last,
            HumanCount(finding.count),
            HumanCount(finding.of)
        );
        self.lines(f, "when", &often)?;
        let more = finding.records.len().saturating_sub(RECORDS_SHOWN);
        for (index, record) in finding.records.iter().take(RECORDS_SHOWN).enumerate() {
            self.page
                .row(f, if index == 0 { "records" } else { "" }, record)?;
        }
        if more > 0 {
            self.page
                .row(f, "", format!("and {more} more, see --json"))?;
        }
        self.lines(f, "means", &finding.means)?;
        for (index, text) in finding.look_at.iter().enumerate() {
            self.lines(f, if index == 0 { "look at" } else { "" }, text)?;
        }
        for (index, text) in finding.against.iter().enumerate() {
            self.lines(f, if index == 0 { "against" } else { "" }, text)?;
        }
        // Not wrapped, to be copied whole.
        self.page.row(f, "Wireshark", &finding.display_filter)?;
        match (self.convert)(number) {
            Some(command) => self.page.row(f, "convert", &command),
            None => Ok(()),
        }
    }

    /// A text over as many lines as it needs.
    fn lines(&self, f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        let mut rows = names.zip(wrapped(text.split(' ')));
        rows.try_for_each(|(name, line)| self.page.row(f, name, &line))
    }
}

/// Where something was seen, in one line.
pub(crate) fn place(scope: &FindingScope) -> String {
    let list = |names: Vec<String>, what: &str| match names.is_empty() {
        true => None,
        false => Some(format!("{what}{}", names.join(", "))),
    };
    let text =
        |names: &std::collections::BTreeSet<String>| names.iter().map(|text| name(text)).collect();
    let parts = [
        list(text(&scope.enis), ""),
        list(text(&scope.instances), ""),
        list(text(&scope.subnets), ""),
        list(text(&scope.from), "from "),
        list(text(&scope.to), "to "),
        list(scope.ports.iter().map(u16::to_string).collect(), "port "),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
