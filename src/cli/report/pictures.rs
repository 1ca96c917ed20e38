//! The pictures of the page: sums over time, with the findings above the first of them.

use flow2pcap::metrics::Table;
use flow2pcap::pipeline::Reported;

use super::chart::{Chart, PLOT, PanelContent, chart};
use super::marks::{FindingMark, bottom, marks};
use super::rows::{PageTable, measure};
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
}

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
            is_marked: true,
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
    let pictures = contents.iter();
    pictures
        .map(|content| picture(reported, axis, content))
        .collect()
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
