//! Query logs of the Route 53 Resolver: one object for each DNS query from a VPC.
//!
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html>
//!
//! VPC Flow Logs do not record traffic to the Amazon DNS server, so these queries are in no flow log.
//! The time is that of the query, in whole seconds. One look-up may have several rows: the target of
//! a CNAME is a row of its own, with the same port.

use std::borrow::Cow;
use std::net::IpAddr;

use super::fault::EventFault;
use super::members::{ObjectMembers, for_each_element};
use super::value;
use super::{Event, EventDetail};

/// A DNS query to the Route 53 Resolver. `None` is what is not in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsQuery<'a> {
    /// The name, with or without the final dot.
    pub name: Cow<'a, str>,
    /// The type, such as `AAAA`.
    pub query_type: Cow<'a, str>,
    /// The class, usually `IN`.
    pub query_class: Option<Cow<'a, str>>,
    /// The result, such as `NOERROR` or `NXDOMAIN`. `NOERROR` without an answer means that the name
    /// has no record of this type.
    pub rcode: Option<Cow<'a, str>>,
    /// The answers; at most [`ANSWERS_MAX`] of them.
    pub answers: Vec<DnsAnswer<'a>>,
    /// Who queried.
    pub source: Option<IpAddr>,
    /// Its port.
    pub source_port: Option<u16>,
    /// `UDP` or `TCP`.
    pub transport: Option<Cow<'a, str>>,
    /// The VPC of the query.
    pub vpc: Option<Cow<'a, str>>,
    /// The account of the VPC.
    pub account: Option<Cow<'a, str>>,
    /// The region of the VPC.
    pub region: Option<Cow<'a, str>>,
    /// The instance that queried.
    pub instance: Option<Cow<'a, str>>,
    /// The inbound endpoint through which the query came from outside.
    pub resolver_endpoint: Option<Cow<'a, str>>,
    /// What the DNS firewall did: `ALERT`, `BLOCK` or `ALLOW`.
    pub firewall_action: Option<Cow<'a, str>>,
}

/// An answer to a DNS query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer<'a> {
    /// The value: an address, or a name.
    pub data: Cow<'a, str>,
    /// The type, such as `CNAME`.
    pub answer_type: Option<Cow<'a, str>>,
}

/// Answers that are kept of one query. A DNS message of 64 KiB has no more.
pub const ANSWERS_MAX: usize = 4_096;

/// Parses the members of a query.
pub(super) fn event<'a>(members: &ObjectMembers<'a>) -> Result<Event<'a>, EventFault> {
    let time = members.text("query_timestamp").unwrap_or_default();
    let (instant_ns, precision) = value::time("query_timestamp", &time)?;
    let name = members.text("query_name");
    let query_type = members.text("query_type");
    let (Some(name), Some(query_type)) = (name, query_type) else {
        let found = members.raw("query_name").unwrap_or_default();
        return Err(EventFault::value("query_name", found, "a name and a type"));
    };
    let ids = members.object("srcids").unwrap_or_default();
    let query = DnsQuery {
        name,
        query_type,
        query_class: members.text("query_class"),
        rcode: members.text("rcode"),
        answers: members.raw("answers").map(answers).unwrap_or_default(),
        source: members.number("srcaddr"),
        source_port: members.number("srcport"),
        transport: members.text("transport"),
        vpc: members.text("vpc_id"),
        account: members.text("account_id"),
        region: members.text("region"),
        instance: ids.text("instance"),
        resolver_endpoint: ids.text("resolver_endpoint"),
        firewall_action: members.text("firewall_rule_action"),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::DnsQuery(query),
    })
}

/// Parses the answers; tools write a single one without its array.
fn answers(text: &str) -> Vec<DnsAnswer<'_>> {
    let mut answers = Vec::new();
    let mut add = |text| {
        if let Some(answer) = ObjectMembers::of(text)
            && let Some(data) = answer.text("Rdata")
        {
            let answer_type = answer.text("Type");
            answers.push(DnsAnswer { data, answer_type });
        }
        answers.len() < ANSWERS_MAX
    };
    if text.starts_with('[') {
        for_each_element(text, add);
    } else {
        add(text);
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DnsQuery<'_> {
        match event(&ObjectMembers::of(text).unwrap()).unwrap().detail {
            EventDetail::DnsQuery(query) => query,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn query_has_its_answers_and_the_port_of_who_queried() {
        let query = parse(
            r#"{"version":"1.100000","account_id":"123456789012","region":"eu-central-1","vpc_id":"vpc-0a1b",
            "query_timestamp":"2026-03-14T02:15:04Z","query_name":"db.example.com.","query_type":"A",
            "query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"db1.example.com.","Type":"CNAME",
            "Class":"IN"},{"Rdata":"10.0.2.7","Type":"A","Class":"IN"}],"srcaddr":"10.0.1.5",
            "srcport":"41000","transport":"UDP","srcids":{"instance":"i-0a1b"}}"#,
        );
        assert_eq!((&*query.name, &*query.query_type), ("db.example.com.", "A"));
        assert_eq!(query.source_port, Some(41_000));
        assert_eq!(query.instance.as_deref(), Some("i-0a1b"));
        let answers: Vec<&str> = query.answers.iter().map(|answer| &*answer.data).collect();
        assert_eq!(answers, ["db1.example.com.", "10.0.2.7"]);
    }

    #[test]
    fn row_of_a_tool_may_have_one_answer_and_no_port() {
        let query = parse(
            r#"{"query_timestamp":"2026-03-14 02:15:04","query_name":"a.test","query_type":"TXT",
            "answers":{"Rdata":"x","Type":"TXT"},"srcaddr":"10.0.1.5"}"#,
        );
        assert_eq!((query.answers.len(), query.source_port), (1, None));
        assert_eq!(query.rcode, None);
    }
}
