//! Logs of AWS WAF: one object for each request that a web ACL looked at.
//!
//! <https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html>
//!
//! The time is when WAF received the request. The port of the client is not logged. For a load
//! balancer the identifier of the request is also in the trace identifier of its access log.

use std::borrow::Cow;
use std::net::IpAddr;

use super::fault::EventFault;
use super::members::{ObjectMembers, for_each_element};
use super::value::{self, Precision};
use super::{Event, EventDetail};

/// A request that AWS WAF looked at. `None` is what is not in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct WafRequest<'a> {
    /// The ARN of the web ACL; of WAF Classic its identifier.
    pub acl: Option<Cow<'a, str>>,
    /// What became of the request: `ALLOW`, `BLOCK`, `CAPTCHA` or `CHALLENGE`.
    pub action: Option<Cow<'a, str>>,
    /// The rule that decided; `Default_Action` if none did.
    pub rule: Option<Cow<'a, str>>,
    /// The type of the rule, such as `RATE_BASED`.
    pub rule_type: Option<Cow<'a, str>>,
    /// The service that asked: `ALB`, `CF`, `APIGW`, `APPSYNC` and others.
    pub source_name: Option<Cow<'a, str>>,
    /// The resource that asked, such as `123456789012-app/web/50dc6c495c0c9188`.
    pub source_id: Option<Cow<'a, str>>,
    /// The client.
    pub client: Option<IpAddr>,
    /// The country of the client.
    pub country: Option<Cow<'a, str>>,
    /// The method.
    pub method: Option<Cow<'a, str>>,
    /// The path.
    pub uri: Option<Cow<'a, str>>,
    /// The query string.
    pub args: Option<Cow<'a, str>>,
    /// The version of HTTP.
    pub version: Option<Cow<'a, str>>,
    /// The value of the `Host` header.
    pub host: Option<Cow<'a, str>>,
    /// The identifier of the request. For a load balancer it is `Root` of its trace identifier.
    pub request_id: Option<Cow<'a, str>>,
    /// The status that WAF itself sent.
    pub status: Option<u16>,
}

/// Headers of a request that are looked at.
const HEADERS_MAX: usize = 256;

/// Parses the members of a request.
pub(super) fn event<'a>(members: &ObjectMembers<'a>) -> Result<Event<'a>, EventFault> {
    let time = members.text("timestamp").unwrap_or_default();
    let (instant_ns, precision) = instant(&time)?;
    let http = members.object("httpRequest").unwrap_or_default();
    let status = members.text("responseCodeSent").unwrap_or_default();
    let request = WafRequest {
        acl: members.known("webaclId"),
        action: members.known("action"),
        rule: members.known("terminatingRuleId"),
        rule_type: members.known("terminatingRuleType"),
        source_name: members.known("httpSourceName"),
        source_id: members.known("httpSourceId"),
        client: value::address(&http.text("clientIp").unwrap_or_default()),
        country: http.known("country"),
        method: http.known("httpMethod"),
        uri: http.known("uri"),
        args: http.known("args"),
        version: http.known("httpVersion"),
        host: http.known("host").or_else(|| host_header(&http)),
        request_id: http.known("requestId"),
        status: value::status("responseCodeSent", &status)?,
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::Waf(request),
    })
}

/// Parses the time of a request: milliseconds, or the text that some tools make of them.
fn instant(text: &str) -> Result<(i64, Precision), EventFault> {
    let millis: Option<i64> = text.parse().ok();
    let millis = millis.and_then(|millis| millis.checked_mul(1_000_000));
    let found = millis.map(|ns| (ns, Precision::Millisecond));
    found
        .or_else(|| value::instant(text))
        .ok_or_else(|| EventFault::value("timestamp", text, "milliseconds such as 1773454504186"))
}

fn host_header<'a>(http: &ObjectMembers<'a>) -> Option<Cow<'a, str>> {
    let mut found = None;
    let mut left = HEADERS_MAX;
    for_each_element(http.raw("headers")?, |header| {
        left -= 1;
        if let Some(header) = ObjectMembers::of(header) {
            let name = header.text("name").unwrap_or_default();
            found = header
                .known("value")
                .filter(|_| name.eq_ignore_ascii_case("host"));
        }
        found.is_none() && left > 0
    });
    found
}

impl WafRequest<'_> {
    /// Returns the name of the web ACL: that in its ARN, or all of it.
    pub fn acl_name(&self) -> &str {
        let acl = self.acl.as_deref().unwrap_or_default();
        let name = acl.split_once("/webacl/").map(|(_, rest)| rest);
        let name = name.and_then(|rest| rest.split('/').next());
        name.unwrap_or(acl)
    }

    /// Returns the identifier of a request in the trace identifier of a load balancer:
    /// `Root=1-67891233-abcdef` and perhaps `Self=...` before it.
    pub fn request_of_trace(trace: &str) -> Option<&str> {
        let mut parts = trace.split(';');
        parts.find_map(|part| part.trim().strip_prefix("Root="))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKED: &str = r#"{"timestamp":1773454504186,"formatVersion":1,
        "webaclId":"arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop/5451d59c",
        "terminatingRuleId":"rate","terminatingRuleType":"RATE_BASED","action":"BLOCK",
        "terminatingRuleMatchDetails":[],"httpSourceName":"ALB","httpSourceId":"123456789012-app/web/50dc",
        "ruleGroupList":[],"requestHeadersInserted":null,"responseCodeSent":null,
        "httpRequest":{"clientIp":"203.0.113.9","country":"DE","headers":[{"name":"accept","value":"*/*"},
        {"name":"HOST","value":"www.example.com"}],"uri":"/api","args":"token=1","httpVersion":"HTTP/2.0",
        "httpMethod":"GET","requestId":"1-67891233-abcdef"},"labels":[{"name":"a"}]}"#;

    fn waf(text: &str) -> (i64, WafRequest<'_>) {
        let event = event(&ObjectMembers::of(text).unwrap()).unwrap();
        let EventDetail::Waf(request) = event.detail else {
            panic!("{event:?}");
        };
        (event.instant_ns, request)
    }

    #[test]
    fn request_has_what_decided_and_who_asked() {
        let (at_ns, request) = waf(BLOCKED);
        assert_eq!(at_ns, 1_773_454_504_186_000_000);
        assert_eq!(request.action.as_deref(), Some("BLOCK"));
        assert_eq!(request.rule.as_deref(), Some("rate"));
        assert_eq!(request.acl_name(), "shop");
        assert_eq!(request.client, Some("203.0.113.9".parse().unwrap()));
        assert_eq!(request.host.as_deref(), Some("www.example.com"));
        assert_eq!(request.request_id.as_deref(), Some("1-67891233-abcdef"));
        assert_eq!(request.status, None);
    }

    #[test]
    fn what_is_missing_is_not_invented() {
        let (_, request) = waf(
            r#"{"timestamp":"2026-03-14T02:15:04Z","webaclId":"5451d59c","terminatingRuleId":"-"}"#,
        );
        assert_eq!((request.rule.as_deref(), request.client), (None, None));
        assert_eq!(request.acl_name(), "5451d59c");
    }

    #[test]
    fn time_that_is_none_is_a_fault() {
        for time in ["\"\"", "\"soon\"", "9223372036854775807", "null"] {
            let text = BLOCKED.replace("1773454504186", time);
            let fault = event(&ObjectMembers::of(&text).unwrap()).unwrap_err();
            assert!(fault.to_string().contains("timestamp"), "{fault}");
        }
    }

    #[test]
    fn request_is_found_in_a_trace_identifier() {
        let of = WafRequest::request_of_trace;
        assert_eq!(of("Root=1-2"), Some("1-2"));
        assert_eq!(of("Self=1-3;Root=1-2;CalledFrom=app"), Some("1-2"));
        assert_eq!(of("Self=1-3"), None);
    }
}
