//! Running `flow2pcap metrics`, and reading the comma-separated values that it prints.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{flow2pcap, run};

/// Standard output and standard error of a run with these options on `inputs`.
pub(crate) fn output(inputs: &[PathBuf], options: &[&str]) -> (String, String) {
    let mut command = flow2pcap();
    command.arg("metrics").args(options).args(inputs);
    let run = run(&mut command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    (String::from_utf8(run.stdout).unwrap(), run.stderr)
}

/// Metric and labels, then when a bucket begins, then its sum.
pub(crate) type Sums = BTreeMap<(Vec<String>, String), u128>;

/// The cells of a line of comma-separated values.
fn cells(line: &str) -> Vec<String> {
    let mut reader = csv_core::Reader::new();
    let (mut out, mut ends) = (vec![0; line.len() + 1], [0; 16]);
    let line = format!("{line}\n");
    let (_, _, written, fields) = reader.read_record(line.as_bytes(), &mut out, &mut ends);
    let text = std::str::from_utf8(&out[..written]).unwrap();
    let begins = std::iter::once(&0).chain(&ends);
    let cells = begins.zip(&ends[..fields]);
    cells
        .map(|(begin, end)| text[*begin..*end].to_owned())
        .collect()
}

/// The sums that are not 0, of a run that prints comma-separated values.
pub(crate) fn sums(inputs: &[PathBuf], options: &[&str]) -> Sums {
    let (text, _) = output(inputs, &[options, &["--format", "csv"]].concat());
    let mut lines = text.lines();
    let header = cells(lines.next().unwrap());
    assert_eq!((&*header[0], &*header[1]), ("start", "metric"));
    assert_eq!(header.last().unwrap(), "value");
    let mut sums = Sums::new();
    for line in lines {
        let mut row = cells(line);
        assert_eq!(row.len(), header.len(), "{line}");
        let value: u128 = row.pop().unwrap().parse().unwrap();
        let start = row.remove(0);
        if value > 0 {
            assert_eq!(
                sums.insert((row, start), value),
                None,
                "{line} stands twice"
            );
        }
    }
    sums
}
