//! Faults of queries as messages, with what to do next.

use flow2pcap::sql::QueryFault;

use crate::cli::advice::refusal;

/// Names that a message lists.
const NAMES_MAX: usize = 40;

/// Makes the error of a query that cannot be run.
pub(crate) fn explained(fault: QueryFault) -> anyhow::Error {
    let text = fault.to_string();
    let tip = match fault {
        QueryFault::Reading(error) | QueryFault::Writing(error) => return error.into(),
        QueryFault::UnknownTable { likely, known, .. } => match likely {
            Some(likely) => format!("did you mean {likely}?"),
            None => format!("the tables are {}", listed(&known)),
        },
        QueryFault::UnknownColumn { likely, known, .. } => match likely {
            Some(likely) => format!("did you mean {likely}?"),
            None => format!("the columns are {}", listed(&known)),
        },
        QueryFault::UnknownFunction {
            likely, is_athenas, ..
        } => match (is_athenas, likely) {
            (true, Some(likely)) => {
                format!("Athena has it, but flow2pcap does not support it; {likely} is there")
            }
            (true, None) => "Athena has it, but flow2pcap does not support it".into(),
            (false, Some(likely)) => format!("did you mean {likely}?"),
            (false, None) => "functions are those of Athena (Trino)".into(),
        },
        QueryFault::MissingParameter { name } => {
            format!("give it with --set {name}=VALUE")
        }
        QueryFault::NoMemory => {
            "raise --memory, or read less with --from, --to and other filters".into()
        }
        QueryFault::Overflow(_) => {
            "compute with more digits, as in sum(CAST(bytes AS decimal(38, 0)))".into()
        }
        QueryFault::OnlyReads(_) => "write the rows of a SELECT with -o FILE".into(),
        QueryFault::Syntax(_) => "`flow2pcap query --help` has examples".into(),
        _ => return anyhow::anyhow!(text),
    };
    refusal(text, tip)
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().map(String::as_str).take(NAMES_MAX).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
