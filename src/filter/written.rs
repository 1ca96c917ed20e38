//! A filter written out in the words that [`super::grammar`] reads.
//!
//! What is written here means the same when it is read again, so messages and suggested commands
//! can show any part of a filter, also one that options made.

use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::expression::{Comparison, CountField, EndpointSide, Expression, Name, Net, Peer, Term};
use super::words::family_or_protocol;
use crate::names::protocol_keyword;
use crate::record::{Action, Field, TAGS};

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.innermost() {
            Self::Term(term) => write!(f, "{term}"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                inner.operand(f)
            }
            Self::All(all) => joined(f, all, " and "),
            Self::Any(any) => joined(f, any, " or "),
        }
    }
}

impl Expression {
    /// The expression without lists of one.
    fn innermost(&self) -> &Self {
        match self {
            Self::All(list) | Self::Any(list) => match &list[..] {
                [only] => only.innermost(),
                _ => self,
            },
            _ => self,
        }
    }

    /// Writes it as one operand.
    fn operand(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.innermost() {
            list @ (Self::All(_) | Self::Any(_)) => write!(f, "({list})"),
            single => write!(f, "{single}"),
        }
    }
}

fn joined(f: &mut Formatter<'_>, operands: &[Expression], joint: &str) -> fmt::Result {
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            f.write_str(joint)?;
        }
        operand.operand(f)?;
    }
    Ok(())
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(side, net) => {
                let word = if net.is_single() { "host" } else { "net" };
                write!(f, "{}{word} {net}", prefix(*side))
            }
            Self::Port(side, first, last) if first == last => {
                write!(f, "{}port {first}", prefix(*side))
            }
            Self::Port(side, first, last) => {
                write!(f, "{}portrange {first}-{last}", prefix(*side))
            }
            Self::Protocol(number) => protocol(f, *number),
            Self::Ipv6(is_ipv6) => f.write_str(if *is_ipv6 { "ip6" } else { "ip" }),
            Self::Action(Action::Accept) => f.write_str("accept"),
            Self::Action(Action::Reject) => f.write_str("reject"),
            Self::Leaving(leaving) => f.write_str(if *leaving { "egress" } else { "ingress" }),
            Self::Flags(flags) => write!(f, "flags {}", flags.to_string().to_ascii_lowercase()),
            Self::Is(name, text) if name.is_tag() => write!(f, "{} {}", name.word(), Quoted(text)),
            Self::Is(name, text) | Self::Begins(name, text) => write!(f, "{} {text}", name.word()),
            Self::Between(one, other) => write!(f, "between {one} and {other}"),
            Self::Count(counter, comparison, number) => {
                write!(f, "{} {} {number}", counter.word(), comparison.sign())
            }
        }
    }
}

/// What is written in front of `host` and `port`.
fn prefix(side: EndpointSide) -> &'static str {
    match side {
        EndpointSide::Source => "src ",
        EndpointSide::Destination => "dst ",
        EndpointSide::Either => "",
        EndpointSide::Both => "src and dst ",
    }
}

fn protocol(f: &mut Formatter<'_>, number: u8) -> fmt::Result {
    let keyword = protocol_keyword(number).map(str::to_ascii_lowercase);
    // A filter does not take the words ipv4 and ipv6, which could mean the family.
    let is_read_back = |name: &String| family_or_protocol(name) == Some(Term::Protocol(number));
    match keyword.filter(is_read_back) {
        Some(name) => f.write_str(&name),
        None => write!(f, "proto {number}"),
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.is_single() {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.prefix_len),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.port {
            None => write!(f, "{}", self.net),
            Some(port) if self.net.address.is_ipv6() => write!(f, "[{}]:{port}", self.net),
            Some(port) => write!(f, "{}:{port}", self.net),
        }
    }
}

impl Name {
    /// What it names, as a sentence says it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Eni => "ENI",
            Self::Account => "account",
            Self::Region => "region",
            Self::Vpc => "VPC",
            Self::Subnet => "subnet",
            Self::Instance => "instance",
            Self::Tag => "tag",
            Self::TagIn(field) => field.name(),
        }
    }

    /// The word for it in a filter.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eni => "eni",
            Self::Account => "account",
            Self::Region => "region",
            Self::Vpc => "vpc",
            Self::Subnet => "subnet",
            Self::Instance => "instance",
            Self::Tag => "tag",
            Self::TagIn(field) => field.name(),
        }
    }

    /// Whether it is a tag, whose value may contain blanks.
    pub(super) fn is_tag(self) -> bool {
        matches!(self, Self::Tag | Self::TagIn(_))
    }
}

impl Serialize for Name {
    /// Writes the word for it in a filter.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let own = [
            Self::Eni,
            Self::Account,
            Self::Region,
            Self::Vpc,
            Self::Subnet,
            Self::Instance,
            Self::Tag,
        ];
        let tag = || {
            let tag = Field::from_name(word.as_bytes());
            tag.filter(|tag| TAGS.contains(tag)).map(Self::TagIn)
        };
        let own = own.into_iter().find(|name| name.word() == word);
        own.or_else(tag)
            .ok_or_else(|| D::Error::custom("a kind of name that no filter has"))
    }
}

/// A whole value in double quotes, with a backslash before quotes and backslashes in it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{escaped}\"")
    }
}

impl CountField {
    fn word(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bytes => "bytes",
        }
    }
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Different => "!=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(filter: &str, expected: &str) {
        let expression: Expression = filter.parse().unwrap();
        assert_eq!(expression.to_string(), expected);
        assert_eq!(expected.parse::<Expression>().unwrap(), expression);
    }

    #[test]
    fn kinds_of_names_are_read_as_they_were_written() {
        let own = [Name::Eni, Name::Account, Name::Region, Name::Vpc];
        let own = own
            .into_iter()
            .chain([Name::Subnet, Name::Instance, Name::Tag]);
        for name in own.chain(TAGS.map(Name::TagIn)) {
            let text = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<Name>(&text).unwrap(), name, "{text}");
        }
        assert!(serde_json::from_str::<Name>("\"srcaddr\"").is_err());
    }

    #[test]
    fn each_condition_is_written_as_it_is_read() {
        for filter in [
            "host 10.0.0.5",
            "src net 10.0.0.0/8",
            "dst host 2001:db8::1",
            "src and dst port 53",
            "portrange 8000-8999",
            "tcp",
            "udp",
            "icmp",
            "ipv6-icmp",
            "vrrp",
            "proto 41",
            "proto 200",
            "ip6",
            "accept",
            "egress",
            "flags syn,ack",
            "eni eni-0a1b",
            "region us-east-1",
            "tag web",
            "instance-tag-2 \"web server 1\"",
            r#"tag "say \"hi\" \\""#,
            "bytes >= 1000",
            "between 10.0.0.1 and 10.0.0.0/8",
            "between 10.0.0.1:443 and [2001:db8::1]:50000",
        ] {
            check(filter, filter);
        }
        check("port https", "port 443");
        check("tag:web", "tag web");
        check("asg-tag = 'a b'", "asg-tag \"a b\"");
    }

    #[test]
    fn operators_have_the_parentheses_that_keep_their_meaning() {
        check("tcp port 80 or udp", "(tcp and port 80) or udp");
        check("not (tcp or udp) and reject", "not (tcp or udp) and reject");
        let only = Expression::All(vec![Expression::Any(vec!["port 80".parse().unwrap()])]);
        assert_eq!(only.to_string(), "port 80");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(
            words in prop::collection::vec(prop::sample::select(&[
                "host 10.0.0.5", "src 10.0.0.5", "dst port 443", "and", "or", "not", "(", ")", "tcp",
                "reject", "flags syn", "eni x", "bytes > 3", "ip", "tag:x", "instance-tag 'x y'", "between 10.0.0.1 10.0.0.2:3", "proto 47",
            ][..]), 0..12),
        ) {
            if let Ok(expression) = words.join(" ").parse::<Expression>() {
                prop_assert_eq!(expression.to_string().parse::<Expression>().unwrap(), expression);
            }
        }
    }
}
