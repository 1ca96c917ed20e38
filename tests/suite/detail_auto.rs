//! The default of `--detail`: all packets up to a number, and beyond it the finest detail within it.

use std::fs;
use std::path::PathBuf;

use flow2pcap::pipeline::{self, Convert, DetailChoice, Meter, Request};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{convert, file, flow2pcap, run, testdata};

const HEADER: &str = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags flow-direction";

/// Thirty connections of one side with 200 packets each, and as many that are rejected.
fn log() -> String {
    let mut log = format!("{HEADER}\n");
    for port in 40_000..40_030 {
        let line = format!(
            "eni-a 10.0.0.1 10.0.0.2 {port} 443 6 200 20000 1773475200 1773475259 ACCEPT 3 egress\n"
        );
        log.push_str(&line);
        let line = format!(
            "eni-a 10.0.0.3 10.0.0.1 {port} 22 6 1 60 1773475210 1773475210 REJECT 2 ingress\n"
        );
        log.push_str(&line);
    }
    log
}

fn folder_of_log() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "in.log", log());
    (folder, path)
}

#[test]
fn default_writes_all_packets_up_to_a_million() {
    let incident = testdata("incident");
    let exact = convert(&[&incident], &["--detail", "exact"]);
    let default = convert(&[&incident], &[]);
    assert!(default.bytes() == exact.bytes());
    assert_eq!(
        default.summary()["detail"],
        json!({"name": "exact", "max_per_record": null, "packets_budget": 1_000_000})
    );
    assert_eq!(exact.summary()["detail"]["packets_budget"], json!(null));
}

#[test]
fn finest_detail_within_the_budget_is_written_as_if_it_were_given() {
    let (_folder, log) = folder_of_log();
    for (budget, given) in [
        ("6030", &["--detail", "exact"][..]),
        ("6029", &["--detail", "compact"]),
        ("1949", &["--max-per-record", "32"]),
        ("989", &["--max-per-record", "16"]),
        ("509", &["--max-per-record", "8"]),
        ("269", &["--max-per-record", "4"]),
        ("149", &["--detail", "control"]),
        ("1", &["--detail", "control"]),
    ] {
        let auto = convert(&[&log], &["--packets", budget]);
        assert!(auto.bytes() == convert(&[&log], given).bytes(), "{budget}");
        assert_eq!(auto.count("/packets/bytes_written"), 601_800, "{budget}");
        let is_within = auto.count("/packets/written") <= budget.parse().unwrap();
        // Control has more than that, and is written where nothing has less.
        assert_eq!(is_within, !matches!(budget, "149" | "1"), "{budget}");
    }
}

#[test]
fn choice_depends_on_what_is_selected_and_is_counted_once() {
    let (folder, log) = folder_of_log();
    let detail = |inputs: &[&PathBuf], options: &[&str]| {
        let options = [&["--packets", "30"], options].concat();
        convert(inputs, &options).summary()["detail"]["name"].clone()
    };
    assert_eq!(detail(&[&log], &[]), "control");
    assert_eq!(detail(&[&log], &["--action", "reject"]), "exact");
    let again = file(&folder, "again.log", self::log());
    let both = convert(&[&log, &again], &["--packets", "6030"]);
    assert_eq!(both.summary()["detail"]["name"], "exact");
    assert_eq!(both.count("/records/duplicates"), 60);
}

#[test]
fn choice_and_bytes_are_the_same_for_any_threads_memory_and_order_of_files() {
    let (folder, log) = folder_of_log();
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let mut parts: Vec<PathBuf> = Vec::new();
    for (index, part) in lines.chunks(7).enumerate() {
        let text = format!("{HEADER}\n{}\n", part.join("\n"));
        parts.push(file(&folder, &format!("part-{index}.log"), text));
    }
    let reversed: Vec<PathBuf> = parts.iter().rev().cloned().collect();
    for packets in [6_030, 600, 10] {
        let bytes = |inputs: &[PathBuf], memory, threads| {
            let request = Request::new(inputs.to_vec())
                .memory(memory)
                .temp_dir(folder.path().to_owned());
            let mut request = Convert::new(request, folder.path().join("out.pcapng"));
            request.comments = pipeline::Comments::None;
            request.detail = DetailChoice::Auto { packets };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let work = || pipeline::convert(&request, &Meter::default()).unwrap();
            let summary = pool.build().unwrap().install(work);
            (fs::read(&request.output).unwrap(), summary.detail)
        };
        let first = bytes(&parts, u64::MAX, 1);
        for (inputs, memory, threads) in
            [(&parts, 0, 4), (&reversed, u64::MAX, 2), (&reversed, 0, 1)]
        {
            assert!(
                bytes(inputs, memory, threads) == first,
                "{packets} {memory} {threads}"
            );
        }
    }
}

/// What a conversion prints, with this status.
fn printed(log: &PathBuf, options: &[&str], code: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = flow2pcap();
    command.arg("convert").arg(log).args(options);
    let run = run(command.arg("-o").arg(folder.path().join("out.pcapng")));
    assert_eq!(run.code, code, "{}", run.stderr);
    run.stderr
}

#[test]
fn merging_is_announced_before_the_summary() {
    let (_folder, log) = folder_of_log();
    let stderr = printed(&log, &["--packets", "600"], 0);
    let note = "note: 6,030 packets are logged; merging to at most 16 a record to stay within 600; --detail \
                exact writes all\n";
    assert!(stderr.starts_with(note), "{stderr}");
    assert!(!stderr.contains("warning:"), "{stderr}");
    let merged = "510 written of 6,030 logged, at most 16 a record";
    assert!(stderr.contains(merged), "{stderr}");
    for options in [
        &["--packets", "6030"][..],
        &["--detail", "compact"],
        &["--packets", "9", "-q"],
    ] {
        let stderr = printed(&log, options, 0);
        assert!(!stderr.contains("note:"), "{stderr}");
    }
}

#[test]
fn filters_are_suggested_before_a_capture_that_is_too_large_whatever_the_detail() {
    let (_folder, log) = folder_of_log();
    let stderr = printed(&log, &["--packets", "100"], 0);
    let at = |text: &str| {
        stderr
            .find(text)
            .unwrap_or_else(|| panic!("{text} in {stderr}"))
    };
    let order = [
        "writing handshakes, teardowns and one data segment a record",
        "warning: the capture will have about ",
        "more than 100",
        "--action reject                          leaves about 30 packets",
        "--from and --to",
        "packets      ",
    ];
    assert!(order.map(at).is_sorted(), "{stderr}");
    let summary = convert(&[&log], &["--packets", "100"]);
    let suggested = summary.summary()["suggested_filters"].as_array().unwrap();
    assert_eq!(suggested[0], json!({"filter": "reject", "packets": 30}));
}

#[test]
fn repeated_syns_and_resets_are_counted_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let record = |port: u32, packets: u32, bytes: u32, flags: u32| {
        format!(
            "eni-a 10.0.0.1 10.0.0.2 {port} 443 6 {packets} {bytes} 1773475200 1773475259 ACCEPT {flags} egress\n"
        )
    };
    let resets = |n: u32| record(40_000 + n, 1_000, 40_000, 4);
    let syns = |n: u32| record(50_000 + n, 60, 3_600, 2);
    let both = (0..50_u32)
        .map(|n| resets(n) + &syns(n))
        .collect::<String>();
    let log = file(&folder, "in.log", format!("{HEADER}\n{both}"));
    // 64 of each RST record and all SYNs: 6,200 with control, and less with 32 a record.
    let merged = convert(&[&log], &["--packets", "6000"]);
    assert_eq!(merged.summary()["detail"]["max_per_record"], 32);
    let control = convert(&[&log], &["--detail", "control"]);
    assert_eq!(control.count("/packets/written"), 6_200);
    let stderr = printed(&log, &["--max-packets", "6199", "--detail", "control"], 2);
    assert!(stderr.contains("about 6,200 packets"), "{stderr}");
}

#[test]
fn record_of_more_packets_than_exact_writes_is_announced_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let record = "eni-a 10.0.0.1 10.0.0.2 40000 443 6 5000000 7500000000 1773475200 1773475259 ACCEPT 0 egress\n";
    let log = file(&folder, "in.log", format!("{HEADER}\n{record}"));
    let stderr = printed(&log, &[], 0);
    let note = "note: 5,000,000 packets are logged; merging to at most 64 a record to stay within 1,000,000; \
                --detail exact writes 4,194,304\n";
    assert!(stderr.starts_with(note), "{stderr}");
}

#[test]
fn limit_of_packets_lowers_the_budget_before_it_refuses() {
    let (_folder, log) = folder_of_log();
    let merged = convert(&[&log], &["--max-packets", "600"]);
    assert_eq!(merged.summary()["detail"]["max_per_record"], 16);
    let stderr = printed(&log, &["--max-packets", "100"], 2);
    assert!(stderr.contains("more than --max-packets 100"), "{stderr}");
    let stderr = printed(&log, &["--max-packets", "600", "--detail", "exact"], 2);
    assert!(stderr.contains("about 6,030 packets"), "{stderr}");
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let (_folder, log) = folder_of_log();
    for (options, expected) in [
        (
            &["--packets", "9", "--detail", "exact"][..],
            "--packets is for --detail auto",
        ),
        (
            &["--packets", "9", "--max-per-record", "8"],
            "--packets is for --detail auto",
        ),
        (
            &["--detail", "auto", "--max-per-record", "8"],
            "--max-per-record is for --detail compact",
        ),
        (&["--packets", "0"], "500k or 2M"),
        (&["--packets", "1.5M"], "500k or 2M"),
        (&["--packets", "99999999999999M"], "500k or 2M"),
    ] {
        let stderr = printed(&log, options, 2);
        assert!(stderr.contains(expected), "{stderr}");
    }
    let counted = convert(&[&log], &["--packets", "2k"]);
    assert_eq!(counted.summary()["detail"]["packets_budget"], 2_000);
}
