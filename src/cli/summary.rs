//! The summary that ends every run, in words.

use std::fmt;

use flow2pcap::connection::Outcome;
use flow2pcap::summary::{Reasons, Summary, WIRESHARK_PACKETS};
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;

/// Gaps named one by one; the rest are counted.
const GAPS_SHOWN: usize = 5;

/// A summary as a person reads it, in colour on a terminal.
pub(crate) struct Text<'a> {
    summary: &'a Summary,
    colour: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn new(summary: &'a Summary, colour: bool) -> Self {
        Self { summary, colour }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
        writeln!(f, "{} {text}", self.paint("1", &format!("{name:12}")))
    }

    /// One line a reason, with its first examples below.
    fn reasons(&self, f: &mut fmt::Formatter<'_>, verb: &str, reasons: &Reasons) -> fmt::Result {
        for (name, reason) in &reasons.0 {
            let count = HumanCount(reason.count).to_string();
            self.row(f, "", &self.paint("33", &format!("{count} {verb}: {name}")))?;
            for example in &reason.examples {
                let found = if example.found.is_empty() {
                    String::new()
                } else {
                    format!(": {}", example.found)
                };
                self.row(f, "", &format!("  {}{found}", example.place))?;
            }
        }
        Ok(())
    }

    fn input(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        let layouts: Vec<String> = s
            .input
            .layouts
            .iter()
            .map(|(by, n)| format!("{n} by {by}"))
            .collect();
        let files = count(s.input.files, "file");
        let columns = if layouts.is_empty() {
            String::new()
        } else {
            format!("; columns told: {}", layouts.join(", "))
        };
        self.row(
            f,
            "input",
            &format!("{files}, {}{columns}", HumanBytes(s.input.bytes)),
        )?;
        if s.input.ruled_out > 0 {
            let text = format!(
                "{}, {}, not opened: by their paths they hold nothing that was asked for",
                count(s.input.ruled_out, "file"),
                HumanBytes(s.input.ruled_out_bytes)
            );
            self.row(f, "", &text)?;
        }
        self.reasons(f, "left out", &s.input.left_out)?;
        self.reasons(f, "read in part", &s.input.damaged)?;
        if let Some((from, to)) = s.asked_ns {
            let from = from.map_or_else(|| "the beginning".to_owned(), instant);
            let to = to.map_or_else(|| "the end".to_owned(), instant);
            self.row(f, "asked for", &format!("{from} to {to}"))?;
        }
        if let Some((start, end)) = s.span_ns {
            self.row(
                f,
                "span",
                &format!("{} to {}", instant(start), instant(end)),
            )?;
        }
        Ok(())
    }

    fn records(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = &self.summary.records;
        let lines = count(r.lines, "line");
        self.row(
            f,
            "records",
            &format!("{} told, of {lines}", HumanCount(r.told)),
        )?;
        let fates = [
            (r.filtered, "do not match what was asked for"),
            (
                r.told_elsewhere,
                "tell of packets that another ENI's records tell",
            ),
            (r.duplicates, "delivered more than once"),
            (r.no_data, "NODATA"),
            (
                r.headers,
                if r.headers == 1 {
                    "header line"
                } else {
                    "header lines"
                },
            ),
            (
                r.blank,
                if r.blank == 1 {
                    "blank line"
                } else {
                    "blank lines"
                },
            ),
            (r.control, "CloudWatch control messages"),
        ];
        for (n, what) in fates.iter().filter(|(n, _)| *n > 0) {
            self.row(f, "", &format!("{} {what}", HumanCount(*n)))?;
        }
        if r.undecided > 0 {
            let text = format!(
                "{} do not say what the filter asks for, so they do not match",
                HumanCount(r.undecided)
            );
            self.row(f, "", &self.paint("33", &text))?;
        }
        if r.told == 0 && r.filtered > 0 {
            let text = "nothing matches, so the capture holds no packets";
            self.row(f, "", &self.paint("33", text))?;
        }
        self.reasons(f, "skipped", &r.skipped)?;
        let a = &r.assumed;
        let assumed = [
            (a.protocol, "have no protocol; tcp-flags and ports told it"),
            (a.packets, "count no packets: taken for one"),
            (a.bytes, "count no bytes: headers only"),
            (a.time, "have no interval: one instant stands for it"),
            (
                a.repaired_time,
                "have an interval that cannot be true: put right",
            ),
        ];
        for (n, what) in assumed.iter().filter(|(n, _)| *n > 0) {
            self.row(f, "", &format!("{} {what}", HumanCount(*n)))?;
        }
        self.gaps(f)
    }

    fn gaps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = &self.summary.records;
        if r.skip_data == 0 {
            return Ok(());
        }
        let text = format!(
            "{} SKIPDATA: AWS dropped records, and silence proves nothing there",
            r.skip_data
        );
        self.row(f, "gaps", &self.paint("33", &text))?;
        for gap in r.gaps.iter().take(GAPS_SHOWN) {
            let at = |ns: Option<i64>| ns.map_or_else(|| "?".to_owned(), instant);
            self.row(
                f,
                "",
                &format!("  {} {} to {}", gap.eni, at(gap.start_ns), at(gap.end_ns)),
            )?;
        }
        Ok(())
    }

    fn connections(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        let c = &s.connections;
        let outcomes = Outcome::ALL.iter().filter_map(|outcome| {
            let n = c.by_outcome.get(outcome.name())?;
            let text = format!("{} {outcome}", HumanCount(*n));
            Some(if is_trouble(*outcome) {
                self.paint("31", &text)
            } else {
                text
            })
        });
        let outcomes: Vec<String> = outcomes.collect();
        self.row(f, "ENIs", &HumanCount(s.enis).to_string())?;
        let outcomes = if outcomes.is_empty() {
            "none".to_owned()
        } else {
            outcomes.join(", ")
        };
        self.row(f, "connections", &outcomes)?;
        if c.presumed > 0 {
            let text = format!(
                "{} without tcp-flags: handshake and teardown presumed",
                HumanCount(c.presumed)
            );
            self.row(f, "", &text)?;
        }
        Ok(())
    }

    fn packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        let p = &s.packets;
        let merged = if p.written < p.logged {
            ", the rest merged into larger segments"
        } else {
            ""
        };
        self.row(
            f,
            "packets",
            &format!(
                "{} written of {} logged{merged}",
                wide(p.written),
                wide(p.logged)
            ),
        )?;
        self.row(
            f,
            "bytes",
            &format!(
                "{} written of {} logged",
                wide(p.bytes_written),
                wide(p.bytes_logged)
            ),
        )?;
        if p.bytes_added() > 0 {
            let added = wide(p.bytes_added());
            let text = format!(
                "{added} more than logged: headers of records that count fewer bytes, or none"
            );
            self.row(f, "", &self.paint("33", &text))?;
        }
        if p.bytes_lost() > 0 {
            let lost = wide(p.bytes_lost());
            let text = format!("{lost} fewer than logged: records that count more than 64 TiB");
            self.row(f, "", &self.paint("33", &text))?;
        }
        if !s.narrower.is_empty() {
            let text = format!(
                "more than about {WIRESHARK_PACKETS} packets make Wireshark slow; to narrow:"
            );
            self.row(f, "", &self.paint("33", &text))?;
            for narrower in &s.narrower {
                self.row(f, "", &format!("  {narrower}"))?;
            }
        }
        if s.connections.moved_packets > 0 {
            let text = format!(
                "{} packets moved out of their record's seconds by causality",
                s.connections.moved_packets
            );
            self.row(f, "", &text)?;
        }
        Ok(())
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        self.input(f)?;
        self.records(f)?;
        self.connections(f)?;
        self.packets(f)?;
        if s.spilled_bytes > 0 {
            let text = format!(
                "{} went to temporary files; with more --memory the run is faster",
                HumanBytes(s.spilled_bytes)
            );
            self.row(f, "memory", &text)?;
        }
        let seconds = f64::from(u32::try_from(s.elapsed_ms).unwrap_or(u32::MAX)) / 1000.0;
        self.row(
            f,
            "output",
            &format!(
                "{}, {}, in {seconds:.2} s",
                s.output.path,
                HumanBytes(s.output.bytes)
            ),
        )
    }
}

/// Whether a reader who looks for a fault looks for these.
fn is_trouble(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Rejected
            | Outcome::Refused
            | Outcome::Unanswered
            | Outcome::HalfOpen
            | Outcome::Reset
    )
}

fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(n), if n == 1 { "" } else { "s" })
}

/// A sum of 128 bits; the few beyond 64 go without separators.
fn wide(n: u128) -> String {
    u64::try_from(n).map_or_else(|_| n.to_string(), |n| HumanCount(n).to_string())
}

/// An instant as RFC 3339 has it, whole seconds where it has no more.
fn instant(ns: i64) -> String {
    Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |t| t.to_string())
}
