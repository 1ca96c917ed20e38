//! Finds the records in one JSON value: one record, several, or a wrapper around records.
//!
//! Wrappers are recognized by their keys only. Everything else is treated as a record of named
//! values. Whether it is a flow log is decided later, when its names are compared with the names of
//! the fields.

use super::alike::AlikeObjects;
use super::batch::{Gatherer, KeptValue, excerpt};
use super::json::Json;
use super::layouts::Layouts;
use super::{
    alibaba, azure, cloudwatch, gcp, ibm, network_firewall, oci, ocsf, other_logs, payload, search,
};
use crate::archive::Stream;
use crate::record::{ByteUnit, Foreign, Layout, embedded_records};

/// Turns values into lines.
pub(super) struct Events<'g> {
    pub(super) lines: Gatherer,
    /// Compressed or encoded text found in values, to be read next.
    pub(super) payloads: Vec<Stream>,
    pub(super) layouts: Layouts<'g>,
    /// Whether messages have text around the record, once that is known of the file.
    are_embedding: Option<bool>,
    /// Whether a line of the file had a record.
    pub(super) has_record: bool,
    /// Whether the values next to a message are the record, once that is known for the file.
    uses_named_values: Option<bool>,
    /// Description of the first value.
    outermost: Option<&'static str>,
    /// Whether values that may hold records of other logs are kept.
    pub(super) keeps_values: bool,
    /// Whether an object of another log was found since the last value.
    has_other: bool,
    /// The kind of the first object of another log.
    pub(super) foreign: Option<Foreign>,
    /// Objects that are no wrapper.
    alike: AlikeObjects,
    /// Azure connections seen so far.
    azure: azure::OpenFlows,
    /// Flows that AWS Network Firewall dropped.
    dropped: network_firewall::DroppedFlows,
}

impl<'g> Events<'g> {
    pub(super) fn new(given: Option<&'g Layout>, target_len: usize) -> Self {
        Self {
            lines: Gatherer::new(target_len),
            payloads: Vec::new(),
            layouts: Layouts::new(given),
            uses_named_values: None,
            are_embedding: None,
            has_record: false,
            outermost: None,
            keeps_values: false,
            has_other: false,
            foreign: None,
            alike: AlikeObjects::default(),
            azure: azure::OpenFlows::default(),
            dropped: network_firewall::DroppedFlows::default(),
        }
    }

    /// Returns a description of the first value, or `None` before the first value.
    pub(super) fn outermost(&self) -> Option<&'static str> {
        self.outermost
    }

    pub(super) fn note(&mut self, kind: &'static str) {
        self.outermost.get_or_insert(kind);
    }

    /// Reads the text of one value.
    pub(super) fn read(&mut self, text: &[u8]) {
        match Json::parse(text) {
            Ok(value) => {
                self.add(&value, 0);
                // Of a flow log, only the values with objects of another log are.
                let has_other = std::mem::take(&mut self.has_other);
                if self.keeps_values && (has_other || self.layouts.named_by.is_none()) {
                    self.lines.keep(KeptValue::Text(text.to_vec()));
                }
            }
            Err(error) => {
                let found = || format!("{error}; found {}", excerpt(text));
                self.broken("invalid JSON", found);
            }
        }
    }

    /// Counts a value that is not JSON.
    pub(super) fn broken(&mut self, kind: &'static str, found: impl Fn() -> String) {
        if self.keeps_values {
            self.lines.keep(KeptValue::Broken(kind, found()));
        }
        self.lines.fault(kind, found);
    }

    fn add(&mut self, value: &Json<'_>, depth: usize) {
        if depth > DEPTH_MAX {
            let found = || format!("expected a record within {DEPTH_MAX} wrappers");
            return self.lines.fault("JSON with too many wrappers", found);
        }
        match value {
            Json::Text(message) => self.message(None, message, depth),
            Json::Array(cells) if cloudwatch::is_response_row(cells) => {
                self.note("Logs Insights response");
                self.object(&cloudwatch::response_object(cells), depth);
            }
            Json::Array(elements) if elements.iter().all(|e| e.members().is_some()) => {
                elements.iter().for_each(|e| self.add(e, depth + 1));
            }
            Json::Object(_) => self.object(value, depth),
            other if self.search(other, 0) => self.note("records in strings"),
            other => {
                let found = || excerpt(format!("expected an object, found {other:?}").as_bytes());
                self.lines.fault("JSON that is not a record", found);
            }
        }
    }

    pub(super) fn object(&mut self, value: &Json<'_>, depth: usize) {
        if !self.alike.have(value) {
            if self.add_wrapped(value, depth) {
                return;
            }
            self.alike.remember(value);
        }
        let message = cloudwatch::message(value);
        let is_unnamed = || {
            let names = value.members().unwrap_or_default().iter();
            Layout::from_names(names.map(|(name, _)| &**name)).is_none()
        };
        if message.is_none() && search::is_deep(value) && is_unnamed() && self.search(value, 0) {
            return self.note("records in strings");
        }
        self.note(if message.is_some() {
            "messages"
        } else {
            "one key per field"
        });
        match message {
            Some(inner @ Json::Object(_)) => self.add(inner, depth + 1),
            Some(Json::Text(message)) if !self.uses_named_values(value, message) => {
                self.message(cloudwatch::time_ms(value), message, depth);
            }
            Some(_) => self.row(cloudwatch::named_values(value)),
            None => self.row(value),
        }
    }

    /// Adds what an object of a known kind holds. Returns whether it is one; if not, it is a record, or
    /// has one in a message.
    fn add_wrapped(&mut self, value: &Json<'_>, depth: usize) -> bool {
        if cloudwatch::is_control(value) {
            self.note("CloudWatch subscription");
            self.lines.control();
        } else if let Some(events) = cloudwatch::log_events(value) {
            self.note("CloudWatch subscription");
            events.iter().for_each(|e| self.add(e, depth + 1));
        } else if network_firewall::is_flow(value) {
            self.note("AWS Network Firewall flow log");
            let row = network_firewall::row(value, &mut self.dropped);
            self.lines.named(&row);
        } else if self.add_other_log(value) || self.add_cloud_log(value) {
            return true;
        } else if let (None, Some(encoded)) = (cloudwatch::message(value), payload::encoded(value))
        {
            self.note("event with encoded data");
            match payload::decode(encoded) {
                Ok(source) => self.payloads.push(source),
                Err(found) => self.lines.fault("undecodable data", || found),
            }
        } else {
            return false;
        }
        true
    }

    /// Adds the records in a value that a cloud service wrote in a format of its own. Returns
    /// whether it is one.
    fn add_cloud_log(&mut self, value: &Json<'_>) -> bool {
        if ocsf::is_event(value) {
            self.note("OCSF");
            self.lines.named(&ocsf::row(value));
        } else if gcp::is_entry(value) {
            self.note("GCP log entries");
            self.lines.named_in(ByteUnit::Payload, &gcp::row(value));
        } else if azure::is_record(value) {
            self.note("Azure flow log");
            self.azure(value);
        } else if oci::is_event(value) {
            self.note("OCI flow log");
            self.lines.named(&oci::row(value));
        } else if ibm::is_object(value) {
            self.note("IBM Cloud flow log");
            ibm::add(value, &mut self.lines);
        } else if alibaba::is_record(value) {
            self.note("Alibaba Cloud flow log");
            self.lines.named(&alibaba::row(value));
        } else {
            return false;
        }
        true
    }

    /// Counts `value` if it belongs to a log of another kind. Returns whether it does.
    pub(super) fn add_other_log(&mut self, value: &Json<'_>) -> bool {
        let Some(kind) = other_logs::kind_of(value) else {
            return false;
        };
        self.dropped.note(value);
        self.foreign.get_or_insert(kind);
        self.has_other = true;
        let found = || format!("expected a record of a flow log; found part of {kind}");
        self.lines.fault("record of another log", found);
        true
    }

    fn row(&mut self, value: &Json<'_>) {
        let members = value.members().unwrap_or_default().iter();
        self.lines
            .row(members.map(|(name, value)| (&**name, value)));
    }

    fn azure(&mut self, record: &Json<'_>) {
        let mut open = std::mem::take(&mut self.azure);
        azure::for_each_row(record, &mut open, |row| match row {
            Ok(row) => self.lines.named_in(ByteUnit::EthernetFrame, &row),
            Err(tuple) => {
                let found = excerpt(tuple.as_bytes());
                self.lines.fault("invalid Azure tuple", || {
                    format!(
                        "expected a time, two addresses, two ports, protocol, direction and state; \
                         found {found}"
                    )
                });
            }
        });
        self.azure = open;
    }

    /// Adds the records in a text that consists of Azure tuples. Returns whether it does.
    pub(super) fn add_tuples(&mut self, text: &str) -> bool {
        let are_tuples = azure::are_tuples(text);
        if are_tuples {
            self.note("Azure flow log");
            self.azure(&Json::Text(text.into()));
        }
        are_tuples
    }

    /// Adds the records that were incomplete until the end of the file.
    pub(super) fn finish(&mut self) {
        for row in self.azure.finish() {
            self.lines.named_in(ByteUnit::EthernetFrame, &row);
        }
    }

    fn message(&mut self, time_ms: Option<i64>, message: &str, depth: usize) {
        if message.trim_start().starts_with(['{', '['])
            && let Ok(inner) = Json::parse(message.as_bytes())
        {
            return self.add(&inner, depth + 1);
        }
        if self.add_tuples(message) || self.is_embedding(message) && self.add_strings(message) {
            return;
        }
        self.lines.message(time_ms, message);
    }

    /// Whether `message` has text around its record. The first message that is a record, or has one
    /// in it, decides for the whole file.
    fn is_embedding(&mut self, message: &str) -> bool {
        if self.are_embedding.is_none() {
            if self.layouts.is_record(message.as_bytes()) {
                self.are_embedding = Some(false);
            } else if !embedded_records(message.as_bytes()).is_empty() {
                self.are_embedding = Some(true);
            }
        }
        self.are_embedding == Some(true)
    }

    /// Whether to use the values next to `message` instead of it.
    ///
    /// This is the case only if they have names of fields and the message cannot be parsed. The
    /// result for the first such event applies to the whole file.
    fn uses_named_values(&mut self, value: &Json<'_>, message: &str) -> bool {
        let members = cloudwatch::named_values(value)
            .members()
            .unwrap_or_default();
        let names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        if names.len() < 2 {
            return false;
        }
        let layouts = &self.layouts;
        let is_layout = || Layout::from_names(names.iter().copied()).is_some();
        let decide = || is_layout() && !layouts.is_record(message.as_bytes());
        *self.uses_named_values.get_or_insert_with(decide)
    }
}

/// Maximum number of nested wrappers around a record. No tool uses more.
const DEPTH_MAX: usize = 6;
