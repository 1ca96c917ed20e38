//! The page: what was read, put into the template, which escapes whatever it is given.
//!
//! Only what stands in `templates/` and what [`chart`] draws goes into the page as it is. The policy
//! in its head names style and script by their hashes, so nothing else runs, wherever it comes from.

use std::fmt;

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use flow2pcap::diagnosis::{Certainty, Finding};
use flow2pcap::metrics::Table;
use flow2pcap::pipeline::{Diagnosis, Reported};
use flow2pcap::printable::printable_lines;
use sha2::{Digest as _, Sha256};

use super::chart;
use super::matrix::Matrix;
use super::rows::{PageTable, measure};
use super::timeline::{Axis, PictureLayer, layers};
use crate::cli::account;
use crate::cli::findings::place;
use crate::cli::page::{Page, count, instant, wide};

const STYLE: &str = include_str!("../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../templates/report.js");

/// Lines that are named as proof of one finding.
const RECORDS_SHOWN: usize = 8;

/// A quarter of an hour, in which network teams count what is rejected.
const QUARTER_S: i64 = 15 * 60;

#[derive(Template)]
#[template(path = "report.html")]
struct HtmlPage<'a> {
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    diagnosis: &'a Diagnosis,
    span: String,
    counts: Vec<String>,
    findings: Vec<ShownFinding<'a>>,
    pictures: Vec<Picture>,
    matrix: Option<Matrix>,
    lists: Vec<PageTable>,
    account: AccountText<'a>,
}

/// A finding, as it is shown.
struct ShownFinding<'a> {
    finding: &'a Finding,
    certainty: &'static str,
    place: String,
    often: String,
    records: &'a [String],
    records_left: usize,
}

/// A picture with its title and numbers.
struct Picture {
    title: String,
    svg: String,
    layers: Vec<PictureLayer>,
    numbers: PageTable,
}

/// How it was read, in the words that every summary has.
struct AccountText<'a>(&'a Diagnosis);

impl fmt::Display for AccountText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d, page) = (self.0, Page::PLAIN);
        account::input(f, page, &d.input, "")?;
        account::times(f, page, d.requested_ns, d.span_ns)?;
        account::records(f, page, &d.records, "examined")?;
        account::gaps(f, page, &d.records)
    }
}

/// Writes the page.
///
/// # Errors
/// None that is known of: it is written to memory.
pub(super) fn html(reported: &Reported) -> anyhow::Result<String> {
    let d = &reported.diagnosis;
    let symptoms = d.symptoms.iter();
    let symptoms = symptoms.map(|(name, n)| format!("{} {name}", wide((*n).into())));
    let page = HtmlPage {
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        diagnosis: d,
        span: d.span_ns.map_or_else(
            || "no records".to_owned(),
            |(start, end)| format!("{} to {}", instant(start), instant(end)),
        ),
        counts: std::iter::once(count(d.attempts, "attempt"))
            .chain(symptoms)
            .collect(),
        findings: d.findings.iter().map(shown).collect(),
        pictures: pictures(reported)?,
        matrix: Matrix::of(&reported.subnets),
        lists: lists(reported),
        account: AccountText(d),
    };
    // Nothing in it turns text around or cannot be seen. The only line feeds in text from outside
    // would be blanks to a browser: the account, which keeps them, is made of rows.
    Ok(printable_lines(&page.render()?).into_owned())
}

/// What a policy names a text by.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

fn shown(finding: &Finding) -> ShownFinding<'_> {
    let records = &finding.records[..finding.records.len().min(RECORDS_SHOWN)];
    ShownFinding {
        finding,
        certainty: match finding.certainty {
            Certainty::Proved => "proved",
            Certainty::Likely => "likely",
            Certainty::Possible => "possible",
        },
        place: place(&finding.scope),
        often: format!(
            "{} to {}, {} of {}",
            finding.first,
            finding.last,
            wide(finding.count.into()),
            count(finding.of, "attempt")
        ),
        records,
        records_left: finding.records.len() - records.len(),
    }
}

fn pictures(reported: &Reported) -> anyhow::Result<Vec<Picture>> {
    let every_s = reported.every.seconds();
    let tables = [
        ("Accepted and rejected packets", &reported.actions, every_s),
        (
            "Rejected packets by protocol",
            &reported.rejected,
            every_s.max(QUARTER_S),
        ),
        ("Connections by outcome", &reported.outcomes, every_s),
    ];
    let mut pictures = Vec::new();
    for (what, table, shortest_s) in tables {
        // All of a page have the time of the first, which has every packet.
        if let Some(axis) = Axis::of(&reported.actions, shortest_s) {
            pictures.push(picture(what, table, axis)?);
        }
    }
    Ok(pictures)
}

fn picture(what: &str, table: &Table, axis: Axis) -> anyhow::Result<Picture> {
    let title = format!("{what}, {}", every(axis.step_s));
    let layers = layers(table, measure(table), axis);
    Ok(Picture {
        svg: chart::svg(axis, &layers)?,
        numbers: PageTable::stretches("In numbers", axis, &layers),
        title,
        layers,
    })
}

fn every(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(unit_s, _)| seconds % unit_s == 0);
    let (unit_s, unit) = unit.unwrap_or((1, "second"));
    match seconds / unit_s {
        1 => format!("every {unit}"),
        n => format!("every {n} {unit}s"),
    }
}

fn lists(reported: &Reported) -> Vec<PageTable> {
    vec![
        PageTable::largest("Who talks most", &["from", "to"], &reported.talkers),
        PageTable::largest(
            "Whose packets are rejected",
            &["from"],
            &reported.rejected_sources,
        ),
        PageTable::largest(
            "On which ports",
            &["protocol", "port"],
            &reported.rejected_ports,
        ),
    ]
}
