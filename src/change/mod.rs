//! Changes: API calls that may have changed which packets pass.
//!
//! A [`Change`] is made of a CloudTrail event: when, who, from where, and what. Calls that only read
//! are no changes. Pure: no I/O, no clock, no threads.
//!
//! # Invariants
//! * A change is bounded: its texts are cut, and its lists have a maximum length.
//! * A call that failed or was a dry run is a change that was only attempted. It explains nothing.

mod caller;
mod catalog;
mod detail;
mod ids;
mod log;
mod node;
mod rules;
mod wording;

pub use caller::Caller;
pub use catalog::ChangeKind;
pub use detail::{ChangeDetail, ChangedAssociation, ChangedRoute, CreatedInterface};
pub use log::{ChangeLog, LoggedChange};
pub use rules::{ChangedRule, RuleAction, RuleContent};

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::node::CallValue;
use crate::event::EventIds;
use crate::event::cloudtrail::ApiCall;

/// The longest text kept of a field, in bytes.
const TEXT_LEN_MAX: usize = 256;

/// What a change is kept by: those with the lowest keys are kept where there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeKey {
    /// Calls that changed something come first.
    result: CallResult,
    kind: ChangeKind,
    hash: u128,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallResult {
    /// It was accepted.
    Done,
    /// It was refused, and changed nothing.
    Failed,
    /// It only asked whether it would be allowed, and changed nothing.
    DryRun,
}

/// An API call that changed something, or was to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// When it was made, nanoseconds since the Unix epoch; CloudTrail has whole seconds.
    pub instant_ns: i64,
    /// The action, such as `RevokeSecurityGroupIngress`.
    pub name: String,
    /// The service, such as `ec2.amazonaws.com`.
    pub service: String,
    /// The identifier of the event; empty if it has none.
    pub event_id: String,
    /// The region; empty if unknown.
    pub region: String,
    /// The account; empty if unknown.
    pub account: String,
    /// Who called.
    pub caller: Caller,
    /// What became of it.
    pub result: CallResult,
    /// What it acts on.
    pub kind: ChangeKind,
    /// The ids that it names, anywhere in its parameters and its response.
    pub ids: BTreeSet<String>,
    /// The addresses that it names.
    pub addresses: BTreeSet<IpAddr>,
    /// What it changes.
    pub detail: ChangeDetail,
}

impl Change {
    /// Returns the key of a call; `None` if the call cannot change a network path.
    pub fn key(instant_ns: i64, call: &ApiCall<'_>) -> Option<ChangeKey> {
        if call.read_only == Some(true) {
            return None;
        }
        let kind = catalog::kind_of(&call.source, &call.name)?;
        let hash = match call.event_id.as_deref() {
            Some(id) => EventIds::hash(id),
            None => {
                let what = [Some(&*call.name), call.request, call.response];
                EventIds::hash(&format!("{instant_ns} {what:?}"))
            }
        };
        let result = match (call.is_dry_run(), call.has_failed()) {
            (true, _) => CallResult::DryRun,
            (false, true) => CallResult::Failed,
            (false, false) => CallResult::Done,
        };
        Some(ChangeKey { result, kind, hash })
    }

    /// Whether it can change what becomes of packets that were sent before too. A call that creates an
    /// interface, a group or a gateway decides about none of them, although it names the subnet or the VPC, and
    /// a flow log decides about none at all.
    pub fn changes_a_path(&self) -> bool {
        let creates = self.name.starts_with("Create")
            && !self.name.ends_with("Route")
            && !self.name.ends_with("Entry");
        self.result == CallResult::Done
            && self.kind != ChangeKind::FlowLog
            && !creates
            && !matches!(self.detail, ChangeDetail::Interfaces(_))
    }

    /// Makes the change of a call with this key, at an instant in nanoseconds since the Unix epoch.
    pub fn of(key: ChangeKey, instant_ns: i64, call: &ApiCall<'_>) -> Self {
        let (request, response) = (node::parse(call.parameters()), node::parse(call.answer()));
        let (request, response) = (CallValue::new(&request), CallValue::new(&response));
        let (ids, addresses) = ids::named_in([request, response]);
        Self {
            instant_ns,
            name: kept(Some(&call.name)),
            service: kept(Some(&call.source)),
            event_id: kept(call.event_id.as_deref()),
            region: kept(call.region.as_deref()),
            account: kept(call.account.as_deref()),
            caller: Caller::of(call),
            result: key.result,
            kind: key.kind,
            ids,
            addresses,
            detail: ChangeDetail::of(&call.name, request, response),
        }
    }
}

/// Returns a text as it is kept: not longer than [`TEXT_LEN_MAX`].
fn kept(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    text[..text.floor_char_boundary(TEXT_LEN_MAX)].to_owned()
}

#[cfg(test)]
mod tests;
