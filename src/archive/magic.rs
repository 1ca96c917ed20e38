//! Recognizes the format of a file by its first bytes.
//!
//! File names are ignored: archives hold gzip files without `.gz`, and plain text named `.gz` after
//! a download that decompressed it on the way.

use std::fmt;

/// The format that the first bytes of a file or of a decompressed stream show.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Magic {
    /// Not text, and not any other format known here.
    Binary,
    /// Compressed by bzip2.
    Bzip2,
    /// Compressed by gzip.
    Gzip,
    /// A JSON object or array.
    Json,
    /// Parquet, a table whose index is at the end. AWS offers it as an alternative to text.
    Parquet,
    /// A packet capture, pcapng or classic pcap.
    Capture,
    /// A tar archive.
    Tar,
    /// Lines of text, as far as the first bytes show.
    Text,
    /// Text in UTF-16, as written by PowerShell redirections.
    Utf16,
    /// Compressed by xz.
    Xz,
    /// A zip archive.
    Zip,
    /// Compressed by zstd.
    Zstd,
}

impl Magic {
    /// Number of bytes that [`Magic::of`] examines. More bytes make no difference.
    pub(super) const HEAD_LEN: usize = 512;

    /// Returns the format of data that begins with `head`. An empty head is text.
    pub fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(Self::HEAD_LEN)];
        let known = PREFIXES.iter().find(|(prefix, _)| head.starts_with(prefix));
        if let Some(&(_, magic)) = known {
            return magic;
        }
        if head
            .get(TAR_MAGIC_AT..)
            .is_some_and(|magic| magic.starts_with(b"ustar"))
        {
            return Self::Tar;
        }
        if is_zstd_skippable(head) {
            return Self::Zstd;
        }
        if is_bzip2(head) {
            return Self::Bzip2;
        }
        match without_bom(head).trim_ascii_start().first() {
            Some(b'{' | b'[') => Self::Json,
            _ if is_binary(head) => Self::Binary,
            _ => Self::Text,
        }
    }
}

impl fmt::Display for Magic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binary => "not text",
            Self::Capture => "a packet capture, not a flow log",
            Self::Bzip2 => "bzip2",
            Self::Gzip => "gzip",
            Self::Json => "JSON",
            Self::Parquet => "Parquet",
            Self::Tar => "tar archive",
            Self::Text => "text",
            Self::Utf16 => "UTF-16",
            Self::Xz => "xz",
            Self::Zip => "zip archive in a pipe or compressed: unpack it first",
            Self::Zstd => "zstd",
        })
    }
}

/// Returns `text` without the byte order mark that some editors put before UTF-8.
pub(super) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(UTF8_BOM).unwrap_or(text)
}

// Whether `head` begins a skippable zstd frame, 0x184D2A5? in RFC 8878 section 3.1.2. pzstd and the
// seekable format put one before the first frame that holds data.
fn is_zstd_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether `head` begins a bzip2 stream: its letters and block size, then the mark of a block or of
/// the end.
fn is_bzip2(head: &[u8]) -> bool {
    let [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] = head else {
        return false;
    };
    let marks: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];
    marks
        .iter()
        .any(|mark| rest.iter().zip(*mark).all(|(byte, other)| byte == other))
}

/// Whether `head` is compressed data or UTF-16 without a byte order mark.
///
/// One in nine evenly distributed bytes is a control character, and every second byte of UTF-16 is
/// one. Damaged text may contain a few, and its lines are judged one by one.
fn is_binary(head: &[u8]) -> bool {
    const CONTROL_SHARE: usize = 32;
    let is_blank = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r');
    let is_odd = |byte: &&u8| byte.is_ascii_control() && !is_blank(**byte);
    head.iter().filter(is_odd).count() * CONTROL_SHARE > head.len()
}

pub(super) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Offset of the magic of POSIX tar, after the name and the numbers of the first member.
const TAR_MAGIC_AT: usize = 257;

const PREFIXES: &[(&[u8], Magic)] = &[
    (b"\x1f\x8b", Magic::Gzip),
    (b"\x28\xb5\x2f\xfd", Magic::Zstd),
    (b"PAR1", Magic::Parquet),
    (b"PK\x03\x04", Magic::Zip),
    (b"PK\x05\x06", Magic::Zip),
    (b"\xff\xfe", Magic::Utf16),
    (b"\xfe\xff", Magic::Utf16),
    (b"\x0a\x0d\x0d\x0a", Magic::Capture), // pcapng
    (b"\xd4\xc3\xb2\xa1", Magic::Capture), // pcap with microseconds, in either byte order
    (b"\xa1\xb2\xc3\xd4", Magic::Capture),
    (b"\x4d\x3c\xb2\xa1", Magic::Capture), // pcap with nanoseconds
    (b"\xa1\xb2\x3c\x4d", Magic::Capture),
    (b"\xfd7zXZ\x00", Magic::Xz),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], expected: Magic) {
        assert_eq!(Magic::of(head), expected, "{}", head.escape_ascii());
    }

    #[test]
    fn known_prefix_identifies_the_format() {
        check(b"\x1f\x8b\x08\x00", Magic::Gzip);
        check(b"\x28\xb5\x2f\xfd\x04", Magic::Zstd);
        check(b"\x5e\x2a\x4d\x18\x04\0\0\0", Magic::Zstd);
        check(b"PAR1\x15\x04", Magic::Parquet);
        check(b"PK\x03\x04", Magic::Zip);
        check(b"BZh91AY&SY", Magic::Bzip2);
        check(b"\x0a\x0d\x0d\x0a\x1c\0\0\0", Magic::Capture);
        check(b"\xd4\xc3\xb2\xa1\x02\0\x04\0", Magic::Capture);
        check(b"\n\nversion", Magic::Text);
        check(b"BZh1\x17rE8P\x90\0\0\0\0", Magic::Bzip2);
        check(b"BZhang 2 OK\n", Magic::Text);
        check(b"\xfd7zXZ\x00\x00", Magic::Xz);
        check(b"\xff\xfev\0e\0r\0", Magic::Utf16);
    }

    #[test]
    fn tar_is_recognized_by_its_first_header() {
        let mut head = b"a/2 OK.log".to_vec();
        head.resize(257, 0);
        check(&[&head[..], b"ustar\0"].concat(), Magic::Tar);
        check(&[&head[..], b"ustar  \0"].concat(), Magic::Tar);
    }

    #[test]
    fn bracket_after_blanks_and_byte_order_mark_is_json() {
        check(b"{\"events\":[]}", Magic::Json);
        check(b"\xef\xbb\xbf\r\n  [{}]", Magic::Json);
    }

    #[test]
    fn record_or_header_or_empty_file_is_text() {
        check(b"", Magic::Text);
        check(b"\n\n", Magic::Text);
        check(b"\xef\xbb\xbfversion account-id\r\n", Magic::Text);
        check(b"2\t123456789012\teni-1 - - - - - - -\n", Magic::Text);
        check("2 unbekannt-\u{e4}\u{f6}\u{fc}\n".as_bytes(), Magic::Text);
    }

    #[test]
    fn few_control_bytes_are_text_and_many_are_binary() {
        let mut damaged =
            b"2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 3 4 5 6 ACCEPT OK\n".to_vec();
        damaged[20] = 0;
        check(&damaged, Magic::Text);
        check(b"\x7fELF\x02\x01\x01\x00\x00\x00", Magic::Binary);
        check(b"v\0e\0r\0s\0i\0o\0n\0", Magic::Binary);
    }
}
