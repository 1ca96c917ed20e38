//! What several ENIs logged of a connection, of which each has lost some: every packet that any of
//! them has is written, and none twice.
//!
//! The truth is drawn packet by packet. Each ENI then logs it as AWS would: by a clock of its own,
//! in intervals of its own, in a format of its own, whole intervals missing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use flow2pcap::connection::Detail;
use flow2pcap::pipeline::{Convert, Meter, Request, convert};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::support::file;

/// Bytes of each packet.
const PACKET_LEN: usize = 100;

/// A packet: milliseconds since the first, and whether the initiator sent it.
type Sent = (i64, bool);

/// How one ENI logs.
#[derive(Clone, Debug)]
struct Logger {
    /// Milliseconds that its clock is ahead.
    ahead_ms: i64,
    /// Milliseconds of its first interval that pass before the connection begins.
    phase_ms: i64,
    interval_ms: i64,
    /// Bit n is set where its interval n is lost, of every 64.
    lost: u64,
    /// Whether it logs flow-direction.
    directed: bool,
}

impl Logger {
    /// The intervals of packets that it has not lost: number, and places in `sent`.
    fn logged(&self, sent: &[Sent], up: bool) -> Vec<Vec<usize>> {
        let interval = |i: &usize| (sent[*i].0 + self.phase_ms) / self.interval_ms;
        let own: Vec<usize> = (0..sent.len()).filter(|i| sent[*i].1 == up).collect();
        let intervals = own.chunk_by(|a, b| interval(a) == interval(b));
        let kept = intervals.filter(|packets| self.lost >> (interval(&packets[0]) % 64) & 1 == 0);
        kept.map(<[usize]>::to_vec).collect()
    }

    /// Its flow log. Of two ENIs in a row, one is the initiator's and one the responder's.
    fn log(&self, sent: &[Sent], eni: usize) -> String {
        let mut log = String::from(
            "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
        );
        log.push_str(if self.directed {
            " flow-direction\n"
        } else {
            "\n"
        });
        let second = |ms: i64| 1_700_000_000 + (ms + self.ahead_ms).div_euclid(1_000);
        for up in [true, false] {
            for packets in self.logged(sent, up) {
                let ends = ["10.0.2.9 10.0.1.5 443 40000", "10.0.1.5 10.0.2.9 40000 443"];
                let (first, last) = (packets[0], packets[packets.len() - 1]);
                let (count, bytes) = (packets.len(), packets.len() * PACKET_LEN);
                let (start, end) = (second(sent[first].0), second(sent[last].0));
                let ends = ends[usize::from(up)];
                write!(
                    log,
                    "eni-{eni} {ends} 6 {count} {bytes} {start} {end} ACCEPT OK"
                )
                .unwrap();
                let leaves = up == eni.is_multiple_of(2);
                let direction = if leaves { "egress" } else { "ingress" };
                log.push_str(&match self.directed {
                    true => format!(" {direction}\n"),
                    false => "\n".to_owned(),
                });
            }
        }
        log
    }
}

/// Packets that at least one of them logged.
fn union(loggers: &[Logger], sent: &[Sent]) -> u64 {
    let logged = loggers
        .iter()
        .flat_map(|logger| [true, false].map(|up| logger.logged(sent, up)));
    logged.flatten().flatten().collect::<BTreeSet<_>>().len() as u64
}

/// Packets written, which must be those counted as logged.
fn written(loggers: &[Logger], sent: &[Sent]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let logs = loggers.iter().enumerate();
    let logs =
        logs.map(|(eni, logger)| file(&folder, &format!("{eni}.log"), logger.log(sent, eni)));
    let mut request = Convert::new(
        Request::new(logs.collect()),
        folder.path().join("out.pcapng"),
    );
    request.detail = Detail::Exact.into();
    let summary = convert(&request, &Meter::default()).unwrap();
    assert_eq!(summary.packets.written, summary.packets.logged);
    assert!(summary.records.adds_up());
    u64::try_from(summary.packets.written).unwrap()
}

/// Some minutes of a connection: bursts of packets, and silence between them.
fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let burst = (
        0..40_000_i64,
        prop::collection::vec((1..900_i64, any::<bool>()), 1..80),
    );
    prop::collection::vec(burst, 1..14).prop_map(|bursts| {
        let mut now_ms = 0;
        let mut sent = vec![(0, true)];
        for (silence_ms, packets) in bursts {
            now_ms += silence_ms;
            for (step_ms, up) in packets {
                now_ms += step_ms;
                sent.push((now_ms, up));
            }
        }
        sent
    })
}

fn logger() -> impl Strategy<Value = Logger> {
    let clock = -2_000..=2_000_i64;
    let (phase, lost) = (0..600_000_i64, (any::<u64>(), any::<u64>()));
    let interval = prop::sample::select(&[60, 600][..]);
    (clock, phase, interval, lost, any::<bool>()).prop_map(
        |(ahead_ms, phase_ms, interval_s, (lost, too), directed)| Logger {
            ahead_ms,
            phase_ms: phase_ms % (interval_s * 1_000),
            interval_ms: interval_s * 1_000,
            lost: lost & too,
            directed,
        },
    )
}

/// Draws so many connections, always the same, and says of each how many packets were written
/// beyond those that were logged, and how many those are.
fn excesses(cases: u32, change: impl Fn(&mut [Logger])) -> Vec<(i64, i64)> {
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let drawn = (sent(), prop::collection::vec(logger(), 1..=4));
    let excess = (0..cases).map(|_| {
        let (sent, mut loggers) = drawn.new_tree(&mut runner).unwrap().current();
        change(&mut loggers);
        let logged = union(&loggers, &sent).cast_signed();
        (written(&loggers, &sent).cast_signed() - logged, logged)
    });
    excess.collect()
}

/// One packet at the edge of a second may be judged to be another or the same.
const EDGE: i64 = 1;

#[test]
fn intervals_that_begin_together_are_filled_packet_by_packet() {
    let found = excesses(150, |loggers| {
        let (phase_ms, interval_ms) = (loggers[0].phase_ms, loggers[0].interval_ms);
        for logger in loggers {
            (logger.phase_ms, logger.interval_ms) = (phase_ms, interval_ms);
        }
    });
    let off = found.iter().filter(|(excess, _)| *excess != 0).count();
    assert!(off <= 1, "{off} of 150 are off");
    assert!(found.iter().all(|(excess, _)| excess.abs() <= EDGE));
}

#[test]
fn gaps_that_one_eni_does_not_have_are_filled_from_it_and_from_no_other() {
    let found = excesses(150, |loggers| loggers[0].lost = 0);
    assert!(found.iter().all(|(excess, _)| (-EDGE..=4).contains(excess)));
    let exact = found.iter().filter(|(excess, _)| *excess == 0).count();
    assert!(exact >= 135, "{exact} of 150 are exact");
}

#[test]
fn gaps_of_every_eni_are_filled_with_no_packet_lost() {
    let found = excesses(150, |_| {});
    for (excess, logged) in &found {
        assert!(*excess >= -EDGE, "{excess} of {logged}");
        assert!(*excess <= 2 + logged / 10, "{excess} of {logged}");
    }
    let exact = found.iter().filter(|(excess, _)| *excess == 0).count();
    assert!(exact >= 135, "{exact} of 150 are exact");
}
