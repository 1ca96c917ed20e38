//! The archives that benches and large tests are made of: fit for use, and the same every time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::tshark::tshark;
use crate::support::{Converted, convert};
use tempfile::TempDir;
use testkit::archive::{Goal, Made, Shape, generate};
use testkit::flow_log;
use testkit::traffic::{Settings, Version};

/// Twenty ENIs, so that a few thousand lines are several minutes.
fn few_enis(version: Version) -> Settings {
    Settings {
        enis: 20,
        ..Settings::new(version, 7)
    }
}

struct Generated {
    _folder: TempDir,
    path: PathBuf,
    made: Made,
}

fn generated(settings: Settings, goal: Goal, shape: Shape, gzip: bool) -> Generated {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.log");
    let made = generate(settings, goal, shape, gzip, &path).unwrap();
    Generated {
        _folder: folder,
        path,
        made,
    }
}

fn bytes_of(converted: &Converted, name: &str) -> u64 {
    converted.count(&format!("/packets/{name}"))
}

fn sorted_lines(path: &Path) -> Vec<String> {
    let files = if path.is_dir() {
        flow_log::files_below(path)
    } else {
        vec![path.to_owned()]
    };
    let mut lines: Vec<String> = files
        .iter()
        .flat_map(|file| {
            flow_log::text(file)
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|line| !line.starts_with("version"))
        .collect();
    lines.sort();
    lines
}

#[test]
fn same_seed_gives_same_bytes_and_another_seed_others() {
    let text = |seed| {
        let settings = Settings {
            seed,
            ..few_enis(Version::V5)
        };
        let made = generated(settings, Goal::Lines(5_000), Shape::OneFile, false);
        fs::read(&made.path).unwrap()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn goal_is_reached_and_not_exceeded() {
    let lines = Goal::Lines(3_000);
    let made = generated(few_enis(Version::V2), lines, Shape::OneFile, false);
    assert_eq!(made.made.lines, 3_000);
    assert_eq!(sorted_lines(&made.path).len(), 3_000);
    let bytes = Goal::Bytes(1_000_000);
    let made = generated(few_enis(Version::V5), bytes, Shape::OneFile, false).made;
    assert!((1_000_000..1_000_500).contains(&made.text_len), "{made:?}");
}

#[test]
fn every_line_converts_and_sums_are_those_of_the_lines() {
    for version in [Version::V2, Version::V5] {
        let lines = Goal::Lines(20_000);
        let made = generated(few_enis(version), lines, Shape::OneFile, false);
        // Every view, since the lines of all of them are summed.
        let converted = convert(&[&made.path], &["--vantage", "all", "--strict"]);
        converted.assert_lines_add_up();
        assert_eq!(converted.skipped(), 0);
        assert_eq!(converted.count("/records/duplicates"), 0);
        assert_eq!(bytes_of(&converted, "bytes_logged"), made.made.bytes);
        assert_eq!(bytes_of(&converted, "bytes_written"), made.made.bytes);
        assert_eq!(bytes_of(&converted, "logged"), made.made.packets);
    }
}

#[test]
fn text_folders_and_small_files_give_the_same_capture() {
    for version in [Version::V2, Version::V5] {
        // An ENI with addresses of both families is named after the one met first.
        let settings = Settings {
            has_v6: false,
            ..few_enis(version)
        };
        let lines = Goal::Lines(12_000);
        let text = generated(settings, lines, Shape::OneFile, false);
        let expected = convert(&[&text.path], &["--comments", "none"]).bytes();
        for (shape, gzip) in [(Shape::Tree, true), (Shape::Files(100), false)] {
            let made = generated(settings, lines, shape, gzip);
            assert_eq!(sorted_lines(&made.path), sorted_lines(&text.path));
            let converted = convert(&[&made.path], &["--comments", "none"]);
            assert!(converted.bytes() == expected, "{version:?} {shape:?}");
            if let Shape::Files(count) = shape {
                assert_eq!(made.made.files, count);
                assert_eq!(converted.count("/input/files"), count);
            }
        }
    }
}

#[test]
fn records_lie_in_the_five_minutes_of_their_end() {
    // Enough ENIs for both accounts.
    let settings = Settings {
        enis: 80,
        ..few_enis(Version::V5)
    };
    let made = generated(settings, Goal::Lines(40_000), Shape::Tree, false);
    let files = flow_log::files_below(&made.path);
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (account, rest) = name.split_once("_vpcflowlogs_eu-central-1_fl-").unwrap();
        let instant = rest.split('_').nth(1).unwrap();
        let slot: jiff::civil::DateTime = instant.trim_end_matches('Z').parse().unwrap();
        let slot_s = slot.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        for line in flow_log::text(&file).lines().skip(1) {
            let cells: Vec<&str> = line.split(' ').collect();
            assert_eq!(cells[1], account);
            let end_s: i64 = cells[11].parse().unwrap();
            assert!((0..300).contains(&(end_s - slot_s.as_second())), "{line}");
        }
    }
}

#[test]
fn wireshark_finds_nothing_but_syns_sent_again() {
    let Some(tshark) = tshark() else { return };
    let lines = Goal::Lines(10_000);
    let made = generated(few_enis(Version::V5), lines, Shape::OneFile, false);
    let converted = convert(&[&made.path], &[]);
    let resent = "tcp.analysis.flags && tcp.flags.syn == 1 && tcp.flags.ack == 0";
    assert!(tshark.count(converted.path(), resent) > 0);
    let unearned =
        "_ws.malformed || tcp.analysis.flags && !(tcp.flags.syn == 1 && tcp.flags.ack == 0)";
    let found = tshark.fields(
        converted.path(),
        unearned,
        &["frame.number", "_ws.col.info"],
    );
    assert!(found.is_empty(), "{found:?}");
}
