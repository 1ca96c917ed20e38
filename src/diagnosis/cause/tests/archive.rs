//! A test archive of a few attempts with known results.

use super::super::*;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::gather::attempts;
use crate::diagnosis::visibility::Visibility;
use crate::flow::{
    Candidate, Endpoint, EniIndex, Enis, FiveTuple, Observation, Place, RejectReason, TCP,
    TagsIndex, TrafficPath, UDP, Verdict,
};
use crate::record::{ByteUnit, ObservedFlags};
use crate::time::SECOND_NS;

/// A test archive. ENIs are named by address, and subnets by its third byte.
#[derive(Default)]
pub(super) struct Archive {
    enis: Enis,
    records: Vec<Candidate>,
    line: u64,
    end_s: Option<i64>,
}

/// The result of an attempt.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum AttemptResult {
    Passes,
    RejectedIn,
    RejectedOut,
    ReplyRejected,
    Silent,
    Refused,
    /// Reset after this many seconds idle.
    Cut(i64),
    /// Opened, and reset by the initiator at once.
    Aborted,
    /// Opened, then rejected inbound after this many seconds.
    RejectedOpen(i64),
    /// Opened, and still used after this many seconds.
    Lasts(i64),
    /// Opened and closed, but so many of the initiator's packets do not arrive.
    Lossy(u64),
    /// Answered by the target, and the ENI that passes the request on logs no reply.
    ReplyLost,
}

/// An ENI through which packets of another network come in.
const GATEWAY: &str = "10.0.9.9";

/// Packets of a record.
const PACKETS: u64 = 4;

impl Archive {
    /// Returns the ENI of an address inside.
    pub(super) fn eni(&mut self, address: &str) -> Option<EniIndex> {
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

    /// Adds the records of one direction at both ENIs, where there are any.
    fn way(&mut self, ends: [(&str, u16); 2], at_s: i64, flags: u8, rejected: [bool; 2]) {
        self.counted_way(ends, at_s, flags, rejected, [PACKETS; 2]);
    }

    /// Does the same, with the packets that each ENI logs.
    fn counted_way(
        &mut self,
        ends: [(&str, u16); 2],
        at_s: i64,
        flags: u8,
        rejected: [bool; 2],
        packets: [u64; 2],
    ) {
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
            self.records.push(
                Observation {
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
                    tags: TagsIndex(0),
                    path: None,
                    packets: packets[index],
                    bytes: Some(60 * packets[index]),
                    byte_unit: ByteUnit::IpPacket,
                    rtt_ms: None,
                    start_ns: at_s * SECOND_NS,
                    end_ns: (at_s + 7) * SECOND_NS,
                    place: Place {
                        file: 0,
                        line: self.line,
                    },
                }
                .into(),
            );
        }
    }

    /// Adds an attempt from `source` to `target` that begins at this time.
    pub(super) fn attempt(
        &mut self,
        source: (&str, u16),
        target: (&str, u16),
        at_s: i64,
        result: AttemptResult,
    ) {
        let (there, back) = ([source, target], [target, source]);
        match result {
            AttemptResult::Passes => {
                self.way(there, at_s, 3, [false; 2]);
                self.way(back, at_s, 19, [false; 2]);
            }
            AttemptResult::RejectedIn => self.way(there, at_s, 2, [false, true]),
            AttemptResult::RejectedOut => self.way(there, at_s, 2, [true, false]),
            AttemptResult::ReplyRejected => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 18, [true, false]);
            }
            AttemptResult::Silent => self.way(there, at_s, 2, [false; 2]),
            AttemptResult::Refused => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 4, [false; 2]);
            }
            AttemptResult::Cut(silence_s) => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 18, [false; 2]);
                self.way(there, at_s + 7 + silence_s, 0, [false; 2]);
                self.way(back, at_s + 7 + silence_s, 4, [false; 2]);
            }
            AttemptResult::Aborted => {
                self.way(there, at_s, 6, [false; 2]);
                self.way(back, at_s, 18, [false; 2]);
            }
            AttemptResult::RejectedOpen(after_s) | AttemptResult::Lasts(after_s) => {
                self.way(there, at_s, 2, [false; 2]);
                self.way(back, at_s, 18, [false; 2]);
                let is_rejected = matches!(result, AttemptResult::RejectedOpen(_));
                self.way(there, at_s + after_s, 0, [false, is_rejected]);
            }
            AttemptResult::Lossy(lost) => {
                let packets = [PACKETS, PACKETS - lost];
                self.counted_way(there, at_s, 3, [false; 2], packets);
                self.way(back, at_s, 19, [false; 2]);
            }
            AttemptResult::ReplyLost => {
                self.way(there, at_s, 2, [false; 2]);
                let mut passed_on = *self.records.last().expect("the record of the target");
                self.line += 1;
                passed_on.eni = self.eni(GATEWAY).unwrap();
                (passed_on.leaving, passed_on.place.line) = (Some(true), self.line);
                self.records.push(passed_on);
                self.way(back, at_s, 18, [false; 2]);
            }
        }
    }

    /// Adds so many UDP exchanges, one minute apart.
    pub(super) fn datagrams(&mut self, from: &str, to: (&str, u16), count: u16) {
        let first = self.records.len();
        self.attempts(from, to, count, AttemptResult::Passes);
        for record in &mut self.records[first..] {
            (record.key.protocol, record.flags) = (UDP, None);
        }
    }

    /// Adds `count` such attempts, one minute apart, from different ports.
    pub(super) fn attempts(
        &mut self,
        from: &str,
        to: (&str, u16),
        count: u16,
        result: AttemptResult,
    ) {
        for i in 0..count {
            let port = 40_000 + i * 97 + u16::try_from(self.line % 90).unwrap();
            self.attempt((from, port), to, i64::from(i) * 60, result);
        }
    }

    /// Does the same, but the ENI of `middle` sends the packets on.
    pub(super) fn attempts_through(
        &mut self,
        middle: &str,
        (from, to): (&str, (&str, u16)),
        count: u16,
        result: AttemptResult,
    ) {
        let first = self.records.len();
        self.attempts(from, to, count, result);
        let [sender, middle] = [from, middle].map(|address| self.eni(address).unwrap());
        for record in &mut self.records[first..] {
            if record.leaving == Some(true) && record.eni == sender {
                record.eni = middle;
            }
        }
    }

    /// Does the same, and the ENI of `middle` takes the packets in.
    pub(super) fn attempts_into(
        &mut self,
        middle: &str,
        (from, to): (&str, (&str, u16)),
        count: u16,
        result: AttemptResult,
    ) {
        let first = self.records.len();
        self.attempts(from, to, count, result);
        let middle = self.eni(middle).unwrap();
        let sent = self.records[first..].to_vec();
        for mut record in sent {
            self.line += 1;
            (record.eni, record.place.line) = (middle, self.line);
            record.leaving = Some(false);
            self.records.push(record);
        }
    }

    /// Does the same, but only the ENI of the target logs them.
    pub(super) fn attempts_at_target(
        &mut self,
        from: &str,
        to: (&str, u16),
        count: u16,
        result: AttemptResult,
    ) {
        let first = self.records.len();
        self.attempts(from, to, count, result);
        let target = self.eni(to.0);
        let mut number = 0..;
        self.records
            .retain(|record| number.next() < Some(first) || Some(record.eni) == target);
    }

    /// Sets the path by which all packets of an ENI leave.
    pub(super) fn set_path(&mut self, address: &str, path: TrafficPath) {
        let eni = self.eni(address);
        for record in &mut self.records {
            if Some(record.eni) == eni && record.leaving == Some(true) {
                record.path = Some(path);
            }
        }
    }

    pub(super) fn enis(&self) -> &Enis {
        &self.enis
    }

    /// Sets the type of an ENI.
    pub(super) fn set_kind(&mut self, address: &str, kind: &str) {
        let index = self.eni(address).unwrap();
        kind.clone_into(&mut self.enis.get_mut(index).kind);
    }

    /// Sets the end of the archive.
    pub(super) fn end_at(&mut self, seconds: i64) {
        self.end_s = Some(seconds);
    }

    /// Removes subnets and zones from all ENIs.
    pub(super) fn forget_subnets(&mut self) {
        let count = u32::try_from(self.enis.iter().len()).unwrap();
        for index in (0..count).map(EniIndex) {
            let eni = self.enis.get_mut(index);
            eni.subnet.clear();
            eni.zone.clear();
        }
    }

    /// Removes the direction from all records.
    pub(super) fn forget_directions(&mut self) {
        for record in &mut self.records {
            record.leaving = None;
        }
    }

    /// Returns the counts of all attempts.
    pub(super) fn tally(&self) -> AttemptCounts {
        let (mut tally, mut whole) = (AttemptCounts::default(), AttemptCounts::default());
        let visibility = Visibility::new(
            Some((0, self.end_s.unwrap_or(1_000_000) * SECOND_NS)),
            Vec::new(),
        );
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
                // One instance per attempt, to test that they add up.
                let mut one = AttemptCounts::default();
                one.take_in(&attempt, &visibility, &self.enis);
                tally.add(one);
                whole.take_in(&attempt, &visibility, &self.enis);
            }
        }
        assert_eq!(format!("{tally:?}"), format!("{whole:?}"));
        tally
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        self.findings_in(FindingEvidence {
            shown: &self.tally(),
            all: None,
        })
    }

    /// Returns the findings of which a filter shows these attempts.
    pub(super) fn findings_of(&self, shown: &AttemptCounts) -> Vec<Finding> {
        self.findings_in(FindingEvidence {
            shown,
            all: Some(&self.tally()),
        })
    }

    fn findings_in(&self, evidence: FindingEvidence<'_>) -> Vec<Finding> {
        let name = |place: Place| format!("log:{}", place.line);
        let ground = Ground {
            enis: &self.enis,
            configuration: None,
            name: &name,
        };
        findings(evidence, &ground)
    }

    /// Checks the first finding and returns it.
    #[track_caller]
    pub(super) fn check(&self, cause: Cause, certainty: Certainty) -> Finding {
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
