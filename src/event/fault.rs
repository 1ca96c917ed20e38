//! Why a line or an object is not an event.

use std::fmt;

/// The reason why a line or an object is not an event: what was found, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFault {
    kind: &'static str,
    found: String,
}

/// Bytes of the text that a message shows.
const EXCERPT_LEN: usize = 60;

impl EventFault {
    pub(super) fn new(kind: &'static str, found: &str, expected: &str) -> Self {
        Self {
            kind,
            found: format!("found {}, expected {expected}", excerpt(found)),
        }
    }

    /// Returns the fault of a value that is not what `field` must be.
    pub(super) fn value(field: &str, found: &str, expected: &str) -> Self {
        let found = excerpt(found);
        Self {
            kind: "invalid value",
            found: format!("found {found} as {field}, expected {expected}"),
        }
    }

    /// Returns the fault of a line with fewer fields than its format has.
    pub(super) fn too_short(found: usize, expected: usize) -> Self {
        Self {
            kind: "too few fields",
            found: format!("found {found}, expected at least {expected}"),
        }
    }

    /// Returns the fault of something that is not an event, with a description of it.
    pub(crate) fn described(kind: &'static str, found: &str) -> Self {
        Self {
            kind,
            found: found.to_owned(),
        }
    }

    /// Returns the fault of a JSON value that has no event.
    pub(crate) fn no_event(found: &str) -> Self {
        Self::new("no event", found, "an event")
    }

    /// Returns the kind of problem, in the same words for all cases of it.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl fmt::Display for EventFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

impl std::error::Error for EventFault {}

/// Returns the beginning of `text`, quoted and escaped.
fn excerpt(text: &str) -> String {
    let mut len = text.len().min(EXCERPT_LEN);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    let dots = if len < text.len() { "…" } else { "" };
    format!("{:?}{dots}", &text[..len])
}
