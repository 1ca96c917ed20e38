//! The page: what was read, put into the template, which escapes whatever it is given.
//!
//! Only what is in `templates/` goes into the page as it is. The policy in its head names style and
//! script by their hashes, so nothing else runs, wherever it comes from.

use std::collections::BTreeSet;
use std::fmt;

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use flow2pcap::pipeline::{Diagnosis, Origin, Reported};
use flow2pcap::printable::{cut, printable, printable_lines};
use flow2pcap::record::Layout;
use sha2::{Digest as _, Sha256};

use super::matrix::Matrix;
use super::pictures::Picture;
use super::pieces::{Console, TextPiece};
use super::rows::PageTable;
use super::shown::{ShownFinding, shown};
use super::{chart, ladder, marks, pictures};
use crate::cli::account;
use crate::cli::context::ContextArgs;
use crate::cli::narrowing::Narrowing;
use crate::cli::page::{Page, count, wide};
use crate::cli::path_list::TypedInputs;

const STYLE: &str = include_str!("../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../templates/report.js");

/// Findings that are open when the page is; the others are folded.
const FINDINGS_OPEN: usize = 10;

/// Names of one kind in the title.
const TITLE_NAMES: usize = 3;

/// Characters of a name in the title.
const TITLE_NAME_MAX: usize = 40;

#[derive(Template)]
#[template(path = "report.html")]
struct HtmlPage<'a> {
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    diagnosis: &'a Diagnosis,
    title: String,
    subject: Vec<TextPiece>,
    span: String,
    counts: Vec<String>,
    findings: Vec<ShownFinding<'a>>,
    pictures: Vec<Picture>,
    matrix: Option<Matrix>,
    lists: Vec<PageTable>,
    /// Error responses of load balancers; without rows if there are none.
    errors: PageTable,
    account: AccountText<'a>,
}

impl HtmlPage<'_> {
    /// The findings that are open.
    fn open(&self) -> &[ShownFinding<'_>] {
        &self.findings[..self.findings.len().min(FINDINGS_OPEN)]
    }

    /// The findings that are folded.
    fn folded(&self) -> &[ShownFinding<'_>] {
        &self.findings[self.findings.len().min(FINDINGS_OPEN)..]
    }
}

/// The arguments that the page repeats in its commands.
pub(super) struct Typed<'a> {
    /// The inputs.
    pub(super) inputs: TypedInputs<'a>,
    /// The order of columns.
    pub(super) format: Option<&'a Layout>,
    /// The filter options.
    pub(super) context: &'a ContextArgs,
    pub(super) narrowing: &'a Narrowing,
}

/// How it was read, in the words that every summary has.
struct AccountText<'a>(&'a Diagnosis);

impl fmt::Display for AccountText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d, page) = (self.0, Page::PLAIN);
        account::input(f, page, &d.input, "")?;
        account::times(f, page, d.requested_ns, d.span_ns)?;
        account::records(f, page, &d.records, "examined")?;
        account::gaps(f, page, &d.records)?;
        account::events(f, page, &d.events)
    }
}

/// Writes the page.
///
/// # Errors
/// Fails only if writing to memory does.
pub(super) fn html(reported: &Reported, typed: &Typed<'_>) -> anyhow::Result<String> {
    let d = &reported.diagnosis;
    let console = Console(&reported.origin.region_of);
    let symptoms = d.symptoms.iter();
    let symptoms = symptoms.map(|(name, n)| format!("{} {name}", wide((*n).into())));
    let (subject, span) = (subject(&reported.origin), span(&reported.origin));
    let findings = d.findings.iter().zip(1..);
    let page = HtmlPage {
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        diagnosis: d,
        title: format!("{subject}, {span}"),
        subject: console.pieces(&subject),
        span,
        counts: std::iter::once(count(d.attempts, "attempt"))
            .chain(symptoms)
            .collect(),
        findings: findings
            .map(|(finding, number)| {
                let ladder = reported.ladders.get(number - 1).and_then(Option::as_ref);
                shown(finding, number, ladder, console, typed)
            })
            .collect(),
        pictures: pictures::pictures(reported),
        matrix: Matrix::of(&reported.subnets),
        lists: lists(reported),
        errors: PageTable::error_responses(&d.error_responses),
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

/// What the page is about: accounts, regions and VPCs.
fn subject(origin: &Origin) -> String {
    let accounts = names(&origin.accounts);
    let accounts = match origin.accounts.len() {
        0 => None,
        1 => Some(format!("account {accounts}")),
        _ => Some(format!("accounts {accounts}")),
    };
    let others = [&origin.regions, &origin.vpcs];
    let others = others.into_iter().filter(|names| !names.is_empty());
    let parts: Vec<String> = accounts.into_iter().chain(others.map(names)).collect();
    if parts.is_empty() {
        return "Flow logs".to_owned();
    }
    format!("Flow logs of {}", parts.join(", "))
}

/// The first names, and how many more there are.
fn names(names: &BTreeSet<String>) -> String {
    let first = names.iter().take(TITLE_NAMES);
    let first = first.map(|name| cut(&printable(name), TITLE_NAME_MAX).into_owned());
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TITLE_NAMES) {
        0 => first,
        more => format!("{first} and {} more", wide(more as u128)),
    }
}

/// The time that the page is about.
fn span(origin: &Origin) -> String {
    let Some((start_ns, end_ns)) = origin.span_ns else {
        return "no records".to_owned();
    };
    let at = |ns: i64, form| chart::strftime(ns.div_euclid(1_000_000_000), form);
    let [from, to] = [start_ns, end_ns].map(|ns| (at(ns, "%Y-%m-%d"), at(ns, "%H:%M:%S")));
    if from.0 == to.0 {
        format!("{} {} to {} UTC", from.0, from.1, to.1)
    } else {
        format!("{} {} to {} {} UTC", from.0, from.1, to.0, to.1)
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
