//! What is kept of an event, and its encoding.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::change::Change;
use crate::event::cloudtrail::ApiCall;
use crate::event::waf::WafRequest;
use crate::event::{Event, EventDetail, EventIds, EventKind};
use crate::flow::{Endpoint, Place};
use crate::joining::{
    LegSide, RequestTimes, SoughtConnection, changed_resources, changed_words, event_words,
    is_change, sought,
};
use crate::pdu::{self, EventFrame, FrameContents};
use crate::pipeline::spilling::sorted_runs::RunHead;

/// What is kept of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptEvent {
    pub kind: EventKind,
    /// The hash of the identifier under which it may be delivered again.
    pub id: Option<u128>,
    /// Why it can be joined with nothing; `None` if it may be joined.
    pub apart: Option<Apart>,
    /// The connections that it is about.
    pub sought: Vec<SoughtConnection>,
    /// The resources that it changed.
    pub resources: Vec<String>,
    /// What has which filters or routes after it ([`ChangeDetail::ties()`](crate::change::ChangeDetail::ties)).
    pub ties: Vec<(String, String)>,
    /// The hash of a request and its client, by which a request at WAF is joined with the connection
    /// that the row of its load balancer is about.
    pub request: Option<u64>,
    /// The words of a comment.
    pub words: String,
    /// Its frames, if they are wanted.
    pub frames: Option<KeptFrames>,
}

/// The frames of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptFrames {
    pub contents: FrameContents,
    /// The name of their interface.
    pub interface: String,
    pub frames: Vec<EventFrame>,
    /// The words of their comments.
    pub words: String,
    /// Names of addresses, from the answer to a DNS query.
    pub names: Vec<(IpAddr, String)>,
    /// The hash of the question of a DNS query.
    pub question: Option<u64>,
    /// The hashes of the questions that its answer leads to.
    pub followed: Vec<u64>,
}

/// Why an event can be joined with nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Apart {
    /// Its log names no end of a connection.
    NoEnds,
    /// Flow logs do not have this traffic.
    NotInFlowLogs,
    /// An API call that only reads, or failed.
    NoChange,
    /// An API call that names no resource of a packet.
    NoResource,
    /// An API call that names such a resource, but changes nothing about its packets.
    NoPath,
}

impl Apart {
    const ALL: [Self; 5] = [
        Self::NoEnds,
        Self::NotInFlowLogs,
        Self::NoChange,
        Self::NoResource,
        Self::NoPath,
    ];

    /// Returns the reason for the summary.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NoEnds => "without the address and port of a connection",
            Self::NotInFlowLogs => "of traffic that flow logs do not have",
            Self::NoChange => "an API call that only reads, or failed",
            Self::NoResource => "an API call that names no resource that decides about packets",
            Self::NoPath => "an API call that changes nothing about existing paths",
        }
    }
}

impl KeptEvent {
    /// Keeps of an event what comments need, and what frames need.
    pub(crate) fn of(event: &Event<'_>, wants_comments: bool, wants_frames: bool) -> Self {
        let mut kept = Self {
            kind: event.kind(),
            id: event.id().map(EventIds::hash),
            apart: None,
            sought: Vec::new(),
            resources: Vec::new(),
            ties: Vec::new(),
            request: request_of(event),
            words: String::new(),
            frames: wants_frames.then(|| KeptFrames::of(event)),
        };
        kept.apart = match &event.detail {
            EventDetail::ApiCall(call) => kept.take_call(call, event.instant_ns),
            EventDetail::DnsQuery(_) | EventDetail::Lattice(_) => Some(Apart::NotInFlowLogs),
            EventDetail::Waf(_) => {
                kept.words = event_words(event).unwrap_or_default();
                kept.request.is_none().then_some(Apart::NoEnds)
            }
            _ => {
                kept.sought = sought(event).into_iter().flatten().collect();
                kept.words = event_words(event).unwrap_or_default();
                kept.sought.is_empty().then_some(Apart::NoEnds)
            }
        };
        if !wants_comments {
            kept.ties.clear();
        }
        if !wants_comments || kept.apart.is_some() {
            kept.words.clear();
            kept.sought.clear();
            kept.resources.clear();
            kept.request = None;
        }
        kept
    }

    /// Keeps what an API call changed, and returns why it is joined with nothing, if it is not.
    fn take_call(&mut self, call: &ApiCall<'_>, instant_ns: i64) -> Option<Apart> {
        if !is_change(call) {
            return Some(Apart::NoChange);
        }
        let named = changed_resources(call).into_iter();
        self.resources = named.map(str::to_owned).collect();
        self.words = changed_words(call, instant_ns);
        let change = Change::key(instant_ns, call).map(|key| Change::of(key, instant_ns, call));
        if let Some(change) = &change {
            let ties = change.detail.ties().into_iter();
            self.ties = ties
                .map(|(of, list)| (of.to_owned(), list.to_owned()))
                .collect();
        }
        match change {
            _ if self.resources.is_empty() => Some(Apart::NoResource),
            Some(change) if change.changes_a_path() => None,
            _ => Some(Apart::NoPath),
        }
    }

    /// Whether it may be joined.
    pub(crate) fn is_joinable(&self) -> bool {
        !self.sought.is_empty() || !self.resources.is_empty() || self.request.is_some()
    }
}

/// Returns the hash of a request that an Application Load Balancer and WAF both log, with its client.
fn request_of(event: &Event<'_>) -> Option<u64> {
    let (id, client) = match &event.detail {
        EventDetail::Alb(row) => (
            WafRequest::request_of_trace(row.trace_id?)?,
            row.client?.ip(),
        ),
        EventDetail::Waf(request) => (request.request_id.as_deref()?, request.client?),
        _ => return None,
    };
    let [hash, _] = split(EventIds::hash(&format!("{id} {client}")));
    Some(hash)
}

impl KeptFrames {
    fn of(event: &Event<'_>) -> Self {
        let mut kept = Self {
            contents: pdu::frame_contents(event),
            interface: pdu::interface_name(event),
            frames: pdu::frames(event),
            words: String::new(),
            names: Vec::new(),
            question: None,
            followed: Vec::new(),
        };
        match &event.detail {
            EventDetail::DnsQuery(query) => {
                kept.words = "rebuilt-from=query-log".into();
                let known = [
                    (
                        "transport",
                        query.transport.as_deref().filter(|text| *text != "UDP"),
                    ),
                    ("firewall", query.firewall_action.as_deref()),
                ];
                for (key, value) in known {
                    if let Some(value) =
                        value.filter(|value| value.bytes().all(|b| b.is_ascii_alphanumeric()))
                    {
                        kept.words += &format!(" {key}={value}");
                    }
                }
                let ends = (query.source, query.source_port);
                let hash = |name: &str| {
                    let name = name.trim_end_matches('.').to_ascii_lowercase();
                    let text = format!("{ends:?} {} {name} {}", query.query_type, event.instant_ns);
                    // 64 of its 128 bits.
                    let [a, ..] = split(EventIds::hash(&text));
                    a
                };
                kept.question = Some(hash(&query.name));
                let name = query.name.trim_end_matches('.');
                for answer in query.answers.iter().take(NAMES_MAX) {
                    if let Ok(address) = answer.data.parse() {
                        kept.names.push((address, name.to_owned()));
                    }
                    if answer.answer_type.as_deref() == Some("CNAME") {
                        kept.followed.push(hash(&answer.data));
                    }
                }
            }
            EventDetail::ApiCall(call) => {
                kept.words = changed_words(call, event.instant_ns).replacen("changed=", "call=", 1)
            }
            _ => kept.words = event_words(event).unwrap_or_default(),
        }
        kept
    }
}

/// Answers of one query that give names.
const NAMES_MAX: usize = 64;

fn split(hash: u128) -> [u64; 2] {
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

/// Returns the ends of a connection as a word of a comment.
pub(super) fn ends_word(key: &crate::flow::ConnectionKey) -> String {
    let socket = |end: Endpoint| SocketAddr::from((end.address, end.port)).to_string();
    format!("{}-{}", socket(key.low), socket(key.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{for_each_in_json, for_each_in_line};

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
            for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event| {
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
        ];
        for (text, is_joinable) in objects {
            for_each_in_json(text, None, &mut |_, event| {
                let kept = round_trip(&event.unwrap());
                assert_eq!(kept.is_joinable(), is_joinable);
            });
        }
    }

    #[test]
    fn event_that_can_be_joined_with_nothing_says_why() {
        let of = |text: &str| {
            let mut apart = None;
            for_each_in_json(text, None, &mut |_, event| {
                apart = KeptEvent::of(&event.unwrap(), true, false).apart;
            });
            apart
        };
        let call = |name: &str| {
            format!(
                r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"{name}","eventID":"1"}}"#
            )
        };
        assert_eq!(of(&call("DescribeVpcs")), Some(Apart::NoChange));
        assert_eq!(of(&call("CreateVpc")), Some(Apart::NoResource));
    }
}
