//! The keywords of a filter and the values that follow them.
//!
//! Single words are read here; [`super::grammar`] reads how words are combined.

use std::net::{IpAddr, Ipv4Addr};

use super::expression::{CountField, EndpointSide, Name, Net, Peer, Term};
use crate::names::{protocol_number, protocol_of_keyword, service_named};
use crate::record::{Action, ObservedFlags, TAGS};

/// A keyword that gives the type of the value after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// An address, or a network in CIDR notation.
    Host(EndpointSide),
    /// The same, where trailing zeros may be left out: `10.1` is `10.1.0.0/16`.
    Net(EndpointSide),
    /// A port, or a range with a dash.
    Port(EndpointSide),
    /// A protocol, by name or number.
    Protocol,
    /// An action: accept or reject.
    Action,
    /// A direction.
    Direction,
    /// Flags separated by commas.
    Flags,
    /// A name.
    Named(Name),
}

impl Qualifier {
    /// Returns the meaning of `text` after this keyword.
    pub(super) fn term(self, text: &str) -> Option<Term> {
        Some(match self {
            Self::Host(side) => Term::Host(side, net(text)?),
            Self::Net(side) => Term::Host(side, net(text).or_else(|| short_net(text))?),
            Self::Port(side) => {
                let (first, last) = ports(text)?;
                Term::Port(side, first, last)
            }
            Self::Protocol => Term::Protocol(protocol(text)?),
            Self::Action => Term::Action(action(&text.to_ascii_lowercase())?),
            Self::Direction => Term::Leaving(leaving(&text.to_ascii_lowercase())?),
            Self::Flags => Term::Flags(flags(text)?),
            Self::Named(name) if is_whole(name, text) => Term::Is(name, text.to_owned()),
            Self::Named(name) => Term::Begins(name, text.to_owned()),
        })
    }

    /// Returns a description of the value expected after this keyword, where `word` was found.
    pub(super) fn wants_instead_of(self, word: &str) -> &'static str {
        let meant = || action_meant(&word.to_ascii_lowercase());
        let is_action = self == Self::Action;
        is_action.then(meant).flatten().unwrap_or(self.wants())
    }

    /// Returns a description of the value expected after this keyword.
    pub(super) fn wants(self) -> &'static str {
        match self {
            Self::Host(_) => "an address, such as 10.0.0.5, 2001:db8::1 or 10.0.0.0/24",
            Self::Net(_) => "addresses, such as 10.0.0.0/8, 10.1 or 2001:db8::/32",
            Self::Port(_) => "a port, such as 443, https or 8000-8999",
            Self::Protocol => "a protocol, such as tcp, udp, icmp or 47",
            Self::Action => "accept or reject",
            Self::Direction => "ingress or egress",
            Self::Flags => "flags, such as syn, rst or syn,ack",
            Self::Named(Name::Eni) => "the name of an ENI, such as eni-0a1b2c3d4e5f60718",
            Self::Named(Name::Account) => "an account, such as 123456789012",
            Self::Named(Name::Region) => "a region, such as eu-central-1",
            Self::Named(Name::Vpc) => "a VPC, such as vpc-0a1b2c3d4e5f60718",
            Self::Named(Name::Subnet) => "a subnet, such as subnet-0a1b2c3d4e5f60718",
            Self::Named(Name::Instance) => "an instance, such as i-0a1b2c3d4e5f60718",
            Self::Named(Name::Tag | Name::TagIn(_)) => {
                "the value of a tag, such as web-1 or \"web server 1\""
            }
        }
    }
}

/// Whether `text` has the form of a whole name, so that it is not the beginning of another one.
fn is_whole(name: Name, text: &str) -> bool {
    let last = text.rsplit('-').next().unwrap_or_default();
    let is_made_of = |all: fn(&u8) -> bool| last.bytes().all(|byte| all(&byte));
    match name {
        Name::Account => text.len() == 12 && is_made_of(u8::is_ascii_digit),
        // us-east-1, us-gov-west-1
        Name::Region => text.matches('-').count() >= 2 && matches!(last.as_bytes(), [b'0'..=b'9']),
        Name::Eni | Name::Vpc | Name::Subnet | Name::Instance => {
            matches!(last.len(), 8 | 17) && is_made_of(u8::is_ascii_hexdigit)
        }
        Name::Tag | Name::TagIn(_) => false,
    }
}

/// What to write instead of a word of other tools for a verdict.
pub(super) fn action_meant(word: &str) -> Option<&'static str> {
    match word {
        "deny" | "denied" | "drop" | "dropped" | "block" | "blocked" | "rejected" => {
            Some("reject, which is the word of flow logs for packets that are blocked")
        }
        "allow" | "allowed" | "pass" | "passed" | "permit" | "permitted" | "accepted" => {
            Some("accept, which is the word of flow logs for packets that are allowed")
        }
        _ => None,
    }
}

/// Returns the keyword with that name; `side` is used only by keywords that have a side.
pub(super) fn qualifier(word: &str, side: EndpointSide) -> Option<Qualifier> {
    Some(match word {
        "host" => Qualifier::Host(side),
        "net" => Qualifier::Net(side),
        "port" | "portrange" => Qualifier::Port(side),
        "proto" | "protocol" => Qualifier::Protocol,
        "action" => Qualifier::Action,
        "direction" => Qualifier::Direction,
        "flags" => Qualifier::Flags,
        "eni" => Qualifier::Named(Name::Eni),
        "account" => Qualifier::Named(Name::Account),
        "region" => Qualifier::Named(Name::Region),
        "vpc" => Qualifier::Named(Name::Vpc),
        "subnet" => Qualifier::Named(Name::Subnet),
        "instance" => Qualifier::Named(Name::Instance),
        "tag" => Qualifier::Named(Name::Tag),
        word => {
            let field = TAGS.into_iter().find(|field| field.name() == word)?;
            Qualifier::Named(Name::TagIn(field))
        }
    })
}

/// Returns the action with that name.
pub(super) fn action(word: &str) -> Option<Action> {
    match word {
        "accept" => Some(Action::Accept),
        "reject" => Some(Action::Reject),
        _ => None,
    }
}

/// Whether the direction with that name leaves the ENI.
pub(super) fn leaving(word: &str) -> Option<bool> {
    match word {
        "egress" | "outbound" => Some(true),
        "ingress" | "inbound" => Some(false),
        _ => None,
    }
}

/// Returns the count with that name.
pub(super) fn counter(word: &str) -> Option<CountField> {
    match word {
        "packets" => Some(CountField::Packets),
        "bytes" => Some(CountField::Bytes),
        _ => None,
    }
}

/// Returns the term for a word that may come before `host` or `port`.
pub(super) fn family_or_protocol(word: &str) -> Option<Term> {
    match word {
        "ip" => Some(Term::Ipv6(false)),
        "ip6" => Some(Term::Ipv6(true)),
        // Protocols with these names carry IP in IP; a user who writes the word means the address
        // family.
        "ipv4" | "ipv6" => None,
        _ => protocol_number(word).map(Term::Protocol),
    }
}

/// Parses an address, or a network in CIDR notation.
pub(super) fn net(text: &str) -> Option<Net> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix_len = match prefix {
        Some(prefix) => prefix.parse().ok().filter(|len| *len <= width)?,
        None => width,
    };
    Some(Net {
        address,
        prefix_len,
    })
}

/// One end of a connection: `10.0.0.5`, `10.0.0.5:443`, `[2001:db8::1]:443`, `10.0.0.0/8`.
pub(super) fn peer(text: &str) -> Option<Peer> {
    if let Some(net) = net(text) {
        return Some(Peer { net, port: None });
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => {
            let colon = text.rfind(':')?;
            text.split_at(colon)
        }
    };
    let port = match port {
        "" => None,
        port => Some(single_port(port.strip_prefix(':')?)?),
    };
    let net = net(address)?;
    Some(Peer { net, port })
}

/// Parses the leading bytes of an IPv4 address: `10.1` is `10.1.0.0/16`.
fn short_net(text: &str) -> Option<Net> {
    let bytes: Vec<u8> = text
        .split('.')
        .map(|byte| byte.parse().ok())
        .collect::<Option<_>>()?;
    let mut address = [0; 4];
    address.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    Some(Net {
        address: Ipv4Addr::from(address).into(),
        prefix_len: u8::try_from(8 * bytes.len()).ok()?,
    })
}

/// Parses one port, or the first and the last port of a range.
fn ports(text: &str) -> Option<(u16, u16)> {
    match (single_port(text), text.split_once('-')) {
        (Some(port), _) => Some((port, port)),
        (None, Some((first, last))) => {
            let (first, last) = (single_port(first)?, single_port(last)?);
            (first <= last).then_some((first, last))
        }
        (None, None) => None,
    }
}

/// A port, by number or by the name of its service.
fn single_port(text: &str) -> Option<u16> {
    let number = text.parse().ok();
    number.or_else(|| service_named(text).map(|service| service.port))
}

fn protocol(text: &str) -> Option<u8> {
    let number = text.parse().ok();
    number
        .or_else(|| protocol_number(text))
        .or_else(|| protocol_of_keyword(text))
}

fn flags(text: &str) -> Option<ObservedFlags> {
    let mut bits = text.split([',', '-']).map(|name| {
        let name = name.to_ascii_lowercase();
        named(FLAGS, &name)
    });
    bits.try_fold(0, |bits, bit| Some(bits | bit?))
        .map(ObservedFlags)
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

const FLAGS: &[(&str, u8)] = &[
    ("fin", 1),
    ("syn", 2),
    ("rst", 4),
    ("psh", 8),
    ("push", 8),
    ("ack", 16),
    ("urg", 32),
];
