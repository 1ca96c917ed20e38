//! Follows one JSON value from its first byte to its last.
//!
//! A scan tracks brackets, strings and the current key, and continues when more text arrives. It
//! does not look back, so a value may have any length.

use memchr::memchr3;

/// A value that has begun.
pub(super) struct Scan {
    pub(super) kind: Scanned,
    /// Number of open brackets, including the value's own.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Last byte that is neither blank nor inside a string. A string counts as a quote.
    last: u8,
    /// The last string read at depth 1, which may be a key, cut to the length of the keys searched
    /// for.
    key: Vec<u8>,
    /// Whether the value is too long. Set by the splitter, which holds its text.
    pub(super) is_too_long: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scanned {
    /// An object or an array.
    Nested { is_object: bool },
    /// A string outside of any array or object.
    Text,
    /// The rest of an object that holds an array of records.
    Rest,
    /// Anything else.
    Stray,
}

/// The result of scanning part of a value.
pub(super) enum ScanStep {
    /// More bytes are needed.
    More,
    /// The value ends before this offset.
    End(usize),
    /// The value breaks off before this offset.
    Broken(usize),
    /// An array of records begins before this offset.
    Descend(usize),
}

impl Scan {
    pub(super) fn begin(kind: Scanned, last: u8) -> Self {
        Self {
            kind,
            depth: usize::from(!matches!(kind, Scanned::Text | Scanned::Stray)),
            in_string: kind == Scanned::Text,
            is_escaped: false,
            last,
            key: Vec::new(),
            is_too_long: false,
        }
    }

    /// Scans `text` from `at` on, and moves `at` to the end of the scanned part.
    pub(super) fn advance(&mut self, text: &[u8], at: &mut usize, frames: usize) -> ScanStep {
        if self.kind == Scanned::Stray {
            return Self::stray(text, at, frames > 0);
        }
        while *at < text.len() {
            if self.in_string {
                match self.string(text, at) {
                    Some(step) => return step,
                    None => continue,
                }
            }
            let byte = text[*at];
            match byte {
                b'{' | b'[' => {
                    if !self.may_open() {
                        return ScanStep::Broken(*at);
                    }
                    *at += 1;
                    if byte == b'[' && frames < FRAMES_MAX && self.holds_records() {
                        return ScanStep::Descend(*at);
                    }
                    self.depth += 1;
                }
                b'}' | b']' => {
                    *at += 1;
                    self.depth -= 1;
                    if self.depth == 0 {
                        return ScanStep::End(*at);
                    }
                }
                b'"' => {
                    *at += 1;
                    self.in_string = true;
                    if self.depth == 1 {
                        self.key.clear();
                    }
                }
                _ => *at += 1,
            }
            if !byte.is_ascii_whitespace() {
                self.last = byte;
            }
        }
        ScanStep::More
    }

    /// Continues inside a string.
    fn string(&mut self, text: &[u8], at: &mut usize) -> Option<ScanStep> {
        if std::mem::take(&mut self.is_escaped) {
            *at += 1;
            return None;
        }
        let rest = &text[*at..];
        let len = memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
        let room = KEY_LEN_MAX.saturating_sub(self.key.len());
        self.key.extend_from_slice(&rest[..len.min(room)]);
        *at += len;
        match rest.get(len) {
            None => {}
            Some(b'\\') => {
                self.is_escaped = true;
                *at += 1;
            }
            Some(b'\n') => return Some(ScanStep::Broken(*at)),
            Some(_) => {
                self.in_string = false;
                *at += 1;
                if self.depth == 0 {
                    return Some(ScanStep::End(*at));
                }
            }
        }
        None
    }

    /// Whether a bracket may open here. If not, the value broke off earlier.
    fn may_open(&self) -> bool {
        let in_object = matches!(
            self.kind,
            Scanned::Nested { is_object: true } | Scanned::Rest
        );
        match self.last {
            b':' | b'[' => true,
            b',' => self.depth > 1 || !in_object,
            _ => false,
        }
    }

    /// Whether the array that begins here holds records.
    fn holds_records(&self) -> bool {
        let in_object = matches!(
            self.kind,
            Scanned::Nested { is_object: true } | Scanned::Rest
        );
        in_object && self.depth == 1 && RECORD_ARRAYS.contains(&self.key.as_slice())
    }

    /// Skips text that is not a value, to the end of its line or of its element in an array.
    fn stray(text: &[u8], at: &mut usize, in_array: bool) -> ScanStep {
        let ends = |byte: &u8| match byte {
            b'\n' | b'{' => true,
            b',' | b']' => in_array,
            _ => false,
        };
        match text[*at..].iter().position(ends) {
            Some(len) => ScanStep::End(*at + len),
            None => {
                *at = text.len();
                ScanStep::More
            }
        }
    }
}

/// Arrays inside a top-level object that hold one record per element: saved responses, event files.
const RECORD_ARRAYS: [&[u8]; 4] = [b"events", b"results", b"Records", b"records"];

/// Maximum number of nested arrays that are entered. Anything deeper is one value.
const FRAMES_MAX: usize = 16;

/// Slightly more than the longest name in [`RECORD_ARRAYS`].
const KEY_LEN_MAX: usize = 8;
