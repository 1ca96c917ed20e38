//! The verdict of a condition on an event.
//!
//! An event is about one connection or two: that of the client to a load balancer, and that of the
//! load balancer to its target. A condition holds if it holds for one of them. It is judged by the
//! ends that the log names; with none of them, or for something that no such log has, there is no
//! verdict.

use std::net::IpAddr;

use super::expression::{EndpointSide, Name, Peer, Term, decide};
use crate::event::{Event, EventDetail, Leg};
use crate::record::Action;

impl Term {
    /// Returns the verdict on an event; `None` if it does not have what the condition is about.
    pub(super) fn of_event(&self, event: &Event<'_>) -> Option<bool> {
        match self {
            Self::Protocol(number) => Some(event.protocol()? == *number),
            Self::Action(wanted) => match &event.detail {
                EventDetail::Alert(alert) => {
                    let action = match alert.verdict.as_deref()? {
                        "drop" => Action::Reject,
                        _ => Action::Accept,
                    };
                    Some(action == *wanted)
                }
                _ => None,
            },
            Self::Host(..) | Self::Port(..) | Self::Ipv6(_) | Self::Between(..) => {
                let legs = event.legs();
                any(legs.iter().map(|leg| self.of_leg(leg)))
            }
            Self::Leaving(_)
            | Self::Flags(_)
            | Self::Is(..)
            | Self::Begins(..)
            | Self::Count(..) => None,
        }
    }

    fn of_leg(&self, leg: &Leg) -> Option<bool> {
        let sides = [
            (leg.source, leg.source_port),
            (leg.destination, leg.destination_port),
        ];
        match self {
            Self::Host(side, net) => {
                let verdicts = sides.map(|(address, _)| Some(net.contains(address?)));
                one_of(*side, verdicts)
            }
            Self::Port(side, first, last) => {
                let verdicts = sides.map(|(_, port)| Some((*first..=*last).contains(&port?)));
                one_of(*side, verdicts)
            }
            Self::Ipv6(wanted) => {
                let known = sides.into_iter().find_map(|(address, _)| address);
                known.map(|address| address.is_ipv6() == *wanted)
            }
            Self::Between(one, other) => {
                let is = |peer: &Peer, (address, port): (Option<IpAddr>, Option<u16>)| {
                    let has_address = address.map(|address| peer.net.contains(address));
                    let has_port = peer.port.map(|wanted| port.map(|port| port == wanted));
                    decide([has_address, has_port.unwrap_or(Some(true))], false)
                };
                let [from, to] = sides;
                let way = |a, b| decide([is(a, from), is(b, to)], false);
                decide([way(one, other), way(other, one)], true)
            }
            _ => None,
        }
    }
}

/// Returns the verdict of the sides that count. Of one that is not known, the other decides.
fn one_of(side: EndpointSide, [source, destination]: [Option<bool>; 2]) -> Option<bool> {
    match side {
        EndpointSide::Source => source,
        EndpointSide::Destination => destination,
        EndpointSide::Either => any([source, destination]),
        EndpointSide::Both => decide([source, destination], false),
    }
}

/// Whether any of the verdicts that there are is true; `None` if there are none.
fn any(verdicts: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    verdicts.into_iter().flatten().reduce(|a, b| a || b)
}

/// Calls `each` with the names of this kind that an event has. Returns whether there are any.
pub(super) fn each_name(name: Name, event: &Event<'_>, each: &mut impl FnMut(&[u8])) -> bool {
    let text = match (name, &event.detail) {
        (Name::Account, EventDetail::ApiCall(call)) => &call.account,
        (Name::Region, EventDetail::ApiCall(call)) => &call.region,
        (Name::Account, EventDetail::DnsQuery(query)) => &query.account,
        (Name::Region, EventDetail::DnsQuery(query)) => &query.region,
        (Name::Vpc, EventDetail::DnsQuery(query)) => &query.vpc,
        (Name::Instance, EventDetail::DnsQuery(query)) => &query.instance,
        _ => &None,
    };
    if let Some(text) = text {
        each(text.as_bytes());
    }
    text.is_some()
}

#[cfg(test)]
mod tests {
    use crate::event::{EventKind, for_each_in_line};
    use crate::filter::{Expression, RecordFacts};

    const ALB: &str = r#"https 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 10.0.2.7:8080 0 0 0 200 200 34 366 "GET https://a:443/ HTTP/1.1""#;
    const QUERY: &str = r#"{"query_timestamp":"2026-03-14T02:15:04Z","query_name":"a.test.","query_type":"A","srcaddr":"10.0.1.5","srcport":"41000","transport":"UDP","vpc_id":"vpc-0a1b"}"#;
    const CALL: &str = r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"CreateRoute","sourceIPAddress":"198.51.100.7","recipientAccountId":"123456789012"}"#;

    #[track_caller]
    fn check(line: &str, filter: &str, expected: Option<bool>) {
        let expression: Expression = filter.parse().unwrap();
        for_each_in_line(EventKind::CloudTrail, line, None, &mut |_, event, _| {
            let facts = RecordFacts {
                event: Some(&event.unwrap()),
                ..RecordFacts::default()
            };
            assert_eq!(expression.verdict(&facts), expected, "{filter}");
        });
    }

    #[test]
    fn request_is_about_the_client_and_the_target() {
        check(ALB, "host 203.0.113.9", Some(true));
        check(ALB, "dst host 10.0.2.7", Some(true));
        check(ALB, "src host 10.0.2.7", Some(false));
        check(ALB, "port 443", Some(true));
        check(ALB, "port 8080", Some(true));
        check(ALB, "port 22", Some(false));
        check(ALB, "not host 10.0.2.0/24", Some(false));
        check(ALB, "tcp and not port 22", Some(true));
        check(ALB, "ip6", Some(false));
        check(ALB, "reject", None);
    }

    #[test]
    fn query_has_its_vpc_and_the_port_of_dns() {
        check(QUERY, "udp and port 53 and host 10.0.1.5", Some(true));
        check(QUERY, "vpc vpc-0a1b", Some(true));
        check(QUERY, "vpc vpc-9", Some(false));
        check(QUERY, "account 123456789012", None);
    }

    #[test]
    fn api_call_has_an_address_and_no_port() {
        check(CALL, "host 198.51.100.7", Some(true));
        check(CALL, "port 443", None);
        check(CALL, "account 123456789012", Some(true));
    }
}
