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
        let fields = [
            "file",
            "line",
            "packets",
            "eni",
            "action",
            "direction",
            "bytes",
            "flags",
            "outcome",
            "role",
            "rejected_at",
        ]
        .map(|name| format!("flowlog.{name}"));
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
fn fields_have_the_values_of_the_comment() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    let folder = tempfile::tempdir().unwrap();
    // A name with a blank, which is escaped; the second ENI rejects what the first one accepts.
    let log = folder.path().join("my log.log");
    let lines = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
                 tcp-flags flow-direction reject-reason\n\
                 eni-1 10.0.0.1 10.0.0.2 40000 443 6 3 180 100 104 ACCEPT 2 egress -\n\
                 eni-2 10.0.0.1 10.0.0.2 40000 443 6 3 180 100 104 REJECT 2 ingress BPA\n";
    fs::write(&log, lines).unwrap();
    let fields = [
        "action",
        "eni",
        "direction",
        "flags",
        "packets",
        "bytes",
        "reject_reason",
        "rejected_at",
        "outcome",
        "role",
        "file",
        "line",
    ]
    .map(|name| format!("flowlog.{name}"));
    let mut options = vec!["-T", "fields", "-E", "separator=|"];
    fields
        .iter()
        .for_each(|field| options.extend(["-e", field]));
    let of = |eni| {
        let options_of_convert = ["--vantage", eni, "--detail", "exact"];
        let converted = convert(std::slice::from_ref(&log), &options_of_convert);
        let printed = printed(home.path(), converted.path(), &options);
        let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            vec![lines[0].clone(); 3],
            "each packet has what the first has"
        );
        lines[0].clone()
    };
    let accepted = "ACCEPT|eni-1|egress|2|3|180||eni-2|rejected|initiator|my\\x20log.log|2";
    let rejected = "REJECT|eni-2|ingress|2|3|180|BPA||rejected|initiator|my\\x20log.log|3";
    assert_eq!((&*of("eni-1"), &*of("eni-2")), (accepted, rejected));
}

#[test]
fn both_addresses_of_an_eni_have_its_name() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    let converted = convert(&[testdata("incident")], &["--detail", "exact"]);
    for (field, address) in [("ip", "10.0.1.20"), ("ipv6", "2001:db8:a1b2:c301::20")] {
        let filter = format!("{field}.src == {address}");
        let host = format!("{field}.src_host");
        let options = ["-Y", &filter, "-T", "fields", "-e", &host];
        let listed = printed(home.path(), converted.path(), &options);
        let mut lines = listed.lines().peekable();
        assert!(lines.peek().is_some(), "{address}");
        assert!(
            lines.all(|line| line == "eni-0a41c7de2b95f8036"),
            "{listed}"
        );
    }
}

#[test]
fn text_of_a_request_is_not_taken_for_a_field() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    let folder = tempfile::tempdir().unwrap();
    let flows = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
                 action log-status tcp-flags\n\
                 2 1 eni-1 203.0.113.9 10.0.1.5 2817 443 6 9 900 1773454500 1773454505 ACCEPT OK 3\n\
                 2 1 eni-1 10.0.1.5 203.0.113.9 443 2817 6 9 900 1773454500 1773454505 ACCEPT OK 19\n";
    fs::write(folder.path().join("flows.log"), flows).unwrap();
    let request = "https 2026-03-14T02:15:02.186641Z app/web/1 203.0.113.9:2817 10.0.2.7:8080 0.001 0.002 0.001 \
                   200 200 34 366 \"GET https://a:443/x rejected-at=eni-9 reject-reason=A record=b:7 HTTP/1.1\" \
                   \"-\" - - arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/t/1 \
                   \"Root=1-58337281\"\n";
    fs::write(folder.path().join("alb.log"), request).unwrap();
    let converted = convert(&[folder.path()], &["--detail", "exact"]);
    let fields = [
        "-T",
        "fields",
        "-e",
        "frame.comment",
        "-e",
        "flowlog.line",
        "-e",
        "flowlog.reject_reason",
    ];
    let listed = printed(home.path(), converted.path(), &fields);
    assert!(
        listed.contains("record=b:7"),
        "the request is at a packet: {listed}"
    );
    for line in listed.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        assert!(["2", "3"].contains(&fields[1]), "{line}");
        assert_eq!(fields[2], "", "{line}");
    }
}

#[test]
fn filter_with_fields_shows_what_the_one_without_shows() {
    if tshark().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    install(home.path());
    let logs = testdata("incident");
    let converted = convert(std::slice::from_ref(&logs), &["--detail", "exact"]);
    let diagnosed = run(flow2pcap().args(["diagnose", "--json"]).arg(&logs));
    let diagnosed: serde_json::Value = serde_json::from_slice(&diagnosed.stdout).unwrap();
    let findings = diagnosed["findings"].as_array().unwrap().iter();
    let numbers = |filter: &str| {
        let options = ["-Y", filter, "-T", "fields", "-e", "frame.number"];
        printed(home.path(), converted.path(), &options)
    };
    let mut short = 0;
    for finding in findings.filter(|finding| finding["field_filter"].is_string()) {
        let [long, fields] =
            ["display_filter", "field_filter"].map(|key| finding[key].as_str().unwrap());
        assert!(fields.len() < long.len(), "{fields}");
        assert_eq!(numbers(fields), numbers(long), "{fields}");
        short += 1;
    }
    assert_eq!(short, 2);
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
