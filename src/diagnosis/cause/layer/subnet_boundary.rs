//! What passes the border of a subnet while something fails at one of its ENIs, looked up by likeness.
//!
//! An archive may hold thousands of paths that fail at one ENI beside thousands that pass, so they are
//! not compared one by one: what two paths can have in common are keys.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, span};
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, is_private};

/// What is asked for: protocol and port.
pub(in crate::diagnosis::cause) type Asked = (u8, u16);

/// What is asked for on this path.
pub(in crate::diagnosis::cause) fn asked(path: &Path) -> Asked {
    (path.protocol, path.port)
}

/// What paths may have in common at their far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Far<'a> {
    /// One host; none for all that is outside.
    Host(Option<IpAddr>),
    Subnet(&'a str),
    /// All of the internet, to which somebody turns.
    Internet,
}

/// All that a path may have in common with others at its far end.
pub(super) fn far<'a>(
    attempts: &AttemptIndex<'a>,
    end: End,
    path: &Path,
) -> impl Iterator<Item = Far<'a>> + use<'a> {
    let (host, eni) = match end {
        End::Target => (path.source, path.source_eni),
        End::Source => (Some(path.target), path.target_eni),
    };
    let subnet = eni.map_or("", |eni| attempts.subnet(eni));
    let is_out = end == End::Source && !is_private(path.target);
    [
        Some(Far::Host(host)),
        (!subnet.is_empty()).then_some(Far::Subnet(subnet)),
        is_out.then_some(Far::Internet),
    ]
    .into_iter()
    .flatten()
}

/// What fails at one ENI, in kinds.
pub(super) struct Failed<'a> {
    pub(super) services: BTreeSet<Asked>,
    pub(super) far: BTreeSet<Far<'a>>,
    /// Whether all of it crosses the border of the subnet in a direction that is known.
    pub(super) is_at_border: bool,
}

impl<'a> Failed<'a> {
    pub(super) fn of(attempts: &AttemptIndex<'a>, end: End, entries: &[PathSymptom<'a>]) -> Self {
        let paths = || entries.iter().map(|entry| entry.path);
        Self {
            services: paths().map(asked).collect(),
            far: paths().flat_map(|path| far(attempts, end, path)).collect(),
            is_at_border: is_directed(entries) && paths().all(|path| attempts.crosses(path)),
        }
    }
}

/// What passes meanwhile, the first of each kind.
#[derive(Default)]
pub(super) struct Border<'a> {
    by_service: BTreeMap<Asked, PathSymptom<'a>>,
    by_both: BTreeMap<(Asked, Far<'a>), PathSymptom<'a>>,
    far: BTreeSet<Far<'a>>,
    /// What is asked for of those that pass at the ENI itself.
    pub(super) here: BTreeSet<Asked>,
}

impl<'a> Border<'a> {
    /// What passes at this ENI, and at others of its subnet, while these fail.
    pub(super) fn of(
        attempts: &AttemptIndex<'a>,
        end: End,
        eni: EniIndex,
        failed: &[PathSymptom<'a>],
    ) -> Self {
        let span = span(failed);
        let paths: BTreeSet<&Path> = failed.iter().map(|entry| entry.path).collect();
        let mut border = Self::default();
        for near in std::iter::once(eni).chain(attempts.siblings(eni)) {
            for entry in attempts.at(end, near) {
                let is_meanwhile = passes(attempts, end, entry) && entry.seen.goes_on_during(span);
                if !is_meanwhile || paths.contains(entry.path) {
                    continue;
                }
                let asked = asked(entry.path);
                border.by_service.entry(asked).or_insert(*entry);
                for far in far(attempts, end, entry.path) {
                    border.by_both.entry((asked, far)).or_insert(*entry);
                    border.far.insert(far);
                }
                if near == eni {
                    border.here.insert(asked);
                }
            }
        }
        border
    }

    /// Whether nothing passes at all.
    pub(super) fn is_quiet(&self) -> bool {
        self.by_service.is_empty()
    }

    /// The first that asks for this.
    pub(super) fn service(&self, asked: Asked) -> Option<&PathSymptom<'a>> {
        self.by_service.get(&asked)
    }

    /// Whether any has one of these in common.
    pub(super) fn has_far(&self, mut far: impl Iterator<Item = Far<'a>>) -> bool {
        far.any(|far| self.far.contains(&far))
    }

    /// One that asks for this and has one of these in common.
    pub(super) fn both(
        &self,
        asked: Asked,
        mut far: impl Iterator<Item = Far<'a>>,
    ) -> Option<&PathSymptom<'a>> {
        far.find_map(|far| self.by_both.get(&(asked, far)))
    }
}

/// Whether the records tell on which way all of these were rejected.
pub(in crate::diagnosis::cause) fn is_directed(entries: &[PathSymptom<'_>]) -> bool {
    let is_unknown = |entry: &PathSymptom<'_>| matches!(entry.symptom, Symptom::Blocked(_));
    !entries.iter().any(is_unknown)
}

/// Whether a request got past both layers at this end, across the border of its subnet.
pub(in crate::diagnosis::cause) fn passes(
    attempts: &AttemptIndex<'_>,
    end: End,
    entry: &PathSymptom<'_>,
) -> bool {
    let admitted = match (end, entry.symptom) {
        (_, symptom) if symptom.is_admitted() => true,
        // Blocked only at the other end.
        (End::Source, Symptom::InboundBlocked(_)) => true,
        _ => false,
    };
    admitted && attempts.crosses(entry.path)
}
