//! To which ports of initiators an ACL blocks replies.
//!
//! A rule for ephemeral ports has a lower bound. Systems choose their ports from different ranges
//! (Linux 32768-60999, Windows 49152-65535, NAT gateways 1024-65535), so a bound that is too high
//! blocks some replies and lets others pass.

use std::collections::BTreeSet;

use crate::diagnosis::attempt_index::PathSymptom;
use crate::diagnosis::path_counts::{BLOCK_PORTS, PathCounts};

/// Bounds that rules for ephemeral ports usually have.
const USUAL_BOUNDS: [u16; 5] = [1_024, 1_025, 32_768, 49_152, 61_000];

/// The blocked ports, in words.
pub(super) struct BlockedReplies {
    /// For the end of the title.
    pub(super) title: String,
    /// The evidence.
    pub(super) seen: String,
}

impl BlockedReplies {
    /// Compares the ports of attempts whose replies are blocked with those that pass the same
    /// filter.
    pub(super) fn of(failing: &[PathSymptom<'_>], passing: &[PathSymptom<'_>]) -> Self {
        let sources: BTreeSet<_> = failing.iter().map(|entry| entry.path.source).collect();
        let of_same = passing
            .iter()
            .filter(|entry| sources.contains(&entry.path.source));
        let of_same: Vec<PathSymptom<'_>> = of_same.copied().collect();
        // Other sources may choose their ports from another range.
        if let Some((blocked, passed)) = side_of_bound(failing, &of_same) {
            let seen = [failing, &of_same].map(|entries| port_range(entries).unwrap_or_default());
            return Self {
                title: format!(" to ports {blocked}"),
                seen: format!(
                    "; replies to ports {blocked} are blocked and those to ports {passed} pass (blocked: {}; passed: {})",
                    seen[0], seen[1]
                ),
            };
        }
        let passed = port_range(passing).map_or_else(
            || "no reply crosses the subnet boundary in that direction".to_owned(),
            |ports| format!("replies to {ports} pass"),
        );
        let seen = port_range(failing).map_or_else(String::new, |ports| {
            format!("; replies to {ports} are blocked, {passed}")
        });
        Self {
            title: String::new(),
            seen,
        }
    }
}

/// Returns which ports fail and which pass, if one number divides them.
fn side_of_bound(
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
) -> Option<(String, String)> {
    let (fails, passes) = (ports(failing)?, ports(passing)?);
    let below = |bound: u16| format!("below {bound}");
    let above = |bound: u16| format!("{bound} and above");
    if fails.1 < passes.0 {
        let bound = bound_within(fails.1, passes.0);
        Some((below(bound), above(bound)))
    } else if passes.1 < fails.0 {
        let bound = bound_within(passes.1, fails.0);
        Some((above(bound), below(bound)))
    } else {
        None
    }
}

/// Returns the usual bound between two ports, or the upper port if there is none. `low` is below the
/// bound, and `high` is not.
fn bound_within(low: u16, high: u16) -> u16 {
    let mut usual = USUAL_BOUNDS.into_iter();
    usual
        .find(|bound| low < *bound && *bound <= high)
        .unwrap_or(high)
}

/// Returns the lowest and highest port of the initiators.
fn ports(entries: &[PathSymptom<'_>]) -> Option<(u16, u16)> {
    let with_ports = entries.iter().filter(|entry| entry.path.port > 0);
    Some(PathCounts::sum(with_ports.map(|entry| entry.seen))?.ports)
}

/// Formats the initiators' ports: the lowest and highest port of each run of blocks that were seen.
fn port_range(entries: &[PathSymptom<'_>]) -> Option<String> {
    let with_ports = entries.iter().filter(|entry| entry.path.port > 0);
    let sum = PathCounts::sum(with_ports.map(|entry| entry.seen))?;
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for block in sum.blocks.keys().copied() {
        match runs.last_mut() {
            // Initiator ports are random, so an empty block means little.
            Some((_, last)) if block - *last <= 4 => *last = block,
            _ => runs.push((block, block)),
        }
    }
    let named = runs.iter().map(|(first, last)| {
        let low = (first * BLOCK_PORTS).max(sum.ports.0);
        let high = (last * BLOCK_PORTS + (BLOCK_PORTS - 1)).min(sum.ports.1);
        if low == high {
            low.to_string()
        } else {
            format!("{low}-{high}")
        }
    });
    let named: Vec<String> = named.collect();
    let noun = match runs.as_slice() {
        [_] if sum.ports.0 == sum.ports.1 => "port",
        _ => "ports",
    };
    Some(format!("{noun} {}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_is_the_usual_one_between_both_ports_or_the_upper_port() {
        assert_eq!(bound_within(31_900, 40_000), 32_768);
        assert_eq!(bound_within(32_767, 32_768), 32_768);
        assert_eq!(bound_within(32_768, 40_000), 40_000);
        assert_eq!(bound_within(33_000, 60_000), 49_152);
    }
}
