//! Which attempts a finding explains, so that a conversion can keep their connections and no others.
//!
//! A finding does not list its attempts, of which there may be millions. It knows what they have in
//! common: their paths with their symptoms, or the source of a scan. Another reading of the same
//! records asks of each attempt whether it is one.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::diagnosis::attempt::Attempt;
use crate::diagnosis::attempt_counts::{AttemptCounts, Path};
use crate::diagnosis::attempt_index::PathSymptom;
use crate::diagnosis::judgment::symptom;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::symptom::Symptom;
use crate::diagnosis::visibility::Visibility;
use crate::flow::{Enis, TCP};

/// The attempts that a finding explains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingMembers {
    paths: BTreeSet<(Path, Symptom)>,
    scanners: BTreeSet<IpAddr>,
}

impl FindingMembers {
    /// All attempts of these entries.
    pub(super) fn of_entries(entries: &[PathSymptom<'_>]) -> Self {
        let paths = entries.iter().map(|entry| (*entry.path, entry.symptom));
        Self {
            paths: paths.collect(),
            scanners: BTreeSet::new(),
        }
    }

    /// What this source tried without success.
    pub(super) fn of_scanner(source: IpAddr) -> Self {
        Self {
            paths: BTreeSet::new(),
            scanners: BTreeSet::from([source]),
        }
    }

    /// Returns the paths of its attempts with their symptoms.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Path, Symptom)> {
        self.paths.iter().map(|(path, symptom)| (path, *symptom))
    }

    /// Adds the attempts of another finding.
    pub(super) fn add(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.scanners.extend(other.scanners);
    }

    /// Returns the sums over those of its attempts that are counted in `shown`; `None` if there are
    /// none.
    pub(super) fn counted_in(&self, shown: &AttemptCounts) -> Option<PathCounts> {
        let paths = self.paths.iter();
        let paths = paths.filter_map(|(path, symptom)| shown.entry(*path, *symptom));
        let scanners = self.scanners.iter();
        PathCounts::sum(paths.chain(scanners.filter_map(|source| shown.failed_of(*source))))
    }

    /// Returns the symptoms of its attempts to a service.
    pub(super) fn symptoms_at(&self, service: SocketAddr) -> impl Iterator<Item = Symptom> {
        let paths = self.paths.iter();
        let at = paths.filter(move |(path, _)| {
            (path.target, path.port, path.protocol) == (service.ip(), service.port(), TCP)
        });
        at.map(|(_, symptom)| *symptom)
    }

    /// Whether the finding explains an attempt. `visibility` and `enis` are those of the diagnosis.
    pub fn has(&self, attempt: &Attempt, visibility: &Visibility, enis: &Enis) -> bool {
        let found = symptom(attempt, visibility);
        let source = attempt.initiator.address;
        (found.leads_nowhere() && self.scanners.contains(&source))
            || self
                .paths
                .contains(&(Path::of(attempt, found, enis), found))
    }
}
