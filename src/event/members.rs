//! The members of one JSON object, each as its original text.
//!
//! Values are not parsed until they are needed, so the parameters of an API call stay what they were
//! in the log, byte for byte. At most [`MEMBERS_MAX`] members are kept; no event has as many.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Most members or elements that are looked at.
pub(super) const MEMBERS_MAX: usize = 1_024;

/// The members of an object, in order.
#[derive(Clone, Debug, Default)]
pub struct ObjectMembers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> ObjectMembers<'a> {
    /// Parses an object. `None` if it is not one.
    pub fn of(text: &'a str) -> Option<Self> {
        text.trim_start()
            .starts_with('{')
            .then(|| serde_json::from_str(text).ok())?
    }

    /// Returns the original text of a member's value.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.get())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Returns the text of a string, a number or a truth value; `None` for anything else, and for an
    /// empty string.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        scalar(self.raw(name)?).filter(|text| !text.is_empty())
    }

    /// Does the same, without the `-` that some logs write for no value.
    pub(super) fn known(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).filter(|text| text != "-")
    }

    /// Returns the members of an object that is a member.
    pub fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.raw(name)?)
    }

    /// Returns the value of a member as a number.
    pub(super) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.parse().ok()
    }

    /// Returns the original text of a value, unless it is `null`.
    pub(super) fn json(&self, name: &str) -> Option<&'a str> {
        self.raw(name).filter(|text| *text != "null")
    }

    /// Returns the names of the members and the original text of their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (&**name, value.get()))
    }
}

/// Returns the text of a JSON value that is neither an object nor an array nor `null`.
pub fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes() {
        [b'"', ..] => string(raw),
        [b'{' | b'[' | b'n', ..] | [] => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// Returns the text of a string.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// Passes on the original text of the elements of a JSON array, until `each` returns false.
pub fn for_each_element<'a>(text: &'a str, each: impl FnMut(&'a str) -> bool) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // A fault in the array ends it; what came before has been passed on.
    let _ = deserializer.deserialize_seq(Elements(each));
}

struct Elements<F>(F);

impl<'de, F: FnMut(&'de str) -> bool> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<&RawValue>()? {
            if !(self.0)(element.get()) {
                break;
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ObjectMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyObject;
        impl<'de> Visitor<'de> for AnyObject {
            type Value = ObjectMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<ObjectMembers<'de>, A::Error> {
                let mut members = Vec::new();
                while members.len() < MEMBERS_MAX
                    && let Some(MemberName(name)) = map.next_key()?
                {
                    members.push((name, map.next_value()?));
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(ObjectMembers(members))
            }
        }
        deserializer.deserialize_map(AnyObject)
    }
}

/// A name, borrowed if it has no escape. serde copies names of type `Cow`.
struct MemberName<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for MemberName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyName;
        impl<'de> Visitor<'de> for AnyName {
            type Value = MemberName<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<MemberName<'de>, E> {
                Ok(MemberName(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<MemberName<'de>, E> {
                Ok(MemberName(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(AnyName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let members =
            ObjectMembers::of(r#" {"a": {"b": [1.50, 1e3]}, "c":"x\ty", "n":null, "p": 7}"#);
        let members = members.unwrap();
        assert_eq!(members.raw("a"), Some(r#"{"b": [1.50, 1e3]}"#));
        assert_eq!(members.text("c").as_deref(), Some("x\ty"));
        assert_eq!(members.number::<u16>("p"), Some(7));
        assert_eq!((members.json("n"), members.text("n")), (None, None));
        assert!(ObjectMembers::of("[1]").is_none());
        assert!(ObjectMembers::of(r#"{"a":"#).is_none());
    }

    #[test]
    fn million_members_take_the_space_of_a_few() {
        let text = format!("{{{}\"z\":1}}", "\"a\":1,".repeat(1_000_000));
        let members = ObjectMembers::of(&text).unwrap();
        assert_eq!(members.0.len(), MEMBERS_MAX);
    }

    #[test]
    fn deep_value_is_not_followed() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        let text = format!(r#"{{"a":{deep},"b":1}}"#);
        // Whether the parser refuses it or not, it returns.
        let members = ObjectMembers::of(&text);
        assert!(members.is_none_or(|members| members.has("b")));
    }
}
