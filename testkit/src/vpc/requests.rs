//! The load balancer's access log, and the clients that its rows are about.
//!
//! Every connection of a node to a target serves the requests of one client, each exchange on it one
//! request. The client's connection is sent over the wire as well, so its flow log is there: it opens
//! before the node connects, asks when the node is asked, and is answered when the row says so. What
//! the node answers for a target that it does not reach is what "Troubleshoot your Application Load
//! Balancers" in the AWS user guide says: 502 for a RST, 504 after 10 seconds without a connection or
//! after the idle timeout. Connections of clients that lead to no target are answered by a listener
//! rule, and one in some by a rule whose target group is empty.

mod row;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

use self::row::Row;
use super::build::{Edge, Vpc};
use super::dialogue::{Close, Course, Dialogue, Exchange, Outcome};
use super::network::{Net, Network, TCP};
use super::traffic::exchange;
use super::wire::{Node, Wire};
use crate::random::Random;

/// Those who use what is behind the load balancer. Nobody else has such an address.
const USERS: Net = Net::new(203, 0, 113, 128, 25);

/// How long a load balancer tries to connect, and how many SYNs that is.
const CONNECT_MS: u64 = 10_000;
const CONNECT_TRIES: usize = 4;

/// How long it waits for a response, unless it is configured.
const IDLE_MS: u64 = 60_000;

/// Time for the handshakes of a client, TLS included, beside the way.
const HANDSHAKES_MS: u64 = 900;

/// What truly lies behind an error that a load balancer answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The target sent it itself.
    Target,
    /// The target answered the SYN with RST.
    Refused,
    /// The target reset the connection after the request.
    Reset,
    /// A filter let the SYN or the SYN-ACK not pass.
    Rejected,
    /// Nothing came back.
    Silent,
    /// The connection was open, and packets did not pass any more.
    Stalled,
    /// The target took the request and did not answer in time.
    Slow,
    /// There was no target.
    NoTarget,
    /// The client left.
    ClientLeft,
}

/// An error that the load balancer answered with.
#[derive(Clone, Debug)]
pub struct RequestError {
    /// The status that the client got.
    pub status: u16,
    /// The status that the target sent.
    pub target_status: Option<u16>,
    /// `ADDRESS:PORT`.
    pub target: Option<String>,
    /// What lies behind it.
    pub origin: Origin,
}

/// Files of the access log, and the errors in them.
#[derive(Default)]
pub(super) struct AccessLog {
    pub(super) files: Vec<(String, String)>,
    pub(super) errors: Vec<RequestError>,
}

/// A request as the load balancer has seen it, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
struct Request {
    came_at: u64,
    /// When it was sent to the target.
    dispatched_at: Option<u64>,
    /// When the target's response came.
    answered_at: Option<u64>,
    sent_at: u64,
    status: u16,
    target_status: Option<u16>,
    received: u64,
    sent: u64,
    origin: Option<Origin>,
}

/// Which of its edges are those of the load balancer.
struct Balancer<'v> {
    network: &'v Network,
    web: &'v Edge,
    targets: &'v Edge,
}

impl<'v> Balancer<'v> {
    fn of(vpc: &'v Vpc) -> Option<Self> {
        let named = |name: &str| vpc.edges.iter().find(|edge| edge.name == name);
        Some(Self {
            network: &vpc.network,
            web: named("web")?,
            targets: named("application")?,
        })
    }

    /// The node that opens this conversation with a target.
    fn node_of(&self, dialogue: &Dialogue) -> Option<usize> {
        let (Node::Eni(node), _) = dialogue.from else {
            return None;
        };
        let target = self.network.eni_at(*dialogue.to.ip())?;
        let is_one = dialogue.protocol == TCP
            && dialogue.to.port() == self.targets.port
            && self.targets.initiating().contains(&node)
            && self.targets.responding().contains(&target);
        is_one.then_some(node)
    }

    /// The node that a client connects to.
    fn node_asked(&self, dialogue: &Dialogue) -> Option<usize> {
        let node = self.network.eni_at(*dialogue.to.ip())?;
        let is_one = dialogue.from.0 == Node::Outside
            && dialogue.to.port() == self.web.port
            && self.web.responding().contains(&node);
        is_one.then_some(node)
    }

    /// Whether a filter lets the SYN or its answer not pass.
    fn rejects(&self, node: usize, dialogue: &Dialogue) -> bool {
        let (network, at) = (self.network, dialogue.at);
        let (ours, port) = (network.enis[node].address, dialogue.to.port());
        let (theirs, own) = (*dialogue.to.ip(), dialogue.from.1.port());
        let Some(target) = network.eni_at(theirs) else {
            return false;
        };
        let passes = |rules: &[_], other, port| Network::acl_allows(rules, other, TCP, port, at);
        let (here, there) = (network.acl_of(node), network.acl_of(target));
        let both_ways = passes(&here.outbound, theirs, port)
            && passes(&there.inbound, ours, port)
            && passes(&there.outbound, ours, own)
            && passes(&here.inbound, theirs, own);
        let by_acl = !network.within_subnet(node, theirs) && !both_ways;
        let bare = network.unencrypted.as_ref();
        let by_controls = bare.is_some_and(|bare| {
            bare.during.contains(&at) && (bare.eni == node || bare.eni == target)
        });
        by_acl
            || by_controls
            || !network.groups_allow(node, false, theirs, TCP, port, at)
            || !network.groups_allow(target, true, ours, TCP, port, at)
    }
}

/// A load balancer gives up connecting after some seconds, whoever is not there.
pub(super) fn be_patient(vpc: &Vpc, dialogues: &mut [Dialogue]) {
    let Some(balancer) = Balancer::of(vpc) else {
        return;
    };
    for dialogue in dialogues {
        if balancer.node_of(dialogue).is_some() {
            dialogue.tries = CONNECT_TRIES;
        }
    }
}

/// Sends the clients of all conversations with targets over the wire, and writes the access log.
pub(super) fn serve(
    wire: &mut Wire,
    vpc: &Vpc,
    told: &[(Dialogue, Course)],
    archive: &Range<u64>,
    random: &mut Random,
) -> AccessLog {
    let Some(balancer) = Balancer::of(vpc) else {
        return AccessLog::default();
    };
    // Of a target that a filter hides a load balancer says one or the other.
    let hidden = random.of(&[502, 504, 504]);
    let mut rows = Vec::new();
    let mut clients = 0..;
    for (dialogue, course) in told {
        if let Some(node) = balancer.node_of(dialogue) {
            let hidden = balancer.rejects(node, dialogue).then_some(hidden);
            let requests = forwarded(dialogue, course, hidden, random);
            let number = clients.next().unwrap_or(0);
            let (client, heard) = client_of(wire, balancer.web, node, &requests, number, random);
            let target = Some(dialogue.to);
            let own = requests.into_iter().take(heard);
            rows.extend(own.map(|request| Row::new(node, client, target, request, random)));
        } else if let Some(node) = balancer.node_asked(dialogue) {
            let requests = answered_by_rule(dialogue, course, random);
            let own = requests.into_iter();
            let client = dialogue.from.1;
            rows.extend(own.map(|request| Row::new(node, client, None, request, random)));
        }
    }
    // What is answered later is in files that come later.
    rows.retain(|row| archive.contains(&row.request.sent_at));
    let errors = rows.iter().filter_map(Row::error).collect();
    let files = row::files(&rows, &vpc.network, random);
    AccessLog { files, errors }
}

/// The requests that a conversation with a target served, or would have.
fn forwarded(
    dialogue: &Dialogue,
    course: &Course,
    hidden: Option<u16>,
    random: &mut Random,
) -> Vec<Request> {
    let first_came_at = dialogue.at - random.below(3);
    if course.spoken.is_empty() {
        let request = dialogue.exchanges.first();
        let failed = not_connected(dialogue, course, hidden, first_came_at, random);
        return request.map(|_| failed).into_iter().collect();
    }
    let mut requests = Vec::new();
    for (n, (exchange, spoken)) in dialogue.exchanges.iter().zip(&course.spoken).enumerate() {
        let gives_up = matches!(dialogue.close, Close::GivesUp(_));
        // What only keeps a connection alive is no request.
        if exchange.reply == 0 && !gives_up {
            continue;
        }
        let came_at = match n {
            0 => first_came_at,
            _ => spoken.asked_at - random.below(3),
        };
        let request = Request {
            came_at,
            dispatched_at: Some(spoken.asked_at),
            answered_at: spoken.answered_at,
            sent_at: 0,
            status: 0,
            target_status: None,
            received: exchange.request,
            sent: 277,
            origin: None,
        };
        let known = |sent_at, status, origin| Request {
            sent_at,
            status,
            origin: Some(origin),
            ..request
        };
        requests.push(match (spoken.answered_at, course.outcome) {
            (Some(at), _) => answered(request, at, exchange, random),
            (None, Outcome::Reset) if gives_up => known(course.ended_at, 504, Origin::Slow),
            (None, Outcome::Reset) => known(course.ended_at + random.below(3), 502, Origin::Reset),
            (None, _) => known(spoken.asked_at + IDLE_MS, 504, Origin::Stalled),
        });
    }
    requests
}

/// A response of the target. Some are errors of its own.
fn answered(request: Request, at: u64, exchange: &Exchange, random: &mut Random) -> Request {
    let status = match random.below(100) {
        0..4 => random.of(&[500, 500, 502, 503, 504]),
        4..10 => 404,
        10..14 => 304,
        _ => 200,
    };
    Request {
        sent_at: at + random.below(2),
        status,
        target_status: Some(status),
        sent: exchange.reply,
        origin: (status >= 500).then_some(Origin::Target),
        ..request
    }
}

/// What a client gets for a target that cannot be connected to.
fn not_connected(
    dialogue: &Dialogue,
    course: &Course,
    hidden: Option<u16>,
    came_at: u64,
    random: &mut Random,
) -> Request {
    let (after, status, origin) = match (course.outcome, hidden) {
        (Outcome::Refused, _) => (course.ended_at - dialogue.at, 502, Origin::Refused),
        (_, Some(502)) => (3_000 + random.below(120), 502, Origin::Rejected),
        (_, Some(_)) => (CONNECT_MS, 504, Origin::Rejected),
        (_, None) => (CONNECT_MS, 504, Origin::Silent),
    };
    Request {
        came_at,
        // The guide says that there is none, and rows show now and then that there is.
        dispatched_at: random.percent(15).then_some(dialogue.at),
        answered_at: None,
        sent_at: dialogue.at + after + random.below(4),
        status,
        target_status: None,
        received: dialogue.exchanges.first().map_or(0, |first| first.request),
        sent: 277,
        origin: Some(origin),
    }
}

/// What a listener rule answers by itself: a redirect, a page, or that there is no target.
fn answered_by_rule(dialogue: &Dialogue, course: &Course, random: &mut Random) -> Vec<Request> {
    let has_no_target = random.percent(6);
    let all = dialogue.exchanges.iter().zip(&course.spoken);
    let heard = all.filter(|(_, spoken)| spoken.is_heard);
    let requests = heard.filter_map(|(exchange, spoken)| {
        let left = matches!(dialogue.close, Close::GivesUp(_)) && spoken.answered_at.is_none();
        let (sent_at, status, origin) = match spoken.answered_at {
            Some(at) if has_no_target => (at, 503, Some(Origin::NoTarget)),
            Some(at) => (at, random.of(&[301, 302, 200]), None),
            None if left => (course.ended_at, 460, Some(Origin::ClientLeft)),
            None => return None,
        };
        Some(Request {
            came_at: spoken.asked_at,
            dispatched_at: None,
            answered_at: None,
            sent_at,
            status,
            target_status: None,
            received: exchange.request,
            sent: if left { 0 } else { exchange.reply },
            origin,
        })
    });
    requests.collect()
}

/// Lets a client ask for all that on one connection to this node. Returns its address and port, and
/// how many of its requests arrived.
fn client_of(
    wire: &mut Wire,
    web: &Edge,
    node: usize,
    requests: &[Request],
    number: u32,
    random: &mut Random,
) -> (SocketAddrV4, usize) {
    let (address, port) = user(number);
    let client = SocketAddrV4::new(address, port);
    let Some(first) = requests.first() else {
        return (client, 0);
    };
    let latency = random.between(8, 90);
    // The hello and its answer, with certificates.
    let mut exchanges = vec![exchange(1, 517, 3_200)];
    exchanges.extend(requests.iter().map(|request| Exchange {
        paced: Some((request.came_at, request.sent_at)),
        ..exchange(0, request.received + 120, request.sent + 120)
    }));
    let client_leg = Dialogue {
        from: (Node::Outside, client),
        to: SocketAddrV4::new(wire.network.enis[node].address, web.port),
        protocol: TCP,
        at: first.came_at - HANDSHAKES_MS - 4 * latency,
        latency,
        exchanges,
        close: random.of(&[Close::Initiator, Close::Initiator, Close::Responder]),
        tries: 4,
    };
    let course = client_leg.run(wire, random);
    let asked = course.spoken.iter().skip(1);
    (client, asked.take_while(|spoken| spoken.is_heard).count())
}

/// A user, and a port that it has not had before.
fn user(number: u32) -> (Ipv4Addr, u16) {
    let port = 49_152 + (number / 60) * 101 % 16_000;
    (
        USERS.address(number % 60),
        u16::try_from(port).unwrap_or(u16::MAX),
    )
}
