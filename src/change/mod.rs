//! Changes: API calls that may have changed which packets pass.
//!
//! A [`Change`] is made of a CloudTrail event: when, who, from where, and what. Calls that only read
//! are no changes. Pure: no I/O, no clock, no threads.
//!
//! # Invariants
//! * A change is bounded: its texts are cut, and its lists have a maximum length.
//! * A call that failed or was a dry run is a change that was only attempted. It explains nothing.

mod caller;

pub use caller::Caller;

use crate::event::EventIds;
use crate::event::cloudtrail::ApiCall;

/// The longest text kept of a field, in bytes.
const TEXT_LEN_MAX: usize = 256;

/// What a change is kept by: those with the lowest keys are kept where there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeKey(u128);

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
}

impl Change {
    /// Returns the key of a call; `None` if the call changes nothing.
    pub fn key(instant_ns: i64, call: &ApiCall<'_>) -> Option<ChangeKey> {
        if call.read_only == Some(true) {
            return None;
        }
        let hash = match call.event_id.as_deref() {
            Some(id) => EventIds::hash(id),
            None => {
                let what = [Some(&*call.name), call.request, call.response];
                EventIds::hash(&format!("{instant_ns} {what:?}"))
            }
        };
        Some(ChangeKey(hash))
    }

    /// Makes a change of a call at an instant, nanoseconds since the Unix epoch.
    pub fn of(instant_ns: i64, call: &ApiCall<'_>) -> Self {
        Self {
            instant_ns,
            name: kept(Some(&call.name)),
            service: kept(Some(&call.source)),
            event_id: kept(call.event_id.as_deref()),
            region: kept(call.region.as_deref()),
            account: kept(call.account.as_deref()),
            caller: Caller::of(call),
            result: match (call.is_dry_run(), call.has_failed()) {
                (true, _) => CallResult::DryRun,
                (false, true) => CallResult::Failed,
                (false, false) => CallResult::Done,
            },
        }
    }
}

/// Returns a text as it is kept: not longer than [`TEXT_LEN_MAX`].
fn kept(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    text[..text.floor_char_boundary(TEXT_LEN_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventDetail, for_each_in_json};

    fn each(text: &str) -> Vec<(Option<ChangeKey>, Change)> {
        let mut found = Vec::new();
        for_each_in_json(text, None, &mut |_, event| {
            let event = event.unwrap();
            if let EventDetail::ApiCall(call) = &event.detail {
                let ns = event.instant_ns;
                found.push((Change::key(ns, call), Change::of(ns, call)));
            }
        });
        found
    }

    fn call(rest: &str) -> String {
        format!(
            r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com",
            "eventName":"RevokeSecurityGroupIngress","awsRegion":"eu-central-1",
            "recipientAccountId":"123456789012",{rest}}}"#
        )
    }

    #[test]
    fn change_has_what_the_event_says() {
        let (key, change) = each(&call(r#""eventID":"1""#)).remove(0);
        assert!(key.is_some());
        assert_eq!(change.name, "RevokeSecurityGroupIngress");
        let place = [&change.region, &change.account, &change.event_id];
        assert_eq!(place, ["eu-central-1", "123456789012", "1"]);
        assert_eq!(change.result, CallResult::Done);
    }

    #[test]
    fn call_that_only_reads_is_no_change() {
        let (key, _) = each(&call(r#""eventID":"1","readOnly":true"#)).remove(0);
        assert_eq!(key, None);
    }

    #[test]
    fn event_that_is_delivered_again_has_the_same_key() {
        let of = |rest: &str| each(&call(rest)).remove(0).0;
        assert_eq!(of(r#""eventID":"1""#), of(r#""eventID":"1","extra":1"#));
        assert_ne!(of(r#""eventID":"1""#), of(r#""eventID":"2""#));
        let without_id = |group| of(&format!(r#""eventID":"","requestParameters":"{group}""#));
        assert_eq!(without_id("sg-1"), without_id("sg-1"));
        assert_ne!(without_id("sg-1"), without_id("sg-2"));
    }

    #[test]
    fn failed_call_and_dry_run_are_only_attempted() {
        let of = |code: &str| each(&call(&format!(r#""errorCode":"{code}","eventID":"1""#)));
        let result = |code| of(code).remove(0).1.result;
        assert_eq!(result("Client.UnauthorizedOperation"), CallResult::Failed);
        assert_eq!(result("Client.DryRunOperation"), CallResult::DryRun);
    }
}
