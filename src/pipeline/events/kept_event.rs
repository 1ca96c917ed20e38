//! What is kept of an event; `event_codec` encodes it.

use std::net::{IpAddr, SocketAddr};

use super::event_codec::split;
use crate::change::Change;
use crate::event::cloudtrail::ApiCall;
use crate::event::waf::WafRequest;
use crate::event::{Event, EventDetail, EventIds, EventKind};
use crate::flow::Endpoint;
use crate::joining::{
    SoughtConnection, changed_resources, changed_words, event_words, is_change, sought,
};
use crate::pdu::{self, EventFrame, FrameContents};

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
    pub(super) const ALL: [Self; 5] = [
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

/// Returns the ends of a connection as a word of a comment.
pub(super) fn ends_word(key: &crate::flow::ConnectionKey) -> String {
    let socket = |end: Endpoint| SocketAddr::from((end.address, end.port)).to_string();
    format!("{}-{}", socket(key.low), socket(key.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::for_each_in_json;

    #[test]
    fn event_that_can_be_joined_with_nothing_says_why() {
        let of = |text: &str| {
            let mut apart = None;
            for_each_in_json(text, None, &mut |_, event, _| {
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
