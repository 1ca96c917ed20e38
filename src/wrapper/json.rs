//! A JSON value that borrows from the text it was parsed from.
//!
//! Wrappers of flow logs are recognized by their keys, so values are parsed without a target type.
//! Most of their bytes are messages, and those are not copied. Keys keep their order.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// A number. Whole numbers are written as decimal digits.
    Number(JsonNumber),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// A JSON number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum JsonNumber {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl<'a> Json<'a> {
    /// Parses one value, which must fill all of `text`. serde_json limits how deep it may nest, and
    /// [`VALUES_MAX`] limits how many values it may hold.
    pub(super) fn parse(text: &'a [u8]) -> serde_json::Result<Self> {
        let left = Cell::new(VALUES_MAX);
        // One look at all of the text is faster than one at each string.
        match std::str::from_utf8(text) {
            Ok(text) => whole(serde_json::Deserializer::from_str(text), &left),
            Err(_) => whole(serde_json::Deserializer::from_slice(text), &left),
        }
    }

    /// Returns `text` as an owned JSON string.
    pub(super) fn word(text: &str) -> Self {
        Self::Text(Cow::Owned(text.to_owned()))
    }

    /// Returns the value of `key`, if this is an object that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let members = self.members()?;
        let found = members.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// Returns the value at the end of a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    pub(super) fn members(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(super) fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number, given as a number or as text.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Number(JsonNumber::Unsigned(n)) => i64::try_from(*n).ok(),
            Self::Number(JsonNumber::Signed(n)) => Some(*n),
            // Its text has no point and no exponent.
            Self::Number(JsonNumber::Float(n)) if n.fract() == 0.0 => n.to_string().parse().ok(),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns the value of an array of one, such as databases of documents write it, and any other
    /// value unchanged.
    pub(super) fn sole(&self) -> &Self {
        match self {
            Self::Array(elements) if elements.len() == 1 => &elements[0],
            other => other,
        }
    }

    /// Whether this is neither an array nor an object.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }
}

/// Parses the one value of a text.
fn whole<'a, R: serde_json::de::Read<'a>>(
    mut deserializer: serde_json::Deserializer<R>,
    left: &Cell<usize>,
) -> serde_json::Result<Json<'a>> {
    let value = Budget(left).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

impl fmt::Display for JsonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(n) => n.fmt(f),
            Self::Signed(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
        }
    }
}

/// Parses any value until the limit on the number of values is reached.
///
/// In memory, a value takes many times the space that `[],[],…` takes as text.
#[derive(Clone, Copy)]
struct Budget<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Budget<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(D::Error::custom(format_args!(
                "more than {VALUES_MAX} nested values"
            )));
        };
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Budget<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(JsonNumber::Unsigned(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(JsonNumber::Signed(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(JsonNumber::Float(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(JsonKey(name)) = map.next_key()? {
            members.push((name, map.next_value_seed(self)?));
        }
        Ok(Json::Object(members))
    }
}

/// A key, borrowed if possible. serde copies keys of type `Cow`.
struct JsonKey<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonKey<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyKey;
        impl<'de> Visitor<'de> for AnyKey {
            type Value = JsonKey<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<JsonKey<'de>, E> {
                Ok(JsonKey(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<JsonKey<'de>, E> {
                Ok(JsonKey(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(AnyKey)
    }
}

/// Maximum number of values inside one, more than any wrapper holds.
const VALUES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_keeps_its_text_and_key_order() {
        let text = br#"{"b":"2 eni","a":["x\ty",1,-2,2.5,null,true],"c":{"d":"7"}}"#;
        let value = Json::parse(text).unwrap();
        let keys: Vec<&str> = value.members().unwrap().iter().map(|(k, _)| &**k).collect();
        assert_eq!(keys, ["b", "a", "c"]);
        assert!(matches!(
            value.get("b"),
            Some(Json::Text(Cow::Borrowed("2 eni")))
        ));
        assert_eq!(
            value.get("a").unwrap().elements().unwrap()[0].text(),
            Some("x\ty")
        );
        assert_eq!(value.at(&["c", "d"]).unwrap().whole(), Some(7));
        assert_eq!(value.at(&["c", "x"]), None);
    }

    #[test]
    fn whole_number_may_have_a_point_or_an_exponent() {
        let value = Json::parse(br#"[4001.0, 4.001e3, 4001.5, "4001", [7], [7, 8]]"#).unwrap();
        let elements = value.elements().unwrap();
        let wholes: Vec<_> = elements.iter().map(Json::whole).collect();
        assert_eq!(wholes[..4], [Some(4001), Some(4001), None, Some(4001)]);
        assert_eq!(elements[4].sole().whole(), Some(7));
        assert_eq!(elements[5].sole(), &elements[5]);
    }

    #[test]
    fn value_nested_a_million_deep_is_refused() {
        let text = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        let message = Json::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("recursion limit"), "{message}");
    }

    #[test]
    fn value_with_too_many_nested_values_is_refused() {
        let text = format!("[{}[]]", "[],".repeat(2_000_000));
        let message = Json::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(
            message.contains("more than 1048576 nested values"),
            "{message}"
        );
    }
}
