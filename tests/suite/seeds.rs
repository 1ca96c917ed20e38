//! The fuzz seeds, run through what their targets check.
//!
//! The checks are the targets' own ([`testkit::checks`]); a find of the fuzzer
//! that is fixed gets a seed here and is never forgotten.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use proptest::prelude::*;
use testkit::checks::{conversion, events, footers, merging, packs, printing, reading, serving};

/// Runs `check` on every seed of a target, on front parts of it, and on what longer runs of the
/// fuzzer kept.
fn replay(target: &str, check: fn(&[u8])) {
    replay_seeds(target, check);
    kept(target).iter().for_each(|bytes| check(bytes));
}

/// Runs `check` on every seed of a target, and on front parts of it.
fn replay_seeds(target: &str, check: fn(&[u8])) {
    replay_fronts(target, 7, check);
}

/// The same, with front parts that differ by so many bytes.
fn replay_fronts(target: &str, step: usize, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for len in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
            check(&bytes[..len]);
        }
        count += 1;
    }
    assert!(count > 0, "no seeds in {}", folder.display());
}

/// The inputs in a target's corpus.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/corpora/{target}.tar.zst"));
    let unpacked = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
    let mut archive = tar::Archive::new(&unpacked[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut bytes = Vec::new();
        entry.unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    });
    let kept: Vec<_> = entries.collect();
    assert!(!kept.is_empty(), "nothing in {}", path.display());
    kept
}

#[test]
fn mcp_lines() {
    replay_fronts("mcp_lines", 29, serving::mcp_lines);
}

#[test]
fn merged() {
    replay_fronts("merged", 211, merging::merged);
}

#[test]
fn configuration() {
    replay_seeds("configuration", reading::configuration);
}

#[test]
fn event_lines() {
    replay_seeds("event_lines", events::lines);
}

#[test]
fn event_json() {
    replay_seeds("event_json", events::json);
}

#[test]
fn event_frames() {
    replay_seeds("event_frames", events::frames);
}

#[test]
fn event_joins() {
    replay_seeds("event_joins", events::joins);
}

#[test]
fn any_log() {
    replay("any_log", conversion::any_log);
}

#[test]
fn any_records() {
    replay("any_records", conversion::any_records);
}

#[test]
fn printed() {
    replay("printed", printing::printed);
}

#[test]
fn many_files() {
    // Each is up to five conversions.
    replay_fronts("many_files", 101, conversion::many_files);
}

#[test]
fn header_line() {
    replay("header_line", reading::header_line);
}

#[test]
fn record_rows() {
    replay("record_rows", reading::record_rows);
}

#[test]
fn recognize() {
    replay("recognize", reading::recognize_head);
}

#[test]
fn filter() {
    replay("filter", reading::filter);
}

#[test]
fn chunk_cuts() {
    replay("chunk_cuts", reading::chunk_cuts);
}

#[test]
fn unwrapper() {
    replay("unwrapper", reading::unwrapper);
}

#[test]
fn parquet() {
    replay("parquet", reading::table);
}

#[test]
fn parquet_footer() {
    replay_seeds("parquet_footer", footers::parquet_footer);
}

#[test]
fn pack() {
    replay_seeds("pack", packs::pack);
}

#[test]
fn stream() {
    replay("stream", reading::stream);
}

/// Pages and footer say how much there is of everything; none of it is believed.
#[test]
fn parquet_with_an_byte_changed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/parquet");
    for entry in fs::read_dir(folder).unwrap() {
        let mut bytes = fs::read(entry.unwrap().path()).unwrap();
        for at in (0..bytes.len()).step_by(23) {
            let was = bytes[at];
            bytes[at] ^= 0xff;
            reading::table(&bytes);
            bytes[at] = was;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, // a find becomes a seed with a name
        ..ProptestConfig::with_cases(256)
    })]

    /// The same promises, with inputs that shrink to what matters.
    #[test]
    fn any_records_keep_their_sums(bytes in prop::collection::vec(any::<u8>(), 9..400)) {
        conversion::any_records(&bytes);
    }

    /// Few changes at random are enough for most of what a footer can lie about.
    #[test]
    fn parquet_footers_with_values_changed(bytes in prop::collection::vec(any::<u8>(), 12..90)) {
        footers::parquet_footer(&bytes);
    }

    #[test]
    fn packs_of_any_members(bytes in prop::collection::vec(any::<u8>(), 5..90)) {
        packs::pack(&bytes);
    }
}
