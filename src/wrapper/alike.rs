//! Recognizes objects to which the same wrapper applies as to the one before.
//!
//! Which wrapper an object is follows from a long list of keys. The objects of a file nearly always have
//! the same keys in the same order, so what was found for one of them holds for the next, as long as
//! nothing in it depends on its values.

use std::borrow::Cow;

use super::json::Json;

/// The keys of the latest object that is no wrapper, if its values do not matter to that.
#[derive(Debug, Default)]
pub(super) struct AlikeObjects {
    keys: Vec<String>,
}

/// Keys whose values may make an object a wrapper or part of another log.
const TELLING_KEYS: [&str; 5] = [
    "class_uid",
    "data",
    "jsonPayload",
    "logContent",
    "messageType",
];

impl AlikeObjects {
    /// Whether an object is no wrapper either, because one with the same keys was none.
    pub(super) fn have(&self, value: &Json<'_>) -> bool {
        let members = value.members().unwrap_or_default();
        !members.is_empty()
            && members.len() == self.keys.len()
            && members
                .iter()
                .zip(&self.keys)
                .all(|((key, _), known)| key == known)
            && members.iter().all(|(_, value)| is_plain(value))
    }

    /// Remembers an object that is no wrapper.
    pub(super) fn remember(&mut self, value: &Json<'_>) {
        let members = value.members().unwrap_or_default();
        let is_telling = |(key, value): &(Cow<'_, str>, Json<'_>)| {
            TELLING_KEYS.contains(&&**key) || !is_plain(value)
        };
        self.keys.clear();
        if !members.iter().any(is_telling) {
            let keys = members.iter().map(|(key, _)| key.to_string());
            self.keys.extend(keys);
        }
    }
}

/// Whether a value holds no other values, and no Azure tuple, whose columns are separated by commas.
fn is_plain(value: &Json<'_>) -> bool {
    match value {
        Json::Text(text) => memchr::memchr(b',', text.as_bytes()).is_none(),
        other => other.is_scalar(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &str, second: &str, expected: bool) {
        let [first, second] = [first, second].map(|text| Json::parse(text.as_bytes()).unwrap());
        let mut alike = AlikeObjects::default();
        assert!(!alike.have(&second));
        alike.remember(&first);
        assert_eq!(alike.have(&second), expected, "{first:?}, {second:?}");
    }

    #[test]
    fn objects_with_the_same_keys_and_plain_values_are_alike() {
        check(r#"{"a":"1","b":2}"#, r#"{"a":null,"b":"x"}"#, true);
        check(r#"{"a":"1","b":2}"#, r#"{"b":2,"a":"1"}"#, false);
        check(r#"{"a":"1"}"#, r#"{"a":"1","b":2}"#, false);
        check("{}", "{}", false);
    }

    #[test]
    fn objects_whose_values_matter_are_not_alike() {
        check(r#"{"a":"1"}"#, r#"{"a":{"b":1}}"#, false);
        check(r#"{"a":[1]}"#, r#"{"a":[1]}"#, false);
        check(r#"{"a":"1"}"#, r#"{"a":"1,10.0.0.1"}"#, false);
        check(r#"{"class_uid":4001}"#, r#"{"class_uid":4001}"#, false);
        check(r#"{"messageType":"A"}"#, r#"{"messageType":"A"}"#, false);
    }
}
