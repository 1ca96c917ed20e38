//! The `flow2pcap convert` command that makes a capture of one finding.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use flow2pcap::diagnosis::Finding;
use flow2pcap::printable::shell::{option, path, quoted};
use flow2pcap::record::Layout;
use jiff::Timestamp;

/// Characters of a command that a reader may be expected to copy.
const COMMAND_MAX: usize = 2_000;

/// Returns the command that converts the packets of a finding to the capture `output`; `None` if
/// it cannot be typed, because an input has a name that a shell does not take or is too long.
///
/// The command names the time, hosts and ports of the finding as far as the finding lists all of
/// them. Where it does not, the capture holds more than the finding, never less.
pub(crate) fn convert_command(
    finding: &Finding,
    inputs: &[PathBuf],
    format: Option<&Layout>,
    output: &str,
) -> Option<String> {
    let mut words = vec!["flow2pcap convert".to_owned()];
    // Sorted, as the order in which inputs are named changes no output.
    let mut named = inputs.iter().map(path).collect::<Option<Vec<String>>>()?;
    named.sort();
    words.extend(named);
    if let Some(format) = format {
        words.push(option("--format", &format.format())?);
    }
    if let Some(condition) = condition(finding) {
        words.push(format!("--filter {}", quoted(&condition)));
    }
    let second = |text: &str| text.parse().ok().map(|at: Timestamp| at.as_second());
    if let (Some(first), Some(last)) = (second(&finding.first), second(&finding.last)) {
        for (name, at_s) in [("--from", first), ("--to", last.saturating_add(1))] {
            let at = Timestamp::from_second(at_s).ok()?;
            words.push(option(name, &at.to_string())?);
        }
    }
    words.push(option("-o", output)?);
    let command = words.join(" ");
    (command.len() <= COMMAND_MAX).then_some(command)
}

/// Returns the filter that leaves the hosts and ports of a finding.
fn condition(finding: &Finding) -> Option<String> {
    let (scope, left_out) = (&finding.scope, finding.scope.left_out);
    let hosts = |names: &BTreeSet<String>, left_out: usize| {
        let hosts = names.iter().map(|name| name.parse::<IpAddr>().ok());
        let hosts = hosts.map(|host| Some(format!("host {}", host?)));
        any(hosts.collect::<Option<Vec<String>>>()?, left_out)
    };
    let ports = scope.ports.iter().map(|port| format!("port {port}"));
    let terms = [
        hosts(&scope.from, left_out.from),
        hosts(&scope.to, left_out.to),
        any(ports.collect(), left_out.ports),
    ];
    let terms: Vec<String> = terms.into_iter().flatten().collect();
    (!terms.is_empty()).then(|| terms.join(" and "))
}

/// Returns the alternatives in one term; `None` if there are none, or if some are not listed.
fn any(terms: Vec<String>, left_out: usize) -> Option<String> {
    match terms.len() {
        _ if left_out > 0 => None,
        0 => None,
        1 => terms.into_iter().next(),
        _ => Some(format!("({})", terms.join(" or "))),
    }
}
