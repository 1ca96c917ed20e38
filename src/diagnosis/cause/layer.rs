//! Security group or network ACL: told apart by what passes beside what does not.
//!
//! A record says `REJECT`, not by whom. But a security group belongs to ENIs and an ACL to a subnet;
//! an ACL judges by address range, protocol and port only, and only what crosses the subnet's border
//! (AWS: "Control subnet traffic with network access control lists"). So:
//!
//! * It fails within one subnet: the security group.
//! * The same passes the same border to or from another ENI meanwhile: the security group.
//! * Both that port and that network pass the border, only not together: the security group.
//! * ENIs of different roles, which share no security group as a rule, fail alike, and nothing like it
//!   passes the border: the ACL. So too if it passes within the subnet, or if nothing at all passes.
//! * Else nothing tells which, and that is said.
//!
//! Meanwhile matters: what passed before a rule was removed proves nothing.

use std::collections::BTreeMap;

use super::{names, span};
use crate::diagnosis::ledger::{End, Entry, Ledger};
use crate::diagnosis::roles::Roles;
use crate::diagnosis::symptom::Symptom;
use crate::diagnosis::tally::Path;
use crate::flow::{EniIndex, is_private};

/// Who rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    SecurityGroup,
    Acl,
    Undecided,
}

/// What fails, by the ENI that rejects it.
pub(super) type Failing<'a> = BTreeMap<EniIndex, Vec<Entry<'a>>>;

/// What is known of all rejections at one end.
pub(super) struct Case<'l, 'a> {
    pub(super) ledger: &'l Ledger<'a>,
    pub(super) roles: &'l Roles,
    pub(super) end: End,
    pub(super) failing: &'l Failing<'a>,
}

/// Two paths compared at the far end, or by what is asked for.
type Likeness = fn(&Case<'_, '_>, &Path, &Path) -> bool;

impl<'a> Case<'_, 'a> {
    /// The layer that explains what fails at this ENI, and why.
    pub(super) fn decide(&self, eni: EniIndex) -> (Layer, String) {
        if !is_directed(&self.failing[&eni]) {
            let why = "no record tells the direction, so it may have been on its way out as well";
            return (Layer::Undecided, why.to_owned());
        }
        let told = self
            .by_exception(eni)
            .map(|why| (Layer::SecurityGroup, why))
            .or_else(|| self.by_subnet(eni).map(|why| (Layer::Acl, why)))
            .or_else(|| self.by_contrast(eni).map(|why| (Layer::SecurityGroup, why)));
        told.unwrap_or_else(|| {
            let why = match self.passing(eni, eni).next() {
                Some(_) => "what passes beside it could pass either, so nothing tells which",
                None => {
                    "nothing else passes this ENI or its subnet meanwhile, so nothing tells which"
                }
            };
            (Layer::Undecided, why.to_owned())
        })
    }

    /// Why no ACL can have done it; none if one can.
    fn by_exception(&self, eni: EniIndex) -> Option<String> {
        let entries = &self.failing[&eni];
        if entries.iter().any(|entry| !self.ledger.crosses(entry.path)) {
            return Some("within one subnet, where no ACL judges".to_owned());
        }
        entries.iter().find_map(|failed| {
            let passed = self.at_border(eni).find(|passed| {
                passed.path != failed.path
                    && same_service(self, failed.path, passed.path)
                    && same_far(self, failed.path, passed.path)
            })?;
            Some(format!("meanwhile {}", self.way(eni, &passed)))
        })
    }

    /// Why no security group is likely to have done it; none if one is.
    fn by_subnet(&self, eni: EniIndex) -> Option<String> {
        let entries = &self.failing[&eni];
        let alike = |likeness: Likeness, anywhere: bool| {
            entries.iter().find_map(|failed| {
                let passes = |passed: Entry<'_>| likeness(self, failed.path, passed.path);
                if self.at_border(eni).any(passes) {
                    return None;
                }
                self.others(eni, anywhere)
                    .find(|(other, also)| {
                        self.roles.differ(self.ledger, eni, *other)
                            && also
                                .iter()
                                .any(|also| likeness(self, failed.path, also.path))
                    })
                    .map(|(other, _)| {
                        let other = names::eni(self.ledger, other);
                        format!("{other}, which serves something else, fails alike, and nothing like it passes the subnet's border")
                    })
            })
        };
        alike(same_service, true)
            .or_else(|| alike(same_far, false))
            .or_else(|| self.within(eni))
            .or_else(|| self.by_other_subnets(eni))
    }

    /// The same service is reached within the subnet by ENIs of the role of those that fail.
    fn within(&self, eni: EniIndex) -> Option<String> {
        let far = |path: &Path| match self.end {
            End::Target => path.source_eni,
            End::Source => path.target_eni,
        };
        let entries = &self.failing[&eni];
        entries.iter().find_map(|failed| {
            if self
                .at_border(eni)
                .any(|passed| same_service(self, failed.path, passed.path))
            {
                return None;
            }
            let inside = self.ledger.at(self.end, eni).find(|inside| {
                let is_alike = far(inside.path)
                    .zip(far(failed.path))
                    .is_some_and(|(a, b)| !self.roles.differ(self.ledger, a, b));
                is_alike
                    && same_service(self, failed.path, inside.path)
                    && inside.symptom.is_admitted()
                    && !self.ledger.crosses(inside.path)
                    && inside.seen.goes_on_during(span(entries))
            })?;
            Some(format!(
                "only what crosses the subnet's border fails: within it {}",
                self.way(eni, inside)
            ))
        })
    }

    /// Every ENI of the subnet that was tried fails, and nothing passes, or only other subnets do.
    fn by_other_subnets(&self, eni: EniIndex) -> Option<String> {
        let entries = &self.failing[&eni];
        let alike = |other: &Entry<'_>| {
            entries
                .iter()
                .any(|failed| same_service(self, failed.path, other.path))
        };
        let siblings = self.others(eni, false);
        let fails = siblings.filter(|(_, also)| also.iter().any(alike)).count();
        if fails == 0 || self.at_border(eni).any(|passed| alike(&passed)) {
            return None;
        }
        if self.at_border(eni).next().is_none() {
            return Some(format!(
                "{} ENIs of the subnet fail, and nothing passes its border meanwhile",
                fails + 1
            ));
        }
        let subnet = self.ledger.subnet(eni);
        let elsewhere = self.ledger.all().any(|entry| {
            let near = match self.end {
                End::Target => entry.path.target_eni,
                End::Source => entry.path.source_eni,
            };
            near.is_some_and(|near| self.ledger.subnet(near) != subnet)
                && alike(entry)
                && passes(self.ledger, self.end, entry)
                && entry.seen.goes_on_during(span(entries))
        });
        elsewhere.then(|| {
            "every ENI of the subnet that was tried fails, ENIs of other subnets do not".to_owned()
        })
    }

    /// That port passes, and that network passes, only not together: an ACL that denies just both
    /// is rare, and a security group without that line is not.
    fn by_contrast(&self, eni: EniIndex) -> Option<String> {
        let entries = &self.failing[&eni];
        entries.iter().find_map(|failed| {
            let by_service = self
                .at_border(eni)
                .find(|passed| same_service(self, failed.path, passed.path))?;
            let by_far = self
                .at_border(eni)
                .find(|passed| same_far(self, failed.path, passed.path));
            let is_here = self
                .passing(eni, eni)
                .any(|passed| same_service(self, failed.path, passed.path));
            (by_far.is_some() || is_here)
                .then(|| format!("meanwhile {}", self.way(eni, &by_service)))
        })
    }

    /// Other ENIs that fail; of other subnets too, if wanted.
    fn others(
        &self,
        eni: EniIndex,
        anywhere: bool,
    ) -> impl Iterator<Item = (EniIndex, &Vec<Entry<'a>>)> {
        let subnet = self.ledger.subnet(eni);
        let is_near = move |other: EniIndex| self.ledger.subnet(other) == subnet;
        self.failing
            .iter()
            .map(|(other, entries)| (*other, entries))
            .filter(move |(other, entries)| {
                *other != eni
                    && !subnet.is_empty()
                    && (anywhere || is_near(*other))
                    && entries.iter().all(|entry| self.ledger.crosses(entry.path))
                    && is_directed(entries)
            })
    }

    /// What passes the border of the ENI's subnet while something fails at the ENI.
    fn at_border(&self, eni: EniIndex) -> impl Iterator<Item = Entry<'a>> {
        let siblings = self.ledger.siblings(eni);
        std::iter::once(eni)
            .chain(siblings)
            .flat_map(move |near| self.passing(near, eni))
    }

    /// What passes `near` across its subnet's border while something fails at `eni`.
    fn passing(&self, near: EniIndex, eni: EniIndex) -> impl Iterator<Item = Entry<'a>> {
        let failed = &self.failing[&eni];
        let span = span(failed);
        let all = self.ledger.at(self.end, near).copied();
        all.filter(move |entry| {
            !failed.iter().any(|failed| failed.path == entry.path)
                && passes(self.ledger, self.end, entry)
                && entry.seen.goes_on_during(span)
        })
    }

    /// What passes while something fails at the ENI, in words.
    fn way(&self, eni: EniIndex, entry: &Entry<'_>) -> String {
        let path = entry.path;
        let port = names::port(path.port, path.protocol);
        let near = match self.end {
            End::Target => path.target_eni,
            End::Source => path.source_eni,
        };
        let near = match near {
            Some(near) if near != eni => names::eni(self.ledger, near),
            _ => "the same ENI".to_owned(),
        };
        match self.end {
            End::Target => format!("{port} from {} passes {near}", names::source(path.source)),
            End::Source => format!("{port} to {} leaves {near}", path.target),
        }
    }
}

/// Both ask for the same port of the same protocol.
fn same_service(_: &Case<'_, '_>, one: &Path, other: &Path) -> bool {
    (one.protocol, one.port) == (other.protocol, other.port)
}

/// Both have their far end in the same network, as far as known.
fn same_far(case: &Case<'_, '_>, one: &Path, other: &Path) -> bool {
    let (enis, is_same) = match case.end {
        End::Target => (
            [one.source_eni, other.source_eni],
            one.source == other.source,
        ),
        End::Source => {
            let is_out = |path: &Path| !is_private(path.target);
            (
                [one.target_eni, other.target_eni],
                one.target == other.target || is_out(one) && is_out(other),
            )
        }
    };
    let subnets = enis.map(|eni| eni.map_or("", |eni| case.ledger.subnet(eni)));
    is_same || !subnets[0].is_empty() && subnets[0] == subnets[1]
}

/// Whether the records tell on which way all of these were rejected.
pub(super) fn is_directed(entries: &[Entry<'_>]) -> bool {
    let is_unknown = |entry: &Entry<'_>| matches!(entry.symptom, Symptom::Blocked(_));
    !entries.iter().any(is_unknown)
}

/// Whether a request got past both layers at this end, across the border of its subnet.
pub(super) fn passes(ledger: &Ledger<'_>, end: End, entry: &Entry<'_>) -> bool {
    let admitted = match (end, entry.symptom) {
        (_, symptom) if symptom.is_admitted() => true,
        // Blocked only at the other end.
        (End::Source, Symptom::InboundBlocked(_)) => true,
        _ => false,
    };
    admitted && ledger.crosses(entry.path)
}
