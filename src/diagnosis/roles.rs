//! What ENIs are for, as far as it shows: the services that they give.
//!
//! ENIs of one role share their security group as a rule, and ENIs of different roles do not. What is
//! said of the role rests on what others ask of an ENI, and on its type where a record tells it.

use std::collections::{BTreeMap, HashMap};

use crate::diagnosis::ledger::Ledger;
use crate::flow::EniIndex;

/// Attempts before a service is taken for what an ENI is for.
const ATTEMPTS_LEAST: u64 = 3;

/// The services of each ENI: protocol, port, and how often they were asked for.
pub(super) struct Roles(HashMap<EniIndex, BTreeMap<(u8, u16), u64>>);

impl Roles {
    /// Reads them from what was asked for.
    pub(super) fn new(ledger: &Ledger<'_>) -> Self {
        let mut services: HashMap<EniIndex, BTreeMap<(u8, u16), u64>> = HashMap::new();
        for entry in ledger.all() {
            let Some(eni) = entry.path.target_eni else {
                continue;
            };
            // What outsiders try in vain tells nothing.
            if entry.symptom.is_passed() || entry.path.source.is_some() {
                let service = (entry.path.protocol, entry.path.port);
                *services.entry(eni).or_default().entry(service).or_default() += entry.seen.count;
            }
        }
        Self(services)
    }

    /// Whether what one is mostly asked for is never asked of the other.
    pub(super) fn differ(&self, ledger: &Ledger<'_>, one: EniIndex, other: EniIndex) -> bool {
        let kind = |eni: EniIndex| &ledger.enis.get(eni).kind;
        kind(one) != kind(other) || self.lacks(one, other) || self.lacks(other, one)
    }

    fn lacks(&self, one: EniIndex, other: EniIndex) -> bool {
        let main = self
            .0
            .get(&one)
            .and_then(|services| services.iter().max_by_key(|(_, count)| **count))
            .filter(|(_, count)| **count >= ATTEMPTS_LEAST);
        let has = |service| {
            let services = self.0.get(&other);
            services.is_some_and(|services| services.contains_key(service))
        };
        main.is_some_and(|(service, _)| !has(service))
    }
}
