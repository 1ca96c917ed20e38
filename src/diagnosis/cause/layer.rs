//! Security group or network ACL: told apart by what passes beside what does not.
//!
//! A record says `REJECT`, not by whom. But a security group belongs to ENIs and an ACL to a subnet;
//! an ACL judges by address range, protocol and port only, and only what crosses the subnet's border
//! (AWS: "Control subnet traffic with network access control lists"). So:
//!
//! * It fails within one subnet: the security group.
//! * The same passes the same border to or from another ENI meanwhile: the security group.
//! * Both that port and that network pass the border, only not together, or that port passes the same
//!   ENI from another network: the security group.
//! * ENIs of different roles, which share no security group as a rule, fail alike, and nothing like it
//!   passes the border: the ACL. So too if it passes within the subnet, or if nothing at all passes.
//! * Else nothing tells which, and that is said.
//!
//! Meanwhile matters: what passed before a rule was removed proves nothing.

mod subnet_boundary;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::subnet_boundary::{Asked, asked, is_directed, passes};
use self::subnet_boundary::{Border, Failed, Far, far};
use super::names;
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::Roles;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, grouped, span};
use crate::flow::EniIndex;

/// Who rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FilterLayer {
    SecurityGroup,
    Acl,
    Undecided,
}

/// What fails, by the ENI that rejects it.
pub(super) type Failing<'a> = BTreeMap<EniIndex, Vec<PathSymptom<'a>>>;

/// What is known of all rejections at one end.
pub(super) struct Case<'l, 'a> {
    attempts: &'l AttemptIndex<'a>,
    roles: &'l Roles,
    end: End,
    failing: &'l Failing<'a>,
    /// The same in kinds.
    kinds: BTreeMap<EniIndex, Failed<'a>>,
}

/// What fails at one ENI, and what passes meanwhile.
struct At<'c, 'a> {
    eni: EniIndex,
    entries: &'c [PathSymptom<'a>],
    border: Border<'a>,
}

/// What two paths may be alike in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    ServiceKey,
    Far,
}

impl<'l, 'a> Case<'l, 'a> {
    /// What fails at this end, by the ENI that rejects it.
    pub(super) fn new(
        attempts: &'l AttemptIndex<'a>,
        roles: &'l Roles,
        end: End,
        failing: &'l Failing<'a>,
    ) -> Self {
        let kinds = failing.iter();
        let kinds = kinds.map(|(eni, entries)| (*eni, Failed::of(attempts, end, entries)));
        Self {
            attempts,
            roles,
            end,
            failing,
            kinds: kinds.collect(),
        }
    }

    /// What is asked for of those that fail at this ENI.
    pub(super) fn services(&self, eni: EniIndex) -> &BTreeSet<Asked> {
        &self.kinds[&eni].services
    }

    /// The layer that explains what fails at this ENI, and why.
    pub(super) fn decide(&self, eni: EniIndex) -> (FilterLayer, String) {
        let entries = &self.failing[&eni];
        if !is_directed(entries) {
            let why = "no record tells the direction, so it may have been on its way out as well";
            return (FilterLayer::Undecided, why.to_owned());
        }
        let at = At {
            eni,
            entries,
            border: Border::of(self.attempts, self.end, eni, entries),
        };
        let told = self
            .by_exception(&at)
            .map(|why| (FilterLayer::SecurityGroup, why))
            .or_else(|| self.by_subnet(&at).map(|why| (FilterLayer::Acl, why)))
            .or_else(|| {
                self.by_contrast(&at)
                    .map(|why| (FilterLayer::SecurityGroup, why))
            });
        told.unwrap_or_else(|| {
            let why = match at.border.here.is_empty() {
                false => "what passes beside it could pass either, so nothing tells which",
                true => {
                    "nothing else passes this ENI or its subnet meanwhile, so nothing tells which"
                }
            };
            (FilterLayer::Undecided, why.to_owned())
        })
    }

    fn far(&self, path: &Path) -> impl Iterator<Item = Far<'a>> + use<'a> {
        far(self.attempts, self.end, path)
    }

    /// Why no ACL can have done it; none if one can.
    fn by_exception(&self, at: &At<'_, 'a>) -> Option<String> {
        let mut entries = at.entries.iter();
        if entries.any(|entry| !self.attempts.crosses(entry.path)) {
            return Some("within one subnet, where no ACL judges".to_owned());
        }
        at.entries.iter().find_map(|failed| {
            let passed = at.border.both(asked(failed.path), self.far(failed.path))?;
            Some(format!("meanwhile {}", self.way(at.eni, passed)))
        })
    }

    /// Why no security group is likely to have done it; none if one is.
    fn by_subnet(&self, at: &At<'_, 'a>) -> Option<String> {
        self.alike(at, Likeness::ServiceKey, true)
            .or_else(|| self.alike(at, Likeness::Far, false))
            .or_else(|| self.within(at))
            .or_else(|| self.by_other_subnets(at))
    }

    /// ENIs of another role fail alike, of other subnets too if wanted, and nothing like it passes.
    fn alike(&self, at: &At<'_, 'a>, likeness: Likeness, anywhere: bool) -> Option<String> {
        at.entries.iter().find_map(|failed| {
            let passes = match likeness {
                Likeness::ServiceKey => at.border.service(asked(failed.path)).is_some(),
                Likeness::Far => at.border.has_far(self.far(failed.path)),
            };
            if passes {
                return None;
            }
            let fails_alike = |also: &Failed<'a>| match likeness {
                Likeness::ServiceKey => also.services.contains(&asked(failed.path)),
                Likeness::Far => self.far(failed.path).any(|far| also.far.contains(&far)),
            };
            let (other, _) = self.others(at.eni, anywhere).find(|(other, also)| {
                fails_alike(also) && self.roles.differ(self.attempts, at.eni, *other)
            })?;
            let other = names::eni(self.attempts, other);
            Some(format!(
                "{other}, which serves something else, fails alike, and nothing like it passes the subnet's border"
            ))
        })
    }

    /// The same service is reached within the subnet by ENIs of the role of those that fail.
    fn within(&self, at: &At<'_, 'a>) -> Option<String> {
        let far = |path: &Path| match self.end {
            End::Target => path.source_eni,
            End::Source => path.target_eni,
        };
        let span = span(at.entries);
        let is_inside = |entry: &&PathSymptom<'a>| {
            entry.symptom.is_admitted()
                && !self.attempts.crosses(entry.path)
                && entry.seen.goes_on_during(span)
        };
        let all = self.attempts.at(self.end, at.eni).filter(is_inside);
        let inside = grouped(all, |entry| Some(asked(entry.path)));
        at.entries.iter().find_map(|failed| {
            let asked = asked(failed.path);
            if at.border.service(asked).is_some() {
                return None;
            }
            let inside = inside.get(&asked)?.iter().find(|inside| {
                far(inside.path)
                    .zip(far(failed.path))
                    .is_some_and(|(a, b)| !self.roles.differ(self.attempts, a, b))
            })?;
            Some(format!(
                "only what crosses the subnet's border fails: within it {}",
                self.way(at.eni, inside)
            ))
        })
    }

    /// Every ENI of the subnet that was tried fails, and nothing passes, or only other subnets do.
    fn by_other_subnets(&self, at: &At<'_, 'a>) -> Option<String> {
        let services = self.services(at.eni);
        let siblings = self.others(at.eni, false);
        let fails = siblings
            .filter(|(_, also)| !also.services.is_disjoint(services))
            .count();
        let mut asked_for = services.iter();
        if fails == 0 || asked_for.any(|asked| at.border.service(*asked).is_some()) {
            return None;
        }
        if at.border.is_quiet() {
            return Some(format!(
                "{} ENIs of the subnet fail, and nothing passes its border meanwhile",
                fails + 1
            ));
        }
        let subnet = self.attempts.subnet(at.eni);
        let span = span(at.entries);
        let elsewhere = self.attempts.all().any(|entry| {
            let near = match self.end {
                End::Target => entry.path.target_eni,
                End::Source => entry.path.source_eni,
            };
            near.is_some_and(|near| self.attempts.subnet(near) != subnet)
                && services.contains(&asked(entry.path))
                && passes(self.attempts, self.end, entry)
                && entry.seen.goes_on_during(span)
        });
        elsewhere.then(|| {
            "every ENI of the subnet that was tried fails, ENIs of other subnets do not".to_owned()
        })
    }

    /// That port passes, and that network passes, only not together: an ACL that denies just both
    /// is rare, and a security group without that line is not.
    fn by_contrast(&self, at: &At<'_, 'a>) -> Option<String> {
        at.entries.iter().find_map(|failed| {
            let asked = asked(failed.path);
            let by_service = at.border.service(asked)?;
            let by_far = at.border.has_far(self.far(failed.path));
            (by_far || at.border.here.contains(&asked))
                .then(|| format!("meanwhile {}", self.way(at.eni, by_service)))
        })
    }

    /// Other ENIs that fail; of other subnets too, if wanted.
    fn others(
        &self,
        eni: EniIndex,
        anywhere: bool,
    ) -> impl Iterator<Item = (EniIndex, &Failed<'a>)> {
        let subnet = self.attempts.subnet(eni);
        let is_near = move |other: EniIndex| self.attempts.subnet(other) == subnet;
        let kinds = self.kinds.iter().map(|(other, also)| (*other, also));
        kinds.filter(move |(other, also)| {
            *other != eni
                && !subnet.is_empty()
                && (anywhere || is_near(*other))
                && also.is_at_border
        })
    }

    /// What passes while something fails at the ENI, in words.
    fn way(&self, eni: EniIndex, entry: &PathSymptom<'_>) -> String {
        let path = entry.path;
        let port = names::port(path.port, path.protocol);
        let near = match self.end {
            End::Target => path.target_eni,
            End::Source => path.source_eni,
        };
        let near = match near {
            Some(near) if near != eni => names::eni(self.attempts, near),
            _ => "the same ENI".to_owned(),
        };
        match self.end {
            End::Target => format!("{port} from {} passes {near}", names::source(path.source)),
            End::Source => format!("{port} to {} leaves {near}", path.target),
        }
    }
}
