//! The encoding of kept events between stages, in memory and in temporary files.
//!
//! It is read by the run that wrote it and by nobody else, so it has no versions and no checks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::kept_event::{Apart, KeptEvent, KeptFrames};
use crate::event::EventKind;
use crate::flow::{Endpoint, Place};
use crate::joining::{LegSide, RequestTimes, SoughtConnection};
use crate::pdu::{EventFrame, FrameContents};
use crate::pipeline::spilling::sorted_runs::RunHead;

/// Returns the lower and the upper half of a hash.
pub(super) fn split(hash: u128) -> [u64; 2] {
    let bytes = hash.to_le_bytes();
    [0, 8].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes")))
}

/// The position of an event in the order, and the length of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventHead {
    pub instant_ns: i64,
    pub place: Place,
    /// Its number among the events of its line.
    pub ordinal: u32,
    /// Bytes after the head.
    pub len: u32,
}

/// Bytes of an [`EventHead`].
pub(super) const EVENT_HEAD_LEN: usize = 28;

impl RunHead for EventHead {
    const LEN_MAX: usize = EVENT_HEAD_LEN;

    fn read(bytes: &[u8]) -> Self {
        let mut from = EventDecoder(bytes);
        Self {
            instant_ns: from.u64().cast_signed(),
            place: Place {
                file: from.u32(),
                line: from.u64(),
            },
            ordinal: from.u32(),
            len: from.u32(),
        }
    }

    fn item_len(&self) -> usize {
        EVENT_HEAD_LEN + self.len as usize
    }
}

/// The encoded events of one block of a file.
#[derive(Default)]
pub(crate) struct EventBatch {
    /// Events that do not match the condition of the filter.
    pub(super) filtered: BTreeMap<EventKind, u64>,
    bytes: Vec<u8>,
    /// The place of the latest event, and its number on its line.
    latest: Option<(Place, u32)>,
}

impl EventBatch {
    /// Adds an event.
    pub(crate) fn push(&mut self, instant_ns: i64, place: Place, event: &KeptEvent) {
        let ordinal = match self.latest {
            Some((latest, ordinal)) if latest == place => ordinal.saturating_add(1),
            _ => 0,
        };
        self.latest = Some((place, ordinal));
        let begin = self.bytes.len();
        let mut to = EventEncoder(&mut self.bytes);
        to.u64(instant_ns.cast_unsigned());
        to.u32(place.file);
        to.u64(place.line);
        to.u32(ordinal);
        to.u32(0);
        event.encode(&mut to);
        let len = self.bytes.len() - begin - EVENT_HEAD_LEN;
        let len = u32::try_from(len).expect("an event is small");
        self.bytes[begin + 24..begin + 28].copy_from_slice(&len.to_le_bytes());
    }

    /// Returns the bytes, with the lines counted from line `base` of the file.
    pub(super) fn complete(mut self, base: u64) -> Vec<u8> {
        let mut at = 0;
        while at < self.bytes.len() {
            let head = EventHead::read(&self.bytes[at..]);
            let line = (head.place.line + base).to_le_bytes();
            self.bytes[at + 12..at + 20].copy_from_slice(&line);
            at += head.item_len();
        }
        self.bytes
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.filtered.is_empty()
    }
}

/// The kinds by their number in the encoding.
const KINDS: [EventKind; 9] = [
    EventKind::AlbAccess,
    EventKind::AlbConnection,
    EventKind::NlbAccess,
    EventKind::ClbAccess,
    EventKind::CloudTrail,
    EventKind::ResolverQuery,
    EventKind::Lattice,
    EventKind::FirewallAlert,
    EventKind::Waf,
];

impl KeptEvent {
    fn encode(&self, to: &mut EventEncoder<'_>) {
        let kind = KINDS.iter().position(|kind| *kind == self.kind);
        to.index(kind.expect("every kind has a number"));
        to.option(self.id, |to, id| {
            split(id).into_iter().for_each(|half| to.u64(half))
        });
        to.option(self.apart, |to, apart| {
            to.index(
                Apart::ALL
                    .iter()
                    .position(|one| *one == apart)
                    .expect("all are listed"),
            );
        });
        to.list(&self.sought, |to, sought| {
            to.index(usize::from(sought.side == LegSide::Target));
            to.address(sought.known.address);
            to.u32(sought.known.port.into());
            to.option(sought.other, EventEncoder::address);
            to.option(sought.other_port, |to, port| to.u32(port.into()));
            to.index(usize::from(sought.is_exact));
            to.index(sought.protocol.into());
            to.option(sought.times, |to, times| {
                to.u64(times.asked_ns.cast_unsigned());
                to.u64(times.answered_ns.cast_unsigned());
            });
            to.u64(sought.used_ns.0.cast_unsigned());
            to.u64(sought.used_ns.1.cast_unsigned());
        });
        to.list(&self.resources, |to, name| to.bytes(name.as_bytes()));
        to.list(&self.ties, |to, (of, list)| {
            to.bytes(of.as_bytes());
            to.bytes(list.as_bytes());
        });
        to.option(self.request, EventEncoder::u64);
        to.bytes(self.words.as_bytes());
        to.option(self.frames.as_ref(), |to, frames| frames.encode(to));
    }

    /// Decodes what [`EventBatch::push`] encoded, after the head.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut from = EventDecoder(bytes);
        Self {
            kind: KINDS[from.index()],
            id: from.option(|from| {
                let (low, high) = (from.u64(), from.u64());
                u128::from(high) << 64 | u128::from(low)
            }),
            apart: from.option(|from| Apart::ALL[from.index()]),
            sought: from.list(|from| SoughtConnection {
                side: if from.index() == 1 {
                    LegSide::Target
                } else {
                    LegSide::Client
                },
                known: Endpoint {
                    address: from.address(),
                    port: from.port(),
                },
                other: from.option(EventDecoder::address),
                other_port: from.option(EventDecoder::port),
                is_exact: from.index() == 1,
                protocol: u8::try_from(from.index()).expect("one byte"),
                times: from.option(|from| RequestTimes {
                    asked_ns: from.u64().cast_signed(),
                    answered_ns: from.u64().cast_signed(),
                }),
                used_ns: (from.u64().cast_signed(), from.u64().cast_signed()),
            }),
            resources: from.list(EventDecoder::text),
            ties: from.list(|from| (from.text(), from.text())),
            request: from.option(EventDecoder::u64),
            words: from.text(),
            frames: from.option(KeptFrames::decode),
        }
    }
}

impl KeptFrames {
    fn encode(&self, to: &mut EventEncoder<'_>) {
        to.index(usize::from(self.contents == FrameContents::Ip));
        to.bytes(self.interface.as_bytes());
        to.list(&self.frames, |to, frame| {
            to.u64(frame.at_ns.cast_unsigned());
            to.bytes(&frame.bytes);
        });
        to.bytes(self.words.as_bytes());
        to.list(&self.names, |to, (address, name)| {
            to.address(*address);
            to.bytes(name.as_bytes());
        });
        to.option(self.question, EventEncoder::u64);
        to.list(&self.followed, |to, hash| to.u64(*hash));
    }

    fn decode(from: &mut EventDecoder<'_>) -> Self {
        Self {
            contents: if from.index() == 1 {
                FrameContents::Ip
            } else {
                FrameContents::Pdu
            },
            interface: from.text(),
            frames: from.list(|from| EventFrame {
                at_ns: from.u64().cast_signed(),
                bytes: from.bytes().to_vec(),
            }),
            words: from.text(),
            names: from.list(|from| (from.address(), from.text())),
            question: from.option(EventDecoder::u64),
            followed: from.list(EventDecoder::u64),
        }
    }
}

/// Appends values.
struct EventEncoder<'a>(&'a mut Vec<u8>);

impl EventEncoder<'_> {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends a number below 256.
    fn index(&mut self, value: usize) {
        self.0.push(u8::try_from(value).expect("below 256"));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).expect("a text of an event is short"));
        self.0.extend_from_slice(bytes);
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.bytes(&address.octets()),
            IpAddr::V6(address) => self.bytes(&address.octets()),
        }
    }

    fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.index(usize::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    fn list<T>(&mut self, values: &[T], mut put: impl FnMut(&mut Self, &T)) {
        self.u32(u32::try_from(values.len()).expect("a list of an event is short"));
        values.iter().for_each(|value| put(self, value));
    }
}

/// Takes the values in the order in which they were appended.
struct EventDecoder<'a>(&'a [u8]);

impl<'a> EventDecoder<'a> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (value, rest) = self
            .0
            .split_first_chunk()
            .expect("what was stored is whole");
        self.0 = rest;
        *value
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn index(&mut self) -> usize {
        let [value] = self.array();
        value.into()
    }

    fn port(&mut self) -> u16 {
        u16::try_from(self.u32()).expect("a port")
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = self.u32() as usize;
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn address(&mut self) -> IpAddr {
        let bytes = self.bytes();
        match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
            (Ok(v4), _) => IpAddr::from(v4),
            (_, Ok(v6)) => IpAddr::from(v6),
            _ => unreachable!("an address has 4 or 16 bytes"),
        }
    }

    fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.index() == 1).then(|| take(self))
    }

    fn list<T>(&mut self, mut take: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.u32();
        (0..count).map(|_| take(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, for_each_in_json, for_each_in_line};

    fn round_trip(event: &Event<'_>) -> KeptEvent {
        let kept = KeptEvent::of(event, true, true);
        let mut batch = EventBatch::default();
        let place = Place { file: 3, line: 7 };
        batch.push(event.instant_ns, place, &kept);
        batch.push(event.instant_ns, place, &kept);
        let bytes = batch.complete(100);
        let first = EventHead::read(&bytes);
        let second = EventHead::read(&bytes[first.item_len()..]);
        assert_eq!((first.place.line, first.ordinal), (107, 0));
        assert_eq!((second.place.line, second.ordinal), (107, 1));
        assert_eq!(bytes.len(), first.item_len() + second.item_len());
        let decoded = KeptEvent::decode(&bytes[EVENT_HEAD_LEN..first.item_len()]);
        assert_eq!(decoded, kept);
        kept
    }

    #[test]
    fn every_kind_is_decoded_as_it_was_encoded() {
        let lines = [
            r#"https 2026-03-14T02:15:04.186641Z app/web/1 [2001:db8::9]:2817 10.0.2.7:8080 0.001 -1 -1 502 - 34 366 "GET https://a:443/ HTTP/1.1""#,
            "tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 5000 2 29 24 - arn:x - - tlsv12 - - - - -",
        ];
        for line in lines {
            for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event, _| {
                let kept = round_trip(&event.unwrap());
                assert!(kept.is_joinable(), "{kept:?}");
            });
        }
        let objects = [
            (
                r#"{"query_timestamp":"2026-03-14T02:15:02Z","query_name":"db.test.","query_type":"A","srcaddr":"10.0.1.5","srcport":"41000","rcode":"NOERROR","answers":[{"Rdata":"a.test.","Type":"CNAME"},{"Rdata":"2001:db8::7","Type":"AAAA"}]}"#,
                false,
            ),
            (
                r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"DeleteVpc","eventID":"1","requestParameters":{"vpcId":"vpc-1"}}"#,
                true,
            ),
            (
                r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"ModifyNetworkInterfaceAttribute","eventID":"2","requestParameters":{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"sg-1"},{"groupId":"sg-2"}]}}}"#,
                true,
            ),
        ];
        for (text, is_joinable) in objects {
            for_each_in_json(text, None, &mut |_, event, _| {
                let kept = round_trip(&event.unwrap());
                assert_eq!(kept.is_joinable(), is_joinable);
            });
        }
    }
}
