//! Who changed what, as lines of text.

use flow2pcap::diagnosis::{ChangeCertainty, ChangeSearch, FindingChanges, NamedChange};

use super::page::count;

/// Returns what is said of the beginning and the end of a finding: one of the labels, and lines. Empty
/// where nothing was looked for.
pub(crate) fn lines(
    changes: &FindingChanges,
    labels: [&'static str; 2],
) -> Vec<(&'static str, Vec<String>)> {
    let began = changes.since.as_ref().map(|search| {
        let lines = of(
            search,
            ["before the first failure", "after the first failure"],
        );
        (labels[0], lines)
    });
    let ended = changes.until.as_ref().map(|search| {
        let lines = of(
            search,
            ["after the last failure", "before the last failure"],
        );
        (labels[1], lines)
    });
    began.into_iter().chain(ended).collect()
}

fn of(search: &ChangeSearch, relations: [&str; 2]) -> Vec<String> {
    if search.changes.is_empty() && search.left_out == 0 {
        return vec![format!(
            "no change of a network path is in the archive from {} to {}",
            search.from, search.to
        )];
    }
    let lines = search.changes.iter().map(|change| line(change, relations));
    let mut lines: Vec<String> = lines.collect();
    let is_explained = search
        .changes
        .iter()
        .any(|change| change.certainty != ChangeCertainty::SameTime);
    if !is_explained {
        lines.insert(
            0,
            format!(
                "nothing ties a change to it; from {} to {} there {}",
                search.from,
                search.to,
                match search.changes.len() as u64 + search.left_out {
                    1 => "was 1 change".to_owned(),
                    n => format!("were {}", count(n, "change")),
                }
            ),
        );
    }
    if search.left_out > 0 && is_explained {
        let others = count(search.left_out, "other change");
        lines.push(format!(
            "and {others} at that time, which nothing ties to it"
        ));
    }
    lines
}

/// Formats one change as a sentence.
pub(crate) fn line(change: &NamedChange, relations: [&str; 2]) -> String {
    let certainty = match change.certainty {
        ChangeCertainty::Proved => "proved: ",
        ChangeCertainty::Likely => "likely: ",
        ChangeCertainty::Possible => "possible: ",
        ChangeCertainty::SameTime => "",
    };
    let relation = match change.distance_s {
        0.. => relations[0],
        _ => relations[1],
    };
    let distance = change.distance_s.unsigned_abs();
    let distance = match distance {
        0..=119 => format!("{distance} s"),
        _ => format!("{} min", distance / 60),
    };
    let source = match &*change.source {
        "" => String::new(),
        // A service that calls is its own source.
        source if change.caller.ends_with(source) => String::new(),
        source => format!(" from {source}"),
    };
    let because = match &*change.because {
        "" => String::new(),
        because => format!("; {because}"),
    };
    let is_tied = change.certainty != ChangeCertainty::SameTime;
    let event = [
        (!change.what.contains(&change.event)).then(|| change.event.clone()),
        (is_tied && !change.event_id.is_empty()).then(|| format!("event {}", change.event_id)),
        Some(change.record.clone()),
    ];
    let event: Vec<String> = event.into_iter().flatten().collect();
    format!(
        "{certainty}{distance} {relation}, at {}: {}{source} {} ({}){because}",
        change.time,
        change.caller,
        change.what,
        event.join(", ")
    )
}
