//! Who made a call.

use std::fmt;

use super::kept;
use crate::event::cloudtrail::ApiCall;

/// Who made a call, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The user, the name of the role's session, or `Root`; empty if unknown.
    pub name: String,
    /// The role that was assumed; empty if none.
    pub role: String,
    /// The AWS service that called for somebody, such as `autoscaling.amazonaws.com`; empty if none.
    pub invoked_by: String,
    /// The address of the caller, or the name of an AWS service; empty if unknown.
    pub source: String,
}

impl Caller {
    /// Returns the caller of a call.
    pub(super) fn of(call: &ApiCall<'_>) -> Self {
        let actor = &call.actor;
        let arn_name = || actor.arn.as_deref()?.rsplit(['/', ':']).next();
        let is_role = actor.role.is_some();
        let user = actor.session.as_deref().or(actor.user.as_deref());
        let name = user
            .or_else(|| arn_name().filter(|_| !is_role))
            .or(actor.kind.as_deref().filter(|_| !is_role))
            .filter(|name| !name.is_empty());
        let name = match actor.kind.as_deref() {
            Some("Root") => Some("Root"),
            // The service is the caller.
            Some("AWSService") => None,
            _ => name,
        };
        Self {
            name: kept(name),
            role: kept(actor.role.as_deref()),
            invoked_by: kept(actor.invoked_by.as_deref()),
            source: kept(call.source_ip.as_deref()),
        }
    }
}

/// Names the caller: `alice (role ops-admin)`, `Root`, `autoscaling.amazonaws.com`.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = &self.invoked_by;
        let is_linked = self.role.starts_with("AWSServiceRole") && !by.is_empty();
        match (&*self.name, &*self.role) {
            _ if is_linked => return f.write_str(by),
            ("", "") if by.is_empty() => f.write_str("an unknown caller"),
            ("", "") => f.write_str(by),
            ("", role) => write!(f, "role {role}"),
            (name, "") => f.write_str(name),
            (name, role) => write!(f, "{name} (role {role})"),
        }?;
        let has_name = !self.name.is_empty() || !self.role.is_empty();
        match by.is_empty() {
            false if has_name => write!(f, " through {by}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Change;
    use crate::event::{EventDetail, for_each_in_json};

    fn caller(identity: &str) -> String {
        let text = format!(
            r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com",
            "eventName":"RunInstances","eventID":"1","userIdentity":{identity}}}"#
        );
        let mut found = None;
        for_each_in_json(&text, None, &mut |_, event, _| {
            if let Ok(EventDetail::ApiCall(call)) = event.map(|event| event.detail) {
                let key = Change::key(0, &call).unwrap();
                found = Some(Change::of(key, 0, &call).caller.to_string());
            }
        });
        found.unwrap()
    }

    #[test]
    fn caller_is_named_as_people_know_it() {
        let role = r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/ops-admin/alice"}"#;
        assert_eq!(caller(role), "alice (role ops-admin)");
        let for_role = r#"{"type":"AssumedRole","invokedBy":"cloudformation.amazonaws.com",
            "arn":"arn:aws:sts::1:assumed-role/ops-admin/alice"}"#;
        let expected = "alice (role ops-admin) through cloudformation.amazonaws.com";
        assert_eq!(caller(for_role), expected);
        let user = r#"{"type":"IAMUser","userName":"bob","arn":"arn:aws:iam::1:user/bob"}"#;
        assert_eq!(caller(user), "bob");
        let root = r#"{"type":"Root","arn":"arn:aws:iam::123456789012:root"}"#;
        assert_eq!(caller(root), "Root");
        let service = r#"{"type":"AWSService","invokedBy":"autoscaling.amazonaws.com"}"#;
        assert_eq!(caller(service), "autoscaling.amazonaws.com");
        assert_eq!(caller("{}"), "an unknown caller");
    }
}
