//! The list of queries that have names.

use std::fmt;

use flow2pcap::sql::{NamedQuery, named_queries};

use crate::cli::page::{BOLD, Page, PrintedLine};

/// Formats the list.
pub(super) fn text(page: Page) -> String {
    fmt::from_fn(|f| {
        named_queries()
            .iter()
            .try_for_each(|query| put(query, page, f))
    })
    .to_string()
}

fn put(query: &NamedQuery, page: Page, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", page.paint_whole(BOLD, query.name))?;
    page.hanging(f, PrintedLine::from("    ").and(query.title()), 4)?;
    page.hanging(f, PrintedLine::from("    ").and(query.description()), 4)?;
    for (name, example) in query.parameters() {
        let option = format!("    --set {name}={example}");
        writeln!(f, "{}", PrintedLine::whole(option))?;
    }
    Ok(())
}
