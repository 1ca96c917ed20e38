//! What a fault in the VPC leaves behind in the records, whatever else they show.
//!
//! Reads the text of a flow log and nothing of the model, but what it says was planted.

mod newer;

use std::collections::{BTreeMap, BTreeSet};

use testkit::flow_log::{self, Record};
use testkit::pcapng::packet::Tuple;
use testkit::vpc::{Choice, Fault, Scenario};

pub(crate) const SYN: u64 = 2;
pub(crate) const SYN_ACK: u64 = 18;
pub(crate) const RST: u64 = 4;

/// Where scanners come from.
pub(crate) const SCANNERS: [&str; 2] = ["198.18.", "198.19."];

/// The records of a scenario, in columns that tell all.
pub(crate) struct Told {
    pub(crate) scenario: Scenario,
    pub(crate) records: Vec<Record>,
    /// Of each five-tuple, one way.
    by_tuple: BTreeMap<Tuple, Vec<usize>>,
}

impl Told {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let scenario = Scenario::new(seed, fault, Some(Choice::Eight));
        let records: Vec<Record> = scenario
            .files
            .iter()
            .flat_map(|(_, text)| flow_log::records(text))
            .collect();
        let mut by_tuple = BTreeMap::<_, Vec<usize>>::new();
        for (index, record) in records.iter().enumerate() {
            by_tuple.entry(record.tuple()).or_default().push(index);
        }
        Self {
            scenario,
            records,
            by_tuple,
        }
    }

    /// Whether some of it was not delivered.
    pub(crate) fn has_gap(&self) -> bool {
        let texts = self.scenario.files.iter();
        texts.into_iter().any(|(_, text)| text.contains("SKIPDATA"))
    }

    /// Records of this five-tuple at all ENIs.
    pub(crate) fn of(&self, tuple: Tuple) -> impl Iterator<Item = &Record> {
        let indexes = self.by_tuple.get(&tuple);
        indexes
            .into_iter()
            .flatten()
            .map(|index| &self.records[*index])
    }

    /// Records of the same five-tuple, the other way, at the same ENI.
    pub(crate) fn replies(&self, record: &Record) -> impl Iterator<Item = &Record> {
        let replies = self.of(record.tuple().reverse());
        replies.filter(|other| eni(other) == eni(record))
    }

    /// Records of the same five-tuple, the same way, at other ENIs.
    pub(crate) fn elsewhere(&self, record: &Record) -> impl Iterator<Item = &Record> {
        let same = self.of(record.tuple());
        same.filter(|other| eni(other) != eni(record))
    }

    /// Whether one of the ENIs that are to be named wrote it.
    pub(crate) fn is_at_planted(&self, record: &Record) -> bool {
        let planted = self.scenario.planted.as_ref().unwrap();
        planted.enis.contains(&eni(record))
    }

    /// Requests to the planted port.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Record> {
        let planted = self.scenario.planted.as_ref().unwrap();
        let to_port = |record: &&Record| {
            let port = u16::try_from(record.number("dstport")).unwrap();
            is_syn(record) && planted.ports.contains(&port) && !is_scanner(record)
        };
        self.records.iter().filter(to_port)
    }

    /// Whether it ended so long before the archive that all of it was delivered.
    pub(crate) fn is_early(&self, record: &Record) -> bool {
        record.number("end") + 60 < self.scenario.archive.end
    }
}

pub(crate) fn eni(record: &Record) -> String {
    record.get("interface-id").unwrap().to_owned()
}

pub(crate) fn is_syn(record: &Record) -> bool {
    record.number("tcp-flags") & SYN_ACK == SYN
}

pub(crate) fn is_accepted(record: &Record) -> bool {
    record.get("action") == Some("ACCEPT")
}

pub(crate) fn is_ingress(record: &Record) -> bool {
    record.get("flow-direction") == Some("ingress")
}

pub(crate) fn is_scanner(record: &Record) -> bool {
    let source = record.get("srcaddr").unwrap();
    SCANNERS.iter().any(|net| source.starts_with(net))
}

/// Whether this flag, or all of these, were seen in one of the records.
pub(crate) fn has<'a>(mut records: impl Iterator<Item = &'a Record>, flags: u64) -> bool {
    records.any(|record| record.number("tcp-flags") & flags == flags)
}

/// Whether the records show what the fault must leave behind, whatever else they show.
pub(crate) fn is_marked(told: &Told, fault: Fault) -> bool {
    let mut requests = told.requests();
    match fault {
        Fault::AclBlocksReply => told.records.iter().any(|record| {
            let is_cut = !is_accepted(record) && told.is_at_planted(record);
            is_cut
                && told
                    .replies(record)
                    .any(|request| is_accepted(request) && is_syn(request))
        }),
        Fault::GroupInbound | Fault::AclInbound => requests.any(|request| {
            let left = |other: &Record| !is_ingress(other) && is_accepted(other);
            is_ingress(request)
                && !is_accepted(request)
                && told.is_at_planted(request)
                && (told.elsewhere(request).any(left) || !is_inside(request))
        }),
        Fault::GroupOutbound | Fault::AclOutbound => requests.any(|request| {
            let stayed = told.elsewhere(request).next().is_none();
            !is_ingress(request) && !is_accepted(request) && told.is_at_planted(request) && stayed
        }),
        Fault::PublicAccessBlock => told.records.iter().any(|record| {
            record.get("reject-reason") == Some("BPA") && record.get("bytes").is_none()
        }),
        Fault::Unencrypted => told
            .records
            .iter()
            .any(|record| record.get("reject-reason") == Some("EC") && told.is_at_planted(record)),
        Fault::Refused => requests.any(|request| {
            is_ingress(request) && is_refused(told, request) && told.is_at_planted(request)
        }),
        Fault::Silent => requests.any(|request| is_silent(told, request)),
        Fault::NoWayOut => requests.any(|request| {
            let stayed = told.elsewhere(request).next().is_none();
            told.is_at_planted(request) && is_silent(told, request) && stayed
        }),
        Fault::ReplyElsewhere => requests.any(|request| {
            let answers = told.of(request.tuple().reverse());
            let mut answers = answers.filter(|other| eni(other) != eni(request));
            is_silent(told, request)
                && answers.any(|other| {
                    other.get("srcaddr") != other.get("pkt-srcaddr") && told.is_at_planted(other)
                })
        }),
        Fault::HalfOpen | Fault::NoWayBack => {
            requests.any(|request| is_never_acknowledged(told, request))
        }
        Fault::IdleTimeout => told
            .requests()
            .any(|request| is_reset_after_silence(told, request)),
        Fault::Reset => requests.any(|request| {
            let reset = told
                .replies(request)
                .any(|reply| reply.number("tcp-flags") == SYN_ACK | RST);
            reset && told.is_at_planted(request)
        }),
        Fault::Intermittent | Fault::SomeTargets => {
            let good = requests.any(|request| has(told.replies(request), SYN_ACK));
            good && told.requests().any(|request| {
                let reset = has(told.replies(request), RST);
                reset || is_silent(told, request) || is_never_acknowledged(told, request)
            })
        }
        Fault::Scan => searched(told) >= 30,
        newer => newer::is_newer_marked(told, newer),
    }
}

pub(crate) fn is_inside(record: &Record) -> bool {
    record.get("pkt-srcaddr").unwrap().starts_with("10.20.")
}

pub(crate) fn is_refused(told: &Told, request: &Record) -> bool {
    let replies: Vec<&Record> = told.replies(request).collect();
    !replies.is_empty() && replies.iter().all(|reply| reply.number("tcp-flags") == RST)
}

pub(crate) fn is_silent(told: &Told, request: &Record) -> bool {
    is_accepted(request) && told.is_early(request) && told.replies(request).next().is_none()
}

/// Whether the SYN is repeated although it is answered where it arrives.
pub(crate) fn is_never_acknowledged(told: &Told, request: &Record) -> bool {
    let only_syns = request.number("tcp-flags") == SYN && request.number("packets") > 1;
    is_ingress(request) && only_syns && has(told.replies(request), SYN_ACK)
}

pub(crate) fn is_reset_after_silence(told: &Told, request: &Record) -> bool {
    let replies: Vec<&Record> = told.replies(request).collect();
    let resets = replies
        .iter()
        .filter(|reply| reply.number("tcp-flags") == RST);
    let mut before = resets.flat_map(|reset| {
        let earlier = replies.iter().map(|reply| reply.number("end"));
        let earlier = earlier.filter(|end| *end < reset.number("start"));
        earlier.max().map(|end| reset.number("start") - end)
    });
    before.any(|silence_s| silence_s >= 350)
}

/// Hosts and ports that the busiest source has tried.
pub(crate) fn searched(told: &Told) -> usize {
    let mut tried = BTreeMap::<_, BTreeSet<_>>::new();
    for record in told.records.iter().filter(|record| is_syn(record)) {
        let tuple = record.tuple();
        tried
            .entry(tuple.source.0)
            .or_default()
            .insert(tuple.destination);
    }
    tried.values().map(BTreeSet::len).max().unwrap()
}
