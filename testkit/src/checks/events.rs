//! What must hold of the events of other AWS logs, whatever their text is.

use flow2pcap::change::{CallResult, Change, ChangeDetail, ChangeLog};
use flow2pcap::event::cloudtrail::ApiCall;
use flow2pcap::event::{
    Event, EventDetail, EventFault, EventKind, decoded, for_each_in_json, for_each_in_line,
    kind_of_line,
};
use flow2pcap::filter::{Expression, RecordFacts};
use flow2pcap::flow::{ConnectionKey, Endpoint, Place};
use flow2pcap::joining::{
    ConnectionSpan, EventNumber, FirstRejected, JoinOutcome, LegSide, RESOURCES_MAX,
    RejectedRecord, SoughtConnection, SoughtIndex, WORDS_LEN_MAX, changed_resources, changed_words,
    event_words, is_change, sought,
};
use flow2pcap::pdu::{self, FRAME_LEN_MAX, FrameContents};

/// The kinds of files that a line may be in.
const KINDS: [EventKind; 3] = [
    EventKind::AlbAccess,
    EventKind::ClbAccess,
    EventKind::CloudTrail,
];

/// Each line is one event or more, a fault that says why not, or nothing. The kind of its file
/// matters only to what is no event.
pub fn lines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        let mut counts = Vec::new();
        for kind in KINDS {
            let mut events = 0;
            let mut passed_on = 0;
            let count = for_each_in_line(kind, line, None, &mut |_, event, _| {
                passed_on += 1;
                events += u64::from(look(event));
            });
            assert_eq!(count, passed_on);
            counts.push(events);
        }
        if !line.contains('{') {
            assert!(counts.iter().all(|count| *count == counts[0]), "{line}");
            assert!(counts[0] == 0 || kind_of_line(line).is_some(), "{line}");
        }
    }
}

/// The values of a text are events, faults, or nothing, and there are no more of them than there is
/// text.
pub fn json(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for value in text.lines().chain([&*text]) {
        let mut passed_on = 0;
        let count = for_each_in_json(value, None, &mut |_, event, _| {
            passed_on += 1;
            look(event);
        });
        assert_eq!(count, passed_on);
        assert!(count <= value.len() as u64);
    }
}

/// Calls the function for each event of a text, in JSON or in lines.
fn each_event(bytes: &[u8], mut each: impl FnMut(&Event<'_>)) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event, _| {
            event.iter().for_each(&mut each);
        });
    }
    for_each_in_json(&text, None, &mut |_, event, _| {
        event.iter().for_each(&mut each)
    });
}

/// The frames of an event have what their dissector takes, and its words are one bounded line.
pub fn frames(bytes: &[u8]) {
    each_event(bytes, |event| {
        let words = event_words(event).unwrap_or_default();
        assert!(words.len() <= WORDS_LEN_MAX, "{words}");
        assert!(!words.contains(char::is_control), "{words:?}");
        assert!(!pdu::interface_name(event).is_empty());
        for frame in pdu::frames(event) {
            assert!(frame.bytes.len() <= FRAME_LEN_MAX);
            match pdu::frame_contents(event) {
                FrameContents::Pdu => exported(&frame.bytes),
                FrameContents::Ip => datagram(&frame.bytes),
            }
        }
    });
}

/// Tags to their end, each whole and padded, and then JSON, or the head of an HTTP message.
fn exported(bytes: &[u8]) {
    const DISSECTOR: u16 = 12;
    let mut rest = bytes;
    let mut dissector = "";
    loop {
        let (head, after) = rest.split_at(4);
        let [number, len] = [0, 2].map(|at| u16::from_be_bytes([head[at], head[at + 1]]));
        assert_eq!(len % 4, 0);
        let (value, after) = after.split_at(len.into());
        rest = after;
        match number {
            0 => break,
            DISSECTOR => {
                dissector = std::str::from_utf8(value)
                    .expect("a name is text")
                    .trim_end_matches('\0')
            }
            _ => {}
        }
    }
    match dissector {
        "json" => {
            let value: serde_json::Value = serde_json::from_slice(rest).expect("JSON");
            assert!(value.is_object());
        }
        "http" => {
            let text = std::str::from_utf8(rest).expect("a message is text");
            let lines = text.strip_suffix("\r\n\r\n").expect("an empty line");
            assert!(
                lines
                    .split("\r\n")
                    .all(|line| !line.contains(char::is_control))
            );
            assert!(!lines.contains("\r\n\r\n"));
        }
        other => panic!("{other}"),
    }
}

/// An IP packet with a UDP datagram that is as long as they say.
fn datagram(bytes: &[u8]) {
    let word = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let head = match bytes[0] >> 4 {
        4 => {
            assert_eq!((bytes[0] & 15, word(2), bytes[9]), (5, bytes.len(), 17));
            20
        }
        6 => {
            assert_eq!((word(4) + 40, bytes[6]), (bytes.len(), 17));
            40
        }
        version => panic!("IP version {version}"),
    };
    assert_eq!(word(head + 4), bytes.len() - head);
    // One question.
    assert_eq!(word(head + 12), 1);
}

/// An event is joined with a connection of its own ends, and with none if there is another one like it,
/// in whatever order they are offered.
pub fn joins(bytes: &[u8]) {
    let mut index = SoughtIndex::default();
    let mut changes = FirstRejected::default();
    let mut spans = Vec::new();
    let mut count = 0;
    each_event(bytes, |event| {
        let number = EventNumber(count);
        count += 1;
        if let EventDetail::ApiCall(call) = &event.detail {
            let named = changed_resources(call);
            assert!(named.len() <= RESOURCES_MAX);
            let words = changed_words(call, event.instant_ns);
            assert!(words.len() <= WORDS_LEN_MAX && !words.contains(char::is_control));
            if is_change(call) {
                let named = named.into_iter();
                named.for_each(|name| changes.enter(name, event.instant_ns, number));
            }
        }
        for sought in sought(event).into_iter().flatten() {
            assert!(sought.used_ns.0 <= sought.used_ns.1);
            index.enter(number, sought);
            spans.push(span(&sought));
        }
    });
    index.complete();
    for span in &spans {
        assert!(index.concerns(&span.key) && index.fits(span));
    }
    let decided = |mut spans: Vec<ConnectionSpan>| {
        let mut all = Vec::new();
        index.decide(&mut spans, |number, sought, outcome| {
            if let JoinOutcome::Unique(key) = outcome {
                assert!([key.low, key.high].contains(&sought.known));
            }
            all.push((
                number,
                sought.side == LegSide::Target,
                format!("{outcome:?}"),
            ));
        });
        all.sort();
        all
    };
    let once = decided(spans.clone());
    spans.reverse();
    assert_eq!(decided(spans), once);
    changes.complete();
    rejected(changes);
}

/// A connection that an event may be about.
fn span(sought: &SoughtConnection) -> ConnectionSpan {
    let address = sought.other.unwrap_or(sought.known.address);
    let port = sought.other_port.unwrap_or(40_000);
    let other = Endpoint { address, port };
    let (low, high) = (sought.known.min(other), sought.known.max(other));
    ConnectionSpan {
        key: ConnectionKey {
            low,
            high,
            protocol: sought.protocol,
        },
        view: 0,
        start_ns: sought.used_ns.0,
        until_ns: sought.used_ns.1.saturating_add(1),
    }
}

/// The first of two rejected records after a change is found.
fn rejected(mut changes: FirstRejected) {
    let Some(group) = changes.resource("sg-0a1b") else {
        return;
    };
    let at = |start_ns, line| RejectedRecord {
        start_ns,
        place: Place { file: 0, line },
    };
    for line in [2, 1] {
        changes.offer(group, at(i64::MAX, line));
    }
    let found = changes.decide();
    assert!(found.values().all(|record| *record == at(i64::MAX, 1)));
    assert!(!found.is_empty());
}

/// Looks at everything of an event. Returns whether it is one.
fn look(event: Result<Event<'_>, EventFault>) -> bool {
    let event = match event {
        Ok(event) => event,
        Err(fault) => {
            assert!(!fault.kind().is_empty() && !fault.to_string().is_empty());
            return false;
        }
    };
    let [first, second] = event.legs();
    let facts = RecordFacts {
        event: Some(&event),
        ..RecordFacts::default()
    };
    let verdict = |filter: &str| {
        let filter: Expression = filter.parse().expect("a filter that is known to be good");
        filter.verdict(&facts)
    };
    let addresses = [
        first.source,
        first.destination,
        second.source,
        second.destination,
    ];
    for address in addresses.into_iter().flatten() {
        assert_eq!(verdict(&format!("host {address}")), Some(true));
        assert_eq!(verdict(&format!("not host {address}")), Some(false));
    }
    for port in [first.source_port, second.destination_port]
        .into_iter()
        .flatten()
    {
        assert_eq!(verdict(&format!("port {port}")), Some(true));
    }
    match &event.detail {
        EventDetail::Alb(request) => {
            let path = request.request.path();
            assert!(decoded(path).len() <= path.len().max(1) * 3);
            let _ = (request.request.host(), request.listener_port());
        }
        EventDetail::ApiCall(call) => {
            for (whole, inner) in [
                (call.request, call.parameters()),
                (call.response, call.answer()),
            ] {
                assert_eq!(whole.is_some(), inner.is_some());
                assert!(
                    whole
                        .unwrap_or_default()
                        .contains(inner.unwrap_or_default())
                );
            }
            assert!(!call.is_dry_run() || call.has_failed());
            let _ = call.actor.name();
            change(event.instant_ns, call);
        }
        _ => {}
    }
    true
}

/// A call that may change a network path is a change of bounded size, which can be put into words.
fn change(instant_ns: i64, call: &ApiCall<'_>) {
    let Some(key) = Change::key(instant_ns, call) else {
        return;
    };
    let change = Change::of(key, instant_ns, call);
    assert!(change.ids.len() <= 64 && change.addresses.len() <= 64);
    if let ChangeDetail::Rules(rules) = &change.detail {
        assert!(rules.len() <= 32);
    }
    assert_eq!(change.result == CallResult::Done, !call.has_failed());
    assert!(change.in_words().len() <= 8 << 10, "{}", change.in_words());
    let place = Place { file: 0, line: 1 };
    let log = ChangeLog::new([(change.clone(), place), (change, place)], None);
    assert_eq!(log.within(instant_ns, instant_ns).len(), 2);
}
