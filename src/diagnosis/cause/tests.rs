//! One cause each, from the fewest attempts that show it.

use super::*;
use crate::diagnosis::attempt::attempts;
use crate::diagnosis::horizon::Horizon;
use crate::flow::{Endpoint, FiveTuple, Observation, RejectReason, TCP, Verdict};
use crate::record::ObservedFlags;
use crate::time::SECOND_NS;

/// An archive in the making: ENIs by address, in subnets by the third octet of it.
#[derive(Default)]
struct Archive {
    enis: Enis,
    records: Vec<Observation>,
    line: u64,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Passes,
    RejectedIn,
    RejectedOut,
    ReplyRejected,
    Silent,
    Refused,
    /// Reset after so many seconds of silence.
    Cut(i64),
}

impl Archive {
    fn eni(&mut self, address: &str) -> Option<EniIndex> {
        if !address.starts_with("10.0.") {
            return None;
        }
        let index = self.enis.enter(format!("eni-{address}").as_bytes());
        let eni = self.enis.get_mut(index);
        eni.has(address.parse().unwrap());
        let third = address.split('.').nth(2).unwrap();
        (eni.subnet, eni.zone) = (format!("subnet-{third}"), format!("az{}", third.len()));
        Some(index)
    }

    /// Records of one way at both ENIs, where there are any.
    fn way(&mut self, ends: [(&str, u16); 2], at_s: i64, flags: u8, rejected: [bool; 2]) {
        let [source, destination] = ends.map(|(address, port)| Endpoint {
            address: address.parse().unwrap(),
            port,
        });
        let (key, way) = FiveTuple {
            source,
            destination,
            protocol: TCP,
        }
        .key();
        let enis = ends.map(|(address, _)| self.eni(address));
        for (index, leaving) in [(0, true), (1, false)] {
            let Some(eni) = enis[index] else { continue };
            if index == 1 && rejected[0] {
                continue;
            }
            self.line += 1;
            self.records.push(Observation {
                key,
                way,
                leaving: Some(leaving),
                verdict: if rejected[index] {
                    Verdict::Reject(RejectReason::Unsaid)
                } else {
                    Verdict::Accept
                },
                flags: Some(ObservedFlags(flags)),
                eni,
                rejected_at: None,
                packets: 4,
                bytes: Some(240),
                clock_ns: 0,
                start_ns: at_s * SECOND_NS,
                end_ns: (at_s + 7) * SECOND_NS,
                place: Place {
                    file: 0,
                    line: self.line,
                },
                matched: true,
            });
        }
    }

    /// An attempt from `source` to `target` that begins then.
    fn attempt(&mut self, source: (&str, u16), target: (&str, u16), at_s: i64, fate: Fate) {
        let (there, back) = ([source, target], [target, source]);
        match fate {
            Fate::Passes => {
                self.way(there, at_s, 3, [false; 2]);
                self.way(back, at_s, 19, [false; 2]);
            }
            Fate::RejectedIn => self.way(there, at_s, 2, [false, true]),
            Fate::RejectedOut => self.way(there, at_s, 2, [true, false]),
            Fate::ReplyRejected => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 18, [true, false]);
            }
            Fate::Silent => self.way(there, at_s, 2, [false; 2]),
            Fate::Refused => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 4, [false; 2]);
            }
            Fate::Cut(silence_s) => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 18, [false; 2]);
                self.way(there, at_s + 7 + silence_s, 0, [false; 2]);
                self.way(back, at_s + 7 + silence_s, 4, [false; 2]);
            }
        }
    }

    /// So many such attempts, a minute apart, from ports that differ.
    fn attempts(&mut self, from: &str, to: (&str, u16), count: u16, fate: Fate) {
        for i in 0..count {
            let port = 40_000 + i * 97 + u16::try_from(self.line % 90).unwrap();
            self.attempt((from, port), to, i64::from(i) * 60, fate);
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut tally = Tally::default();
        let horizon = Horizon::new(Some((0, 1_000_000 * SECOND_NS)), Vec::new());
        let mut keys: Vec<_> = self.records.iter().map(|o| o.key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let mut records: Vec<_> = self
                .records
                .iter()
                .filter(|o| o.key == key)
                .copied()
                .collect();
            for attempt in attempts(&mut records) {
                // One tally an attempt, to see that they add up.
                let mut one = Tally::default();
                one.take_in(&attempt, &horizon, &self.enis);
                tally.add(one);
            }
        }
        let name = |place: Place| format!("log:{}", place.line);
        findings(
            &tally,
            &Ground {
                enis: &self.enis,
                name: &name,
            },
        )
    }

    /// The first finding.
    #[track_caller]
    fn check(&self, cause: Cause, certainty: Certainty) -> Finding {
        let findings = self.findings();
        let first = findings.first().expect("a finding").clone();
        assert_eq!(
            (first.cause, first.certainty),
            (cause, certainty),
            "{findings:#?}"
        );
        assert!(
            !first.records.is_empty() && first.of >= first.count,
            "{first:#?}"
        );
        first
    }
}

const DB: (&str, u16) = ("10.0.21.40", 5432);

#[test]
fn other_sources_pass_the_same_eni_so_it_is_the_security_group() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, Fate::RejectedIn);
    archive.attempts("10.0.12.27", DB, 5, Fate::Passes);
    let found = archive.check(Cause::SecurityGroupInbound, Certainty::Likely);
    assert_eq!((found.count, found.of), (5, 10));
    assert_eq!(
        found.scope.enis.iter().collect::<Vec<_>>(),
        ["eni-10.0.21.40"]
    );
    assert!(
        found.title.contains("application to database"),
        "{}",
        found.title
    );
}

#[test]
fn whole_subnet_fails_so_it_is_the_acl() {
    let mut archive = Archive::default();
    for target in ["10.0.21.40", "10.0.21.41"] {
        archive.attempts("10.0.11.15", (target, 8080), 5, Fate::RejectedIn);
    }
    archive.attempts("10.0.11.15", ("10.0.22.40", 8080), 5, Fate::Passes);
    // Within the subnet no ACL judges.
    archive.attempts("10.0.21.41", ("10.0.21.40", 9000), 5, Fate::Passes);
    let found = archive.check(Cause::AclInbound, Certainty::Likely);
    assert_eq!(
        found.scope.subnets.iter().collect::<Vec<_>>(),
        ["subnet-21"]
    );
    assert_eq!(found.count, 10);
}

#[test]
fn nothing_to_compare_with_is_undecided() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, Fate::RejectedIn);
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}

#[test]
fn what_passed_before_proves_nothing() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 3, Fate::Passes);
    for i in 0..3 {
        archive.attempt(
            ("10.0.11.15", 50_000 + i),
            DB,
            600 + 60 * i64::from(i),
            Fate::RejectedIn,
        );
    }
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}

#[test]
fn way_out_is_told_apart_like_the_way_in() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, Fate::RejectedOut);
    archive.check(Cause::OutboundBlocked, Certainty::Proved);
    archive.attempts("10.0.11.15", ("10.0.22.1", 443), 5, Fate::Passes);
    archive.check(Cause::SecurityGroupOutbound, Certainty::Likely);
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, Fate::RejectedOut);
    archive.attempts("10.0.11.16", DB, 5, Fate::RejectedOut);
    archive.check(Cause::AclOutbound, Certainty::Likely);
}

#[test]
fn blocked_reply_names_the_ports_that_pass_and_those_that_do_not() {
    let mut archive = Archive::default();
    for i in 0..4 {
        archive.attempt(("10.0.11.15", 60_000 + i), DB, 10, Fate::ReplyRejected);
        archive.attempt(("10.0.11.15", 33_000 + i), DB, 10, Fate::Passes);
    }
    let found = archive.check(Cause::AclBlocksReply, Certainty::Proved);
    assert!(
        found.seen.contains("60000-60003") && found.seen.contains("33000-33003"),
        "{}",
        found.seen
    );
    assert!(
        found.title.contains("subnet-21") && found.title.contains("way out"),
        "{}",
        found.title
    );
}

#[test]
fn silence_refusal_and_time_out_are_told_as_such() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, Fate::Silent);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found.seen.contains("enter the responder's ENI"),
        "{}",
        found.seen
    );
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, Fate::Refused);
    archive.check(Cause::Refused, Certainty::Proved);
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 2, Fate::Cut(400));
    let found = archive.check(Cause::IdleTimeout, Certainty::Likely);
    assert!(found.title.contains("350 s"), "{}", found.title);
}

#[test]
fn subnet_that_gets_nothing_from_the_internet_is_one_finding() {
    let mut archive = Archive::default();
    for target in ["198.51.100.1", "198.51.100.2", "203.0.113.3"] {
        archive.attempts("10.0.11.15", (target, 443), 2, Fate::Silent);
        archive.attempts("10.0.12.15", (target, 443), 2, Fate::Passes);
    }
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!((found.count, found.scope.to.len()), (6, 3));
    assert!(
        found
            .title
            .contains("subnet-11 gets no answer from the internet"),
        "{}",
        found.title
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn same_source_fails_and_passes_so_it_is_intermittent_and_the_split_is_named() {
    let mut archive = Archive::default();
    for i in 0..20 {
        let (port, at_s) = (
            if i % 2 == 0 { 33_000 } else { 60_000 } + i,
            i64::from(i) * 60,
        );
        archive.attempt(
            ("10.0.11.15", port),
            DB,
            at_s,
            if i % 2 == 0 {
                Fate::Passes
            } else {
                Fate::Refused
            },
        );
    }
    let found = archive.check(Cause::Intermittent, Certainty::Likely);
    assert!(
        found.seen.contains("ports") && found.seen.contains("10 of 10 fail"),
        "{}",
        found.seen
    );
}

#[test]
fn healthy_network_with_its_noise_has_no_trouble() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 50, Fate::Passes);
    archive.attempts("10.0.11.15", DB, 1, Fate::Refused);
    for port in 1..30 {
        archive.attempt(
            ("203.0.113.66", 61_000),
            ("10.0.1.20", port),
            100,
            Fate::RejectedIn,
        );
    }
    archive.attempt(
        ("203.0.113.67", 61_000),
        ("10.0.1.20", 22),
        100,
        Fate::RejectedIn,
    );
    let findings = archive.findings();
    assert!(
        findings
            .iter()
            .all(|finding| finding.certainty == Certainty::Possible),
        "{findings:#?}"
    );
    assert!(
        findings.iter().any(|finding| finding.cause == Cause::Scan),
        "{findings:#?}"
    );
}

#[test]
fn scan_from_inside_is_told_and_hides_no_other_fault() {
    let mut archive = Archive::default();
    for port in 1..30 {
        archive.attempt(
            ("10.0.11.99", 61_000),
            ("10.0.21.40", port),
            100,
            Fate::RejectedIn,
        );
    }
    let found = archive.check(Cause::Scan, Certainty::Likely);
    assert_eq!(found.count, 29);
    archive.attempts("10.0.11.15", DB, 5, Fate::RejectedIn);
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}
