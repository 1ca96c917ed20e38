//! The summary after every conversion, as text.

use std::fmt;

use flow2pcap::connection::Outcome;
use flow2pcap::printable::number::grouped;
use flow2pcap::summary::Summary;
use indicatif::HumanBytes;

use super::account;
use super::page::{Page, PrintedLine, TROUBLE, count, wide};

/// A summary as a person reads it.
pub(crate) struct SummaryText<'a> {
    pub(crate) summary: &'a Summary,
    pub(crate) page: Page,
}

impl SummaryText<'_> {
    fn input(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        let layouts = s.input.layouts.iter();
        let layouts: Vec<String> = layouts
            .map(|(evidence, files)| format!("{evidence} ({})", count(*files, "file")))
            .collect();
        let columns = if layouts.is_empty() {
            String::new()
        } else {
            format!("; columns from {}", layouts.join(", "))
        };
        account::input(f, self.page, &s.input, &columns)?;
        account::times(f, self.page, s.requested_ns, s.span_ns)?;
        account::records(f, self.page, &s.records, "used")?;
        account::gaps(f, self.page, &s.records)
    }

    /// Writes what became of the events of other logs.
    fn events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, log) in self.summary.events.values().enumerate() {
            let name = if index == 0 { "events" } else { "" };
            let [one, many] = log.title;
            let title = if log.events == 1 { one } else { many };
            let (events, files) = (grouped(log.events), count(log.files, "file"));
            self.page
                .row(f, name, format!("{events} {title} in {files}"))?;
            let counts = [
                (log.joined, "in comments of packets"),
                (log.framed, "as frames"),
                (log.anchored, "with packets at their instants"),
                (
                    log.anchor_conflicts,
                    "whose instants do not fit the records of their packets",
                ),
                (log.ambiguous, "not joined: several connections fit"),
                (log.filtered, "outside the filter"),
                (log.duplicates, "delivered more than once"),
            ];
            let counts = counts.into_iter().map(|(n, text)| (n, text.to_owned()));
            let apart = log.not_joined.iter();
            let apart = apart.map(|(reason, n)| (*n, format!("not joined: {reason}")));
            let unframed = log.not_framed.iter();
            let unframed = unframed.map(|(reason, n)| (*n, format!("no frame: {reason}")));
            for (n, text) in counts.chain(apart).chain(unframed).filter(|(n, _)| *n > 0) {
                self.page.row(f, "", format!("  {} {text}", grouped(n)))?;
            }
            self.page.reasons(f, "skipped", &log.skipped)?;
        }
        Ok(())
    }

    fn connections(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        let c = &s.connections;
        let outcomes = Outcome::ALL.iter().filter_map(|outcome| {
            let n = c.by_outcome.get(outcome.name())?;
            let text = format!("{} {outcome}", grouped(*n));
            Some(if is_trouble(*outcome) {
                self.page.paint_whole(TROUBLE, &text)
            } else {
                PrintedLine::whole(text)
            })
        });
        let outcomes: Vec<PrintedLine> = outcomes.collect();
        self.page.row(f, "ENIs", grouped(s.enis).to_string())?;
        let outcomes = if outcomes.is_empty() {
            "none".into()
        } else {
            PrintedLine::joined(outcomes, ", ")
        };
        self.page.row(f, "connections", outcomes)?;
        if c.presumed > 0 {
            let text = format!(
                "{} without tcp-flags: handshake and teardown are assumed",
                grouped(c.presumed)
            );
            self.page.row(f, "", &text)?;
        }
        Ok(())
    }

    fn packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        let p = &s.packets;
        let merged = match s.detail.max_per_record {
            _ if p.written >= p.logged => String::new(),
            Some(most) => {
                format!(", at most {most} a record, the rest merged into larger segments")
            }
            None => ", the rest merged into larger segments".to_owned(),
        };
        self.page.row(
            f,
            "packets",
            format!(
                "{} written of {} logged{merged}",
                wide(p.written),
                wide(p.logged)
            ),
        )?;
        self.page.row(
            f,
            "bytes",
            format!(
                "{} written of {} logged",
                wide(p.bytes_written),
                wide(p.bytes_logged)
            ),
        )?;
        if p.bytes_added() > 0 {
            let added = wide(p.bytes_added());
            let text = format!(
                "{added} more than logged: headers of records that report fewer bytes, or none"
            );
            self.page.note(f, "", &text)?;
        }
        if p.bytes_lost() > 0 {
            let lost = wide(p.bytes_lost());
            let text = format!("{lost} fewer than logged: records that report more than 64 TiB");
            self.page.note(f, "", &text)?;
        }
        let moved = s.connections.moved_packets;
        if moved > 0 {
            let text = format!(
                "{} moved outside the seconds of {} so that no answer comes before its cause",
                count(moved, "packet"),
                if moved == 1 {
                    "its record"
                } else {
                    "their records"
                }
            );
            self.page.row(f, "", &text)?;
        }
        Ok(())
    }
}

impl fmt::Display for SummaryText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.summary;
        self.input(f)?;
        self.events(f)?;
        self.connections(f)?;
        self.packets(f)?;
        if s.spilled_bytes > 0 {
            let text = format!(
                "{} went to temporary files; a larger --memory makes the run faster",
                HumanBytes(s.spilled_bytes)
            );
            self.page.row(f, "memory", &text)?;
        }
        let seconds = f64::from(u32::try_from(s.elapsed_ms).unwrap_or(u32::MAX)) / 1000.0;
        let size = HumanBytes(s.output.file_bytes);
        let written = match &s.output.parts {
            None => PrintedLine::whole(&s.output.path).and(format!(", {size}")),
            Some(parts) => PrintedLine::from(format!(
                "{}, {size}, listed in ",
                count(parts.files.len() as u64, "part")
            ))
            .and(PrintedLine::whole(&parts.index)),
        };
        self.page
            .row(f, "output", written.and(format!(", in {seconds:.2} s")))
    }
}

/// Whether connections with this outcome are what a troubleshooter looks for.
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
