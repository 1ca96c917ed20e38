//! CloudTrail: one object for each API call.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
//!
//! The parameters and the response of a call are kept as the text that they have in the log, since
//! each API has its own. EC2 writes them in two ways. Most actions have names in lower camel case and
//! lists as `{"items":[…]}`. Newer ones have one member, `<Action>Request` or `<Action>Response`,
//! with names in upper camel case in it: see [`ApiCall::parameters`].
//!
//! Insights events have no API call of their own and digests no events; neither is one here.

use std::borrow::Cow;
use std::net::IpAddr;

use super::fault::EventFault;
use super::members::ObjectMembers;
use super::value;
use super::{Event, EventDetail};

/// An API call. Times are in whole seconds. `None` is what is not in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiCall<'a> {
    /// Its identifier, the same if CloudTrail delivers the event again.
    pub event_id: Option<Cow<'a, str>>,
    /// The action, such as `RevokeSecurityGroupIngress`.
    pub name: Cow<'a, str>,
    /// The service, such as `ec2.amazonaws.com`.
    pub source: Cow<'a, str>,
    /// The region.
    pub region: Option<Cow<'a, str>>,
    /// The account that received the event.
    pub account: Option<Cow<'a, str>>,
    /// Who called.
    pub actor: Actor<'a>,
    /// The address of the caller, or the name of an AWS service.
    pub source_ip: Option<Cow<'a, str>>,
    /// The caller's user agent.
    pub user_agent: Option<Cow<'a, str>>,
    /// The error; the call had no effect.
    pub error_code: Option<Cow<'a, str>>,
    /// The message of the error.
    pub error_message: Option<Cow<'a, str>>,
    /// Whether the action can change anything.
    pub read_only: Option<bool>,
    /// The parameters, as JSON text.
    pub request: Option<&'a str>,
    /// The response, as JSON text.
    pub response: Option<&'a str>,
}

/// Who called an API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor<'a> {
    /// `Root`, `IAMUser`, `AssumedRole`, `AWSService` and others.
    pub kind: Option<Cow<'a, str>>,
    /// The ARN.
    pub arn: Option<Cow<'a, str>>,
    /// The account of the caller.
    pub account: Option<Cow<'a, str>>,
    /// The name of the user.
    pub user: Option<Cow<'a, str>>,
    /// The name of the role that was assumed.
    pub role: Option<Cow<'a, str>>,
    /// The name of the session of that role.
    pub session: Option<Cow<'a, str>>,
    /// The AWS service that called for somebody, such as `autoscaling.amazonaws.com`.
    pub invoked_by: Option<Cow<'a, str>>,
}

impl<'a> Actor<'a> {
    fn of(identity: &ObjectMembers<'a>) -> Self {
        let arn = identity.text("arn");
        let kind = identity.text("type");
        let issuer = identity
            .object("sessionContext")
            .and_then(|context| context.object("sessionIssuer"));
        let is_role = kind.as_deref() == Some("AssumedRole");
        // arn:aws:sts::123456789012:assumed-role/ROLE/SESSION
        let parts = arn.as_deref().filter(|_| is_role).map(|arn| {
            let mut parts = arn.splitn(3, '/').skip(1).map(str::to_owned);
            (parts.next(), parts.next())
        });
        let (role, session) = parts.unwrap_or_default();
        let issuer_name = issuer.and_then(|issuer| issuer.text("userName"));
        Self {
            role: issuer_name.or(role.map(Cow::Owned)).filter(|_| is_role),
            session: session.map(Cow::Owned),
            user: identity.text("userName"),
            account: identity.text("accountId"),
            invoked_by: identity.text("invokedBy"),
            arn,
            kind,
        }
    }

    /// Returns the name by which a person knows the caller: user, role and session, or service.
    pub fn name(&self) -> Option<Cow<'_, str>> {
        if let Some(role) = &self.role {
            return Some(match &self.session {
                Some(session) => Cow::Owned(format!("{role}/{session}")),
                None => Cow::Borrowed(&**role),
            });
        }
        let names = [&self.user, &self.invoked_by, &self.arn, &self.kind];
        names
            .into_iter()
            .flatten()
            .next()
            .map(|name| Cow::Borrowed(&**name))
    }
}

impl ApiCall<'_> {
    /// Returns the address of the caller, unless a service called.
    pub fn source_address(&self) -> Option<IpAddr> {
        self.source_ip.as_deref()?.parse().ok()
    }

    /// Whether the call only asked whether it would be allowed.
    pub fn is_dry_run(&self) -> bool {
        let code = self.error_code.as_deref().unwrap_or_default();
        code.ends_with("DryRunOperation")
    }

    /// Whether the call failed, so that it changed nothing. A dry run is one of these.
    pub fn has_failed(&self) -> bool {
        self.error_code.is_some()
    }

    /// Returns the parameters, without the member that newer actions put around them.
    ///
    /// # Examples
    /// ```
    /// # use flow2pcap::event::{EventDetail, for_each_in_json};
    /// let text = r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com",
    ///     "eventName":"DeleteNatGateway","eventID":"1",
    ///     "requestParameters":{"DeleteNatGatewayRequest":{"NatGatewayId":"nat-0a1b"}}}"#;
    /// for_each_in_json(text, None, &mut |_, event, _| {
    ///     if let Ok(EventDetail::ApiCall(call)) = event.map(|event| event.detail) {
    ///         assert_eq!(call.parameters(), Some(r#"{"NatGatewayId":"nat-0a1b"}"#));
    ///     }
    /// });
    /// ```
    pub fn parameters(&self) -> Option<&str> {
        self.request.map(unwrapped)
    }

    /// Returns the response, without the member that newer actions put around it.
    pub fn answer(&self) -> Option<&str> {
        self.response.map(unwrapped)
    }
}

/// Returns the object inside an object that has no other member. The classic encoding has no such
/// objects but lists, whose name is `items`.
fn unwrapped(text: &str) -> &str {
    let Some(members) = ObjectMembers::of(text) else {
        return text;
    };
    let mut all = members.iter();
    match (all.next(), all.next()) {
        (Some((name, inner)), None) if inner.starts_with('{') && is_envelope(name) => inner,
        _ => text,
    }
}

/// Whether a sole member is what newer actions put around their parameters: names of the classic
/// encoding begin with a small letter.
fn is_envelope(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Whether an object is an event: other objects around it or inside it have some of its names.
pub(super) fn is_event(members: &ObjectMembers<'_>) -> bool {
    let has_any = |names: [&str; 2]| names.iter().any(|name| members.has(name));
    members.has("eventName") && members.has("eventSource") && has_any(["eventID", "eventTime"])
}

/// Parses the members of an event.
pub(super) fn event<'a>(members: &ObjectMembers<'a>) -> Result<Event<'a>, EventFault> {
    let time = members.text("eventTime").unwrap_or_default();
    let (instant_ns, precision) = value::time("eventTime", &time)?;
    let name = members.text("eventName");
    let source = members.text("eventSource");
    let (Some(name), Some(source)) = (name, source) else {
        let found = members.raw("eventName").unwrap_or_default();
        return Err(EventFault::value(
            "eventName",
            found,
            "the name of an action",
        ));
    };
    let identity = members.object("userIdentity");
    let call = ApiCall {
        event_id: members.text("eventID"),
        name,
        source,
        region: members.text("awsRegion"),
        account: members.text("recipientAccountId"),
        actor: identity.as_ref().map(Actor::of).unwrap_or_default(),
        source_ip: members.text("sourceIPAddress"),
        user_agent: members.text("userAgent"),
        error_code: members.text("errorCode"),
        error_message: members.text("errorMessage"),
        read_only: members.text("readOnly").and_then(|text| text.parse().ok()),
        request: members.json("requestParameters"),
        response: members.json("responseElements"),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::ApiCall(call),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ApiCall<'_> {
        let members = ObjectMembers::of(text).unwrap();
        assert!(is_event(&members), "{text}");
        match event(&members).unwrap().detail {
            EventDetail::ApiCall(call) => call,
            other => panic!("{other:?}"),
        }
    }

    const CLASSIC: &str = r#"{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole",
        "arn":"arn:aws:sts::123456789012:assumed-role/Admin/ana@example.com","accountId":"123456789012",
        "sessionContext":{"sessionIssuer":{"type":"Role","userName":"Admin"}}},
        "eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com",
        "eventName":"RevokeSecurityGroupIngress","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.7",
        "requestParameters":{"groupId":"sg-0a1b2c3d","ipPermissions":{"items":[{"ipProtocol":"tcp",
        "fromPort":5432,"toPort":5432}]}},"responseElements":{"_return":true},
        "eventID":"6c3021c3-5697-431c-a27e-2427f30d67f4","readOnly":false,"recipientAccountId":"123456789012"}"#;

    #[test]
    fn call_has_its_actor_and_the_text_of_its_parameters() {
        let call = parse(CLASSIC);
        assert_eq!(call.name, "RevokeSecurityGroupIngress");
        assert_eq!(call.actor.name().as_deref(), Some("Admin/ana@example.com"));
        assert_eq!(call.source_address(), Some("198.51.100.7".parse().unwrap()));
        assert_eq!((call.has_failed(), call.is_dry_run()), (false, false));
        assert_eq!(call.read_only, Some(false));
        let request = call.request.unwrap();
        assert!(CLASSIC.contains(request) && request.contains("\"fromPort\":5432"));
        assert_eq!(call.parameters(), Some(request));
        assert_eq!(call.answer(), Some(r#"{"_return":true}"#));
    }

    #[test]
    fn parameters_of_newer_actions_are_inside_a_member() {
        let text = r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventID":"1",
            "eventName":"ModifySecurityGroupRules","requestParameters":{"ModifySecurityGroupRulesRequest":
            {"GroupId":"sg-0a1b2c3d","SecurityGroupRule":{"SecurityGroupRuleId":"sgr-1"}}},
            "responseElements":{"ModifySecurityGroupRulesResponse":{"return":true}}}"#;
        let call = parse(text);
        let parameters = call.parameters().unwrap();
        assert!(
            parameters.starts_with(r#"{"GroupId":"sg-0a1b2c3d""#),
            "{parameters}"
        );
        assert_eq!(call.answer(), Some(r#"{"return":true}"#));
        assert!(
            call.request
                .unwrap()
                .starts_with(r#"{"ModifySecurityGroupRulesRequest""#)
        );
    }

    #[test]
    fn failed_call_and_dry_run_are_marked() {
        let of = |code: &str| {
            let error = format!(r#""errorCode":"{code}","eventID""#);
            let text = CLASSIC.replace("\"eventID\"", &error);
            let call = parse(&text);
            (call.has_failed(), call.is_dry_run())
        };
        assert_eq!(of("Client.UnauthorizedOperation"), (true, false));
        assert_eq!(of("Client.DryRunOperation"), (true, true));
    }

    #[test]
    fn caller_may_be_a_user_a_service_or_unknown() {
        let of = |identity: &str| {
            let text = format!(r#"{{"a":{identity}}}"#);
            let members = ObjectMembers::of(&text).unwrap();
            let actor = members.object("a").map(|identity| Actor::of(&identity));
            actor.unwrap().name().map(Cow::into_owned)
        };
        assert_eq!(
            of(r#"{"type":"IAMUser","userName":"bob"}"#).as_deref(),
            Some("bob")
        );
        let service = r#"{"type":"AWSService","invokedBy":"autoscaling.amazonaws.com"}"#;
        assert_eq!(of(service).as_deref(), Some("autoscaling.amazonaws.com"));
        assert_eq!(of(r#"{"type":"Root"}"#).as_deref(), Some("Root"));
        assert_eq!(of("{}"), None);
    }

    #[test]
    fn event_without_a_time_is_a_fault() {
        let text = CLASSIC.replace("2026-03-14T02:15:04Z", "{{now}}");
        let fault = event(&ObjectMembers::of(&text).unwrap()).unwrap_err();
        assert!(
            fault.to_string().contains("\"{{now}}\" as eventTime"),
            "{fault}"
        );
    }
}
