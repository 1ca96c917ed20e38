//! What the newer faults leave behind.

use std::collections::BTreeSet;

use testkit::flow_log::Record;
use testkit::vpc::Fault;

use super::{
    RST, SYN, SYN_ACK, Told, has, is_accepted, is_ingress, is_marked, is_never_acknowledged,
    is_refused, is_silent, is_syn,
};

/// The address that no rule knows.
const AT_HOME: &str = "198.51.100.77";

/// Whether the records show what one of the newer faults must leave behind.
pub(super) fn is_newer_marked(told: &Told, fault: Fault) -> bool {
    let mut requests = told.requests();
    match fault {
        Fault::GroupRevoked => has_contrast(told) && goes_on(told),
        Fault::AclChanged => has_contrast(told) && is_cut_open(told),
        Fault::Outage => {
            let begins_s = told
                .scenario
                .planted
                .as_ref()
                .unwrap()
                .change
                .unwrap()
                .begins_s;
            let is_before = |request: &&Record| request.number("end") < begins_s;
            let good =
                requests.any(|request| is_before(&request) && has(told.replies(request), SYN_ACK));
            let mut after = told.requests().filter(|request| !is_before(request));
            good && after.any(|request| is_silent(told, request) || is_refused(told, request))
        }
        Fault::AclShared => {
            let rejected = requests.filter(|request| {
                is_ingress(request) && !is_accepted(request) && told.is_at_planted(request)
            });
            let ports: BTreeSet<u64> = rejected.map(|request| request.number("dstport")).collect();
            ports.len() > 1
        }
        Fault::AclCutsPorts => {
            let passes = requests
                .any(|request| told.is_at_planted(request) && has(told.replies(request), SYN_ACK));
            passes && is_marked(told, Fault::AclBlocksReply)
        }
        Fault::AclBlocksDatagrams => told.records.iter().any(|record| {
            let is_datagram = matches!(record.number("protocol"), 1 | 17);
            let mut asked = told.replies(record);
            is_datagram
                && !is_accepted(record)
                && !is_ingress(record)
                && told.is_at_planted(record)
                && asked.any(is_accepted)
        }),
        Fault::SynFlood | Fault::Unsolicited | Fault::OfficeShutOut => comes_in(told, fault),
        Fault::PathMtu => requests.any(|request| {
            let large = |reply: &Record| reply.number("bytes") > 10_000;
            let few: u64 = told
                .of(request.tuple())
                .map(|own| own.number("packets"))
                .sum();
            told.is_at_planted(request) && told.replies(request).any(large) && few <= 10
        }),
        Fault::SynBacklog => {
            let asked = |request: &&Record| is_ingress(request) && told.is_at_planted(request);
            let dropped = told.requests().filter(asked);
            let dropped = dropped.filter(|request| is_silent(told, request));
            let sources: BTreeSet<&str> = dropped
                .filter_map(|request| request.get("srcaddr"))
                .collect();
            sources.len() > 1 && requests.any(|request| has(told.replies(request), SYN_ACK))
        }
        Fault::Hairpin => requests.any(|request| {
            is_ingress(request) && request.get("pkt-srcaddr") == request.get("pkt-dstaddr")
        }),
        _ => is_marked_beyond(told, fault),
    }
}

/// Faults on the way to other networks.
fn is_marked_beyond(told: &Told, fault: Fault) -> bool {
    let mut requests = told.requests();
    match fault {
        Fault::SubnetWithoutRoute => {
            let others = told
                .requests()
                .filter(|request| !told.is_at_planted(request));
            let works = |request: &Record| has(told.replies(request), SYN_ACK);
            others.into_iter().any(works) && is_marked(told, Fault::NoWayOut)
        }
        Fault::NatPorts => {
            let at_gateway = |request: &&Record| {
                is_ingress(request) && request.get("dstaddr") != request.get("pkt-dstaddr")
            };
            let mut taken = told.requests().filter(at_gateway);
            let mut dropped = requests.filter(at_gateway);
            taken.any(|request| has(told.replies(request), SYN_ACK))
                && dropped.any(|request| is_silent(told, request))
        }
        Fault::TransitNoWayBack => {
            let passes = told.requests().any(|request| {
                let at_attachment = request.get("srcaddr") != request.get("pkt-srcaddr")
                    || request.get("dstaddr") != request.get("pkt-dstaddr");
                at_attachment && told.is_at_planted(request)
            });
            let fails =
                |request: &Record| is_silent(told, request) || is_never_acknowledged(told, request);
            passes && requests.any(fails)
        }
        Fault::Overlap => requests.any(|request| {
            let stayed = told.elsewhere(request).next().is_none();
            is_silent(told, request) && stayed && request.number("traffic-path") == 1
        }),
        Fault::ClientResets => {
            let resets = |request: &&Record| {
                has(told.of(request.tuple()), RST) && !has(told.replies(request), RST)
            };
            let given_up = requests.filter(|request| told.is_at_planted(request));
            given_up.filter(resets).count() >= 10
        }
        _ => panic!("{fault:?} has no mark"),
    }
}

/// Whether requests pass at a planted ENI before the change, and are rejected there from then on.
fn has_contrast(told: &Told) -> bool {
    let begins_s = told
        .scenario
        .planted
        .as_ref()
        .unwrap()
        .change
        .unwrap()
        .begins_s;
    let at_planted = |request: &&Record| is_ingress(request) && told.is_at_planted(request);
    let mut before = told.requests().filter(at_planted);
    let mut after = told.requests().filter(at_planted);
    before.any(|request| is_accepted(request) && request.number("end") < begins_s)
        && after.any(|request| !is_accepted(request) && request.number("start") >= begins_s)
        && told
            .requests()
            .filter(at_planted)
            .all(|request| is_accepted(request) || request.number("start") >= begins_s)
}

/// Whether packets of connections that were open before the change are accepted after it.
fn goes_on(told: &Told) -> bool {
    let planted = told.scenario.planted.as_ref().unwrap();
    let begins_s = planted.change.unwrap().begins_s;
    told.records.iter().any(|record| {
        let port = u16::try_from(record.number("dstport")).unwrap();
        let is_open = planted.ports.contains(&port) && record.number("tcp-flags") & SYN == 0;
        is_open
            && told.is_at_planted(record)
            && record.number("start") > begins_s
            && is_accepted(record)
    })
}

/// Whether packets of connections that were open before the change are rejected after it, and sent
/// again.
fn is_cut_open(told: &Told) -> bool {
    let planted = told.scenario.planted.as_ref().unwrap();
    let begins_s = planted.change.unwrap().begins_s;
    told.records.iter().any(|record| {
        let is_open = record.number("tcp-flags") & SYN == 0 && record.number("packets") > 1;
        is_open
            && told.is_at_planted(record)
            && record.number("start") >= begins_s
            && !is_accepted(record)
    })
}

/// Faults that come from the internet.
fn comes_in(told: &Told, fault: Fault) -> bool {
    let is_syn_there =
        |record: &&Record| is_ingress(record) && is_syn(record) && told.is_at_planted(record);
    let syns = told.records.iter().filter(is_syn_there);
    if fault == Fault::OfficeShutOut {
        let own = syns.filter(|record| record.get("srcaddr") == Some(AT_HOME));
        let own: Vec<&Record> = own.collect();
        return own.len() >= 3 && own.iter().all(|record| !is_accepted(record));
    }
    let is_unfinished = |record: &Record| {
        let mut replies = told.replies(record);
        match fault {
            Fault::SynFlood => replies.all(|reply| reply.number("tcp-flags") == SYN_ACK),
            _ => replies.next().is_none(),
        }
    };
    let sources: BTreeSet<&str> = syns
        .filter(|record| is_accepted(record) && is_unfinished(record))
        .filter_map(|record| record.get("pkt-srcaddr"))
        .collect();
    sources.len() >= if fault == Fault::SynFlood { 500 } else { 20 }
}
