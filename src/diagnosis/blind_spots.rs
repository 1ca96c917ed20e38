//! What the archive cannot show, said before any conclusion is drawn from silence.

use serde::Serialize;

use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::visibility::Visibility;

/// What AWS never logs (VPC User Guide, flow log limitations).
const NEVER_LOGGED: &str = "queries to the Amazon DNS server, instance metadata (169.254.169.254), Amazon Time Sync \
     (169.254.169.123), DHCP, Windows license activation, the VPC router's reserved address, the source of \
     mirrored traffic, and traffic between an endpoint ENI and a Network Load Balancer";

/// One thing that the archive cannot show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlindSpot {
    /// What is missing.
    pub what: String,
    /// What cannot be concluded for it.
    pub means: &'static str,
}

impl Visibility {
    /// All that this archive cannot show.
    pub fn blind_spots(&self, tally: &AttemptCounts, skip_data: u64) -> Vec<BlindSpot> {
        let counted: [(u64, &str, &str); 7] = [
            (
                skip_data,
                "SKIPDATA: AWS dropped records",
                "silence at these ENIs in these intervals proves nothing; none is concluded from",
            ),
            (
                self.holes.len() as u64,
                "times half an hour or more without a record of any ENI",
                "files may be missing; no conclusion is drawn from silence beside it",
            ),
            (
                tally.bare,
                "TCP attempts without tcp-flags",
                "whether they were refused, reset or half-open does not show",
            ),
            (
                tally.undirected,
                "attempts of which no record tells the direction",
                "whether a REJECT was on the way in or out is a guess; log flow-direction",
            ),
            (
                tally.one_sided,
                "attempts logged at one ENI only",
                "what became of their packets beyond that ENI does not show",
            ),
            (
                tally.unclear(),
                "unanswered attempts at the end of the archive or beside a gap",
                "the answer may stand in a file that is not here; nothing is concluded",
            ),
            (
                tally.folded(),
                "attempts on paths beyond those that there is room for",
                "findings count a sample of paths; narrow by time, ENI or port to see all",
            ),
        ];
        let there = counted.into_iter().filter(|(n, ..)| *n > 0);
        let mut spots: Vec<BlindSpot> = there
            .map(|(n, what, means)| BlindSpot {
                what: format!("{n} {what}"),
                means,
            })
            .collect();
        spots.push(BlindSpot {
            what: format!("AWS never logs {NEVER_LOGGED}"),
            means: "that none of it is here says nothing",
        });
        spots
    }
}
