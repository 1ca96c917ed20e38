//! `flow2pcap wireshark`: the profile and the fields, as tshark loads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::tshark::tshark;
use crate::support::{convert, flow2pcap, run, testdata};

/// Installs for a user whose home is this folder.
fn install(home: &Path) {
    let run = run(flow2pcap()
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .args(["wireshark", "install"]));
    assert_eq!((run.code, &*run.stderr), (0, ""));
}

/// What tshark prints for this user.
fn printed(home: &Path, capture: &Path, options: &[&str]) -> String {
    let mut command = Command::new("tshark");
    command
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .args(["-C", "flow2pcap", "-r"])
        .arg(capture);
    let output = command.args(options).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let complaints = stderr
        .lines()
        .filter(|line| !line.starts_with("Running as user"));
    assert_eq!(
        complaints.collect::<Vec<_>>(),
        Vec::<&str>::new(),
        "{options:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_packet_of_a_record_has_the_fields_of_its_comment() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    for logs in ["incident", "stories", "v5_all_fields.log"] {
        let converted = convert(&[testdata(logs)], &["--detail", "exact"]);
        let fields =
            ["file", "line", "packets", "eni", "action"].map(|name| format!("flowlog.{name}"));
        let mut options = vec!["-T", "fields", "-E", "separator=/t"];
        fields
            .iter()
            .for_each(|field| options.extend(["-e", field]));
        let printed = printed(home.path(), converted.path(), &options);
        let mut records: BTreeMap<&str, u64> = BTreeMap::new();
        printed
            .lines()
            .for_each(|line| *records.entry(line).or_default() += 1);
        assert_eq!(
            records.values().sum::<u64>(),
            converted.count("/packets/written"),
            "{logs}"
        );
        for (record, packets) in records {
            let logged = record.split('\t').nth(2).unwrap();
            assert_eq!(logged, packets.to_string(), "{logs}: {record}");
        }
    }
}

#[test]
fn rejected_packets_are_marked_and_colored() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    let converted = convert(&[testdata("incident")], &[]);
    let options = [
        "-Y",
        "flowlog.action == \"REJECT\"",
        "-T",
        "fields",
        "-e",
        "_ws.col.Info",
        "-e",
        "frame.coloring_rule.name",
    ];
    let listed = printed(
        home.path(),
        converted.path(),
        &[&["--color"], &options[..]].concat(),
    );
    assert_eq!(listed.lines().count(), 20, "{listed}");
    for line in listed.lines() {
        assert!(line.starts_with("[REJECT] "), "{line}");
        assert!(line.ends_with("\tRejected"), "{line}");
    }
}

#[test]
fn every_filter_of_the_profile_is_one_that_tshark_knows() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    let converted = convert(&[testdata("incident")], &[]);
    let profile = home.path().join(".config/wireshark/profiles/flow2pcap");
    let buttons = fs::read_to_string(profile.join("dfilter_buttons")).unwrap();
    let buttons = buttons.lines().filter(|line| line.starts_with("\"TRUE\""));
    let buttons = buttons.map(|line| line.split("\",\"").nth(2).unwrap().replace("\\x22", "\""));
    let colors = fs::read_to_string(profile.join("colorfilters")).unwrap();
    let colors = colors.lines().filter(|line| line.starts_with('@'));
    let colors = colors.map(|line| line.split('@').nth(2).unwrap().to_owned());
    let settings = fs::read_to_string(profile.join("profile_settings")).unwrap();
    let settings = settings
        .lines()
        .filter_map(|line| line.strip_prefix("auto_switch_filter: "));
    let filters: Vec<String> = buttons
        .chain(colors)
        .chain(settings.map(str::to_owned))
        .collect();
    assert!(filters.len() > 12, "{filters:?}");
    for filter in &filters {
        printed(home.path(), converted.path(), &["-2", "-Y", filter]);
    }
    let found = |filter: &str| {
        let options = ["-2", "-Y", filter];
        printed(home.path(), converted.path(), &options)
            .lines()
            .count()
    };
    assert_eq!(found(filters.first().unwrap()), 20, "rejected");
    assert!(
        found(filters.last().unwrap()) > 0,
        "what the profile is chosen for"
    );
}

#[test]
fn files_that_somebody_changed_end_in_an_error_and_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("wireshark");
    let of = |action: &str| {
        run(flow2pcap()
            .args(["wireshark", action, "--dir"])
            .arg(&folder))
    };
    assert_eq!(of("install").code, 0);
    let preferences = folder.join("profiles/flow2pcap/preferences");
    fs::write(&preferences, "gui.column.format: \n").unwrap();
    for action in ["install", "uninstall"] {
        let run = of(action);
        assert_eq!(run.code, 2, "{action}");
        assert!(
            run.stderr
                .contains("is not as flow2pcap wrote it, so it was kept"),
            "{}",
            run.stderr
        );
        assert_eq!(
            fs::read_to_string(&preferences).unwrap(),
            "gui.column.format: \n"
        );
    }
    assert!(!folder.join("profiles/flow2pcap/colorfilters").exists());
}
