//! Why load balancers answered with errors.
//!
//! A row names a target and a time. A finding about the same target and port, whose attempts fail in
//! the same minutes, explains it if its symptom leads to that status. Otherwise the row itself says
//! what is known.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::Serialize;

use super::tally::{ErrorCounts, ErrorKey, Responses, Wait};
use crate::diagnosis::finding::{Cause, Certainty, Finding};
use crate::diagnosis::symptom::{Party, Symptom};
use crate::flow::Place;
use crate::printable::number::grouped;
use crate::time::{SECOND_NS, rfc3339};

/// The most groups of error responses that are listed.
const LISTED_MAX: usize = 50;

/// Why a load balancer answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCause {
    /// A filter rejects the connection to the target, or its replies.
    TargetBlocked,
    /// The target answers SYNs with RST.
    TargetRefuses,
    /// The target, or the load balancer, resets the connection.
    TargetResets,
    /// The target does not answer on the network.
    TargetSilent,
    /// The target closed the connection, or did not answer with HTTP; no record shows more.
    TargetClosed,
    /// The load balancer gave up after the 10 s in which it connects; no record shows why.
    ConnectTimeout,
    /// The target did not answer before an idle timeout; no record shows why.
    TargetSlow,
    /// No target was registered and healthy.
    NoTarget,
    /// The target itself answered with an error.
    TargetError,
    /// The client left before the response.
    ClientLeft,
    /// The load balancer refused the request: too many `X-Forwarded-For` addresses (463), or a protocol
    /// that does not fit (464).
    RequestRefused,
    /// The load balancer itself failed, or another reason that the status does not name.
    BalancerError,
}

/// Error responses of one load balancer, with one status, for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ErrorResponse {
    /// The load balancer: `app/NAME/ID`, or the name of a Classic Load Balancer.
    pub balancer: String,
    /// The status sent to the client.
    pub status: u16,
    /// The status that the target sent; `null` if it sent none.
    pub target_status: Option<u16>,
    /// The target, `ADDRESS:PORT`; `null` if there was none.
    pub target: Option<SocketAddr>,
    /// The cause.
    pub cause: ErrorCause,
    /// What shows it, as a sentence without its end.
    pub why: String,
    /// Number of these responses.
    pub count: u64,
    /// Number of requests to the load balancer.
    pub of: u64,
    /// When the first of these requests came (RFC 3339).
    pub first: String,
    /// When the last of these responses was sent (RFC 3339).
    pub last: String,
    /// The number of the finding that explains them, from 1; `null` if there is none.
    pub finding: Option<usize>,
    /// How many of these requests were open while attempts of that finding failed.
    pub explained: u64,
    /// The lowest rows, as `FILE:LINE`.
    pub records: Vec<String>,
}

/// Returns the error responses, the most frequent first, and marks the findings that explain some as
/// confirmed. `name` returns the name of a line, `FILE:LINE`.
pub fn explain_responses(
    findings: &mut [Finding],
    responses: &Responses,
    name: &dyn Fn(Place) -> String,
) -> Vec<ErrorResponse> {
    let mut groups: Vec<(&ErrorKey, &ErrorCounts)> = responses.groups().collect();
    groups.sort_by_key(|(key, counts)| (Reverse(counts.count), *key));
    groups.truncate(LISTED_MAX);
    let mut confirmed: BTreeMap<usize, Confirmation<'_>> = BTreeMap::new();
    for (key, counts) in &groups {
        if let Some(best) = best(findings, key, counts) {
            let rows = confirmed.entry(best.index).or_default();
            rows.requests += best.explained;
            rows.balancers.insert(&key.balancer);
            rows.statuses.insert(key.status);
        }
    }
    for (index, rows) in confirmed {
        confirm(&mut findings[index], &rows);
    }
    // What is confirmed is no longer only possible, and comes before what is.
    findings.sort_by_key(|finding| finding.certainty == Certainty::Possible);
    let each = groups.into_iter();
    each.map(|(key, counts)| response(findings, responses, (key, counts), name))
        .collect()
}

/// Rows that show the same failure as a finding.
#[derive(Default)]
struct Confirmation<'a> {
    requests: u64,
    balancers: BTreeSet<&'a str>,
    statuses: BTreeSet<u16>,
}

fn response(
    findings: &[Finding],
    responses: &Responses,
    (key, counts): (&ErrorKey, &ErrorCounts),
    name: &dyn Fn(Place) -> String,
) -> ErrorResponse {
    let best = best(findings, key, counts);
    let (cause, why) = match &best {
        Some(best) => (
            cause_of(best.symptom),
            format!(
                "attempts to {} fail in the same minutes (finding {})",
                target_name(key),
                best.index + 1
            ),
        ),
        None => own(key, counts),
    };
    let places = counts.places.iter();
    ErrorResponse {
        balancer: key.balancer.clone(),
        status: key.status,
        target_status: key.target_status,
        target: key.target,
        cause,
        why,
        count: counts.count,
        of: responses.requests_of(&key.balancer),
        first: rfc3339(counts.span_ns.0),
        last: rfc3339(counts.span_ns.1),
        finding: best.as_ref().map(|best| best.index + 1),
        explained: best.map_or(0, |best| best.explained),
        records: places.map(|place| name(*place)).collect(),
    }
}

/// A finding that explains error responses.
struct Explanation {
    index: usize,
    symptom: Symptom,
    /// How many of the requests coincide with failing attempts.
    explained: u64,
    /// Whether such attempts fail when the row says.
    is_in_step: bool,
}

/// Returns the finding that coincides with most of the requests.
fn best(findings: &[Finding], key: &ErrorKey, counts: &ErrorCounts) -> Option<Explanation> {
    let target = key.target?;
    // A load balancer that gives up connecting has sent nothing, whatever the row says of it.
    let was_sent = key.is_dispatched && key.wait != Wait::Connect;
    let in_step = |symptom: &Symptom| fails_open(*symptom) == was_sent;
    let fitting = findings.iter().enumerate().filter_map(|(index, finding)| {
        let symptoms = finding.members.symptoms_at(target);
        let fits = |symptom: &Symptom| leads_to(*symptom, key);
        // Of several the one that fails when the row says, or else the first.
        let symptom = symptoms.filter(fits).min_by_key(|it| (!in_step(it), *it))?;
        let explained = coinciding(finding, symptom, counts);
        (explained > 0).then_some(Explanation {
            index,
            symptom,
            explained,
            is_in_step: in_step(&symptom),
        })
    });
    fitting.max_by_key(|found| (found.explained, found.is_in_step, Reverse(found.index)))
}

/// Whether attempts with this symptom were connected before they failed, so that a request could be
/// sent on them.
fn fails_open(symptom: Symptom) -> bool {
    matches!(
        symptom,
        Symptom::Reset(_) | Symptom::IdleTimeout(_) | Symptom::Stalled(_)
    )
}

/// Whether attempts with this symptom end with this response.
fn leads_to(symptom: Symptom, key: &ErrorKey) -> bool {
    // A response of the target shows that the connection worked.
    if key.target_status.is_some() {
        return false;
    }
    match (key.status, cause_of(symptom)) {
        (502, ErrorCause::TargetRefuses | ErrorCause::TargetResets | ErrorCause::TargetBlocked) => {
            true
        }
        (504, ErrorCause::TargetSilent | ErrorCause::TargetBlocked) => true,
        // A connection that the load balancer itself gives up.
        (504, ErrorCause::TargetResets) => symptom == Symptom::Reset(Party::Initiator),
        _ => false,
    }
}

/// Returns what a symptom means for a load balancer.
fn cause_of(symptom: Symptom) -> ErrorCause {
    match symptom {
        Symptom::Refused => ErrorCause::TargetRefuses,
        Symptom::Reset(_) | Symptom::IdleTimeout(_) => ErrorCause::TargetResets,
        Symptom::NoReply
        | Symptom::HalfOpen
        | Symptom::ReplyElsewhere { .. }
        | Symptom::ReplyLost { .. }
        | Symptom::Stalled(_) => ErrorCause::TargetSilent,
        Symptom::LatePackets(_) | Symptom::OneWay | Symptom::Passed | Symptom::Unclear => {
            ErrorCause::TargetClosed
        }
        _ => ErrorCause::TargetBlocked,
    }
}

/// Returns how many of the requests were open while attempts of a finding failed.
fn coinciding(finding: &Finding, symptom: Symptom, counts: &ErrorCounts) -> u64 {
    let (mut failing, mut asked) = (finding.minutes.clone(), counts.minutes.clone());
    let width_s = failing.width_s.max(asked.width_s);
    failing.widen(width_s);
    asked.widen(width_s);
    // A connection is used again and again, so it may break long after it was opened.
    let is_later = fails_open(symptom);
    let bucket = |ns: i64| (ns / SECOND_NS).div_euclid(width_s);
    let (first, last) = (bucket(finding.span_ns.0) - 1, bucket(finding.span_ns.1) + 1);
    // A request may have come before the first attempt that failed, and have been open then.
    let open = counts.waited_ns.1 / SECOND_NS / width_s;
    let coincides = |at: i64| match is_later {
        true => (first..=last).contains(&at),
        // Load balancers and ENIs round their times differently.
        false => failing
            .counts
            .range(at - 1..=at + 1 + open)
            .next()
            .is_some(),
    };
    let coinciding = asked.counts.iter().filter(|(at, _)| coincides(**at));
    coinciding.map(|(_, count)| count).sum()
}

/// Notes that rows of an access log show the same failure. They prove that it happened and whom it
/// hurt, but not which of two filters it was.
fn confirm(finding: &mut Finding, rows: &Confirmation<'_>) {
    let is_decided_elsewhere = matches!(
        finding.cause,
        Cause::SecurityGroupInbound
            | Cause::SecurityGroupOutbound
            | Cause::AclInbound
            | Cause::AclOutbound
            | Cause::NoRoute
    );
    if !is_decided_elsewhere {
        finding.certainty = Certainty::Proved;
    }
    let whose = match rows.balancers.first() {
        Some(only) if rows.balancers.len() == 1 => (*only).to_owned(),
        _ => format!("{} load balancers", rows.balancers.len()),
    };
    let requests = if rows.requests == 1 {
        "request"
    } else {
        "requests"
    };
    let statuses: Vec<String> = rows.statuses.iter().map(u16::to_string).collect();
    finding.seen += &format!(
        "; {whose} answered {} {requests} for the same targets with {} in the same minutes",
        grouped(rows.requests),
        statuses.join(" or ")
    );
}

/// Returns the cause that the rows themselves show, and what shows it.
fn own(key: &ErrorKey, counts: &ErrorCounts) -> (ErrorCause, String) {
    let target = target_name(key);
    let (least, most) = counts.waited_ns;
    let waited = format!("after {} to {} s", tenths(least), tenths(most));
    match (key.status, key.target_status, key.wait) {
        (status, Some(sent), _) if sent >= 500 => (
            ErrorCause::TargetError,
            match sent == status {
                true => format!("{target} itself answered {sent}, so the network worked"),
                false => format!(
                    "{target} itself answered {sent}, and the load balancer made {status} of it"
                ),
            },
        ),
        (502, _, _) if key.target.is_some() => (
            ErrorCause::TargetClosed,
            format!(
                "{target} closed the connection while a request was open, or did not answer with HTTP ({waited}); no \
                 attempt to it fails in the records. Its keep-alive timeout must be longer than the idle timeout of \
                 the load balancer"
            ),
        ),
        (504, _, Wait::Connect) if key.target.is_some() => (
            ErrorCause::ConnectTimeout,
            format!(
                "the load balancer gave up after 10 s, as it does if it cannot connect to {target}; no attempt to it fails \
                 in the records"
            ),
        ),
        (504, ..) if key.target.is_some() => (
            ErrorCause::TargetSlow,
            format!(
                "{target} did not answer in time ({waited}); no attempt to it fails in the records"
            ),
        ),
        (503, _, _) if key.target.is_none() => (
            ErrorCause::NoTarget,
            match key.has_group {
                true => {
                    "no target of the target group was healthy, or none was registered".to_owned()
                }
                false => "no rule led to a target group".to_owned(),
            },
        ),
        (460, ..) => (
            ErrorCause::ClientLeft,
            format!("the client closed the connection before the response ({waited})"),
        ),
        (463, ..) => (
            ErrorCause::RequestRefused,
            "X-Forwarded-For has more than 30 addresses".to_owned(),
        ),
        (464, ..) => (
            ErrorCause::RequestRefused,
            "the protocol of the request is not that of the target group".to_owned(),
        ),
        _ => (
            ErrorCause::BalancerError,
            format!("the load balancer answered by itself ({waited})"),
        ),
    }
}

fn target_name(key: &ErrorKey) -> String {
    key.target
        .map_or_else(|| "no target".to_owned(), |target| target.to_string())
}

/// Formats nanoseconds as seconds with one digit.
fn tenths(ns: i64) -> String {
    let tenths = ns / (SECOND_NS / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}
