//! Reads the members of a zip archive, which are found through its table of contents.
//!
//! The `zip` crate reads the table. Each member is then decompressed from its place in the file as
//! its own stream, and verified against its checksum.

use std::fs;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::{Crc, read::DeflateDecoder};
use zip::CompressionMethod;

use super::{
    entry::{MemberHeader, NAME_LEN_MAX, OpenMember, too_long},
    left_out::LeftOutReason,
    lookahead::ByteSource,
};
use crate::error::Result;

/// A zip archive.
#[derive(Debug)]
pub struct Zip {
    file: fs::File,
    members: Vec<ZipMember>,
}

#[derive(Debug)]
struct ZipMember {
    path: String,
    offset: u64,
    packed_len: u64,
    len: u64,
    crc: u32,
    method: CompressionMethod,
    is_encrypted: bool,
    is_file: bool,
    /// Whether another member also uses bytes of this one.
    is_shared: bool,
}

impl Zip {
    /// Reads the table of contents of `file`.
    ///
    /// # Errors
    /// Returns why the archive cannot be read.
    pub(super) fn open(file: fs::File) -> Result<Self, LeftOutReason> {
        let not_readable = |error: &dyn std::error::Error| {
            LeftOutReason::NotReadable(format!("zip archive: {error}"))
        };
        let source = file.try_clone().map_err(|error| not_readable(&error))?;
        let mut archive =
            zip::ZipArchive::new(BufReader::new(source)).map_err(|error| not_readable(&error))?;
        let mut members = Vec::new();
        for index in 0..archive.len() {
            let found = archive
                .by_index_raw(index)
                .map_err(|error| not_readable(&error))?;
            if found.is_dir() {
                continue;
            }
            // `None` only for a member whose data is not in the file.
            let Some(offset) = found.data_start() else {
                continue;
            };
            members.push(ZipMember {
                path: String::from_utf8_lossy(found.name_raw()).into_owned(),
                offset,
                packed_len: found.compressed_size(),
                len: found.size(),
                crc: found.crc32(),
                method: found.compression(),
                is_encrypted: found.encrypted(),
                is_file: found.is_file(),
                is_shared: false,
            });
        }
        if members.is_empty() {
            return Err(LeftOutReason::Empty);
        }
        note_shared(&mut members);
        Ok(Self { file, members })
    }

    /// See [`Pack::for_each_member`](super::Pack::for_each_member).
    pub(super) fn for_each_member(
        self,
        mut each: impl FnMut(MemberHeader<'_>, OpenMember<'_>) -> Result<()>,
    ) -> Result<()> {
        for member in &self.members {
            let header = MemberHeader {
                path: &member.path[..member.path.floor_char_boundary(NAME_LEN_MAX)],
                len: member.packed_len,
                reason: member.reason(),
            };
            each(header, &mut || match self.read(member) {
                Ok(source) => Ok(Box::new(source)),
                Err(error) => Err(LeftOutReason::NotReadable(error.to_string())),
            })?;
        }
        Ok(())
    }

    fn read(&self, member: &ZipMember) -> io::Result<CheckedMember> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(member.offset))?;
        let packed = file.take(member.packed_len);
        let source: ByteSource = match member.method {
            CompressionMethod::Stored => Box::new(packed),
            _ => Box::new(DeflateDecoder::new(packed)),
        };
        Ok(CheckedMember {
            source,
            crc: Crc::new(),
            expected: member.crc,
            left_len: member.len,
        })
    }
}

/// Marks members that use bytes of an earlier member.
///
/// If a table of contents points to the same bytes again and again, an archive of one megabyte can
/// decompress to any size.
fn note_shared(members: &mut [ZipMember]) {
    let mut in_order: Vec<&mut ZipMember> = members.iter_mut().collect();
    in_order.sort_by_key(|member| member.offset);
    let mut end = 0;
    for member in in_order {
        member.is_shared = member.offset < end;
        end = end.max(member.offset.saturating_add(member.packed_len));
    }
}

impl ZipMember {
    fn reason(&self) -> Option<LeftOutReason> {
        if self.path.len() > NAME_LEN_MAX {
            return Some(too_long());
        }
        if self.is_shared {
            return Some(LeftOutReason::NotReadable(
                "shares its bytes with another member of the archive".into(),
            ));
        }
        let known = [CompressionMethod::Stored, CompressionMethod::DEFLATE];
        let is_known = known.contains(&self.method);
        if self.is_encrypted {
            Some(LeftOutReason::NotReadable(
                "encrypted: unpack it first".into(),
            ))
        } else if !self.is_file {
            Some(LeftOutReason::SpecialFile)
        } else if !is_known {
            let method = self.method;
            Some(LeftOutReason::NotReadable(format!(
                "compressed with {method}: unpack it first"
            )))
        } else {
            None
        }
    }
}

/// The bytes of a member, verified against their checksum and count.
struct CheckedMember {
    source: ByteSource,
    crc: Crc,
    expected: u32,
    left_len: u64,
}

impl Read for CheckedMember {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(out)?;
        self.crc.update(&out[..len]);
        if len == 0 && !out.is_empty() {
            if self.left_len > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.crc.sum() != self.expected {
                return Err(io::Error::other("checksum mismatch"));
            }
        }
        match self.left_len.checked_sub(len as u64) {
            Some(left_len) => self.left_len = left_len,
            None => return Err(io::Error::other("longer than its header says")),
        }
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_share_bytes_are_read_once() {
        let member = |(offset, packed_len)| ZipMember {
            path: String::new(),
            offset,
            packed_len,
            len: packed_len,
            crc: 0,
            method: CompressionMethod::Stored,
            is_encrypted: false,
            is_file: true,
            is_shared: false,
        };
        let places = [
            (300, 50),
            (40, 100),
            (40, 100),
            (90, 200),
            (290, 0),
            (290, u64::MAX),
            (290, 9),
        ];
        let mut members: Vec<ZipMember> = places.into_iter().map(member).collect();
        note_shared(&mut members);
        let shared: Vec<bool> = members.iter().map(|member| member.is_shared).collect();
        assert_eq!(shared, [true, false, true, true, false, false, true]);
        assert!(members[2].reason().is_some() && members[1].reason().is_none());
    }
}
