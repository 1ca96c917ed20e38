//! Finds the events in JSON text, whatever is around them.
//!
//! CloudTrail puts events into `Records`, EventBridge into `detail`, CloudWatch into the strings of
//! its messages, and tools into keys of their own. So the search goes through objects, arrays and
//! strings to a fixed depth. An object is an event by the names of its members, the same ones by
//! which a file is recognized, and what is inside an event is not searched.

use std::borrow::Cow;

use super::fault::EventFault;
use super::file_name::BalancerFile;
use super::members::{ObjectMembers, for_each_element, string};
use super::original::OriginalFields;
use super::token::Tokens;
use super::{Event, EventKind, cloudtrail, firewall, lattice, resolver, waf};
use crate::record::Foreign;

/// Layers of objects, arrays and strings in which events are searched.
const DEPTH_MAX: usize = 10;

/// Values that are looked at in one text.
const VALUES_MAX: usize = 1 << 20;

/// Receives what is found: an event, or the reason why an object that must be one is none.
/// The event's original fields come with it.
pub(super) type Receiver<'r> =
    dyn for<'e> FnMut(EventKind, Result<Event<'e>, EventFault>, OriginalFields<'e>) + 'r;

/// Passes on the events in a JSON text, in order. `file` is what the file's name says of a load
/// balancer. Returns how many objects and lines were passed on.
///
/// # Examples
/// ```
/// use flow2pcap::event::{EventKind, for_each_in_json};
///
/// let text = r#"{"Records":[{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com",
///     "eventName":"RevokeSecurityGroupIngress","eventID":"6c3021c3-5697-431c-a27e-2427f30d67f4"}]}"#;
/// let mut found = Vec::new();
/// let count = for_each_in_json(text, None, &mut |kind, event, _| found.push((kind, event.is_ok())));
/// assert_eq!((count, found), (1, vec![(EventKind::CloudTrail, true)]));
/// ```
pub fn for_each_in_json(
    text: &str,
    file: Option<&BalancerFile<'_>>,
    each: &mut Receiver<'_>,
) -> u64 {
    let mut search = Search {
        file,
        each,
        passed_on: 0,
        left: VALUES_MAX,
    };
    search.value(text.trim(), 0);
    search.passed_on
}

struct Search<'s, 'r> {
    file: Option<&'s BalancerFile<'s>>,
    each: &'s mut Receiver<'r>,
    passed_on: u64,
    /// Values that may still be looked at.
    left: usize,
}

impl Search<'_, '_> {
    fn value(&mut self, text: &str, depth: usize) {
        if depth > DEPTH_MAX || self.left == 0 {
            return;
        }
        self.left -= 1;
        match text.as_bytes().first() {
            Some(b'{') => self.object(text, depth),
            Some(b'[') => for_each_element(text, |element| {
                self.value(element, depth + 1);
                self.left > 0
            }),
            Some(b'"') if text.len() >= TEXT_LEN_MIN => {
                if let Some(inner) = string(text) {
                    self.message(inner.trim(), depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Searches the text of a string: JSON, or lines of a load balancer.
    fn message(&mut self, text: &str, depth: usize) {
        if text.starts_with(['{', '[', '"']) {
            return self.value(text, depth);
        }
        for line in text.lines() {
            let Ok(tokens) = Tokens::of(line) else {
                continue;
            };
            if let Some(kind) = super::line::kind_of(&tokens) {
                self.passed_on += 1;
                let event = super::line::event(kind, &tokens, self.file);
                (self.each)(kind, event, OriginalFields::Line(&tokens));
            }
        }
    }

    fn object(&mut self, text: &str, depth: usize) {
        let Some(members) = ObjectMembers::of(text) else {
            return;
        };
        if let Some(foreign) = Foreign::of_names(|name| members.has(name)) {
            if let Some(kind) = EventKind::of(foreign).filter(|kind| is_own(*kind, &members)) {
                return self.event(kind, &members);
            }
            if !may_wrap(foreign) {
                return; // another log, whose values are none of ours
            }
        }
        for (_, value) in members.iter() {
            self.value(value, depth + 1);
        }
    }

    fn event(&mut self, kind: EventKind, members: &ObjectMembers<'_>) {
        self.passed_on += 1;
        let event = match kind {
            EventKind::CloudTrail => cloudtrail::event(members),
            EventKind::ResolverQuery => resolver::event(members),
            EventKind::Lattice => lattice::event(members),
            EventKind::FirewallAlert => firewall::event(members),
            EventKind::Waf => waf::event(members),
            EventKind::AlbAccess
            | EventKind::AlbConnection
            | EventKind::NlbAccess
            | EventKind::ClbAccess => {
                let values = FieldValues::of(members);
                let tokens = values.tokens(kind.line_fields());
                let event = super::line::event(kind, &tokens, self.file);
                return (self.each)(kind, event, OriginalFields::Line(&tokens));
            }
        };
        (self.each)(kind, event, OriginalFields::Object(members));
    }
}

/// Whether the object itself is an event, and not an object around one.
fn is_own(kind: EventKind, members: &ObjectMembers<'_>) -> bool {
    match kind {
        EventKind::CloudTrail => cloudtrail::is_event(members),
        EventKind::FirewallAlert => firewall::is_alert(members),
        _ => true,
    }
}

/// Whether an object of this kind may be around events: an answer of `lookup-events` has the names
/// of an event itself.
fn may_wrap(foreign: Foreign) -> bool {
    foreign == Foreign::CloudTrail
}

/// The values of an object by the names of fields. The names are compared without case and without
/// anything but letters and digits, since services write `client:port`, `client_port` and
/// `clientPort`.
struct FieldValues<'a> {
    values: Vec<(String, Cow<'a, str>)>,
    /// The sockets of which the object has the address and the port as two members.
    sockets: Vec<(&'static str, String)>,
}

/// The ends that a log of load balancers may have as two members.
const ENDS: [(&str, [&str; 2], &str); 4] = [
    ("clientport", ["clientip", "clientaddress"], "clientport"),
    ("targetport", ["targetip", "targetaddress"], "targetport"),
    (
        "backendport",
        ["backendip", "backendaddress"],
        "backendport",
    ),
    (
        "destinationport",
        ["destinationip", "destinationaddress"],
        "destinationport",
    ),
];

impl<'a> FieldValues<'a> {
    fn of(members: &ObjectMembers<'a>) -> Self {
        let values = members.iter().filter_map(|(name, raw)| {
            let value = super::members::scalar(raw)?;
            Some((plain(name), value))
        });
        let values: Vec<_> = values.collect();
        let find = |name: &str| {
            let found = values.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| &**value)
        };
        let mut sockets = Vec::new();
        for (end, addresses, port) in ENDS {
            let address = addresses.into_iter().find_map(find);
            match (address, find(port)) {
                (Some("-"), Some("-") | None) => sockets.push((end, "-".to_owned())),
                (Some(address), Some(port)) if !port.contains(':') => {
                    sockets.push((end, format!("{address}:{port}")));
                }
                // The address is known without a port.
                (Some(address), None) => sockets.push((end, format!("{address}:"))),
                _ => {}
            }
        }
        Self { values, sockets }
    }

    /// Returns the values of `names`, as if they were the fields of a line. As many count as there
    /// are names, since the log may be configured to have only some.
    fn tokens<'t>(&'t self, names: &[&str]) -> Tokens<'t> {
        let is_split = names.contains(&"client_ip");
        Tokens::of_values(names, |name| {
            let name = plain(name);
            let socket = self
                .sockets
                .iter()
                .find(|(end, _)| *end == name && !is_split);
            let value = || {
                // Some write `timestamp` for `time`.
                let aliases = [&*name, if name == "time" { "timestamp" } else { &name }];
                let mut values = self.values.iter();
                let found = values.find(|(known, _)| aliases.contains(&&**known));
                found.map(|(_, value)| &**value)
            };
            socket.map(|(_, text)| &**text).or_else(value)
        })
    }
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Length of the shortest string that may hold an event.
const TEXT_LEN_MIN: usize = 40;

#[cfg(test)]
mod tests;
