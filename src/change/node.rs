//! Members of the parameters and responses of API calls, in both of EC2's encodings.
//!
//! Classic actions have names in lower camel case, and lists as `{"items":[…]}`. Newer ones have
//! names in upper camel case, a list of one element as that element, and scalars as
//! `{"content":…,"tag":1}`. Other services have plain arrays. Names are compared without case, so one
//! reader is enough for all.

use std::borrow::Cow;

use serde_json::Value;

/// The longest text that is parsed: CloudTrail has events of up to 256 KB.
const TEXT_LEN_MAX: usize = 256 << 10;

/// The members under which lists have their elements.
const ELEMENTS: [&str; 3] = ["items", "item", "member"];

/// A value, seen without its encoding.
#[derive(Clone, Copy)]
pub(super) struct CallValue<'v>(&'v Value);

/// Parses the text of a parameter or a response. A text that is too long, or not JSON, is null.
pub(super) fn parse(text: Option<&str>) -> Value {
    let read = |text: &str| -> Value {
        let short = Some(text).filter(|text| text.len() <= TEXT_LEN_MAX);
        let parsed = short.and_then(|text| serde_json::from_str(text).ok());
        parsed.unwrap_or_default()
    };
    match text.map(read).unwrap_or_default() {
        // Athena and CloudTrail Lake write the object as a string.
        Value::String(inner) => read(&inner),
        value => value,
    }
}

impl<'v> CallValue<'v> {
    pub(super) fn new(value: &'v Value) -> Self {
        Self(value)
    }

    /// Returns a member; `None` if it is missing or null.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        let object = self.0.as_object()?;
        let own = object
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value)
            .filter(|value| !value.is_null())
            .map(CallValue)
    }

    /// Returns the first of these members that is there.
    pub(super) fn any(self, names: &[&str]) -> Option<Self> {
        names.iter().find_map(|name| self.get(name))
    }

    /// Returns the elements of a list in any encoding. A value that is no list is the only element.
    pub(super) fn elements(self) -> Vec<Self> {
        match self.0 {
            Value::Array(values) => values.iter().map(CallValue).collect(),
            Value::Object(members) => {
                let is_element = |name: &String| {
                    let mut known = ELEMENTS.iter();
                    known.any(|known| name.eq_ignore_ascii_case(known))
                };
                match members.iter().find(|(name, _)| is_element(name)) {
                    Some((_, inner)) => CallValue(inner).elements(),
                    None if members.is_empty() => Vec::new(),
                    None => vec![self],
                }
            }
            Value::Null => Vec::new(),
            Value::String(text) if text.is_empty() => Vec::new(),
            _ => vec![self],
        }
    }

    /// Returns the elements of a member; none if it is missing.
    pub(super) fn list(self, name: &str) -> Vec<Self> {
        self.get(name).map(Self::elements).unwrap_or_default()
    }

    /// Returns the text of a scalar; `None` if it is none, or empty.
    pub(super) fn scalar(self) -> Option<Cow<'v, str>> {
        let text = match self.0 {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Bool(flag) => Cow::Owned(flag.to_string()),
            Value::Object(_) => return self.get("content")?.scalar(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// Returns the text of a member; `None` if it is missing, empty or no scalar.
    pub(super) fn text(self, name: &str) -> Option<Cow<'v, str>> {
        self.get(name)?.scalar()
    }

    /// Returns the number of a member, which may be in quotes.
    pub(super) fn number(self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Returns the truth value of a member.
    pub(super) fn flag(self, name: &str) -> Option<bool> {
        self.text(name)?.parse().ok()
    }

    /// Passes on every scalar in it, in the order of the text, with the name of its member. The name
    /// of an element is that of its list.
    pub(super) fn for_each_scalar(
        self,
        name: &'v str,
        each: &mut dyn FnMut(&'v str, Cow<'v, str>),
    ) {
        match self.0 {
            Value::Array(values) => {
                for value in values {
                    CallValue(value).for_each_scalar(name, each);
                }
            }
            Value::Object(members) => {
                for (own, value) in members {
                    let is_wrapper = ELEMENTS.contains(&&**own) || own == "content";
                    let name = if is_wrapper { name } else { own };
                    CallValue(value).for_each_scalar(name, each);
                }
            }
            _ => {
                if let Some(text) = self.scalar() {
                    each(name, text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let value = parse(Some(text));
        let list = CallValue::new(&value).list("groupSet").into_iter();
        let ids = list.filter_map(|element| {
            let own = element.text("groupId").or_else(|| element.scalar());
            own.map(Cow::into_owned)
        });
        ids.collect()
    }

    #[test]
    fn lists_are_the_same_in_every_encoding() {
        for text in [
            r#"{"groupSet":{"items":[{"groupId":"sg-1"},{"groupId":"sg-2"}]}}"#,
            r#"{"GroupSet":{"item":[{"GroupId":"sg-1"},{"GroupId":"sg-2"}]}}"#,
            r#"{"GroupSet":[{"content":"sg-1","tag":1},{"content":"sg-2","tag":2}]}"#,
            r#"{"groupSet":["sg-1","sg-2"]}"#,
        ] {
            assert_eq!(texts(text), ["sg-1", "sg-2"], "{text}");
        }
        let one = r#"{"GroupSet":{"GroupId":"sg-1","tag":1}}"#;
        assert_eq!(texts(one), ["sg-1"]);
        for text in [r#"{"groupSet":{}}"#, r#"{"groupSet":""}"#, "{}", "[", ""] {
            assert_eq!(texts(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn object_in_a_string_is_read() {
        assert_eq!(texts(r#""{\"groupSet\":[\"sg-1\"]}""#), ["sg-1"]);
    }

    #[test]
    fn text_that_is_too_long_is_not_parsed() {
        let long = format!(r#"{{"groupSet":["{}"]}}"#, "a".repeat(TEXT_LEN_MAX));
        assert_eq!(texts(&long), [""; 0]);
    }
}
