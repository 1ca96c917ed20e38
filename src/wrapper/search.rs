//! Finds records anywhere in JSON values and lines, whatever the names of their keys.
//!
//! Log stores put a record into a string of their own documents: `_raw`, `event.original`, `values`,
//! or any other key. The search goes through all values of a document. It accepts a string only if a
//! record of a well-known order is in it beyond doubt ([`embedded_records`]), an object only if it is
//! a record that another module of this folder reads, and an event in the Elastic Common Schema
//! ([`ecs`]). A document without any of these has no record here.

use super::batch::excerpt;
use super::event::Events;
use super::json::Json;
use super::{azure, cloudwatch, ecs, gcp, ibm, network_firewall, oci, ocsf};
use crate::record::{EMBEDDED_WORDS_MIN, Field, Layout, embedded_records};

impl Events<'_> {
    /// Adds the records in one line of text.
    pub(super) fn add_embedded(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return self.lines.blank();
        }
        if self.add_strings(&String::from_utf8_lossy(line)) {
            self.has_record = true;
        } else if self.has_record || may_hold_record(line) {
            let found = || {
                format!(
                    "expected a record of a known order; found {}",
                    excerpt(line)
                )
            };
            self.lines.fault("line without a record", found);
        } else {
            self.lines.blank(); // a title or the names of columns
        }
    }

    /// Adds the records in `value`, which is not a record itself. Returns whether there are any.
    pub(super) fn search(&mut self, value: &Json<'_>, depth: usize) -> bool {
        if depth > DEPTH_MAX {
            return false;
        }
        match value {
            Json::Text(text) if text.trim_start().starts_with(['{', '[']) => {
                let inner = Json::parse(text.as_bytes());
                inner.is_ok_and(|inner| self.search(&inner, depth + 1))
            }
            Json::Text(text) => self.add_strings(text),
            Json::Array(elements) => {
                let found = elements.iter().map(|e| self.search(e, depth + 1));
                found.fold(false, |any, found| any | found)
            }
            Json::Object(_) if is_record(value) => {
                self.object(value, 0);
                true
            }
            Json::Object(_) if self.add_other_log(value) => true,
            Json::Object(members) => {
                let values = members.iter().map(|(_, value)| value);
                let found = values.map(|value| self.search(value, depth + 1));
                let has_found = found.fold(false, |any, found| any | found);
                has_found || self.add_ecs(value)
            }
            _ => false,
        }
    }

    /// Adds `value` if it is an event in the Elastic Common Schema. Returns whether it is.
    fn add_ecs(&mut self, value: &Json<'_>) -> bool {
        let is_event = ecs::is_event(value);
        if is_event {
            self.note("Elastic Common Schema");
            self.lines.named(&ecs::row(value));
        }
        is_event
    }

    /// Adds the records in `text`. Returns whether there are any.
    pub(super) fn add_strings(&mut self, text: &str) -> bool {
        let records = embedded_records(text.as_bytes());
        for record in &records {
            self.lines.message(None, &String::from_utf8_lossy(record));
        }
        !records.is_empty()
    }
}

/// Whether `line` has as many words as the shortest record of a well-known order.
fn may_hold_record(line: &[u8]) -> bool {
    let words = line.split(u8::is_ascii_whitespace);
    words.filter(|word| !word.is_empty()).count() >= EMBEDDED_WORDS_MIN
}

/// Whether an object can have records deeper inside it: it holds an object, an array, or a string
/// that is as long as a record.
pub(super) fn is_deep(value: &Json<'_>) -> bool {
    let members = value.members().unwrap_or_default();
    members.iter().any(|(_, value)| match value {
        Json::Text(text) => text.len() >= RECORD_LEN_MIN,
        other => !other.is_scalar(),
    })
}

/// Whether an object is a record, or a wrapper of a known kind.
fn is_record(value: &Json<'_>) -> bool {
    let members = value.members().unwrap_or_default().iter();
    let scalars = members.filter(|(_, value)| value.is_scalar());
    let names = scalars.map(|(name, _)| &**name);
    cloudwatch::is_control(value)
        || cloudwatch::log_events(value).is_some()
        || ocsf::is_event(value)
        || gcp::is_entry(value)
        || azure::is_record(value)
        || oci::is_event(value)
        || ibm::is_object(value)
        || network_firewall::is_flow(value)
        || Layout::from_names(names).is_some_and(|layout| has_addresses(&layout))
}

/// Whether the columns have the two addresses of a flow. Other documents have `bytes` and `packets`
/// too.
fn has_addresses(layout: &Layout) -> bool {
    let has = |either: [Field; 2]| either.iter().any(|field| layout.index_of(*field).is_some());
    has([Field::SrcAddr, Field::PktSrcAddr]) && has([Field::DstAddr, Field::PktDstAddr])
}

/// The length of the shortest record of a well-known order, in bytes.
const RECORD_LEN_MIN: usize = 60;

/// Maximum depth of the search. Documents of log stores are less than half as deep.
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "2 123456789010 eni-1235b8ca 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
                          1418530010 1418530070 ACCEPT OK";

    #[track_caller]
    fn check(json: &str, expected: usize) {
        let json = json.replace("RECORD", RECORD);
        let mut events = Events::new(None, 1 << 20);
        events.read(json.as_bytes());
        events.lines.flush();
        let mut records = 0;
        while let Some(batch) = events.lines.pop() {
            let text = String::from_utf8(batch.text).unwrap();
            records += text.matches("172.31.16.139").count();
        }
        assert_eq!(records, expected, "{json}");
    }

    #[test]
    fn record_is_found_under_any_key() {
        check(r#"{"_raw":"RECORD"}"#, 1);
        check(
            r#"{"preview":false,"result":{"_raw":"RECORD","_time":"x"}}"#,
            1,
        );
        check(
            r#"{"a":[{"b":{"event":{"original":"RECORD"}}},{"b":{}}]}"#,
            1,
        );
        check(
            r#"{"data":{"values":[["1","RECORD"],["2","x RECORD"]]}}"#,
            2,
        );
        check(r#"[[1714564860000,"RECORD"],[1714564860001,"RECORD"]]"#, 2);
        check(r#"{"log":"{\"line\":\"RECORD\"}"}"#, 1);
        check(r#"{"message":"host: RECORD"}"#, 1);
    }

    #[test]
    fn named_values_are_found_inside_any_document() {
        let row = r#"{"srcaddr":"172.31.16.139","dstaddr":"172.31.16.21","packets":"1"}"#;
        check(
            &format!(r#"{{"hits":[{{"_source":{row}}},{{"_source":{row}}}]}}"#),
            2,
        );
    }

    #[test]
    fn events_in_the_elastic_common_schema_are_records() {
        check(
            r#"{"_source":{"source":{"ip":"172.31.16.139","port":1},"destination":{"ip":"172.31.16.21"},
               "network":{"bytes":40,"packets":1,"iana_number":"6"}}}"#,
            1,
        );
        check(
            r#"{"source.ip":"172.31.16.139","destination.ip":"172.31.16.21","x":{}}"#,
            1,
        );
    }

    #[test]
    fn document_without_a_record_has_none() {
        check(r#"{"result":{"_raw":"GET / 172.31.16.139 200"}}"#, 0);
        check(
            r#"[[1,"2 123456789010 eni-1235b8ca - - - - - - - 1 2 - OK"]]"#,
            0,
        );
        check(r#"{"a":{"b":{"c":[]}}}"#, 0);
    }
}
