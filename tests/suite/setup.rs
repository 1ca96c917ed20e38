//! `flow2pcap setup`: scripts that bash takes, commands that say what AWS documents, and columns
//! that `convert` reads back.
//!
//! The AWS CLI is played by a script of our own that notes what it is called with, so that the
//! whole of a setup runs here and nothing leaves the machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{convert, file, flow2pcap, run};
use serde_json::Value;
use tempfile::TempDir;

const VPC: &str = "vpc-0c5e8a7d2b914f630";

/// Notes its arguments, one call a file, NUL behind each; answers as `ANSWERS` says.
const AWS: &str = r#"#!/bin/bash
shopt -s nullglob
calls=("$NOTES"/*)
printf '%s\0' "$@" >"$NOTES/$(printf %03d ${#calls[@]})"
case "$1 $2" in
    'sts get-caller-identity') echo 123456789012 ;;
    'configure get') echo eu-west-1 ;;
    'logs describe-log-groups') printf '/vpc/flow-logs-2\t/vpc/other\n' ;;
    'iam get-role') exit 254 ;;
    's3api head-bucket') exit 254 ;;
    's3api get-bucket-policy')
        [[ -z ${POLICY:-} ]] || { echo "$POLICY"; exit; }
        echo 'An error occurred (NoSuchBucketPolicy)' >&2
        exit 254 ;;
    'ec2 create-flow-logs') printf '%s\n' "${CREATED:-fl-0123456789abcdef0	None}" ;;
esac
"#;

/// What `setup` prints for these arguments.
fn setup(arguments: &[&str]) -> String {
    let run = run(flow2pcap().arg("setup").args(arguments));
    assert_eq!((run.code, &*run.stderr), (0, ""), "{arguments:?}");
    String::from_utf8(run.stdout).unwrap()
}

/// A script that was run where [`AWS`] is the AWS CLI.
struct Played {
    output: Output,
    calls: Vec<Vec<String>>,
}

impl Played {
    fn play(script: &str, environment: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let notes = folder.path().join("notes");
        fs::create_dir(&notes).unwrap();
        for (name, text) in [("aws", AWS), ("sleep", "#!/bin/bash\n")] {
            executable(&file(&folder, &format!("bin/{name}"), text));
        }
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("bash")
            .arg(file(&folder, "setup.sh", script))
            .current_dir(folder.path())
            .env("PATH", format!("{}/bin:{path}", folder.path().display()))
            .env("NOTES", &notes)
            .env_remove("AWS_REGION")
            .env_remove("AWS_DEFAULT_REGION")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let calls = crate::support::names_in(&notes).into_iter().map(|name| {
            let noted = fs::read_to_string(notes.join(name)).unwrap();
            noted.split_terminator('\0').map(str::to_owned).collect()
        });
        Self {
            output,
            calls: calls.collect(),
        }
    }

    /// The arguments of the call that begins with these two words.
    #[track_caller]
    fn call(&self, words: [&str; 2]) -> &[String] {
        let mut calls = self.calls.iter().filter(|call| call[..2] == words);
        let call = calls.next().unwrap_or_else(|| panic!("{:?}", self));
        assert!(calls.next().is_none(), "{words:?} twice");
        call
    }

    fn was_called(&self, words: [&str; 2]) -> bool {
        self.calls.iter().any(|call| call[..2] == words)
    }

    /// The value of an option of that call, in a word of its own or after `=`.
    #[track_caller]
    fn value(&self, words: [&str; 2], option: &str) -> &str {
        let call = self.call(words);
        let joined = |argument| str::strip_prefix(argument, option)?.strip_prefix('=');
        if let Some(value) = call.iter().find_map(|argument| joined(argument)) {
            return value;
        }
        let at = call.iter().position(|argument| argument == option);
        &call[at.unwrap_or_else(|| panic!("no {option}: {call:?}")) + 1]
    }

    fn json(&self, words: [&str; 2], option: &str) -> Value {
        serde_json::from_str(self.value(words, option)).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }
}

impl std::fmt::Debug for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:#?}\n{}", self.calls, self.stderr())
    }
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

const CREATE: [&str; 2] = ["ec2", "create-flow-logs"];

#[test]
fn bucket_is_made_and_opened_to_aws_and_logged_to() {
    let script = setup(&[VPC, "-d", "s3://my-logs/vpc/", "--per-hour"]);
    let played = Played::play(&script, &[]);
    assert_eq!(played.output.status.code(), Some(0), "{played:?}");
    assert_eq!(played.call(["s3", "mb"])[2], "s3://my-logs");
    let policy = played.json(["s3api", "put-bucket-policy"], "--policy");
    assert_eq!(
        policy["Statement"][0]["Resource"],
        "arn:aws:s3:::my-logs/vpc/AWSLogs/123456789012/*"
    );
    assert_eq!(
        policy["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"],
        "arn:aws:logs:eu-west-1:123456789012:*"
    );
    for (option, value) in [
        ("--resource-type", "VPC"),
        ("--resource-ids", VPC),
        ("--traffic-type", "ALL"),
        ("--max-aggregation-interval", "60"),
        ("--log-destination-type", "s3"),
        ("--log-destination", "arn:aws:s3:::my-logs/vpc/"),
        (
            "--destination-options",
            "FileFormat=plain-text,HiveCompatiblePartitions=false,PerHourPartition=true",
        ),
    ] {
        assert_eq!(played.value(CREATE, option), value);
    }
    assert!(
        played
            .value(CREATE, "--log-format")
            .contains("${tcp-flags}")
    );
    let said = String::from_utf8(played.output.stdout).unwrap();
    assert!(said.contains("fl-0123456789abcdef0"), "{said}");
    assert!(
        said.contains("aws s3 sync s3://my-logs/vpc/AWSLogs/"),
        "{said}"
    );
}

#[test]
fn log_group_and_role_are_made_and_logged_to() {
    let script = setup(&[
        "subnet-0f00ba11",
        "--destination",
        "cloudwatch:/vpc/flow-logs",
        "--region",
        "cn-north-1",
        "--account",
        "123456789012",
    ]);
    let played = Played::play(&script, &[("AWS_REGION", "eu-west-1")]);
    assert_eq!(played.output.status.code(), Some(0), "{played:?}");
    // The group whose name begins alike is another.
    assert_eq!(
        played.value(["logs", "create-log-group"], "--log-group-name"),
        "/vpc/flow-logs"
    );
    let trust = played.json(["iam", "create-role"], "--assume-role-policy-document");
    let statement = &trust["Statement"][0];
    assert_eq!(
        statement["Principal"]["Service"],
        "vpc-flow-logs.amazonaws.com"
    );
    assert_eq!(
        statement["Condition"]["ArnLike"]["aws:SourceArn"],
        "arn:aws-cn:ec2:cn-north-1:123456789012:vpc-flow-log/*"
    );
    let publish = played.json(["iam", "put-role-policy"], "--policy-document");
    assert_eq!(
        publish["Statement"][0]["Resource"][1],
        "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/vpc/flow-logs:*"
    );
    assert_eq!(
        played.value(CREATE, "--deliver-logs-permission-arn"),
        "arn:aws-cn:iam::123456789012:role/flow2pcap-subnet-0f00ba11"
    );
    assert_eq!(played.value(CREATE, "--log-group-name"), "/vpc/flow-logs");
    assert_eq!(played.value(CREATE, "--resource-type"), "Subnet");
}

#[test]
fn policy_of_a_bucket_is_not_replaced() {
    let script = setup(&[VPC, "-d", "s3://my-logs"]);
    let mine = Played::play(&script, &[("POLICY", r#"{"Statement":[]}"#)]);
    assert_eq!(mine.output.status.code(), Some(1), "{mine:?}");
    assert!(mine.stderr().contains("AWSLogDeliveryWrite"), "{mine:?}");
    assert!(!mine.was_called(["s3api", "put-bucket-policy"]), "{mine:?}");
    assert!(!mine.was_called(CREATE), "{mine:?}");
    let ready = Played::play(&script, &[("POLICY", r#""delivery.logs.amazonaws.com""#)]);
    assert_eq!(ready.output.status.code(), Some(0), "{ready:?}");
    assert!(
        !ready.was_called(["s3api", "put-bucket-policy"]),
        "{ready:?}"
    );
}

#[test]
fn script_stops_at_what_aws_refuses_and_at_another_account() {
    let script = setup(&[VPC, "-d", "s3://my-logs"]);
    let refused = Played::play(
        &script,
        &[("CREATED", "None\tAccess Denied for LogDestination")],
    );
    assert_eq!(refused.output.status.code(), Some(1));
    assert!(
        refused
            .stderr()
            .contains("Access Denied for LogDestination")
    );
    let script = setup(&[VPC, "-d", "s3://my-logs", "--account", "210987654321"]);
    let other = Played::play(&script, &[]);
    assert_eq!(other.output.status.code(), Some(1));
    assert!(other.stderr().contains("123456789012"), "{other:?}");
    assert_eq!(other.calls.len(), 1, "{other:?}");
}

#[test]
fn every_script_is_bash_and_cut_short_does_nothing() {
    for destination in [
        "s3://my-logs/a/b",
        "cloudwatch:flow-logs",
        "firehose:arn:aws:firehose:eu-west-1:123456789012:deliverystream/to-s3",
    ] {
        for resource in [VPC, "eni-0b8e13f6", "tgw-0c5e8a7d2b914f630"] {
            let script = setup(&[resource, "-d", destination]);
            let whole = Played::play(&script, &[]);
            assert_eq!(whole.output.status.code(), Some(0), "{whole:?}");
            let half = &script[..script.rfind("}\n").unwrap()];
            assert!(Played::play(half, &[]).calls.is_empty());
        }
    }
}

#[test]
fn template_is_json_with_the_same_log() {
    let text = setup(&[
        VPC,
        "-d",
        "s3://my-logs",
        "--hive",
        "--output",
        "cloudformation",
    ]);
    let template: Value = serde_json::from_str(&text).unwrap();
    let log = &template["Resources"]["FlowLog"];
    assert_eq!(log["Type"], "AWS::EC2::FlowLog");
    assert_eq!(log["DependsOn"], "BucketPolicy");
    let script = Played::play(&setup(&[VPC, "-d", "s3://my-logs"]), &[]);
    assert_eq!(
        log["Properties"]["LogFormat"],
        script.value(CREATE, "--log-format")
    );
    let policy = &template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"];
    assert_eq!(
        policy["Statement"][0]["Resource"]["Fn::Sub"],
        "arn:${AWS::Partition}:s3:::my-logs/AWSLogs/aws-account-id=${AWS::AccountId}/*"
    );
}

#[test]
fn printed_format_reads_what_such_a_log_holds() {
    let played = Played::play(&setup(&[VPC, "-d", "cloudwatch:logs"]), &[]);
    let format = played.value(CREATE, "--log-format").to_owned();
    let said = String::from_utf8(played.output.stdout.clone()).unwrap();
    assert!(said.contains(&format!("--format '{format}'")), "{said}");
    let value = |column: &str| match column {
        "${version}" => "8",
        "${interface-id}" => "eni-0b8e13f64d7ac2951",
        "${srcaddr}" | "${pkt-srcaddr}" => "10.0.1.20",
        "${dstaddr}" | "${pkt-dstaddr}" => "10.0.2.30",
        "${srcport}" => "40000",
        "${dstport}" => "443",
        "${protocol}" => "6",
        "${packets}" => "1",
        "${bytes}" => "60",
        "${start}" | "${end}" => "1773454565",
        "${action}" => "REJECT",
        "${log-status}" => "OK",
        "${tcp-flags}" => "2",
        "${flow-direction}" => "egress",
        _ => "-",
    };
    let line: Vec<&str> = format.split(' ').map(value).collect();
    let events = serde_json::json!({ "events": [{ "message": line.join(" ") }] });
    let folder = TempDir::new().unwrap();
    let log = file(&folder, "events.json", events.to_string());
    let converted = convert(&[log], &["--format", &format]);
    assert_eq!(
        converted.count("/connections/by_outcome/rejected"),
        1,
        "{}",
        converted.summary()
    );
    assert_eq!(converted.count("/packets/written"), 1);
}

#[test]
fn names_that_look_like_options_or_comments_stay_names() {
    let stream = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/-rf";
    for (destination, calls) in [
        ("cloudwatch:-x", &[("--log-group-name", "-x")][..]),
        ("cloudwatch:--debug", &[("--log-group-name", "--debug")]),
        ("cloudwatch:#a/../b", &[("--log-group-name", "#a/../b")]),
        (
            "s3://my-logs/-rf/=x/..",
            &[("--log-destination", "arn:aws:s3:::my-logs/-rf/=x/../")],
        ),
        (
            &format!("firehose:{stream}"),
            &[("--log-destination", stream)],
        ),
    ] {
        let played = Played::play(&setup(&[VPC, "-d", destination]), &[]);
        assert_eq!(played.output.status.code(), Some(0), "{played:?}");
        for (option, value) in calls {
            assert_eq!(played.value(CREATE, option), *value);
        }
        // What it says to do next runs in bash too, and reaches the AWS CLI as one command.
        let said = String::from_utf8(played.output.stdout).unwrap();
        let (_, next) = said.split_once("\nThen:\n").unwrap();
        let next = format!("flow2pcap() {{ aws flow2pcap \"$@\"; }}\n{next}");
        let next = Played::play(&next, &[]);
        assert!(next.output.status.success(), "{next:?}");
        assert_eq!(next.call(["flow2pcap", "convert"])[3], "-o", "{next:?}");
        if let Some(group) = destination.strip_prefix("cloudwatch:") {
            let fetched = next.value(["logs", "filter-log-events"], "--log-group-name");
            assert_eq!(fetched, group);
        }
    }
}

#[test]
fn what_is_typed_cannot_become_a_command() {
    for arguments in [
        ["vpc-$(touch x)", "-d", "s3://my-logs"],
        ["vpc-0c5e8a7d2b914f630'", "-d", "s3://my-logs"],
        [VPC, "-d", "s3://my-logs/'; touch x; '"],
        [VPC, "-d", "cloudwatch:a`touch x`"],
        [VPC, "-d", "firehose:$(touch x)"],
        [VPC, "-d", "my-logs"],
    ] {
        let run = run(flow2pcap().arg("setup").args(arguments));
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(
            run.stdout.is_empty() && run.stderr.contains("expected"),
            "{}",
            run.stderr
        );
    }
    let misplaced = ["setup", VPC, "-d", "cloudwatch:logs", "--hive"];
    let run = run(flow2pcap().args(misplaced));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("s3://BUCKET"), "{}", run.stderr);
}

#[test]
fn help_teaches_with_examples() {
    let run = run(flow2pcap().args(["setup", "--help"]));
    let text = String::from_utf8(run.stdout).unwrap();
    for part in [
        "Examples:",
        "aws cloudformation deploy",
        "| bash",
        "--per-hour",
    ] {
        assert!(text.contains(part), "{part} is not in the help");
    }
}
