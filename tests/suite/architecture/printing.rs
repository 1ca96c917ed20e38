//! Rules by which nothing from outside is printed but through `src/printable.rs`.

use super::{Source, lines_with, none, sources};

#[test]
fn what_comes_from_outside_is_printed_in_one_way() {
    let mut sources = sources("src");
    // Tests may do as they like.
    for source in &mut sources {
        let code = source.text.split("#[cfg(test)]").next().unwrap().to_owned();
        source.text = code;
    }
    let only = |path: &'static str| move |source: &Source| source.path == path;
    // Paths of any bytes: `shown` and `exact` have them.
    none(lines_with(&sources, ".display()", only("src/printable.rs")));
    // JSON as serde_json leaves it.
    for word in ["to_string_pretty", "serde_json::to_vec", "to_writer"] {
        none(lines_with(&sources, word, only("src/cli/page.rs")));
    }
    let lines_of_json = [
        "src/cli/metrics/cloudwatch.rs",
        "src/pipeline/partial/file.rs",
    ];
    none(lines_with(&sources, "serde_json::to_string(", |source| {
        lines_of_json.contains(&source.path.as_str())
    }));
    // Colors.
    for word in ["\\x1b", "\\u{1b}"] {
        none(lines_with(&sources, word, only("src/cli/page.rs")));
    }
    // Rows of CSV.
    none(lines_with(
        &sources,
        "csv::Writer",
        only("src/cli/metrics/csv.rs"),
    ));
    // The streams of the process.
    let streams = [
        "src/allocation.rs",
        "src/output/target.rs",
        "src/cli/interrupt.rs",
        "src/cli/query/destination.rs",
        "src/cli/streams.rs",
        "src/cli/terminal.rs",
    ];
    for word in ["io::stdout()", "io::stderr()"] {
        none(lines_with(&sources, word, |source| {
            streams.contains(&source.path.as_str())
        }));
    }
}

#[test]
fn widths_come_from_what_was_cut() {
    let may = [
        "src/cli/metrics/table.rs",
        "src/cli/report/chart.rs",
        "src/cli/inspect/text.rs",
        "src/filter/fault.rs",
        "src/sql/form/aligned.rs",
        "src/sql/functions/pattern.rs",
    ];
    none(lines_with(&sources("src"), "$}", |source| {
        may.contains(&source.path.as_str())
    }));
}
