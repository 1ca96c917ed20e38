//! Where a file stops making sense.
//!
//! Downloads break off and disks rot, and an archive is large enough for both. A
//! damaged file costs its own rest, not the run: it is a value here, for the
//! summary to show, not an [`crate::error::Error`].

use std::{fmt, io};

use super::decode::TrailingBytes;

/// Where the text of a file ends before the file does, and why.
///
/// Everything before it has been delivered, except a line whose end is missing:
/// half a line can pass for a whole one with other numbers in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// Bytes of decompressed text before it, up to the last whole line.
    pub text_offset: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

/// What is wrong with a file from some place on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The compressed data contradict themselves; the decoder's message.
    Corrupt(String),
    /// The file lost its end while it was read: so many bytes are left of so many.
    Shrunk {
        /// Bytes of the file that are left.
        kept_len: u64,
        /// Bytes of the file when it was opened.
        of_len: u64,
    },
    /// Bytes that are not compressed follow compressed ones. The text before them is whole.
    TrailingBytes,
    /// The compressed data end in the middle.
    Truncated,
    /// The operating system stopped delivering; its message.
    Unreadable(String),
}

impl Damage {
    /// What the `failure` of a [`Stream`](super::Stream) means, met behind so much text.
    pub(crate) fn of(failure: &io::Error, text_offset: u64) -> Self {
        let kind = DamageKind::of(failure);
        Self { text_offset, kind }
    }
}

impl DamageKind {
    /// Decoders and the operating system share one error type; only the latter has codes.
    pub(super) fn of(failure: &io::Error) -> Self {
        if failure
            .get_ref()
            .is_some_and(|inner| inner.is::<TrailingBytes>())
        {
            Self::TrailingBytes
        } else if failure.raw_os_error().is_some() {
            Self::Unreadable(failure.to_string())
        } else if failure.kind() == io::ErrorKind::UnexpectedEof {
            Self::Truncated
        } else {
            Self::Corrupt(failure.to_string())
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text_offset = self.text_offset;
        match &self.kind {
            DamageKind::Corrupt(message) => {
                write!(f, "corrupt after {text_offset} bytes of text: {message}")
            }
            DamageKind::Shrunk { kept_len, of_len } => write!(
                f,
                "shrank while it was read: {kept_len} of {of_len} bytes are left"
            ),
            DamageKind::TrailingBytes => {
                write!(
                    f,
                    "bytes that are not compressed follow {text_offset} bytes of text"
                )
            }
            DamageKind::Truncated => write!(f, "cut short after {text_offset} bytes of text"),
            DamageKind::Unreadable(message) => {
                write!(
                    f,
                    "not readable after {text_offset} bytes of text: {message}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failure: io::Error, expected: &str) {
        let kind = DamageKind::of(&failure);
        let damage = Damage {
            text_offset: 7,
            kind,
        };
        assert_eq!(damage.to_string(), expected);
    }

    #[test]
    fn failure_of_a_decoder_or_of_the_system_is_told_apart() {
        check(
            io::ErrorKind::UnexpectedEof.into(),
            "cut short after 7 bytes of text",
        );
        check(
            io::Error::other(TrailingBytes),
            "bytes that are not compressed follow 7 bytes of text",
        );
        check(
            io::Error::new(io::ErrorKind::InvalidInput, "corrupt deflate stream"),
            "corrupt after 7 bytes of text: corrupt deflate stream",
        );
        let kind = DamageKind::of(&io::Error::from_raw_os_error(5));
        assert!(matches!(kind, DamageKind::Unreadable(_)));
    }
}
