//! The blind spots of an archive, listed before any conclusion is drawn from missing records.

use serde::Serialize;

use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::visibility::Visibility;

/// Traffic that AWS never logs (VPC User Guide, flow log limitations).
const NEVER_LOGGED: &str = "queries to the Amazon DNS server, instance metadata (169.254.169.254), Amazon Time Sync \
     (169.254.169.123), DHCP, Windows license activation, the VPC router's reserved address, the source of \
     mirrored traffic, and traffic between an endpoint ENI and a Network Load Balancer";

/// One blind spot of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlindSpot {
    /// The missing records.
    pub what: String,
    /// The conclusion that cannot be drawn because of it.
    pub means: &'static str,
}

impl Visibility {
    /// Returns all blind spots of this archive.
    pub fn blind_spots(&self, tally: &AttemptCounts, skip_data: u64) -> Vec<BlindSpot> {
        let counted = self.counted(tally, skip_data).into_iter();
        let present = counted.filter(|(n, ..)| *n > 0);
        let mut spots: Vec<BlindSpot> = present
            .map(|(n, [one, several], means)| BlindSpot {
                what: format!("{n} {}", if n == 1 { one } else { several }),
                means,
            })
            .collect();
        spots.push(BlindSpot {
            what: format!("AWS does not log {NEVER_LOGGED}"),
            means: "their absence is expected",
        });
        spots
    }

    /// Returns the blind spots that are counted: their number, what they are (one and several), and
    /// what they mean.
    fn counted(
        &self,
        tally: &AttemptCounts,
        skip_data: u64,
    ) -> [(u64, [&'static str; 2], &'static str); 7] {
        [
            (
                skip_data,
                [
                    "SKIPDATA record (AWS dropped records)",
                    "SKIPDATA records (AWS dropped records)",
                ],
                "missing replies at these ENIs in these intervals are not evidence",
            ),
            (
                self.holes.len() as u64,
                [
                    "gap of half an hour or more without a record of any ENI",
                    "gaps of half an hour or more without a record of any ENI",
                ],
                "files may be missing; missing replies next to a gap are not evidence",
            ),
            (
                tally.bare,
                [
                    "TCP attempt without tcp-flags",
                    "TCP attempts without tcp-flags",
                ],
                "the records do not show refused, reset and half-open connections",
            ),
            (
                tally.undirected,
                [
                    "attempt whose records do not show the direction",
                    "attempts whose records do not show the direction",
                ],
                "whether a REJECT was inbound or outbound is a guess; log flow-direction",
            ),
            (
                tally.one_sided,
                [
                    "attempt logged at one ENI only",
                    "attempts logged at one ENI only",
                ],
                "the records do not show what happened to the packets beyond that ENI",
            ),
            (
                tally.unclear(),
                [
                    "unanswered attempt at the end of the archive or next to a gap",
                    "unanswered attempts at the end of the archive or next to a gap",
                ],
                "the reply may be in a file that is not in this archive; no conclusion is drawn",
            ),
            (
                tally.folded(),
                [
                    "attempt on a path beyond the limit of paths in memory",
                    "attempts on paths beyond the limit of paths in memory",
                ],
                "findings cover a sample of the paths; filter by time, ENI or port to see all",
            ),
        ]
    }
}
