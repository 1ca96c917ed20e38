//! `--paths-from`: inputs that are listed in a file.

use std::fs;

use crate::support::typed::{done, error, text};
use crate::support::{convert, file, flow2pcap, run, testdata};

#[test]
fn listed_paths_are_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [testdata("v5_fifty.log"), testdata("incident")];
    let expected = convert(&inputs, &[]).bytes();
    let lines = format!("{}\r\n\n{}\n", text(&inputs[0]), text(&inputs[1]));
    let nuls = format!("{}\0{}\0", text(&inputs[0]), text(&inputs[1]));
    for list in [&lines, &nuls] {
        let list = file(&folder, "list", list);
        let output = folder.path().join("out.pcapng");
        done(
            &[
                "convert",
                "-q",
                "-o",
                text(&output),
                "--paths-from",
                text(&list),
            ],
            &[],
        );
        assert!(fs::read(&output).unwrap() == expected);
        // The other inputs are named.
        let one = file(&folder, "one", text(&inputs[0]));
        let own = [
            "convert",
            "-q",
            "-o",
            text(&output),
            "--paths-from",
            text(&one),
        ];
        done(&own, &inputs[1..]);
        assert!(fs::read(&output).unwrap() == expected);
        let own = ["convert", "-q", "-o", text(&output), "--paths-from", "-"];
        let piped = run(flow2pcap().args(own).write_stdin(nuls.clone()));
        assert_eq!(piped.code, 0, "{}", piped.stderr);
        assert!(fs::read(&output).unwrap() == expected);
    }
}

#[test]
fn every_command_that_reads_takes_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = file(&folder, "list", text(&testdata("incident")));
    let output = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (page, lake, facts) = (output("page.html"), output("lake"), output("facts.json"));
    for own in [
        &["inspect"][..],
        &["diagnose"],
        &["metrics"],
        &["report", "-o", &page],
        &["export", "-o", &lake],
        &["survey", "--facts", &facts],
    ] {
        let mut command = flow2pcap();
        command.args(own).arg("--paths-from").arg(&list);
        command.assert().success();
    }
    let found = done(&["diagnose", "--paths-from", text(&list)], &[]).stdout;
    let found = String::from_utf8(found).unwrap();
    let again = format!(
        "flow2pcap convert --paths-from {} -o finding-1.pcapng",
        text(&list)
    );
    assert!(found.contains(&again), "{found}");
}

#[test]
fn list_of_paths_that_cannot_be_used_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let incident = testdata("incident");
    let missing = file(
        &folder,
        "list",
        format!("{}\nnone-1\n\nnone-2\u{1b}[2J\n", text(&incident)),
    );
    let found = error(&["inspect", "--paths-from", text(&missing)], &[]);
    let named = "cannot find 2 of the 3 paths in ";
    let entries = ": none-1 (entry 2), none-2\\u{1b}[2J (entry 4)";
    assert!(found.contains(named) && found.contains(entries), "{found}");
    let empty = file(&folder, "empty", "\n\n");
    let found = error(&["inspect", "--paths-from", text(&empty)], &[]);
    assert!(found.contains("is empty"), "{found}");
    let found = error(
        &["inspect", "--paths-from", text(&folder.path().join("none"))],
        &[],
    );
    assert!(found.contains("cannot read the list of paths"), "{found}");
    let found = error(&["inspect", "--paths-from", "-", "-"], &[]);
    assert!(
        found.contains("standard input is the list of paths"),
        "{found}"
    );
    let nothing = run(flow2pcap().arg("inspect"));
    assert!(
        nothing.code == 2 && nothing.stderr.contains("<INPUT>"),
        "{}",
        nothing.stderr
    );
    let bucket = file(&folder, "bucket", "s3://logs/AWSLogs/\n");
    let found = error(&["inspect", "--paths-from", text(&bucket)], &[]);
    assert!(found.contains("only local files are read"), "{found}");
}
