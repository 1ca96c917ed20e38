//! The place where a file becomes unreadable, and why.
//!
//! Downloads break off and disks fail, and a large archive contains both. A damaged file loses only
//! its own remaining data and does not end the run. Damage is therefore a value for the summary to
//! show, not an [`crate::error::Error`].

use std::{fmt, io};

use super::decode::TrailingBytes;

/// The offset at which the text of a file ends before the file does, and the reason.
///
/// Everything before it has been delivered, except a line whose end is missing: half a line can
/// look like a whole line with other numbers in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// Bytes of decompressed text before the damage, up to the last whole line.
    pub text_offset: u64,
    /// The kind of damage.
    pub kind: DamageKind,
}

/// A kind of damage to a file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The compressed data is inconsistent. Holds the decoder's message.
    Corrupt(String),
    /// The file was truncated while it was read.
    Shrunk {
        /// Bytes of the file that remain.
        kept_len: u64,
        /// Bytes of the file when it was opened.
        of_len: u64,
    },
    /// Uncompressed bytes follow compressed ones. The text before them is complete.
    TrailingBytes,
    /// The compressed data ends in the middle.
    Truncated,
    /// The operating system stopped delivering data. Holds its message.
    Unreadable(String),
}

impl Damage {
    /// Converts the `failure` of a [`Stream`](super::Stream) that occurred after `text_offset`
    /// bytes of text.
    pub(crate) fn of(failure: &io::Error, text_offset: u64) -> Self {
        let kind = DamageKind::of(failure);
        Self { text_offset, kind }
    }
}

impl DamageKind {
    /// Classifies `failure`. Decoders and the operating system share one error type, but only the
    /// operating system sets an error code.
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
                "shrank while it was read: {kept_len} of {of_len} bytes remain"
            ),
            DamageKind::TrailingBytes => {
                write!(f, "uncompressed data after {text_offset} bytes of text")
            }
            DamageKind::Truncated => write!(f, "cut short after {text_offset} bytes of text"),
            DamageKind::Unreadable(message) => {
                write!(f, "unreadable after {text_offset} bytes of text: {message}")
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
    fn decoder_failures_and_system_failures_are_distinguished() {
        check(
            io::ErrorKind::UnexpectedEof.into(),
            "cut short after 7 bytes of text",
        );
        check(
            io::Error::other(TrailingBytes),
            "uncompressed data after 7 bytes of text",
        );
        check(
            io::Error::new(io::ErrorKind::InvalidInput, "corrupt deflate stream"),
            "corrupt after 7 bytes of text: corrupt deflate stream",
        );
        let kind = DamageKind::of(&io::Error::from_raw_os_error(5));
        assert!(matches!(kind, DamageKind::Unreadable(_)));
    }
}
