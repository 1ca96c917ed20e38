//! The result of a diagnosis, as text: one block for each finding, then what was read and what it
//! cannot show.

use std::fmt;

use flow2pcap::configuration::ConfigurationCounts;
use flow2pcap::diagnosis::{Certainty, ErrorResponse, Finding, FindingScope};
use flow2pcap::pipeline::Diagnosis;
use flow2pcap::printable::number::grouped;

use super::account;
use super::changes;
use super::page::{NOTE, Page, PrintedLine, TROUBLE, count, instant, name};

/// Records that are listed as evidence; more are in the JSON.
const RECORDS_SHOWN: usize = 4;

/// Groups of error responses that are listed; more are in the JSON.
const RESPONSES_SHOWN: usize = 8;

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
        self.page.row(f, "findings", self.result())?;
        d.findings
            .iter()
            .enumerate()
            .try_for_each(|(index, finding)| self.finding(f, index + 1, finding))?;
        self.error_responses(f)?;
        writeln!(f)?;
        account::input(f, self.page, &d.input, "")?;
        if let Some(counts) = &d.configuration {
            self.page.row(f, "context", context(counts))?;
        }
        account::times(f, self.page, d.requested_ns, d.span_ns)?;
        account::records(f, self.page, &d.records, "examined")?;
        account::gaps(f, self.page, &d.records)?;
        account::events(f, self.page, &d.events)?;
        if let Some(left_out) = d.changes.map(|changes| changes.left_out)
            && left_out > 0
        {
            let text = format!(
                "there is no room for {}, so a change may be missing",
                count(left_out, "CloudTrail event")
            );
            self.page.note(f, "", &text)?;
        }
        let symptoms = d.symptoms.iter();
        let symptoms =
            symptoms.map(|(name, n)| PrintedLine::whole(format!("{} {name}", grouped(*n))));
        let symptoms = PrintedLine::joined(symptoms, ", ");
        let attempts = PrintedLine::from(format!("{}: ", grouped(d.attempts)));
        self.page.row(f, "attempts", attempts.and(symptoms))?;
        for (index, unseen) in d.blind_spots.iter().enumerate() {
            let name = if index == 0 { "cannot see" } else { "" };
            let text = format!("{}: {}", unseen.what, unseen.means);
            self.page.row(f, name, &text)?;
        }
        Ok(())
    }
}

impl DiagnosisText<'_> {
    /// Returns how many findings there are, and in what.
    fn result(&self) -> String {
        let d = self.diagnosis;
        let is_trouble = |finding: &&Finding| finding.certainty != Certainty::Possible;
        let trouble = d.findings.iter().filter(is_trouble).count() as u64;
        let rest = d.findings.len() as u64 - trouble;
        let found = match (trouble, rest) {
            (0, 0) if d.records.used == 0 => "none: there are no records of traffic".to_owned(),
            (0, 0) => "none: no problem found".to_owned(),
            (0, rest) => format!(
                "no problems, and {} that may be harmless",
                count(rest, "observation")
            ),
            (n, 0) => grouped(n).to_string(),
            (n, rest) => format!(
                "{}, and {} that may be harmless",
                grouped(n),
                count(rest, "observation")
            ),
        };
        if d.records.used == 0 {
            return found;
        }
        let errors = match d.request_errors {
            0 => String::new(),
            n => format!(
                "; load balancers answered {} with an error",
                count(n, "request")
            ),
        };
        let span = d.span_ns.map_or_else(String::new, |(start, end)| {
            format!(", {} to {}", instant(start), instant(end))
        });
        format!(
            "{found}, in {} of {}{span}{errors}",
            count(d.attempts, "attempt"),
            count(d.input.files, "file"),
        )
    }

    fn finding(&self, f: &mut fmt::Formatter<'_>, number: usize, finding: &Finding) -> fmt::Result {
        let (certainty, color) = match finding.certainty {
            Certainty::Proved => ("proved", TROUBLE),
            Certainty::Likely => ("likely", TROUBLE),
            Certainty::Possible => ("possible", NOTE),
        };
        writeln!(f)?;
        let head = format!("{} [{certainty}]", finding.title);
        self.page
            .row(f, &format!("{number}."), self.page.paint(color, &head))?;
        self.page.row(f, "seen", &finding.seen)?;
        self.page.row(f, "where", place(&finding.scope))?;
        let often = format!(
            "{} to {}, {} of {} attempts",
            finding.first,
            finding.last,
            grouped(finding.count),
            grouped(finding.of)
        );
        self.page.row(f, "when", &often)?;
        let more = finding.records.len().saturating_sub(RECORDS_SHOWN) as u64;
        for (index, record) in finding.records.iter().take(RECORDS_SHOWN).enumerate() {
            let name = if index == 0 { "records" } else { "" };
            self.page.row(f, name, PrintedLine::whole(record))?;
        }
        if more > 0 {
            self.page
                .row(f, "", format!("and {} more, see --json", grouped(more)))?;
        }
        for (index, text) in finding.configuration.iter().enumerate() {
            self.page
                .row(f, if index == 0 { "configured" } else { "" }, text)?;
        }
        for (label, lines) in changes::lines(&finding.changes, ["changed", "ended by"]) {
            for (index, text) in lines.iter().enumerate() {
                self.page
                    .row(f, if index == 0 { label } else { "" }, text)?;
            }
        }
        self.page.row(f, "means", &finding.means)?;
        for (index, text) in finding.look_at.iter().enumerate() {
            self.page
                .row(f, if index == 0 { "look at" } else { "" }, text)?;
        }
        for (index, text) in finding.against.iter().enumerate() {
            self.page
                .row(f, if index == 0 { "against" } else { "" }, text)?;
        }
        // Not wrapped, so that they can be copied.
        let filter = PrintedLine::whole(&finding.display_filter);
        self.page.row(f, "Wireshark", filter)?;
        if let Some(filter) = &finding.field_filter {
            self.page
                .row(f, "with fields", PrintedLine::whole(filter))?;
        }
        match (self.convert)(number) {
            Some(command) => self.page.row(f, "convert", PrintedLine::whole(&command)),
            None => Ok(()),
        }
    }
}

impl DiagnosisText<'_> {
    /// Writes what load balancers answered with errors, and why.
    fn error_responses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.diagnosis.error_responses;
        if all.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        for (index, group) in all.iter().take(RESPONSES_SHOWN).enumerate() {
            let label = if index == 0 { "HTTP errors" } else { "" };
            self.page.row(f, label, error_response(group))?;
            self.page.row(f, "", format!("  {}", group.why))?;
            let rows = group.records.iter().take(RECORDS_SHOWN);
            let rows = rows.map(PrintedLine::whole);
            let rows = PrintedLine::from("  ").and(PrintedLine::joined(rows, ", "));
            self.page.row(f, "", rows)?;
        }
        let more = all.len().saturating_sub(RESPONSES_SHOWN) as u64;
        if more > 0 {
            let text = format!("and {} more, see --json", count(more, "group"));
            self.page.row(f, "", text)?;
        }
        let listed: u64 = all.iter().map(|group| group.count).sum();
        match self.diagnosis.request_errors - listed {
            0 => Ok(()),
            rest => {
                let rest = count(rest, "more error");
                let text = format!("{rest} of other load balancers, targets or statuses");
                self.page.row(f, "", text)
            }
        }
    }
}

/// Formats error responses of one kind as one line.
pub(crate) fn error_response(group: &ErrorResponse) -> String {
    let target = group
        .target
        .map_or_else(String::new, |target| format!(" for target {target}"));
    format!(
        "{} of {} to {}: {}{target}, {} to {}",
        grouped(group.count),
        count(group.of, "request"),
        name(&group.balancer),
        group.status,
        group.first,
        group.last
    )
}

/// Formats how much configuration there is beside the logs.
pub(crate) fn context(counts: &ConfigurationCounts) -> String {
    let kinds = [
        (counts.network_interfaces, "network interface"),
        (counts.security_groups, "security group"),
        (counts.network_acls, "network ACL"),
        (counts.route_tables, "route table"),
        (counts.subnets, "subnet"),
        (counts.others, "other resource"),
    ];
    let kinds = kinds.into_iter().filter(|(n, _)| *n > 0);
    let kinds: Vec<String> = kinds.map(|(n, noun)| count(n, noun)).collect();
    let files = count(counts.files, "file");
    match kinds.is_empty() {
        true => format!("{files}, none with a resource of use here"),
        false => format!("{files}: {}", kinds.join(", ")),
    }
}

/// Formats where a finding was seen, as one line.
pub(crate) fn place(scope: &FindingScope) -> String {
    let list = |names: Vec<String>, what: &str| match names.is_empty() {
        true => None,
        false => Some(format!("{what}{}", names.join(", "))),
    };
    let text =
        |names: &std::collections::BTreeSet<String>| names.iter().map(|text| name(text)).collect();
    let port = if scope.ports.len() == 1 {
        "port "
    } else {
        "ports "
    };
    let parts = [
        list(text(&scope.enis), ""),
        list(text(&scope.instances), ""),
        list(text(&scope.subnets), ""),
        list(text(&scope.from), "from "),
        list(text(&scope.to), "to "),
        list(scope.ports.iter().map(u16::to_string).collect(), port),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
