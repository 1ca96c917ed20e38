//! Archives made up at random go through the whole program, and what comes out
//! is read by a reader that shares no code with it.
//!
//! Sums are conserved, time does not run backwards, and no packet acknowledges
//! or answers what has not been sent.

use std::collections::{BTreeMap, HashMap};

use crate::support::{convert, file};
use proptest::prelude::*;
use testkit::flow_log;
use testkit::pcapng::Capture;
use testkit::pcapng::packet::{Headers, Tuple, headers, sums};

const V2: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                  bytes start end action log-status";

const V5: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                  bytes start end action log-status vpc-id subnet-id instance-id tcp-flags type \
                  pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id \
                  pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path";

/// A conversation over some intervals: packets and bytes each way in each.
#[derive(Clone, Debug)]
struct Conversation {
    protocol: u8,
    is_ipv6: bool,
    start_s: u64,
    intervals: Vec<[(u64, u64); 2]>,
    closes: bool,
    rejected: bool,
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let way = || (2_u64..60, 80_u64..1460);
    (
        prop::sample::select(&[6_u8, 6, 6, 17, 1, 50][..]),
        prop::bool::weighted(0.2),
        0_u64..600,
        prop::collection::vec((way(), way()).prop_map(|(up, down)| [up, down]), 1..4),
        any::<bool>(),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(protocol, is_ipv6, start_s, intervals, closes, rejected)| Conversation {
                protocol,
                is_ipv6,
                start_s: 1_700_000_000 + start_s,
                intervals,
                closes,
                rejected,
            },
        )
}

impl Conversation {
    /// Its records, under names of columns.
    fn records(&self, number: usize) -> Vec<HashMap<&'static str, String>> {
        let address = |host: usize| match self.is_ipv6 {
            true => format!("2001:db8::{host:x}"),
            false => format!("10.0.{}.{}", host / 256, host % 256),
        };
        let (near, far) = (address(number + 1), address(40_000 + number));
        let ports = match self.protocol {
            6 | 17 => ["40000", "443"],
            _ => ["0", "0"],
        };
        let mut records = Vec::new();
        for (index, interval) in self.intervals.iter().enumerate() {
            let is_last = index + 1 == self.intervals.len();
            for (way, (packets, each)) in interval.iter().enumerate() {
                let syn = [2, 18][way] * u8::from(index == 0);
                let flags = match self.protocol {
                    6 => syn | u8::from(is_last && self.closes),
                    _ => 0,
                };
                let start = self.start_s + 60 * index as u64;
                let (from, to) = [(&near, &far), (&far, &near)][way];
                let action = if self.rejected { "REJECT" } else { "ACCEPT" };
                let direction = ["egress", "ingress"][way];
                records.push(HashMap::from([
                    ("version", "5".to_owned()),
                    ("account-id", "111122223333".to_owned()),
                    ("interface-id", format!("eni-{:017x}", number % 3)),
                    ("srcaddr", from.clone()),
                    ("dstaddr", to.clone()),
                    ("pkt-srcaddr", from.clone()),
                    ("pkt-dstaddr", to.clone()),
                    ("srcport", ports[way].to_owned()),
                    ("dstport", ports[1 - way].to_owned()),
                    ("protocol", self.protocol.to_string()),
                    ("packets", packets.to_string()),
                    ("bytes", (packets * each).to_string()),
                    ("start", start.to_string()),
                    ("end", (start + 59).to_string()),
                    ("action", action.to_owned()),
                    ("log-status", "OK".to_owned()),
                    ("tcp-flags", flags.to_string()),
                    ("flow-direction", direction.to_owned()),
                ]));
            }
        }
        records
    }
}

/// A log of `conversations` with these columns, its records in an order told by `shuffle`.
fn log(columns: &str, conversations: &[Conversation], shuffle: u64) -> String {
    let records = conversations.iter().enumerate();
    let mut lines: Vec<String> = records
        .flat_map(|(number, conversation)| conversation.records(number))
        .map(|record| {
            let cell = |name| record.get(name).map_or("-", String::as_str);
            columns.split(' ').map(cell).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let mut state = shuffle | 1;
    lines.sort_by_cached_key(|_| {
        // xorshift: an order that the seed alone decides
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    });
    lines.insert(0, columns.to_owned());
    lines.join("\n") + "\n"
}

/// Asserts of each conversation's packets, in file order, what causality demands.
fn check_causality(capture: &Capture) {
    let mut conversations: BTreeMap<Tuple, Vec<Headers>> = BTreeMap::new();
    for packet in &capture.packets {
        let headers = headers(packet);
        let name = headers.tuple.conversation();
        conversations.entry(name).or_default().push(headers);
    }
    for (name, packets) in conversations {
        if name.protocol == 6 {
            check_tcp(&packets);
        }
    }
}

fn check_tcp(packets: &[Headers]) {
    // What each side's next sequence number is, once it has sent anything.
    let mut next: BTreeMap<Tuple, u32> = BTreeMap::new();
    for Headers { tuple, tcp } in packets {
        let tcp = tcp.unwrap();
        let peer = next.get(&tuple.reverse()).copied();
        if tcp.is_syn_ack() {
            let syn = packets[0].tcp.unwrap();
            assert!(syn.is_syn(), "SYN before SYN-ACK: {packets:?}");
        }
        if let (true, Some(sent)) = (tcp.has(testkit::pcapng::packet::ACK), peer) {
            let ahead = tcp.ack.wrapping_sub(sent);
            assert!(
                ahead == 0 || ahead > 1 << 31,
                "acknowledges the unsent: {tcp:?}"
            );
        }
        let end = tcp.seq.wrapping_add(tcp.sequence_len());
        let known = next.entry(*tuple).or_insert(tcp.seq);
        let gap = tcp.seq.wrapping_sub(*known);
        assert!(gap == 0 || gap > 1 << 31, "a gap before {tcp:?}");
        if end.wrapping_sub(*known) < 1 << 31 {
            *known = end;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, // a find becomes a test with a name
        ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn archives_come_out_whole_and_in_order(
        conversations in prop::collection::vec(conversation(), 1..12),
        columns in prop::sample::select(&[V2, V5][..]),
        shuffle in any::<u64>(),
        threads in 1_u8..4,
    ) {
        let text = log(columns, &conversations, shuffle);
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "flows.log", &text);
        let threads = threads.to_string();
        let converted = convert(&[path], &["--detail", "exact", "--threads", &threads]);
        converted.assert_lines_add_up();
        let capture = converted.capture();
        prop_assert_eq!(sums(&capture), flow_log::sums(&flow_log::records(&text)));
        prop_assert!(capture.packets.is_sorted_by_key(|p| p.time_ns));
        check_causality(&capture);
    }

    #[test]
    fn archives_in_less_detail_keep_every_byte(
        conversations in prop::collection::vec(conversation(), 1..12),
        detail in prop::sample::select(&["compact", "control"][..]),
        shuffle in any::<u64>(),
    ) {
        let text = log(V5, &conversations, shuffle);
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "flows.log", &text);
        let converted = convert(&[path], &["--detail", detail]);
        let bytes = |sums: testkit::pcapng::packet::Sums| -> BTreeMap<_, _> {
            sums.into_iter().map(|(key, (_, bytes))| (key, bytes)).collect()
        };
        let capture = converted.capture();
        let logged = flow_log::sums(&flow_log::records(&text));
        prop_assert_eq!(bytes(sums(&capture)), bytes(logged));
        prop_assert!(capture.packets.is_sorted_by_key(|p| p.time_ns));
        check_causality(&capture);
    }
}
