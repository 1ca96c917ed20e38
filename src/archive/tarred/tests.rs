//! Tests with valid and invalid tar archives.

use super::*;
use crate::archive::{
    content::{Opened, open_member},
    testing::gzip,
};

/// Builds a header with its checksum.
fn header(name: &str, kind: EntryType, len: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(len);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// Builds a member, padded to whole blocks.
fn member(name: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, kind, content.len() as u64);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn log(name: &str) -> Vec<u8> {
    member(name, EntryType::Regular, b"2 OK\n")
}

const END: [u8; 1024] = [0; 1024];

/// Returns the path and result of each member, and the damage.
fn read(source: impl Read + Send + 'static) -> (Vec<String>, Option<Damage>) {
    let mut found = Vec::new();
    let damage = for_each_member(Stream::new(source).unwrap(), |header, open| {
        let result = match header.reason {
            Some(reason) => reason.to_string(),
            None => match open().map(open_member).unwrap() {
                Opened::Content(mut content) => lossy(content.head(99)),
                opened => format!("{opened:?}"),
            },
        };
        let path: String = header.path.chars().take(20).collect();
        found.push(format!("{path}: {}", result.trim_end()));
        Ok(())
    });
    (found, damage.unwrap())
}

#[track_caller]
fn check(parts: &[Vec<u8>], expected: &[&str]) {
    let bytes = parts.concat();
    for bytes in [
        [&bytes[..], &END].concat(),
        gzip(&[&bytes[..], &END].concat()),
    ] {
        let (found, damage) = read(io::Cursor::new(bytes));
        assert_eq!(found, expected);
        assert_eq!(damage, None);
    }
}

const TOO_LONG: &str = "unreadable: member name longer than 4096 bytes: unpack the archive first";

#[test]
fn long_names_and_sizes_are_read_from_special_members() {
    let long = "folder/".repeat(30);
    let named = format!("{long}a.log\0");
    let pax = format!("{} path={long}b.log\n", long.len() + 15);
    check(
        &[
            member("././@LongLink", EntryType::GNULongName, named.as_bytes()),
            log("cut"),
            member("././@LongLink", EntryType::GNULongLink, &vec![b'x'; 9_000]),
            log("b"),
            member("x", EntryType::XHeader, pax.as_bytes()),
            log("cut"),
            member("folder", EntryType::Directory, b""),
            member("link", EntryType::Symlink, b""),
            log("c"),
        ],
        &[
            "folder/folder/folder: 2 OK",
            "b: 2 OK",
            "folder/folder/folder: 2 OK",
            "link: not a regular file; name it directly to read it",
            "c: 2 OK",
        ],
    );
    // The size in the extensions overrides the one in the header.
    let mut lying = header("d", EntryType::Regular, 0);
    lying.extend(b"2 OK\n");
    lying.resize(1024, 0);
    let size = member("x", EntryType::XHeader, b"9 size=5\n");
    check(&[size, lying, log("e")], &["d: 2 OK", "e: 2 OK"]);
}

#[test]
fn name_that_is_too_long_affects_only_its_member() {
    let named = |len: usize| {
        let name = [vec![b'n'; len], vec![0]].concat();
        member("././@LongLink", EntryType::GNULongName, &name)
    };
    let path = format!("5014 path={}\n", "p".repeat(5_003));
    let pax = member("x", EntryType::XHeader, path.as_bytes());
    check(
        &[
            named(4_097),
            log("a"),
            named(4_096),
            log("cut"),
            pax,
            log("b"),
            log("c"),
        ],
        &[
            &format!("a: {TOO_LONG}"),
            "nnnnnnnnnnnnnnnnnnnn: 2 OK",
            &format!("b: {TOO_LONG}"),
            "c: 2 OK",
        ],
    );
    let large = member("x", EntryType::XHeader, &vec![b'a'; (1 << 20) + 1]);
    let reason = "unreadable: member header larger than 1 MiB: unpack the archive first";
    check(
        &[large, log("a"), log("b")],
        &[&format!("a: {reason}"), "b: 2 OK"],
    );
}

/// These names are larger than any memory. Keeping one would end the process.
#[test]
fn name_of_any_size_is_skipped_without_being_kept() {
    for kind in [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::Regular,
    ] {
        for len in [1 << 45, u64::MAX / 2, u64::MAX - 3] {
            let front = io::Cursor::new(header("a", kind, len));
            let (_, damage) = read(front.chain(io::repeat(b'n').take(3 << 20)));
            let damage = damage.unwrap().to_string();
            let expected = ["cut short after", "larger than any file"];
            assert!(
                expected.iter().any(|text| damage.contains(text)),
                "{damage}"
            );
        }
    }
    // A name of 200 MiB that is complete.
    let len = 200 << 20;
    let name = io::Cursor::new(header("a", EntryType::GNULongName, len));
    let members = [log("a"), log("b"), END.to_vec()].concat();
    let (found, damage) = read(
        name.chain(io::repeat(0).take(len))
            .chain(io::Cursor::new(members)),
    );
    assert_eq!(found, [&format!("a: {TOO_LONG}"), "b: 2 OK"]);
    assert_eq!(damage, None);
}

#[test]
fn map_of_a_sparse_file_is_skipped_whatever_its_length() {
    let mut sparse = tar::Header::new_gnu();
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_size(5);
    sparse.as_gnu_mut().unwrap().isextended = [1];
    sparse.set_cksum();
    let mut more = [b'7'; 512];
    more[504] = 1; // isextended
    let mut last = [0; 512];
    last[..5].copy_from_slice(b"00000");
    let mut bytes = sparse.as_bytes().to_vec();
    bytes.extend(more.repeat(10_000));
    bytes.extend(last);
    bytes.extend([b'x'; 512]);
    check(
        &[bytes, log("a")],
        &[
            ": not a regular file; name it directly to read it",
            "a: 2 OK",
        ],
    );
}

#[test]
fn inconsistent_archive_ends_at_the_inconsistency() {
    let name = || member("././@LongLink", EntryType::GNULongName, b"n\0");
    let mut flipped = log("b");
    flipped[0] ^= 1;
    for (parts, expected) in [
        (
            [log("a"), name(), name(), log("b")].concat(),
            "two names for the same member",
        ),
        (
            [log("a"), name(), END.to_vec()].concat(),
            "a name without a member",
        ),
        ([log("a"), flipped].concat(), "header checksum mismatch"),
        (
            [log("a"), log("b")[..300].to_vec()].concat(),
            "cut short after 1324",
        ),
        ([log("a"), vec![]].concat(), "cut short after 1024"),
    ] {
        let (found, damage) = read(io::Cursor::new(parts));
        assert_eq!(found, ["a: 2 OK"]);
        let damage = damage.unwrap().to_string();
        assert!(damage.contains(expected), "{damage}");
    }
}
