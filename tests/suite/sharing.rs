//! Runs that share an archive: facts, shards, and the capture that they are merged into.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use testkit::archive::{self, Goal, Shape};
use testkit::pcapng;
use testkit::traffic::{Settings, Version};

use crate::support::tshark::tshark;
use crate::support::typed::{done, error, text};
use crate::support::{convert, file, flow2pcap, run, testdata};

/// Options of a conversion: those that its survey needs too, and those that it does not.
#[derive(Clone, Copy, Default)]
struct Options<'a> {
    both: &'a [&'a str],
    convert: &'a [&'a str],
}

/// Facts and captures of an archive, shared by several runs.
struct Shared {
    folder: TempDir,
    facts: Vec<PathBuf>,
    shards: u32,
}

impl Shared {
    /// Surveys `inputs` in `surveys` runs, and converts them in `shards` runs, into captures named `output`.
    #[track_caller]
    fn new(
        inputs: &[PathBuf],
        surveys: u32,
        shards: u32,
        options: Options<'_>,
        output: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let facts = (1..=surveys).map(|number| {
            let path = folder.path().join(format!("facts-{number}.json"));
            let shard = format!("{number}/{surveys}");
            let own = ["survey", "-q", "--shard", &shard, "--facts", text(&path)];
            done(&[&own, options.both].concat(), inputs);
            path
        });
        let facts: Vec<PathBuf> = facts.collect();
        let shared = Self {
            folder,
            facts,
            shards,
        };
        for number in 1..=shards {
            let folder = shared.folder.path().join(number.to_string());
            fs::create_dir(&folder).unwrap();
            shared.convert(inputs, number, options, &folder.join(output));
        }
        shared
    }

    /// Converts one shard; returns its summary.
    #[track_caller]
    fn convert(
        &self,
        inputs: &[PathBuf],
        number: u32,
        options: Options<'_>,
        output: &Path,
    ) -> serde_json::Value {
        let shard = format!("{number}/{}", self.shards);
        let own = [
            "convert",
            "-q",
            "--json",
            "-o",
            text(output),
            "--shard",
            &shard,
        ];
        let facts = self.facts.iter().flat_map(|path| ["--facts", text(path)]);
        let facts: Vec<&str> = facts.collect();
        let all = [&own[..], &facts, options.both, options.convert].concat();
        serde_json::from_slice(&done(&all, inputs).stdout).unwrap()
    }

    /// The captures with this name that shards wrote.
    fn captures(&self, name: &str) -> Vec<PathBuf> {
        let shards = 1..=self.shards;
        let all = shards.map(|number| self.folder.path().join(number.to_string()).join(name));
        all.filter(|path| path.exists()).collect()
    }

    /// Merges them, and returns the bytes.
    #[track_caller]
    fn merged(&self, name: &str) -> Vec<u8> {
        let output = self.folder.path().join(name);
        // The order of the captures makes no difference.
        let mut captures = self.captures(name);
        captures.reverse();
        done(&["merge", "-q", "-o", text(&output)], &captures);
        fs::read(output).unwrap()
    }
}

/// Asserts that shared runs give the bytes of one run, for any number of them.
#[track_caller]
fn assert_shared(inputs: &[PathBuf], both: &[&str], own: &[&str]) {
    let options = Options { both, convert: own };
    let whole = convert(inputs, &[both, own].concat()).bytes();
    for (surveys, shards) in [(1, 1), (1, 2), (3, 3), (2, 4)] {
        let shared = Shared::new(inputs, surveys, shards, options, "out.pcapng");
        assert!(
            shared.merged("out.pcapng") == whole,
            "{surveys} and {shards} runs of {inputs:?} with {both:?} {own:?}"
        );
    }
}

/// An archive of this seed.
fn generated(folder: &TempDir, version: Version, seed: u64, shape: Shape) -> PathBuf {
    let path = folder.path().join(format!("archive-{seed}"));
    let settings = Settings::new(version, seed);
    archive::generate(settings, Goal::Lines(1_500), shape, false, &path).unwrap();
    path
}

#[test]
fn merged_shards_of_logs_are_the_capture_of_one_run() {
    for name in [
        "incident",
        "v2_default.log",
        "v5_fifty.log",
        "v11_all_fields.log",
        "tgw_default.log",
        "custom_underscore.log",
        "wrapped/aws.parquet",
        "wrapped/gcp.json",
        "wrapped/nsg_v2.json",
        "stories/both_legs.log",
        "stories/ping_reply.log",
    ] {
        assert_shared(&[testdata(name)], &[], &[]);
    }
    assert_shared(&[testdata("stories")], &["--events", "frames"], &[]);
}

#[test]
fn merged_shards_have_the_events_of_one_run() {
    let bucket = [testdata("bucket")];
    assert_shared(&bucket, &[], &[]);
    assert_shared(&bucket, &["--events", "frames"], &["--comments", "all"]);
    assert_shared(&bucket, &["--events", "none"], &["--link", "ethernet"]);
    let context = testdata("bucket");
    assert_shared(
        &bucket,
        &["--context", text(&context), "--events", "frames"],
        &[],
    );
}

#[test]
fn merged_shards_with_options_are_the_capture_of_one_run() {
    let incident = [testdata("incident")];
    for (both, own) in [
        (&["--vantage", "all"][..], &[][..]),
        (&["--addresses", "interface"], &[]),
        (&["--finding", "1"], &[]),
        (&["--filter", "port 443 and not reject"], &[]),
        (&["--action", "reject", "--only-matching"], &[]),
        (&["--from=-5m"], &["--single-interface"]),
        // Auto chooses a coarser detail by the packets of all shards.
        (&[], &["--packets", "150"]),
        (&[], &["--detail", "control", "--link", "raw101"]),
    ] {
        assert_shared(&incident, both, own);
    }
}

#[test]
fn merged_shards_of_generated_archives_are_the_capture_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [generated(&folder, Version::V2, 1, Shape::OneFile)];
    assert_shared(&lines, &[], &["--detail", "compact", "--threads", "3"]);
    let tree = [generated(&folder, Version::V5, 2, Shape::Tree)];
    assert_shared(&tree, &[], &["--packets", "20k", "--memory", "16MiB"]);
}

/// Long packets of IPv6 have an option before their ports.
#[test]
fn merged_shards_have_packets_of_any_length_and_protocol_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = "srcaddr dstaddr srcport dstport protocol packets bytes start end\n".to_owned();
    for host in 1..=20 {
        for protocol in [1, 6, 17, 58, 132] {
            for (one, other) in [
                (format!("10.0.0.{host}"), "10.0.1.1"),
                (format!("2001:db8::{host}"), "2001:db8::ff"),
            ] {
                let port = 40_000 + host;
                let times = "1773454565 1773454565";
                log += &format!("{one} {other} {port} 443 {protocol} 90 900000 {times}\n");
                log += &format!("{other} {one} 443 {port} {protocol} 3 180 {times}\n");
            }
        }
    }
    let log = file(&folder, "long.log", log);
    for detail in ["control", "compact", "exact"] {
        assert_shared(std::slice::from_ref(&log), &[], &["--detail", detail]);
    }
}

#[test]
fn hours_of_shards_are_merged_one_by_one() {
    let incident = [testdata("bucket"), testdata("incident")];
    let options = Options {
        both: &["--events", "frames"],
        convert: &["--split", "hour"],
    };
    let whole = convert(&incident, &[options.both, options.convert].concat());
    let parts = crate::support::parts_of(whole.path());
    assert!(parts.len() > 1);
    let shared = Shared::new(&incident, 1, 3, options, "out.pcapng");
    for part in parts {
        let name = part.file_name().unwrap().to_str().unwrap();
        assert!(shared.merged(name) == fs::read(&part).unwrap(), "{name}");
    }
}

#[test]
fn enis_of_shards_are_merged_one_by_one() {
    let incident = [testdata("incident")];
    let options = Options {
        both: &[],
        convert: &["--split", "eni"],
    };
    let whole = convert(&incident, options.convert);
    let shared = Shared::new(&incident, 1, 2, options, "out.pcapng");
    for part in crate::support::parts_of(whole.path()) {
        let name = part.file_name().unwrap().to_str().unwrap();
        assert!(shared.merged(name) == fs::read(&part).unwrap(), "{name}");
    }
}

#[test]
fn shards_have_each_record_once() {
    let incident = [testdata("incident")];
    let whole = convert(&incident, &[]);
    let options = Options::default();
    let shared = Shared::new(&incident, 1, 4, options, "out.pcapng");
    let output = shared.folder.path().join("again.pcapng");
    let summaries = (1..=4).map(|number| shared.convert(&incident, number, options, &output));
    let summaries: Vec<serde_json::Value> = summaries.collect();
    for pointer in [
        "/records/used",
        "/records/duplicates",
        "/records/other_vantage",
        "/records/filtered",
        "/packets/written",
        "/packets/bytes_written",
    ] {
        let count =
            |summary: &serde_json::Value| summary.pointer(pointer).unwrap().as_u64().unwrap();
        let sum: u64 = summaries.iter().map(count).sum();
        assert_eq!(sum, whole.count(pointer), "{pointer}");
    }
    for summary in summaries {
        let records = &summary["records"];
        let own = whole.count("/records/used") + whole.count("/records/other_vantage");
        assert!(records["other_shard"].as_u64().unwrap() < own, "{records}");
        assert_eq!(records["lines"], whole.count("/records/lines"));
        assert_eq!(summary["detail"], whole.summary()["detail"]);
    }
}

#[test]
fn without_facts_shards_have_the_same_packets() {
    let incident = [testdata("incident")];
    let folder = tempfile::tempdir().unwrap();
    let mut packets = Vec::new();
    for number in 1..=3 {
        let output = folder.path().join(format!("{number}.pcapng"));
        let shard = format!("{number}/3");
        let own = ["convert", "-q", "--detail", "exact", "--shard", &shard];
        done(&[&own[..], &["-o", text(&output)]].concat(), &incident);
        packets.extend(pcapng::read(&fs::read(output).unwrap()).packets);
    }
    let whole = convert(&incident, &["--detail", "exact"]).capture();
    packets.sort_by_key(|packet| packet.time_ns);
    assert_eq!(packets.len(), whole.packets.len());
    let times = |packets: &[pcapng::Packet]| -> Vec<u64> {
        packets.iter().map(|packet| packet.time_ns).collect()
    };
    assert_eq!(times(&packets), times(&whole.packets));
}

#[test]
fn shard_of_a_filter_that_keeps_little_may_be_empty() {
    let incident = [testdata("incident")];
    let both = &["--finding", "1"];
    let options = Options { both, convert: &[] };
    let shared = Shared::new(&incident, 1, 4, options, "out.pcapng");
    let lens = shared.captures("out.pcapng").into_iter().map(|path| {
        let capture = pcapng::read(&fs::read(path).unwrap());
        capture.packets.len()
    });
    let lens: Vec<usize> = lens.collect();
    assert_eq!(lens.len(), 4);
    assert!(
        lens.contains(&0) && lens.iter().sum::<usize>() > 0,
        "{lens:?}"
    );
    // A filter that keeps nothing in any shard is an error of the survey.
    let facts = shared.folder.path().join("none.json");
    let nothing = ["survey", "--facts", text(&facts), "--port", "1"];
    let run = run(flow2pcap().args(nothing).args(&incident));
    assert_eq!((run.code, facts.exists()), (3, false), "{}", run.stderr);
}

#[test]
fn mergecap_has_the_same_packets() {
    let Some(tshark) = tshark() else { return };
    let incident = [testdata("incident")];
    let shared = Shared::new(&incident, 1, 2, Options::default(), "out.pcapng");
    let merged = shared.folder.path().join("mergecap.pcapng");
    let mut mergecap = Command::new("mergecap");
    mergecap
        .arg("-w")
        .arg(&merged)
        .args(shared.captures("out.pcapng"));
    assert!(mergecap.status().unwrap().success());
    let packets = |capture: &Path| {
        let fields = [
            "frame.time_epoch",
            "frame.len",
            "frame.interface_name",
            "frame.comment",
            "ip.src",
            "ip.dst",
            "tcp.srcport",
            "tcp.seq_raw",
            "tcp.flags",
        ];
        let mut packets = tshark.fields(capture, "", &fields);
        packets.sort();
        packets
    };
    let whole = convert(&incident, &[]);
    assert_eq!(packets(&merged), packets(whole.path()));
}

#[test]
fn compressed_shards_are_merged() {
    let incident = [testdata("incident")];
    let whole = convert(&incident, &[]).bytes();
    for name in ["out.pcapng.gz", "out.pcapng.zst"] {
        let shared = Shared::new(&incident, 1, 2, Options::default(), name);
        shared.merged(name);
        let merged = crate::support::unpacked(&shared.folder.path().join(name));
        assert!(merged == whole, "{name}");
    }
}

#[test]
fn captures_that_are_not_shards_of_one_run_are_refused() {
    let incident = [testdata("incident")];
    let shared = Shared::new(&incident, 1, 2, Options::default(), "out.pcapng");
    let captures = shared.captures("out.pcapng");
    let output = shared.folder.path().join("all.pcapng");
    let folder = tempfile::tempdir().unwrap();
    let other = convert(&[testdata("v5_fifty.log")], &[]);
    let bytes = fs::read(&captures[1]).unwrap();
    let cut = file(&folder, "cut.pcapng", &bytes[..bytes.len() - 2]);
    let text_file = file(&folder, "text.pcapng", "this is no capture\n");
    let empty = file(&folder, "empty.pcapng", "");
    let both = |path: &Path| vec![captures[0].clone(), path.to_owned()];
    for (inputs, message) in [
        (both(&captures[0]), "have packets of the same conversation"),
        (
            both(other.path()),
            "do not have the same interfaces and names",
        ),
        (
            both(&cut),
            "is not a whole pcapng file: it has an end within a block",
        ),
        (
            both(&text_file),
            "is not a whole pcapng file: it has a block of",
        ),
        (both(&empty), "is empty, so it is not a capture"),
        (both(&folder.path().join("none")), "cannot open"),
    ] {
        let found = error(&["merge", "-o", text(&output)], &inputs);
        assert!(found.contains(message), "{found}");
        assert!(!output.exists());
    }
    let classic = shared.folder.path().join("all.pcap");
    let found = error(&["merge", "-o", text(&classic)], &captures);
    assert!(found.contains("only pcapng captures are merged"), "{found}");
    let found = error(&["merge", "-o", text(&captures[0])], &captures);
    assert!(found.contains("is also an input"), "{found}");
}

#[test]
fn facts_of_something_else_are_refused() {
    let incident = [testdata("incident")];
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let survey = |name: &str, options: &[&str], inputs: &[PathBuf]| {
        let own = ["survey", "-q", "--facts"];
        let path = path(name);
        done(&[&own[..], &[text(&path)], options].concat(), inputs);
    };
    survey("all.json", &[], &incident);
    survey("half.json", &["--shard", "1/2"], &incident);
    survey("third.json", &["--shard", "2/3"], &incident);
    survey("443.json", &["--port", "443", "--shard", "2/2"], &incident);
    survey(
        "other.json",
        &["--shard", "2/2"],
        &[testdata("v5_fifty.log")],
    );
    file(&folder, "no.json", "[1, 2]");
    let facts = fs::read_to_string(path("all.json")).unwrap();
    let version = format!("\"program\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(facts.contains(&version));
    file(
        &folder,
        "old.json",
        facts.replace(&version, "\"program\": \"0.0.1\\u001b[2J\""),
    );
    let zero = "\"of\": 1";
    assert!(facts.contains(zero));
    file(&folder, "zero.json", facts.replace(zero, "\"of\": 0"));
    let output = path("out.pcapng");
    for (names, options, message) in [
        (
            &["half.json"][..],
            &[][..],
            "the facts are of 1 of 2 shards: those of shard 2/2 are missing",
        ),
        (&["half.json", "half.json"], &[], "has shard 1/2 again"),
        (&["half.json", "third.json"], &[], "is of one of 3 shards"),
        (
            &["half.json", "443.json"],
            &[],
            "were made with different options: filter",
        ),
        (
            &["half.json", "other.json"],
            &[],
            "is of 51 lines in 1 file, with a newest record of 20",
        ),
        (
            &["all.json"],
            &["--port", "443"],
            "the facts were made with other options than these: filter",
        ),
        (&["no.json"], &[], "is not a file of facts"),
        (&["zero.json"], &[], "names shards that do not exist"),
        (
            &["old.json"],
            &[],
            "is from flow2pcap 0.0.1\\u{1b}[2J, and this is",
        ),
        (&["none.json"], &[], "cannot open"),
    ] {
        let paths: Vec<PathBuf> = names.iter().map(|name| path(name)).collect();
        let facts: Vec<&str> = paths
            .iter()
            .flat_map(|path| ["--facts", text(path)])
            .collect();
        let own = ["convert", "-o", text(&output)];
        let found = error(&[&own[..], &facts, options].concat(), &incident);
        assert!(found.contains(message), "{found}");
        assert!(!output.exists());
    }
    let own = ["convert", "-o", text(&output), "--facts"];
    let all = path("all.json");
    let found = error(
        &[&own[..], &[text(&all)]].concat(),
        &[testdata("v5_fifty.log")],
    );
    assert!(found.contains("the facts are of other inputs"), "{found}");
}

#[test]
fn parts_that_depend_on_all_shards_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcapng");
    for split in ["size=1MB", "connections=5"] {
        let own = [
            "convert",
            "--shard",
            "1/2",
            "--split",
            split,
            "-o",
            text(&output),
        ];
        let found = error(&own, &[testdata("incident")]);
        assert!(
            found.contains("one shard cannot be split by size or connections"),
            "{found}"
        );
    }
}
