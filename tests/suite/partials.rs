//! Partial results of runs that share an archive: together they are the answer of one run.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testkit::archive::{self, Goal, Shape};
use testkit::traffic::{Settings, Version};

use crate::support::typed::{done, error, text};
use crate::support::{file, flow2pcap, run, testdata};

/// What a run left, without the time that it took and the present time, which no two runs have in common.
fn outcome(arguments: &[&str], inputs: &[PathBuf]) -> (i32, String, String) {
    let run = run(flow2pcap().args(arguments).args(inputs));
    let out = String::from_utf8(run.stdout).unwrap();
    let lines = out.lines().map(|line| {
        let is_time = line.trim_start().starts_with("\"elapsed_ms\": ");
        if is_time { "" } else { line }
    });
    let warnings = run.stderr.lines();
    let warnings = warnings.map(|line| line.split("; use --from ").next().unwrap());
    let stderr = warnings.collect::<Vec<_>>().join("\n");
    (run.code, lines.collect::<Vec<_>>().join("\n"), stderr)
}

/// The partial results of one archive.
struct Parts {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Parts {
    fn new(command: &[&str], of: usize, inputs: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = (1..=of).map(|number| {
            let path = folder.path().join(format!("part-{number}.json"));
            let shard = format!("{number}/{of}");
            let own = ["-q", "--shard", &shard, "--partial", text(&path)];
            done(&[command, &own].concat(), inputs);
            path
        });
        let files = files.collect();
        Self { folder, files }
    }

    fn read(&self, index: usize) -> String {
        fs::read_to_string(&self.files[index]).unwrap()
    }
}

/// Asserts that the parts of a command give its own answer in each of these forms, for one to four parts.
#[track_caller]
fn assert_added_up(command: &[&str], forms: &[&[&str]], inputs: &[PathBuf]) {
    let answers: Vec<_> = forms
        .iter()
        .map(|form| outcome(&[command, form].concat(), inputs))
        .collect();
    for of in 1..=4 {
        let mut parts = Parts::new(command, of, inputs);
        parts.files.reverse();
        for (form, answer) in forms.iter().zip(&answers) {
            let merged = outcome(&[&["merge"], *form].concat(), &parts.files);
            assert_eq!(
                &merged, answer,
                "{of} parts of {command:?} {form:?} {inputs:?}"
            );
        }
    }
}

const TEXT_AND_JSON: &[&[&str]] = &[&[], &["--json"]];

const FORMS: &[&[&str]] = &[
    &["--json"],
    &["--format", "csv"],
    &["--format", "table"],
    &["--format", "openmetrics"],
    &["--format", "cloudwatch", "--namespace", "Network/Rejects"],
];

/// Everything in `testdata/` that can be read without more options.
fn all_testdata() -> Vec<PathBuf> {
    let entries = fs::read_dir(testdata("")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| !path.ends_with("README.md") && !path.ends_with("not_a_flow_log"))
        .filter(|path| {
            flow2pcap()
                .arg("inspect")
                .arg(path)
                .output()
                .unwrap()
                .status
                .success()
        })
        .collect();
    paths.sort();
    assert!(paths.len() > 12, "{paths:?}");
    paths
}

/// An archive of this seed in several files.
fn generated(folder: &Path, version: Version, seed: u64, shape: Shape) -> PathBuf {
    let path = folder.join(format!("archive-{seed}"));
    let settings = Settings::new(version, seed);
    archive::generate(settings, Goal::Lines(1_500), shape, false, &path).unwrap();
    path
}

#[test]
fn parts_of_an_inspection_are_the_inspection() {
    let all = all_testdata();
    for path in &all {
        assert_added_up(&["inspect"], TEXT_AND_JSON, std::slice::from_ref(path));
    }
    assert_added_up(&["inspect"], TEXT_AND_JSON, &all);
    for filter in [
        &["--port", "443"][..],
        &["--from", "-10m"],
        &["--eni", "eni-0a41", "--action", "reject"],
    ] {
        let command = [&["inspect"], filter].concat();
        assert_added_up(&command, TEXT_AND_JSON, &[testdata("incident")]);
    }
}

#[test]
fn parts_of_sums_are_the_sums() {
    for path in all_testdata() {
        assert_added_up(&["metrics"], FORMS, std::slice::from_ref(&path));
    }
    let all = [
        testdata("incident"),
        testdata("stories"),
        testdata("bucket"),
    ];
    for asked in [
        &[
            "--by",
            "srcaddr,dstport",
            "--measure",
            "bytes,packets,records",
        ][..],
        &["--by", "dstaddr", "--top", "3", "--every", "1m"],
        &["--by", "action,eni", "--from", "-20m", "--memory", "16MiB"],
        &["--by", "eni", "--port", "443", "--filter", "tcp"],
        &["--by", "instance-tag,reject-reason"],
        &["--measure", "packets,requests,calls", "--every", "1h"],
    ] {
        let command = [&["metrics"], asked].concat();
        assert_added_up(&command, TEXT_AND_JSON, &all);
    }
}

#[test]
fn parts_of_sums_over_connections_are_the_sums() {
    let all = [
        testdata("incident"),
        testdata("stories"),
        testdata("bucket"),
    ];
    for asked in [
        &["--once", "--by", "protocol"][..],
        &[
            "--by",
            "outcome",
            "--measure",
            "connections,packets",
            "--every",
            "5m",
        ],
        &["--by", "vpc,subnet,direction"],
        &["--by", "srcsubnet,dstsubnet", "--action", "reject"],
        &["--once", "--measure", "packets,calls"],
    ] {
        let command = [&["metrics"], asked].concat();
        assert_added_up(&command, TEXT_AND_JSON, &all);
    }
}

#[test]
fn parts_of_generated_archives_add_up() {
    let folder = tempfile::tempdir().unwrap();
    for (version, seed, shape) in [
        (Version::V2, 1, Shape::Files(7)),
        (Version::V5, 2, Shape::Tree),
        (Version::V5, 3, Shape::OneFile),
    ] {
        let path = [generated(folder.path(), version, seed, shape)];
        assert_added_up(&["inspect"], TEXT_AND_JSON, &path);
        let by_address = ["metrics", "--by", "srcaddr,action", "--top", "5"];
        assert_added_up(&by_address, TEXT_AND_JSON, &path);
        let once = ["metrics", "--once", "--by", "dstport,outcome"];
        assert_added_up(&once, TEXT_AND_JSON, &path);
    }
}

/// A file of CloudTrail with these calls, by identifier.
fn calls(folder: &TempDir, name: &str, ids: &[u32]) -> PathBuf {
    let calls = ids.iter().map(|id| {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2026-03-14T02:15:0{}Z","eventSource":"ec2.amazonaws.com","eventName":"Call{id}","eventID":"{id:032x}"}}"#,
            id % 10
        )
    });
    let calls: Vec<String> = calls.collect();
    file(
        folder,
        name,
        format!(r#"{{"Records":[{}]}}"#, calls.join(",")),
    )
}

#[test]
fn call_that_is_delivered_again_in_another_part_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        calls(&folder, "a.json", &[1, 2, 1]),
        calls(&folder, "b.json", &[2, 3]),
        calls(&folder, "c.json", &[3, 1, 4]),
    ];
    let asked = ["metrics", "--by", "event-name"];
    assert_added_up(&asked, TEXT_AND_JSON, &files);
    assert_added_up(&["inspect"], TEXT_AND_JSON, &files);
    let parts = Parts::new(&asked, 3, &files);
    let (_, sums, _) = outcome(&["merge", "--format", "csv"], &parts.files);
    assert_eq!(sums.matches(",1").count(), 4, "{sums}");
}

#[test]
fn failure_of_one_run_is_that_of_its_parts_together() {
    let incident = [testdata("incident")];
    let mut failing = Vec::new();
    for filter in [
        &["--port", "9"][..],
        &["--eni", "eni-ffff"],
        &["--from", "2031-01-01"],
    ] {
        for command in ["inspect", "metrics"] {
            failing.push([&[command], filter].concat());
        }
    }
    failing.push(vec!["metrics", "--once", "--port", "9"]);
    failing.push(vec!["metrics", "--by", "rcode"]);
    for command in failing {
        let (code, _, stderr) = outcome(&command, &incident);
        assert_ne!(code, 0, "{command:?}: {stderr}");
        assert_added_up(&command, &[&[]], &incident);
    }
}

/// Two files with one ENI each, the name of one of which begins that of the other.
fn enis(folder: &TempDir) -> [PathBuf; 2] {
    ["eni-1", "eni-10"].map(|eni| {
        let record = format!(
            "2 123456789010 {eni} 10.0.0.1 10.0.0.2 40000 22 6 1 60 1418530010 1418530070 REJECT OK\n"
        );
        file(folder, &format!("{eni}.log"), record.repeat(3))
    })
}

#[test]
fn name_that_begins_another_is_not_mistaken_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let files = enis(&folder);
    let once = ["metrics", "--once", "--eni", "eni-1"];
    assert_added_up(&once, TEXT_AND_JSON, &files);
    for command in ["metrics", "inspect"] {
        let command = [command, "--eni", "eni-1"];
        assert_eq!(outcome(&command, &files).0, 0);
        let parts = Parts::new(&command, 2, &files);
        let found = error(&["merge"], &parts.files);
        assert!(
            found.contains("cannot be added up for a filter by such a name"),
            "{found}"
        );
        let whole = ["--eni", "eni-10"];
        assert_added_up(&[&command[..1], &whole].concat(), TEXT_AND_JSON, &files);
    }
}

#[test]
fn same_part_is_the_same_file() {
    let inputs = [testdata("incident"), testdata("stories")];
    for command in [
        &["inspect"][..],
        &["metrics", "--by", "srcaddr", "--measure", "packets,calls"],
        &["metrics", "--by", "outcome"],
    ] {
        let written = [&["--threads", "1"][..], &["--threads", "4"]].map(|threads| {
            let parts = Parts::new(&[command, threads].concat(), 2, &inputs);
            [0, 1].map(|index| {
                let text = parts.read(index);
                let (before, after) = text.split_once("\"elapsed_ms\":").unwrap();
                let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
                let before = before.split("\"reading_us\":").next().unwrap().to_owned();
                before + after
            })
        });
        assert_eq!(written[0], written[1]);
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let incident = [testdata("incident")];
    let halves = Parts::new(&["inspect"], 2, &incident);
    let [one, two] = [0, 1].map(|index| halves.files[index].clone());
    let third = Parts::new(&["inspect"], 3, &incident).files_kept("third");
    let other = Parts::new(&["inspect"], 2, &[testdata("stories")]).files_kept("other");
    let filtered = Parts::new(&["inspect", "--port", "443"], 2, &incident).files_kept("443");
    let metrics = Parts::new(&["metrics"], 2, &incident).files_kept("sums");
    let top = Parts::new(&["metrics", "--top", "3"], 2, &incident).files_kept("top");
    let capture = halves.folder.path().join("out.pcapng");
    done(&["convert", "-q", "-o", text(&capture)], &incident);
    for (files, message) in [
        (
            vec![one.clone()],
            "the partial results are of 1 of 2 shards: those of shard 2/2 are missing",
        ),
        (vec![one.clone(), one.clone()], "has shard 1/2 again"),
        (
            vec![one.clone(), two.clone(), one.clone()],
            "has shard 1/2 again",
        ),
        (vec![one.clone(), third[1].clone()], "is of one of 3 shards"),
        (
            vec![one.clone(), other[1].clone()],
            "is of other inputs than",
        ),
        (
            vec![one.clone(), filtered[1].clone()],
            "were made with different options: filter",
        ),
        (
            vec![one.clone(), metrics[1].clone()],
            "were made with different options: command, questions",
        ),
        (
            vec![metrics[0].clone(), top[1].clone()],
            "were made with different options: questions",
        ),
        (
            vec![one.clone(), capture.clone()],
            "is not a partial result",
        ),
        (
            vec![one.clone(), halves.folder.path().join("none.json")],
            "cannot open",
        ),
    ] {
        let found = error(&["merge"], &files);
        assert!(found.contains(message), "{message}: {found}");
    }
    let found = error(&["merge", "-o", "-"], &[capture, one]);
    assert!(
        found.contains("is not a capture") || found.contains("is not a whole pcapng file"),
        "{found}"
    );
}

impl Parts {
    /// Moves the files to where they are kept until the test ends.
    fn files_kept(self, name: &str) -> Vec<PathBuf> {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("partials-{name}"));
        fs::create_dir_all(&kept).unwrap();
        let files = self.files.iter().map(|path| {
            let to = kept.join(path.file_name().unwrap());
            fs::copy(path, &to).unwrap();
            to
        });
        files.collect()
    }
}

#[test]
fn part_that_is_not_whole_or_was_changed_is_refused() {
    let asked = ["metrics", "--by", "srcaddr"];
    let parts = Parts::new(&asked, 1, &[testdata("incident")]);
    let whole = parts.read(0);
    let first_cell = whole.find("{\"cell\"").unwrap();
    let second_cell = first_cell + whole[first_cell..].find('\n').unwrap() + 1;
    let key = whole[first_cell..].find("\"key\":\"").unwrap() + first_cell + 7;
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        whole.replacen(from, to, 1)
    };
    let program = format!("\"program\":\"{}\"", env!("CARGO_PKG_VERSION"));
    for (text, message) in [
        (whole[..whole.len() / 2].to_owned(), "is not"),
        (
            whole[..whole.trim_end().rfind('\n').unwrap()].to_owned(),
            "is not whole: its last line",
        ),
        (
            whole[..first_cell].to_owned() + &whole[second_cell..],
            "is not whole: lines are missing",
        ),
        (
            whole[..key].to_owned() + "ff" + &whole[key + 2..],
            "has a sum that no question asks for",
        ),
        (
            with("\"flow2pcap_partial\":1", "\"flow2pcap_partial\":7"),
            "has format 7, not 1",
        ),
        (
            with(&program, "\"program\":\"0.0.1\\u001b[2J\""),
            "is from flow2pcap 0.0.1\\u{1b}[2J, and this is",
        ),
        (
            with("\"of\":1", "\"of\":0"),
            "names shards that do not exist",
        ),
        (
            with("\"numbers\":[1]", "\"numbers\":[]"),
            "names shards that do not exist",
        ),
        (
            with("\"lines\":132", "\"lines\":133"),
            "their counts do not add up",
        ),
        (
            with("\"every_s\":900", "\"every_s\":7"),
            "their counts do not add up",
        ),
        (
            with("[\"srcaddr\"]", "[\"rcode\"]"),
            "their counts do not add up",
        ),
    ] {
        let path = file(&parts.folder, "changed.json", text);
        let found = error(&["merge"], &[path]);
        assert!(found.contains(message), "{message}: {found}");
    }
}

#[test]
fn options_that_contradict_are_refused() {
    let incident = [testdata("incident")];
    let parts = Parts::new(&["inspect"], 1, &incident);
    let partial = parts.folder.path().join("new.json");
    for (arguments, inputs, message) in [
        (
            &["inspect", "--shard", "1/2"][..],
            &incident[..],
            "--shard needs --partial",
        ),
        (
            &["metrics", "--shard", "1/2"],
            &incident,
            "--shard needs --partial",
        ),
        (
            &["inspect", "--json", "--partial", text(&partial)],
            &incident,
            "--json prints an answer",
        ),
        (
            &["metrics", "--format", "csv", "--partial", text(&partial)],
            &incident,
            "--format prints an answer",
        ),
        (
            &["merge", "-o", "x.pcapng"],
            &parts.files,
            "the answer of partial results is printed",
        ),
        (
            &["merge", "--format", "csv"],
            &parts.files,
            "these are parts of an inspection",
        ),
        (
            &["merge", "--json", "--format", "csv"],
            &parts.files,
            "--format asks for another form",
        ),
        (
            &["merge"],
            &[testdata("v5_fifty.log")],
            "captures are merged into a file",
        ),
    ] {
        let found = error(arguments, inputs);
        assert!(found.contains(message), "{message}: {found}");
    }
    assert!(!partial.exists());
}

#[test]
fn compressed_parts_are_merged() {
    let asked = ["metrics", "--by", "dstport"];
    let incident = [testdata("incident")];
    let parts = Parts::new(&asked, 2, &incident);
    let packed = parts.files.iter().enumerate().map(|(number, path)| {
        let bytes = zstd::encode_all(&fs::read(path).unwrap()[..], 3).unwrap();
        file(&parts.folder, &format!("{number}.zst"), bytes)
    });
    let packed: Vec<PathBuf> = packed.collect();
    assert_eq!(outcome(&["merge"], &packed), outcome(&asked, &incident));
}
