//! The pictures of the page: sums over time, with the findings above the first of them.
//!
//! If logs of load balancers or CloudTrail are in the archive, the first picture is the time line of all of
//! it: rejected packets, errors and changes above each other.

use flow2pcap::diagnosis::{Certainty, Finding};
use flow2pcap::metrics::{Measure, Subject, Table};
use flow2pcap::pipeline::{Diagnosis, Reported};

use super::chart::{Chart, PLOT, PanelContent, chart};
use super::logged_changes::{ChangesLane, lane};
use super::marks::{FindingMark, bottom, marks};
use super::rows::{PageTable, measure};
use super::shown::certainty;
use super::timeline::{Axis, PictureLayer, layers};
use crate::cli::page::count;

/// A picture with its title and numbers.
pub(super) struct Picture {
    /// What it shows.
    pub(super) title: String,
    /// How long a bar is, in words.
    pub(super) every: String,
    /// The bars.
    pub(super) chart: Chart,
    /// The findings above them.
    pub(super) marks: Vec<FindingMark>,
    /// Findings for which there is no room above them.
    pub(super) marks_left_out: usize,
    /// What its colors mean.
    pub(super) layers: Vec<PictureLayer>,
    /// The same in numbers.
    pub(super) numbers: PageTable,
    /// The changes in its last panel.
    pub(super) changes: Option<ChangesLane>,
    /// The times of the findings above it, as stripes from left to right: a class, and where they begin
    /// and how wide they are.
    pub(super) stripes: Vec<(&'static str, f64, f64)>,
}

/// The findings whose times are stripes. More would cover each other.
const STRIPES_MAX: usize = 10;

/// The narrowest stripe.
const STRIPE_MIN: f64 = 2.0;

/// Height of the panel for changes.
const LANE_HEIGHT: f64 = 26.0;

/// Height of the other panels of the time line.
const PANEL_HEIGHT: f64 = 80.0;

/// The label of rejected packets.
const REJECT: &str = "REJECT";

/// What a picture is made of.
struct PictureContent<'a> {
    what: &'static str,
    unit: &'static str,
    table: &'a Table,
    /// Title and height of the panels: one, or what goes well and what does not.
    panels: &'static [(&'static str, f64)],
    is_marked: bool,
}

/// The pictures of the page; all have the time of the first, which has every packet.
pub(super) fn pictures(reported: &Reported) -> Vec<Picture> {
    let contents = [
        PictureContent {
            what: "Accepted and rejected packets",
            unit: "packets",
            table: &reported.actions,
            panels: &[("accepted packets", 120.0), ("rejected packets", 90.0)],
            is_marked: !has_time_line(reported),
        },
        PictureContent {
            what: "Rejected packets by protocol",
            unit: "packets",
            table: &reported.rejected,
            panels: &[("rejected packets", 120.0)],
            is_marked: false,
        },
        PictureContent {
            what: "Connections by outcome",
            unit: "connections",
            table: &reported.outcomes,
            panels: &[
                ("connections that did not fail", 100.0),
                ("connections that failed", 100.0),
            ],
            is_marked: false,
        },
    ];
    let Some(axis) = Axis::of(&reported.actions, reported.every.seconds()) else {
        return Vec::new();
    };
    let time_line = has_time_line(reported).then(|| time_line(reported, axis));
    let pictures = contents.iter();
    let pictures = pictures.map(|content| picture(reported, axis, content));
    time_line.into_iter().chain(pictures).collect()
}

/// Whether there is something to compare, and a log to compare it with.
fn has_time_line(reported: &Reported) -> bool {
    let d = &reported.diagnosis;
    let mut actions = reported.actions.series.iter();
    let is_rejected = actions.any(|series| series.labels == [REJECT] && series.total.packets > 0);
    let has_errors = !reported.server_errors.series.is_empty();
    let has_any = is_rejected || has_errors || !reported.changes.is_empty();
    has_any && (has_requests(d) || d.changes.is_some())
}

/// Whether requests to load balancers are in the archive.
fn has_requests(diagnosis: &Diagnosis) -> bool {
    let mut logs = diagnosis.events.iter();
    logs.any(|(kind, log)| Subject::Requests.is_in(kind) && log.events > 0)
}

/// The rejected packets, on a time line with errors and changes.
fn rejected_layer(reported: &Reported, axis: Axis) -> Option<PictureLayer> {
    let layers = layers(&reported.actions, Measure::Packets, axis).into_iter();
    let mut rejected = layers.filter(|layer| layer.name == REJECT);
    Some(PictureLayer {
        name: "rejected packets".to_owned(),
        ..rejected.next()?
    })
}

/// The errors of load balancers and of targets.
fn error_layers(reported: &Reported, axis: Axis) -> Vec<PictureLayer> {
    let mut errors = layers(&reported.server_errors, Measure::Requests, axis);
    errors.sort_by(|a, b| a.name.cmp(&b.name));
    for layer in &mut errors {
        let (name, class) = match &*layer.name {
            "target" => ("5xx of targets", "c1"),
            _ => ("5xx of load balancers", "c0"),
        };
        (layer.name, layer.class) = (name.to_owned(), class);
    }
    errors
}

/// Draws what happened beside the packets: errors of load balancers and changes. There is a panel for
/// each log that is in the archive.
fn time_line(reported: &Reported, axis: Axis) -> Picture {
    let every = every(axis.step_s);
    let rejected = rejected_layer(reported, axis);
    let errors = error_layers(reported, axis);
    let calls = &reported.changes;
    let changes = (!calls.is_empty()).then(|| PictureLayer {
        name: "changes".to_owned(),
        class: "c5",
        is_failure: false,
        sums: axis.counted(calls.iter().map(|call| call.instant_ns)),
    });
    let panel = |title: &str, layers: Vec<_>, is_lane: bool| PanelContent {
        title: match (layers.is_empty(), is_lane) {
            (true, _) => format!("{title}: none"),
            (false, true) => title.to_owned(),
            (false, false) => format!("{title}, {every}"),
        },
        height: if is_lane { LANE_HEIGHT } else { PANEL_HEIGHT },
        layers,
        is_lane,
    };
    let mut panels = vec![panel("rejected packets", rejected.iter().collect(), false)];
    if has_requests(&reported.diagnosis) {
        panels.push(panel(
            "requests answered with 5xx",
            errors.iter().collect(),
            false,
        ));
    }
    let has_trail = reported.diagnosis.changes.is_some();
    if has_trail {
        let layers = changes.iter().collect();
        panels.push(panel("changes that CloudTrail logged", layers, true));
    }
    let findings = &reported.diagnosis.findings;
    let marks = marks(findings, axis, PLOT);
    let chart = chart(axis, "", &panels, bottom(&marks));
    let lane_y = chart.bottom - LANE_HEIGHT / 2.0;
    let layers = rejected.into_iter().chain(errors).chain(changes);
    let layers: Vec<PictureLayer> = layers.collect();
    Picture {
        title: "Rejected packets, errors and changes".to_owned(),
        chart,
        marks_left_out: findings.len() - marks.len(),
        stripes: stripes(&marks, findings),
        marks,
        numbers: PageTable::stretches("In numbers", axis, &layers),
        every,
        layers,
        changes: has_trail.then(|| lane(calls, findings, axis, lane_y)),
    }
}

/// The times of the first findings, without those that are only possible.
fn stripes(marks: &[FindingMark], findings: &[Finding]) -> Vec<(&'static str, f64, f64)> {
    let striped = marks.iter().filter(|mark| mark.number <= STRIPES_MAX);
    let striped = striped.map(|mark| (mark, &findings[mark.number - 1]));
    let striped = striped.filter(|(_, finding)| finding.certainty != Certainty::Possible);
    let stripes = striped.map(|(mark, finding)| {
        let (from, to) = mark.lasts;
        (certainty(finding), from, (to - from).max(STRIPE_MIN))
    });
    stripes.collect()
}

fn picture(reported: &Reported, axis: Axis, content: &PictureContent<'_>) -> Picture {
    let layers = layers(content.table, measure(content.table), axis);
    let every = every(axis.step_s);
    let findings = match content.is_marked {
        true => &reported.diagnosis.findings[..],
        false => &[],
    };
    let marks = marks(findings, axis, PLOT);
    let panels = content
        .panels
        .iter()
        .enumerate()
        .map(|(nth, (title, height))| {
            let is_here =
                |layer: &&PictureLayer| content.panels.len() == 1 || layer.is_failure == (nth == 1);
            PanelContent {
                title: format!("{title}, {every}"),
                height: *height,
                layers: layers.iter().filter(is_here).collect(),
                is_lane: false,
            }
        });
    let panels: Vec<PanelContent<'_>> = panels.collect();
    Picture {
        title: content.what.to_owned(),
        chart: chart(axis, content.unit, &panels, bottom(&marks)),
        marks_left_out: findings.len() - marks.len(),
        marks,
        numbers: PageTable::stretches("In numbers", axis, &layers),
        every,
        layers,
        changes: None,
        stripes: Vec::new(),
    }
}

/// How often, in words.
fn every(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(unit_s, _)| seconds % unit_s == 0);
    let (unit_s, unit) = unit.unwrap_or((1, "second"));
    match seconds / unit_s {
        1 => format!("per {unit}"),
        n => format!("per {}", count(n.unsigned_abs(), unit)),
    }
}
