//! The result of an inspection, as text.

use std::fmt;

use flow2pcap::printable::number::grouped;
use flow2pcap::record::Column;
use flow2pcap::setup::{Resource, ResourceKind};
use flow2pcap::survey::{ColumnOrder, Estimate, LoggedSums, Survey};
use indicatif::HumanBytes;

use crate::cli::account;
use crate::cli::page::{self, NOTE, Page, PrintedLine, TROUBLE, count, wide};

/// Orders of columns that are listed; more are only counted.
const ORDERS_SHOWN: usize = 5;

/// Names that are listed; more are only counted.
const NAMES_SHOWN: u64 = 20;

/// A survey as a person reads it.
pub(crate) struct SurveyText<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) page: Page,
}

impl fmt::Display for SurveyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.survey;
        account::input(f, self.page, &s.input, "")?;
        self.rows(
            f,
            "kinds",
            s.input
                .kinds
                .iter()
                .map(|(kind, n)| format!("{} of {kind}", count(*n, "file"))),
        )?;
        self.columns(f)?;
        self.missing_fields(f)?;
        account::times(f, self.page, s.requested_ns, s.span_ns)?;
        if s.records.lines > 0 || s.events.is_empty() {
            account::records(f, self.page, &s.records, "counted")?;
        }
        account::events(f, self.page, &s.events)?;
        self.gaps(f)?;
        if s.records.used == 0 {
            // Without records the rest would be a table of zeros.
            return Ok(());
        }
        self.traffic(f)?;
        self.enis(f)?;
        self.names(f, "accounts", &s.accounts)?;
        self.names(f, "regions", &s.regions)?;
        self.estimates(f)
    }
}

impl SurveyText<'_> {
    /// Writes rows, the first of which has the name.
    fn rows(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        texts: impl IntoIterator<Item = impl Into<PrintedLine>>,
    ) -> fmt::Result {
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        let mut rows = names.zip(texts);
        rows.try_for_each(|(name, text)| self.page.row(f, name, text))
    }

    fn names<'n>(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        all: impl IntoIterator<Item = &'n String, IntoIter: ExactSizeIterator>,
    ) -> fmt::Result {
        let all = all.into_iter();
        if all.len() == 0 {
            return Ok(());
        }
        let more = (all.len() as u64).saturating_sub(NAMES_SHOWN);
        let shown = all.zip(0..NAMES_SHOWN);
        let mut words: Vec<PrintedLine> = shown
            .map(|(text, _)| PrintedLine::whole(page::name(text)))
            .collect();
        if more > 0 {
            words.push(format!("and {} more", grouped(more)).into());
        }
        self.page.row(f, name, PrintedLine::joined(words, " "))
    }

    fn columns(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let orders = &self.survey.columns;
        for (index, order) in orders.iter().take(ORDERS_SHOWN).enumerate() {
            let ColumnOrder {
                layout,
                evidence,
                files,
                records,
            } = order;
            let columns = layout.columns();
            let text = format!(
                "{} in {}, {}, from the {}:",
                columns.len(),
                count(*files, "file"),
                count(*records, "record"),
                evidence_text(evidence)
            );
            self.page
                .row(f, if index == 0 { "columns" } else { "" }, &text)?;
            let names = columns.iter().map(Column::name);
            let names = names.map(|name| PrintedLine::whole(page::name(name)));
            let names = PrintedLine::joined(names, " ");
            self.page.row(f, "", PrintedLine::from("  ").and(names))?;
        }
        let more = orders.iter().len().saturating_sub(ORDERS_SHOWN) as u64;
        if more > 0 {
            let text = format!("and {} of columns", count(more, "more order"));
            self.page.row(f, "", text)?;
        }
        Ok(())
    }

    fn missing_fields(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.survey;
        if s.columns.iter().len() == 0 {
            return Ok(());
        }
        if s.missing_fields.is_empty() {
            return self
                .page
                .row(f, "missing", "no field that a conversion needs");
        }
        let all = s.columns.iter().map(|order| order.records);
        let all = all.fold(0, u64::saturating_add);
        let lacks = s.missing_fields.iter().map(|lack| {
            let fields = self.page.paint(NOTE, &lack.fields.join(", "));
            let of = if lack.records < all {
                format!(" of {}", count(lack.records, "record"))
            } else {
                String::new()
            };
            fields.and(format!("{of}: {}", lack.cost))
        });
        self.rows(f, "missing", lacks)?;
        // Only a VPC that `setup` accepts: a record may name anything.
        let vpcs = s.busiest_enis.iter().map(|eni| &*eni.vpc);
        let mut vpcs = vpcs.filter(|vpc| vpc.parse().is_ok_and(is_vpc));
        let vpc = vpcs.next().unwrap_or("vpc-…");
        let command = format!("flow2pcap setup {vpc} --destination s3://…");
        let text = PrintedLine::from("to create a flow log with all fields: ");
        self.page.row(f, "", text.and(PrintedLine::whole(command)))
    }

    fn gaps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = &self.survey.records;
        account::gaps(f, self.page, r)?;
        if r.skip_data <= account::GAPS_SHOWN {
            return Ok(());
        }
        let mut by_eni: Vec<_> = r.gaps_by_eni.iter().collect();
        by_eni.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        let named = by_eni
            .iter()
            .map(|(eni, n)| format!("{} ({})", page::name(eni), grouped(**n)));
        let named: Vec<String> = std::iter::once("by ENI:".to_owned()).chain(named).collect();
        self.names(f, "", &named)
    }

    fn traffic(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.survey;
        let actions = s.actions.iter().map(|(name, sums)| {
            let is_trouble = name.starts_with("REJECT");
            ((name.to_string(), is_trouble), *sums)
        });
        let protocols = s.protocols.iter().map(|protocol| {
            let number = protocol.number;
            let name = protocol
                .name
                .map_or_else(|| format!("protocol {number}"), str::to_owned);
            ((name, false), protocol.logged)
        });
        self.sums(f, "logged", &[(("total".to_owned(), false), s.logged)])?;
        self.sums(f, "actions", &actions.collect::<Vec<_>>())?;
        self.sums(f, "protocols", &protocols.collect::<Vec<_>>())
    }

    /// Writes sums in columns; those that show trouble are in color.
    fn sums(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        all: &[((String, bool), LoggedSums)],
    ) -> fmt::Result {
        let rows = all.iter().map(|((name, is_trouble), sums)| {
            let name = format!("{name:<20}");
            let name = if *is_trouble {
                self.page.paint(TROUBLE, &name)
            } else {
                name.into()
            };
            name.and(format!(" {}", self.amounts(sums)))
        });
        self.rows(f, name, rows)
    }

    /// Formats sums, as wide as the total.
    fn amounts(&self, sums: &LoggedSums) -> String {
        let texts = |sums: &LoggedSums| {
            let records = grouped(sums.records).to_string();
            [records, wide(sums.packets), wide(sums.bytes)]
        };
        let [records, packets, bytes] = texts(sums);
        let [r, p, b] = texts(&self.survey.logged).map(|text| text.len());
        let noun = |n: u128, noun: &str| format!("{noun}{}", if n == 1 { "" } else { "s" });
        let record_noun = noun(sums.records.into(), "record") + ",";
        let packet_noun = noun(sums.packets, "packet") + ",";
        let byte_noun = noun(sums.bytes, "byte");
        format!(
            "{records:>r$} {record_noun:8} {packets:>p$} {packet_noun:8} {bytes:>b$} {byte_noun}"
        )
    }

    fn enis(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.survey;
        let named = s.busiest_enis.len();
        let which = if (named as u64) < s.enis {
            format!("; the {named} busiest:")
        } else {
            String::new()
        };
        self.page
            .row(f, "ENIs", format!("{}{which}", grouped(s.enis)))?;
        let names: Vec<String> = s.busiest_enis.iter().map(|e| page::name(&e.name)).collect();
        // At most the length that a name is cut to.
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0);
        for (eni, name) in s.busiest_enis.iter().zip(names) {
            let amounts = self.amounts(&eni.logged);
            let text = PrintedLine::whole(format!("{name:width$} {amounts}"));
            self.page.row(f, "", PrintedLine::from("  ").and(text))?;
            let facts = [&eni.tag, &eni.instance, &eni.subnet, &eni.vpc];
            let known = facts.into_iter().filter(|fact| !fact.is_empty());
            let facts: Vec<PrintedLine> = known
                .map(|fact| PrintedLine::whole(page::name(fact)))
                .collect();
            if !facts.is_empty() {
                let facts = PrintedLine::joined(facts, " ");
                self.page.row(f, "", PrintedLine::from("    ").and(facts))?;
            }
        }
        Ok(())
    }

    fn estimates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let estimates = self.survey.estimates.iter().map(|estimate| {
            let Estimate {
                detail,
                used,
                packets,
                file_bytes,
                elapsed_ms,
            } = estimate;
            let time = match elapsed_ms.div_ceil(1_000) {
                0 | 1 => "within 1 second".to_owned(),
                seconds => format!("in {}", count(seconds, "second")),
            };
            let noun = if *packets == 1 { "packet," } else { "packets," };
            let how = match (*detail, used.name, used.max_per_record) {
                ("auto", _, Some(most)) => format!(" (at most {most} a record)"),
                ("auto", name, None) => format!(" ({name})"),
                _ => String::new(),
            };
            format!(
                "--detail {detail:8} about {:>12} {noun:8} {:>11}, {time}{how}",
                grouped(*packets),
                HumanBytes(*file_bytes).to_string()
            )
        });
        self.rows(f, "convert", estimates)?;
        self.page.row(
            f,
            "",
            "Estimates from the logged packets and the speed of this run. Duplicates and packets \
             logged by several ENIs are written once, so the capture may be smaller.",
        )
    }
}

fn is_vpc(resource: Resource) -> bool {
    resource.kind() == ResourceKind::Vpc
}

/// Names the source of an order of columns.
fn evidence_text(evidence: &str) -> String {
    match evidence {
        "header line" | "keys" | "given format" => evidence.to_owned(),
        order => format!("order of the values ({order})"),
    }
}
