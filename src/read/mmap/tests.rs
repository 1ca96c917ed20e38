//! Tests files that shrink between opening and reading, which tests from outside can hit only by
//! chance.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::archive;
use crate::filter::{Filter, FilterWatch};
use crate::flow::Unusable;
use crate::read::Meter;
use crate::read::configuration::ConfigurationWish;
use crate::read::files::{FileOffset, FileYield};
use crate::read::sink::Found;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
                      packets bytes start end action log-status\n";

/// A sink that counts records.
struct Count;

impl Sink for Count {
    type Part = u64;

    fn record(&self, part: &mut u64, _: &Found<'_>) -> Result<(), Unusable> {
        *part += 1;
        Ok(())
    }

    fn append(&self, part: &mut u64, later: u64) {
        *part += later;
    }
}

/// Returns a log that takes one thread several groups of blocks.
fn log() -> String {
    let line = |number: u32| {
        format!(
            "2 111122223333 eni-0a1b2c3d4e5f60718 10.0.0.1 10.0.0.2 {} 443 6 3 180 1700000000 \
             1700000059 ACCEPT OK\n",
            number % 60_000
        )
    };
    let lines = (0..120_000).map(line);
    HEADER.to_owned() + &lines.collect::<String>()
}

/// Opens a file that holds `text`, truncates it to `kept_len`, and reads it. Returns the number of
/// records.
fn read_cut(text: &str, kept_len: usize) -> (FileYield<u64>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("a.log");
    fs::write(&path, text).unwrap();
    let file = &archive::walk(std::slice::from_ref(&path)).unwrap().files[0];
    let opened = archive::open(file).unwrap();
    let handle = fs::File::options().write(true).open(&path).unwrap();
    handle.set_len(kept_len as u64).unwrap();
    let files = Files {
        within: None,
        format: None,
        inputs: &[],
        filter: &Filter::default(),
        watch: &FilterWatch::default(),
        wanted: None,
        temp_dir: folder.path(),
        configuration: &ConfigurationWish::nothing(),
        wants_events: false,
        wants_records: true,
        meter: &Meter::default(),
        sink: &Count,
    };
    let at = FileOffset {
        file: 0,
        lines_before: 0,
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    let read = pool
        .build()
        .unwrap()
        .install(|| files.read_opened(at, file, opened));
    let read = read.unwrap();
    let count = read.block.part;
    (read, count)
}

#[test]
fn whole_lines_before_the_new_end_are_read_and_nothing_after_it() {
    let text = log();
    let run_len = BLOCKS_A_THREAD * BLOCK_LEN;
    assert!(text.len() > run_len + 2 * BLOCK_LEN);
    let line_end = text[..500_000].rfind('\n').unwrap() + 1;
    let page = 4096;
    let cuts = [
        300,
        line_end,
        line_end + 1,
        300 * page,
        run_len - 9,
        run_len + 9,
        text.len() - 1,
    ];
    for kept_len in cuts {
        let (read, count) = read_cut(&text, kept_len);
        let lines = text[..kept_len].matches('\n').count() as u64;
        assert_eq!(
            (read.block.records.lines, count),
            (lines, lines - 1),
            "{kept_len}"
        );
        assert_eq!(read.block.records.skipped.total(), 0);
        let damaged = &read.input.damaged.0["damaged"];
        let found = format!(
            "shrank while it was read: {kept_len} of {} bytes remain",
            text.len()
        );
        assert_eq!((damaged.count, &damaged.examples[0].found), (1, &found));
    }
}

#[test]
fn file_without_a_remaining_line_is_damaged_and_not_a_failure() {
    let text = log();
    for kept_len in [0, 1, HEADER.len() - 30] {
        let (read, count) = read_cut(&text, kept_len);
        assert_eq!((read.block.records.lines, count), (0, 0));
        assert_eq!((read.input.files, read.input.damaged.total()), (1, 1));
    }
}

#[test]
fn unchanged_file_is_whole() {
    let text = log();
    let (read, count) = read_cut(&text, text.len());
    assert_eq!((read.block.records.lines, count), (120_001, 120_000));
    assert_eq!(read.input.damaged.total(), 0);
}
