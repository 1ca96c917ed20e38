//! Zip and tar archives give what their files would.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::support::wrapping::*;
use crate::support::{Converted, convert, file, testdata};

/// The files below a folder, with their paths there, sorted.
fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                files.push((name.to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A zip archive made by hand, as APPNOTE.TXT sections 4.3.7, 4.3.12 and 4.3.16 have it.
pub(crate) fn zip(files: &[(String, Vec<u8>)], is_deflated: bool) -> Vec<u8> {
    let (mut body, mut table) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = u32::try_from(body.len()).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let level = flate2::Compression::fast();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        let deflated = encoder.finish().unwrap();
        let data = if is_deflated { &deflated } else { bytes };
        let mut shared = vec![20, 0, 0, 0, if is_deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
        shared.extend(crc.sum().to_le_bytes());
        for len in [data.len(), bytes.len()] {
            shared.extend(u32::try_from(len).unwrap().to_le_bytes());
        }
        shared.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        shared.extend([0, 0]);
        body.extend(b"PK\x03\x04");
        body.extend(&shared);
        body.extend(name.as_bytes());
        body.extend(data);
        table.extend(b"PK\x01\x02\x14\0");
        table.extend(&shared);
        table.extend([0; 10]);
        table.extend(offset.to_le_bytes());
        table.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (offset, len) = (body.len(), table.len());
    body.extend(&table);
    body.extend(b"PK\x05\x06\0\0\0\0");
    body.extend([count, count].concat());
    body.extend(u32::try_from(len).unwrap().to_le_bytes());
    body.extend(u32::try_from(offset).unwrap().to_le_bytes());
    body.extend([0, 0]);
    body
}

/// Each kind of archive of these files.
fn packs(files: &[(String, Vec<u8>)]) -> [Vec<u8>; 5] {
    let tar = tar(files);
    let compressed = zstd::encode_all(&tar[..], 1).unwrap();
    [
        zip(files, false),
        zip(files, true),
        gzip(&tar),
        tar,
        compressed,
    ]
}

fn places(converted: &Converted) -> Vec<String> {
    let packets = converted.capture().packets;
    let places = packets.iter().filter_map(|packet| packet.word("record"));
    let mut places: Vec<String> = places.map(str::to_owned).collect();
    places.sort();
    places
}

#[test]
fn folder_in_an_archive_is_the_folder() {
    let folder = testdata("incident");
    let plain = convert(&[&folder], &[]);
    for bytes in packs(&files_below(&folder)) {
        let packed = convert_bytes(bytes);
        assert_eq!(told(&packed), told(&plain));
        assert_eq!(places(&packed), places(&plain));
        assert_eq!(packed.count("/input/files"), plain.count("/input/files"));
    }
}

#[test]
fn members_wrapped_or_compressed_are_read_by_their_content() {
    let messages = lines(&events());
    let members = [
        ("AWSLogs/1/lambda.json".to_owned(), messages.into_bytes()),
        (
            "AWSLogs/1/again.gz".to_owned(),
            fs::read(testdata("v5_fifty.log")).unwrap(),
        ),
        (
            "AWSLogs/1/packed".to_owned(),
            gzip(fs::read(testdata("v5_fifty.log")).unwrap()),
        ),
    ];
    let plain = convert(&[testdata("v5_fifty.log")], &[]);
    for bytes in packs(&members) {
        let packed = convert_bytes(bytes);
        assert_eq!(told(&packed), told(&plain));
        assert_eq!(packed.count("/input/files"), 3);
        let records = packed.count("/records/used") + packed.count("/records/other_vantage");
        assert_eq!(packed.count("/records/duplicates"), 2 * records);
    }
}

#[test]
fn members_that_are_no_flow_log_are_left_out_by_kind() {
    let mut members = files_below(&testdata("not_a_flow_log"));
    // That one ends the run, as it does in a folder.
    members.retain(|(name, _)| name != "unknown_layout.log");
    let kinds = members.len();
    let text = fs::read(testdata("v5_fifty.log")).unwrap();
    members.push((".DS_Store".into(), b"?".to_vec()));
    members.push(("inner.tar".into(), tar(&[("x".into(), text.clone())])));
    members.push(("v5.log".into(), text));
    let plain = convert(&[testdata("v5_fifty.log")], &[]);
    for bytes in packs(&members) {
        let packed = convert_bytes(bytes);
        assert_eq!(told(&packed), told(&plain));
        let left_out = packed.summary()["input"]["left_out"].as_object().unwrap();
        let count: u64 = left_out
            .values()
            .map(|r| r["count"].as_u64().unwrap())
            .sum();
        // Two logs are read as events.
        assert_eq!(count, kinds as u64, "{left_out:?}");
        for kind in ["alb_access", "cloudtrail"] {
            let events = &packed.summary()["events"][kind];
            assert_eq!(
                (&events["files"], &events["events"]),
                (&1.into(), &1.into())
            );
        }
    }
}

#[test]
fn members_of_one_name_are_told_apart_by_their_archive() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(testdata("v5_fifty.log")).unwrap();
    let one = file(
        &folder,
        "one.zip",
        zip(&[("a/x.log".into(), text.clone())], true),
    );
    let other = file(&folder, "x.log", text);
    let places = places(&convert(&[one, other], &[]));
    assert!(
        places
            .iter()
            .all(|place| place.contains("/one.zip/a/x.log:")),
        "{places:?}"
    );
}

#[test]
fn archive_cut_short_gives_what_stands_before() {
    let files = files_below(&testdata("incident"));
    let whole = tar(&files);
    let two_thirds = &whole[..whole.len() * 2 / 3];
    for bytes in [two_thirds.to_vec(), gzip(&whole)[..1500].to_vec()] {
        let converted = convert_bytes(bytes);
        let damaged = &converted.summary()["input"]["damaged"]["damaged"];
        assert!(
            damaged["count"].as_u64() >= Some(1),
            "{}",
            converted.summary()
        );
    }
    let text = fs::read(testdata("v5_fifty.log")).unwrap();
    let mut zipped = zip(&[("x".into(), text.clone())], false);
    let at = zipped.windows(6).rposition(|six| six == b"IPv4 1").unwrap();
    zipped[at] = b'i';
    let converted = convert_bytes(zipped);
    let damaged = &converted.summary()["input"]["damaged"]["damaged"];
    assert_eq!(damaged["count"], 1);
    assert!(
        damaged["examples"][0]["found"]
            .to_string()
            .contains("checksum"),
        "{damaged}"
    );
}

#[test]
fn archive_without_its_table_is_left_out_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let zipped = zip(&files_below(&testdata("incident")), true);
    let broken = file(&folder, "a.zip", &zipped[..zipped.len() / 2]);
    let converted = convert(&[broken, testdata("v5_fifty.log")], &[]);
    let left_out = converted.summary()["input"]["left_out"].to_string();
    assert!(left_out.contains("zip archive"), "{left_out}");
}
