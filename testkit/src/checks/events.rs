//! What must hold of the events of other AWS logs, whatever their text is.

use flow2pcap::change::{CallResult, Change, ChangeDetail, ChangeLog};
use flow2pcap::event::cloudtrail::ApiCall;
use flow2pcap::event::{
    Event, EventDetail, EventFault, EventKind, decoded, for_each_in_json, for_each_in_line,
    kind_of_line,
};
use flow2pcap::filter::{Expression, RecordFacts};
use flow2pcap::flow::Place;

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
            let count = for_each_in_line(kind, line, None, &mut |_, event| {
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
        let count = for_each_in_json(value, None, &mut |_, event| {
            passed_on += 1;
            look(event);
        });
        assert_eq!(count, passed_on);
        assert!(count <= value.len() as u64);
    }
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
