//! Formats sums as comma-separated values (RFC 4180, except for line ends), one row per sum.
//!
//! All rows have the same columns, whatever their metric: one for each dimension, empty if the
//! metric is not grouped by it. So two metrics fit in one file, and databases can import it as it
//! is. A value that a spreadsheet would run as a formula is prefixed with `'`, unless it is a number
//! that we computed. A mean or a maximum of nothing has no row.

use flow2pcap::metrics::Table;
use flow2pcap::printable::{cell, label};

use super::form::{names, timestamp};

/// Formats a header and the rows of all tables; the rows of one table are in order of time.
///
/// # Errors
/// Fails only if writing to memory does.
pub(super) fn text(tables: &[Table]) -> anyhow::Result<String> {
    let mut dimensions = Vec::new();
    for name in tables.iter().flat_map(names) {
        if !dimensions.contains(&name) {
            dimensions.push(name);
        }
    }
    let mut out = ::csv::Writer::from_writer(Vec::new());
    out.write_field("start")?;
    out.write_field("metric")?;
    for name in &dimensions {
        out.write_field(name)?;
    }
    out.write_field("value")?;
    out.write_record(None::<&[u8]>)?;
    for table in tables {
        for (begin_ns, series, counts) in table.by_time() {
            for measure in &table.question.measures {
                let Some(value) = counts.value(*measure) else {
                    continue;
                };
                out.write_field(timestamp(begin_ns).to_string())?;
                out.write_field(table.question.metric(*measure))?;
                for name in &dimensions {
                    let at = names(table).position(|own| own == *name);
                    out.write_field(at.map_or_else(String::new, |at| cell(&series.labels[at])))?;
                }
                out.write_field(value.to_string())?;
                out.write_record(None::<&[u8]>)?;
            }
        }
    }
    Ok(String::from_utf8(out.into_inner()?)?)
}

/// Formats a value from outside as a cell on one line that no spreadsheet runs.
fn cell(value: &str) -> String {
    cell::inert(&label(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_neither_formulas_nor_several_lines() {
        assert_eq!(cell("=cmd|'/C_calc'!A0"), "'=cmd|'/C_calc'!A0");
        assert_eq!(cell("-2+3"), "'-2+3");
        assert_eq!(cell("=a\nb"), "\"=a\\nb\"");
        assert_eq!(cell("eni-0a1b"), "eni-0a1b");
    }
}
