//! Facts: what a tool found out, with every value labeled by how it is known.
//!
//! A value is *observed* if a log has it or if it is a sum of such values, *deduced* if it follows from
//! them by a rule that may be wrong, and *invented* if no log says anything about it. Text from outside
//! is escaped as on a page ([`printable`]): a reader of these values may be a model, to which invisible
//! characters are as harmful as to a terminal.

use flow2pcap::printable::{cut, printable};
use flow2pcap::time::rfc3339;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The most bytes that a fact takes in a response, see [`len_in_response`]. Two of the largest fit.
pub(super) const FACT_LEN_MAX: usize = 9_000;

/// How texts and lists of a fact are cut, the gentlest first: characters of a text, members of a list.
const CUTS: [(usize, usize); 7] = [
    (1_000, 32),
    (600, 16),
    (400, 8),
    (250, 5),
    (120, 3),
    (60, 2),
    (30, 1),
];

/// The longest text of a fact, in characters.
const TEXT_MAX: usize = 1_000;

/// The facts of one answer, in its order.
pub(super) type AnswerFacts<'a> = Box<dyn Iterator<Item = Fact> + 'a>;

/// A fact of some kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fact {
    kind: &'static str,
    observed: Map<String, Value>,
    deduced: Map<String, Value>,
    invented: Map<String, Value>,
    records: Vec<String>,
}

impl Fact {
    /// Creates a fact of which nothing is known yet.
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    /// Adds a value that a log has, or a sum of such values. Null is nothing.
    pub(super) fn observed(mut self, name: &str, value: impl Into<Value>) -> Self {
        put(&mut self.observed, name, value.into());
        self
    }

    /// Adds a value that follows from what is logged.
    pub(super) fn deduced(mut self, name: &str, value: impl Into<Value>) -> Self {
        put(&mut self.deduced, name, value.into());
        self
    }

    /// Adds a value that no log has anything to say about.
    pub(super) fn invented(mut self, name: &str, value: impl Into<Value>) -> Self {
        put(&mut self.invented, name, value.into());
        self
    }

    /// Adds a value that is observed, or else deduced.
    pub(super) fn observed_if(self, is: bool, name: &str, value: impl Into<Value>) -> Self {
        match is {
            true => self.observed(name, value),
            false => self.deduced(name, value),
        }
    }

    /// Adds a value that is deduced, or else invented.
    pub(super) fn deduced_if(self, is: bool, name: &str, value: impl Into<Value>) -> Self {
        match is {
            true => self.deduced(name, value),
            false => self.invented(name, value),
        }
    }

    /// Adds lines that are evidence, as `FILE:LINE`.
    pub(super) fn records<'a>(mut self, records: impl IntoIterator<Item = &'a String>) -> Self {
        self.records.extend(records.into_iter().cloned());
        self
    }

    /// Returns the fact as JSON that takes at most [`FACT_LEN_MAX`] bytes. If it would take more, its
    /// longest texts and lists are cut, and `shortened` says so.
    pub(super) fn into_json(self) -> Value {
        let mut fact = Map::new();
        fact.insert("kind".into(), self.kind.into());
        let labels = [
            ("observed", self.observed),
            ("deduced", self.deduced),
            ("invented", self.invented),
        ];
        for (label, values) in labels.into_iter().filter(|(_, values)| !values.is_empty()) {
            fact.insert(label.into(), values.into());
        }
        if !self.records.is_empty() {
            fact.insert("records".into(), self.records.into());
        }
        shortened(printed(fact.into(), TEXT_MAX, usize::MAX))
    }
}

fn put(values: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        values.insert(name.to_owned(), value);
    }
}

/// Returns the value of anything that is texts, numbers and lists.
pub(super) fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// Returns a sum of any size; one that has more than 64 bits becomes a text of its digits.
pub(super) fn sum(n: u128) -> Value {
    u64::try_from(n).map_or_else(|_| n.to_string().into(), Value::from)
}

/// Returns an instant in RFC 3339, given in nanoseconds since the Unix epoch.
pub(super) fn instant(ns: i64) -> Value {
    rfc3339(ns).into()
}

/// Returns how many bytes a fact takes in a response: it is there as JSON, and once more in a text.
pub(super) fn len_in_response(fact: &Value) -> usize {
    let text = fact.to_string();
    let len = text.len();
    len + Value::from(text).to_string().len() + 2
}

/// Cuts texts and lists until the fact is short enough.
fn shortened(fact: Value) -> Value {
    if len_in_response(&fact) <= FACT_LEN_MAX {
        return fact;
    }
    let cuts = CUTS.into_iter().map(|(text_max, list_max)| {
        let mut cut = printed(fact.clone(), text_max, list_max);
        if let Value::Object(cut) = &mut cut {
            cut.insert("shortened".into(), true.into());
        }
        cut
    });
    let mut fitting = cuts.filter(|cut| len_in_response(cut) <= FACT_LEN_MAX);
    // A fact of thousands of names: what is left of it is its kind.
    let kind = || json!({ "kind": fact["kind"], "shortened": true });
    fitting.next().unwrap_or_else(kind)
}

/// Escapes all text, and leaves at most so many characters of each and so many members of each list.
fn printed(value: Value, text_max: usize, list_max: usize) -> Value {
    match value {
        Value::String(text) => cut(&printable(&text), text_max).into_owned().into(),
        Value::Array(all) => {
            let more = all.len().saturating_sub(list_max);
            let kept = all.into_iter().take(list_max);
            let mut kept: Vec<Value> = kept
                .map(|value| printed(value, text_max, list_max))
                .collect();
            if more > 0 {
                kept.push(format!("and {more} more").into());
            }
            kept.into()
        }
        Value::Object(all) => {
            let more = all.len().saturating_sub(list_max.max(16));
            let kept = all.into_iter().take(list_max.max(16));
            let mut kept: Map<String, Value> = kept
                .map(|(name, value)| {
                    let name = cut(&printable(&name), text_max).into_owned();
                    (name, printed(value, text_max, list_max))
                })
                .collect();
            if more > 0 {
                kept.insert("and more".into(), more.into());
            }
            kept.into()
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_under_their_labels_and_nothing_is_left_out() {
        let fact = Fact::new("packet")
            .observed("bytes", 60)
            .observed("reason", Value::Null)
            .observed_if(false, "direction", "egress")
            .deduced_if(false, "kind", "SYN")
            .records(&["a.log:2".to_owned()]);
        let expected = json!({
            "kind": "packet",
            "observed": {"bytes": 60},
            "deduced": {"direction": "egress"},
            "invented": {"kind": "SYN"},
            "records": ["a.log:2"],
        });
        assert_eq!(fact.into_json(), expected);
    }

    #[test]
    fn text_from_outside_is_escaped() {
        let fact = Fact::new("eni").observed("name", "a\u{1b}[31m\u{202e}b");
        assert_eq!(
            fact.into_json()["observed"]["name"],
            "a\\u{1b}[31m\\u{202e}b"
        );
    }

    #[test]
    fn sums_keep_all_digits() {
        assert_eq!(sum(7), json!(7));
        assert_eq!(sum(u128::from(u64::MAX) + 1), json!("18446744073709551616"));
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let names: Vec<String> = (0..5_000).map(|n| format!("eni-{n}")).collect();
        let fact = Fact::new("archive").observed("names", names).into_json();
        assert_eq!(fact["shortened"], true);
        let names = fact["observed"]["names"].as_array().unwrap();
        assert_eq!(names[0], "eni-0");
        assert_eq!(names.last().unwrap(), "and 4968 more");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn fact_is_never_longer_than_it_may_be(
            texts in proptest::collection::vec(any::<String>(), 0..40),
            name in "\\PC{0,300}",
        ) {
            let texts: Vec<String> = texts.iter().map(|text| text.repeat(40)).collect();
            let fact = Fact::new("x").observed(&name, texts.clone()).records(&texts);
            prop_assert!(len_in_response(&fact.into_json()) <= FACT_LEN_MAX);
        }
    }
}
