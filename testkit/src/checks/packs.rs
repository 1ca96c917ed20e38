//! Tar and zip archives that the fuzzer puts together, member by member.
//!
//! Its input says which members there are, how they are named, and which lengths are lies; headers
//! have their checksums all the same. The archive is read as a run reads it, from a file.

use std::io::{Read as _, Write as _};

use flow2pcap::archive::{self, Opened};
use flow2pcap::error::Error;

/// Members that are made.
const MEMBERS_MAX: usize = 64;

/// Bytes of a member's path that are let through.
const NAME_LEN_MAX: usize = 4096;

/// Bytes of a member that are looked at.
const HEAD_LEN: usize = 4096;

/// Members of an archive come one after another, each with a name of bounded length.
///
/// The first byte chooses the kind of archive: tar, compressed tar, or zip.
pub fn pack(bytes: &[u8]) {
    let Some((choice, members)) = bytes.split_first() else {
        return;
    };
    let bytes = match choice % 4 {
        0 => tar(members),
        1 => gzip(&tar(members)),
        2 => zip(members),
        _ => members.to_vec(),
    };
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&bytes).expect("room for it");
    let walk = archive::walk(&[file.path().to_owned()]).expect("it is there");
    for listed in &walk.files {
        let Ok(Opened::Pack(pack)) = archive::open(listed) else {
            return;
        };
        let prefix = listed.path.as_os_str().len() + 1;
        let mut count = 0;
        let read = pack.for_each_member(listed, |member, opened| {
            // An absolute path is alone, a relative one behind that of the archive.
            let len = member.path.as_os_str().len();
            assert!(len <= prefix + NAME_LEN_MAX, "a name of {len} bytes");
            assert!(
                !member.name.chars().any(char::is_control),
                "{:?}",
                member.name
            );
            match opened {
                Opened::Content(mut content) => assert!(content.head(HEAD_LEN).len() <= HEAD_LEN),
                Opened::PackedTable(mut table) => {
                    let _ = table.read(&mut [0; HEAD_LEN]);
                }
                Opened::LeftOut(reason) => assert!(!reason.to_string().is_empty()),
                Opened::Pack(_) | Opened::Table(_) => panic!("{opened:?} in an archive"),
            }
            count += 1;
            if count > 4 * MEMBERS_MAX {
                return Err(Error::usage("enough"));
            }
            Ok(())
        });
        if let Ok(Some(damage)) = read {
            assert!(!damage.to_string().is_empty());
        }
    }
}

/// What the input says of one member, four bytes each: what it is, the length of its name, that of
/// its content, and what is wrong with it.
fn members(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let members = bytes.chunks_exact(4).take(MEMBERS_MAX);
    members.map(|member| [member[0], member[1], member[2], member[3]])
}

/// A name of about the square of `len` bytes.
fn name(len: u8, seed: u8) -> Vec<u8> {
    let len = usize::from(len) * usize::from(len) / 4 + 1;
    let letters = b"abc/.\\ \n\xff\x1b0";
    (0..len)
        .map(|at| letters[(at * 7 + usize::from(seed)) % letters.len()])
        .collect()
}

fn tar(bytes: &[u8]) -> Vec<u8> {
    const KINDS: &[u8] = b"00LKxgS125\x007D";
    let mut archive = Vec::new();
    for [what, name_len, content_len, lie] in members(bytes) {
        let kind = KINDS[usize::from(what) % KINDS.len()];
        let content = match kind {
            b'L' | b'K' => name(name_len, content_len),
            b'x' | b'g' => extensions(name_len, content_len),
            _ => b"2 OK\n".repeat(content_len.into()),
        };
        let mut header = [0; 512];
        let short = name(name_len.min(19), what);
        header[..short.len().min(100)].copy_from_slice(&short[..short.len().min(100)]);
        let len = match lie % 8 {
            1 => u64::MAX >> (lie / 8),
            2 => content.len() as u64 + u64::from(lie / 8),
            3 => (content.len() as u64).saturating_sub(u64::from(lie)),
            _ => content.len() as u64,
        };
        if len >> 33 > 0 {
            header[124] = 0x80; // in binary
            header[128..136].copy_from_slice(&len.to_be_bytes());
        } else {
            header[124..135].copy_from_slice(format!("{len:011o}").as_bytes());
        }
        header[156] = kind;
        header[257..265].copy_from_slice(if lie & 0x40 == 0 {
            b"ustar  \0"
        } else {
            b"ustar\x0000"
        });
        if kind == b'S' {
            header[386..398].copy_from_slice(b"000000000000");
            header[482] = lie >> 7; // more of its map follows
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive
}

/// Extensions of PAX, with a path and a size.
fn extensions(name_len: u8, seed: u8) -> Vec<u8> {
    let path = name(name_len, seed);
    let mut bytes = Vec::new();
    for (key, value) in [("path", &path[..]), ("size", seed.to_string().as_bytes())] {
        let len = key.len() + value.len() + 3;
        let len = len + (len + 3).to_string().len();
        bytes.extend(format!("{len} {key}=").bytes());
        bytes.extend(value);
        bytes.push(b'\n');
    }
    bytes
}

/// A zip archive of members as they are (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
fn zip(bytes: &[u8]) -> Vec<u8> {
    let (mut body, mut table) = (Vec::new(), Vec::new());
    let mut count = 0_u16;
    for [what, name_len, content_len, lie] in members(bytes) {
        let content = b"2 OK\n".repeat(content_len.into());
        let name = name(name_len, what);
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        let offset = match lie % 8 {
            1 => 0,
            _ => u32(body.len()),
        };
        let packed_len = u32(content.len())
            + if lie % 8 == 2 {
                u32::from(lie) << 20
            } else {
                0
            };
        let name_len =
            u16::try_from(name.len()).expect("short names") + if lie % 8 == 3 { 999 } else { 0 };
        let mut shared = vec![
            20,
            0,
            0,
            0,
            if lie % 8 == 4 { what } else { 0 },
            0,
            0,
            0,
            0,
            0,
        ];
        shared.extend(crc.sum().to_le_bytes());
        shared.extend(packed_len.to_le_bytes());
        shared.extend(u32(content.len()).to_le_bytes());
        shared.extend(name_len.to_le_bytes());
        shared.extend([0, 0]);
        body.extend(b"PK\x03\x04");
        body.extend(&shared);
        body.extend(&name);
        body.extend(content);
        table.extend(b"PK\x01\x02\x14\0");
        table.extend(&shared);
        table.extend([0; 10]);
        table.extend(offset.to_le_bytes());
        table.extend(&name);
        count += 1;
    }
    let (offset, len) = (u32(body.len()), u32(table.len()));
    body.extend(table);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    body.extend([len.to_le_bytes(), offset.to_le_bytes()].concat());
    body.extend([0, 0]);
    body
}

fn u32(len: usize) -> u32 {
    u32::try_from(len).expect("small archives")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}
