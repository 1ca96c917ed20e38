//! The text of a file, as the JSON of its resources one by one.
//!
//! An answer of the AWS CLI is an object with one list. AWS Config has one list of items, each with
//! the instant at which it was captured; an item may also be a file of its own. Recorders put an
//! answer one level down. Several of these may follow one another in one file.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Configuration;
use super::interpret::{self, Kind};
use super::json::Node;
use super::recognize::WRAP;
use crate::printable::cut;

/// The most bytes of one file that are read.
pub const FILE_LEN_MAX: u64 = 64 << 20;

/// The most bytes of one resource.
const RESOURCE_LEN_MAX: usize = 8 << 20;

/// The longest description of what is wrong with a file, in characters.
const PROBLEM_LEN_MAX: usize = 300;

/// What became of the resources of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Resources that are used.
    pub used: u64,
    /// Resources that are not used, because they are not understood.
    pub unused: u64,
    /// What was found and what was expected, for the first of these.
    pub problem: Option<String>,
}

impl Configuration {
    /// Adds what a file says. Whatever is wrong with a resource costs no other one.
    pub fn read(&mut self, text: &[u8]) -> Reading {
        let mut reader = DocumentReader {
            into: self,
            reading: Reading::default(),
        };
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
        for value in values {
            match value {
                Ok(value) => reader.value(value, Level::File),
                Err(error) => {
                    reader.wrong(format!("not JSON: {error}"));
                    break;
                }
            }
        }
        let reading = reader.reading;
        self.files += 1;
        self.text_len += text.len() as u64;
        reading
    }
}

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// It is not in any other.
    File,
    /// It is in a list, or a recorder wrapped it.
    Inside,
}

/// Reads one file.
struct DocumentReader<'c> {
    into: &'c mut Configuration,
    reading: Reading,
}

/// A member of an object, unread.
type AnswerMember<'t> = (String, &'t RawValue);

impl DocumentReader<'_> {
    fn wrong(&mut self, problem: String) {
        self.reading.unused += 1;
        let first = &mut self.reading.problem;
        first.get_or_insert_with(|| cut(&problem, PROBLEM_LEN_MAX).into_owned());
    }

    /// Reads an answer, an item, or a list of them.
    fn value(&mut self, value: &RawValue, level: Level) {
        if level == Level::File && value.get().starts_with('[') {
            self.each(value, |reader, element| {
                reader.value(element, Level::Inside)
            });
            return;
        }
        let Ok(AnswerMembers(members)) = serde_json::from_str::<AnswerMembers<'_>>(value.get())
        else {
            self.wrong(format!("expected an object, found {}", value.get()));
            return;
        };
        let has = |name: &str| members.iter().any(|(member, _)| member == name);
        if has("configurationItemCaptureTime") {
            self.item(value);
        } else if has("TargetHealthDescriptions") {
            self.resource(Kind::TargetHealth, value);
        } else if has("PrefixListId") && has("Entries") {
            self.resource(Kind::PrefixListEntries, value);
        } else {
            self.members(&members, level);
        }
    }

    fn members(&mut self, members: &[AnswerMember<'_>], level: Level) {
        for (name, value) in members {
            match &name[..] {
                "configurationItems" | "baseConfigurationItems" => {
                    self.each(value, Self::item);
                }
                "configurationItem" => self.item(value),
                WRAP if level == Level::File => self.value(value, Level::Inside),
                name => {
                    if let Some(kind) = Kind::of_list(name) {
                        self.each(value, |reader, element| reader.resource(kind, element));
                    }
                }
            }
        }
    }

    /// Passes on the elements of a list.
    fn each(&mut self, list: &RawValue, take: impl FnMut(&mut Self, &RawValue)) {
        let each = Each { reader: self, take };
        let mut json = serde_json::Deserializer::from_str(list.get());
        if let Err(error) = each.deserialize(&mut json) {
            self.wrong(format!("expected a list: {error}"));
        }
    }

    /// Reads one resource of the AWS CLI.
    fn resource(&mut self, kind: Kind, text: &RawValue) {
        if let Some(value) = self.parsed(text) {
            let read = interpret::resource(self.into, kind, Node(&value), None);
            self.note(read);
        }
    }

    /// Reads one item of AWS Config.
    fn item(&mut self, text: &RawValue) {
        if let Some(value) = self.parsed(text) {
            let read = interpret::item(self.into, Node(&value));
            self.note(read);
        }
    }

    fn note(&mut self, read: Result<u64, String>) {
        match read {
            Ok(count) => self.reading.used += count,
            Err(problem) => self.wrong(problem),
        }
    }

    fn parsed(&mut self, text: &RawValue) -> Option<Value> {
        if text.get().len() > RESOURCE_LEN_MAX {
            self.wrong(format!(
                "a resource of {} bytes; expected at most {RESOURCE_LEN_MAX}",
                text.get().len()
            ));
            return None;
        }
        match serde_json::from_str(text.get()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(format!("not JSON: {error}"));
                None
            }
        }
    }
}

/// The members of an object.
struct AnswerMembers<'t>(Vec<AnswerMember<'t>>);

/// The most members of an object that are looked at.
const MEMBERS_MAX: usize = 1_000;

impl<'t> Deserialize<'t> for AnswerMembers<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnswerMembersVisitor;
        impl<'t> Visitor<'t> for AnswerMembersVisitor {
            type Value = AnswerMembers<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() < MEMBERS_MAX {
                        members.push(member);
                    }
                }
                Ok(AnswerMembers(members))
            }
        }
        deserializer.deserialize_map(AnswerMembersVisitor)
    }
}

/// Passes the elements of a list to a function, one after another.
struct Each<'r, 'c, F> {
    reader: &'r mut DocumentReader<'c>,
    take: F,
}

impl<'t, 'c, F: FnMut(&mut DocumentReader<'c>, &RawValue)> DeserializeSeed<'t> for Each<'_, 'c, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'t, 'c, F: FnMut(&mut DocumentReader<'c>, &RawValue)> Visitor<'t> for Each<'_, 'c, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<&RawValue>()? {
            (self.take)(self.reader, element);
        }
        Ok(())
    }
}
