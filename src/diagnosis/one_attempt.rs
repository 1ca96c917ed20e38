//! One attempt, as the sums of its path count it.
//!
//! Nearly all attempts are on a path that has sums already, so what an attempt adds is put straight
//! into them, without sums of its own.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::diagnosis::attempt::{Attempt, EniView, WayTraffic};
use crate::diagnosis::distinct_sources::DistinctSources;
use crate::diagnosis::judgment::{is_cut, proof};
use crate::diagnosis::path_counts::{BLOCK_PORTS, MinuteCounts, PLACES_MAX, PathCounts};
use crate::diagnosis::symptom::Symptom;

/// The most lines of one attempt that are kept as examples.
const PLACES_OF_ONE: usize = 4;

/// One attempt with its symptom.
pub(super) struct OneAttempt<'a> {
    attempt: &'a Attempt,
    found: Symptom,
    /// When it began, or was first rejected, nanoseconds since the Unix epoch.
    began_ns: i64,
    /// Packets that left the ENI of one end, and how many of them arrived at the other.
    crossing: (u64, u64),
    /// The initiator, where the path sums up those outside.
    outsider: Option<IpAddr>,
}

impl<'a> OneAttempt<'a> {
    pub(super) fn new(attempt: &'a Attempt, found: Symptom) -> Self {
        Self {
            attempt,
            found,
            began_ns: began_ns(attempt, found),
            crossing: (0, 0),
            outsider: None,
        }
    }

    /// Adds packets between two ENIs, sent and arrived.
    pub(super) fn with_crossing(self, crossing: (u64, u64)) -> Self {
        Self { crossing, ..self }
    }

    /// Adds the initiator as one of those outside.
    pub(super) fn with_outsider(self, outsider: Option<IpAddr>) -> Self {
        Self { outsider, ..self }
    }

    fn cut(&self) -> u64 {
        let mut views = self.attempt.views.iter();
        u64::from(views.any(|view| is_cut(self.attempt, view)))
    }

    fn lanes() -> [fn(&EniView) -> &WayTraffic; 2] {
        [|view| &view.request, |view| &view.reply]
    }

    /// Returns sums over this attempt alone.
    pub(super) fn alone(&self) -> PathCounts {
        let attempt = self.attempt;
        let silence_ns = attempt.silence_ns();
        let port = attempt.initiator.port;
        let ways = Self::lanes().map(|lane| {
            let traffic = attempt.views.iter().flat_map(|view| lane(view).traffic());
            traffic.filter_map(|traffic| traffic.path).collect()
        });
        PathCounts {
            count: 1,
            packets: attempt.packets(),
            first_ns: self.began_ns,
            begun_ns: self.began_ns,
            last_ns: attempt.last_ns,
            ports: (port, port),
            blocks: BTreeMap::from([(port / BLOCK_PORTS, 1)]),
            minutes: MinuteCounts::at(self.began_ns),
            places: proof(attempt, self.found)
                .into_iter()
                .take(PLACES_OF_ONE)
                .collect(),
            silence_ns: (silence_ns, silence_ns),
            longest_ns: (attempt.first_ns, attempt.last_ns),
            crossing: self.crossing,
            sources: self
                .outsider
                .map_or_else(DistinctSources::default, DistinctSources::of),
            cut: self.cut(),
            ways,
        }
    }

    /// Adds this attempt to the sums of its path: the same as adding those of [`Self::alone()`].
    pub(super) fn add_to(&self, sums: &mut PathCounts) {
        let attempt = self.attempt;
        sums.count += 1;
        sums.packets = sums.packets.saturating_add(attempt.packets());
        sums.first_ns = sums.first_ns.min(self.began_ns);
        sums.begun_ns = sums.begun_ns.max(self.began_ns);
        sums.last_ns = sums.last_ns.max(attempt.last_ns);
        let port = attempt.initiator.port;
        sums.ports = (sums.ports.0.min(port), sums.ports.1.max(port));
        *sums.blocks.entry(port / BLOCK_PORTS).or_default() += 1;
        sums.minutes.count(self.began_ns);
        self.add_places_to(sums);
        let silence_ns = attempt.silence_ns();
        sums.silence_ns = (
            sums.silence_ns.0.min(silence_ns),
            sums.silence_ns.1.max(silence_ns),
        );
        sums.meet_span((attempt.first_ns, attempt.last_ns));
        sums.crossing.0 = sums.crossing.0.saturating_add(self.crossing.0);
        sums.crossing.1 = sums.crossing.1.saturating_add(self.crossing.1);
        if let Some(outsider) = self.outsider {
            sums.sources.insert(outsider);
        }
        sums.cut += self.cut();
        for (ways, lane) in sums.ways.iter_mut().zip(Self::lanes()) {
            let traffic = attempt.views.iter().flat_map(|view| lane(view).traffic());
            ways.extend(traffic.filter_map(|traffic| traffic.path));
        }
    }

    fn add_places_to(&self, sums: &mut PathCounts) {
        // Files are read in their order, so the lowest lines are nearly always known already.
        let highest = sums
            .places
            .last()
            .filter(|_| sums.places.len() >= PLACES_MAX);
        if let Some(highest) = highest
            && self.lowest_place() > Some(*highest)
        {
            return;
        }
        let places = proof(self.attempt, self.found).into_iter();
        sums.places.extend(places.take(PLACES_OF_ONE));
        while sums.places.len() > PLACES_MAX {
            sums.places.pop_last();
        }
    }

    /// Returns the lowest line of the attempt, whatever it proves.
    fn lowest_place(&self) -> Option<crate::flow::Place> {
        let views = self.attempt.views.iter();
        let traffic = views.flat_map(|view| view.request.traffic().chain(view.reply.traffic()));
        traffic.map(|traffic| traffic.place).min()
    }
}

/// Returns when the attempt began to fail: a filter may reject the packets of a connection that has
/// been open for long.
fn began_ns(attempt: &Attempt, found: Symptom) -> i64 {
    let rejects = matches!(
        found,
        Symptom::InboundBlocked(_)
            | Symptom::OutboundBlocked(_)
            | Symptom::Blocked(_)
            | Symptom::ReplyBlocked { .. }
    );
    let views = attempt.views.iter();
    let rejected = views.flat_map(|view| [view.request.rejected, view.reply.rejected]);
    let first_ns = rejected.flatten().map(|traffic| traffic.first_ns).min();
    first_ns.filter(|_| rejects).unwrap_or(attempt.first_ns)
}
