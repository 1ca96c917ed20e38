//! What a reader may paste into a shell: options and commands that are suggested, with names from
//! outside in them. Bash is asked what it makes of them.

use std::path::Path;
use std::process::Command;

use crate::printed::{HEADER, lines, record, stdout};
use crate::support::{file, flow2pcap, run};

/// What bash gives a command that is followed by `words`.
fn words(folder: &Path, words: &str) -> Vec<String> {
    let mut bash = Command::new("bash");
    let script = format!("printf '%s\\0' {words}");
    let output = bash
        .args(["-c", &script])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Names of which a shell would make more than a word.
const NAMES: [&str; 12] = [
    "eni-1';touch${IFS}PWNED;'",
    "$(touch${IFS}PWNED)",
    "`touch${IFS}PWNED`",
    "\"$(touch${IFS}PWNED)\"",
    "-rf",
    "~root",
    "*",
    "a\\b",
    "#x",
    "{a,b}",
    "=ls",
    "a'b\"c",
];

#[test]
fn suggested_options_are_the_very_words_that_were_meant() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let records: String = (0..40).map(|port| record(name, port)).collect();
        let few: String = (0..4).map(|port| record("eni-2", 100 + port)).collect();
        let input = file(&folder, "in.log", format!("{HEADER}{records}{few}"));
        let out = folder.path().join("out.pcapng");
        let convert = |options: &[String]| {
            let mut command = flow2pcap();
            command
                .args(["convert", "-o"])
                .arg(&out)
                .arg(&input)
                .args(options);
            run(&mut command)
        };
        let refused = convert(&["--max-packets=5".to_owned()]);
        assert_eq!(refused.code, 2);
        let told = lines(&refused);
        let told = told.iter().filter_map(|line| line.strip_prefix("       "));
        let options: Vec<_> = told
            .filter_map(|line| line.split_once(" leaves about "))
            .collect();
        // The filter's grammar has no word for some of them.
        assert_eq!(
            options.iter().any(|(option, _)| option.contains("eni")),
            !name.contains(['(', '=']),
            "{name}: {}",
            refused.stderr
        );
        for (option, left) in options {
            let (left, _) = left.split_once(" packet").unwrap();
            let words = words(folder.path(), option);
            let [option, value] = match &words[..] {
                [word] => [
                    word.split_once('=').unwrap().0,
                    word.split_once('=').unwrap().1,
                ],
                [option, value] => [&**option, value],
                other => panic!("{other:?}"),
            };
            match option {
                "--eni" => assert_eq!(value, name),
                "--filter" if value.contains("eni") => assert_eq!(value, format!("not eni {name}")),
                _ => {}
            }
            let converted = convert(&words);
            assert_eq!(converted.code, 0, "{words:?}: {}", converted.stderr);
            assert!(
                converted.stderr.contains(&format!("{left} written of")),
                "{}",
                converted.stderr
            );
        }
        assert!(!folder.path().join("PWNED").exists(), "{name}");
    }
}

#[test]
fn suggested_commands_are_quoted() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let out = format!("new {name}/out.pcapng");
        let mut command = flow2pcap();
        command
            .args(["convert", "-", "-o", &out])
            .current_dir(folder.path());
        let stderr = run(&mut command).stderr;
        let (_, command) = stderr.split_once("create it with `").unwrap();
        let (command, _) = command.rsplit_once('`').unwrap();
        let expected = ["mkdir".to_owned(), "-p".into(), format!("new {name}")];
        assert_eq!(words(folder.path(), command), expected);
    }
    let bucket = "s3://$(touch PWNED)/a'b";
    let stderr = run(flow2pcap().args(["inspect", bucket])).stderr;
    let (_, command) = stderr.split_once("copy it first with `").unwrap();
    let (command, _) = command.rsplit_once('`').unwrap();
    assert_eq!(
        words(folder.path(), command),
        ["aws", "s3", "sync", bucket, "FOLDER"]
    );
    // What no shell takes on one line is not suggested.
    let stderr = run(flow2pcap().args(["convert", "-", "-o", "a\nb/out.pcapng"])).stderr;
    assert!(stderr.contains("create it\n"), "{stderr}");
    assert!(!folder.path().join("PWNED").exists());
}

#[test]
fn setup_is_suggested_for_what_it_takes_only() {
    let folder = tempfile::tempdir().unwrap();
    for (vpc, told) in [
        ("vpc-0c5e8a7d2b914f630", "setup vpc-0c5e8a7d2b914f630 "),
        ("vpc-$(reboot)", "setup vpc-… "),
        ("eni-0c5e8a7d2b914f630", "setup vpc-… "),
    ] {
        let text = format!(
            "interface-id vpc-id srcaddr dstaddr srcport dstport protocol packets bytes start end action\n\
             eni-1 {vpc} 10.0.0.9 10.0.0.5 2000 5432 6 1 60 1700000000 1700000005 ACCEPT\n"
        );
        let input = file(&folder, "in.log", text);
        let ran = run(flow2pcap().arg("inspect").arg(input));
        assert!(stdout(&ran).contains(told), "{}", stdout(&ran));
    }
}
