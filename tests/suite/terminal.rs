//! Color and width: what the environment, `--color` and the terminal decide.

use std::path::Path;
use std::process::{Command, Stdio};

use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

use crate::support::{Run, assert_one_error, flow2pcap, run, testdata};

const ESCAPE: &str = "\u{1b}[";

/// Runs the program into pipes, with these options and variables.
fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = flow2pcap();
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    run(command.args(arguments).envs(variables.iter().copied()))
}

/// Whether the run has color on standard output and on standard error.
fn colored(run: &Run) -> [bool; 2] {
    let out = String::from_utf8_lossy(&run.stdout);
    [&*out, &run.stderr].map(|text| text.contains(ESCAPE))
}

#[test]
fn color_follows_the_option_before_the_environment() {
    let incident = testdata("incident");
    let incident = incident.to_str().unwrap();
    let force = ("CLICOLOR_FORCE", "1");
    for (options, variables, expected) in [
        (&[][..], &[][..], false),
        (&[], &[force], true),
        (&[], &[force, ("NO_COLOR", "1")], false),
        (&["--color", "always"], &[], true),
        (&["--color=always"], &[("NO_COLOR", "1")], true),
        (&["--color", "never"], &[force], false),
        (&["--color", "auto"], &[force], true),
    ] {
        let before = [options, &["inspect", incident]].concat();
        let after = [&["inspect", incident], options].concat();
        for arguments in [before, after] {
            let run = with(&arguments, variables);
            assert_eq!(
                colored(&run),
                [expected, false],
                "{arguments:?} {variables:?}"
            );
        }
        // Errors of ours and of clap, and clap's help.
        for words in [&["inspect", "/no/such"][..], &["inspect", "--no-such"]] {
            let run = with(&[words, options].concat(), variables);
            assert_eq!(colored(&run), [false, expected], "{words:?} {options:?}");
        }
        let help = with(&[options, &["--help"]].concat(), variables);
        assert_eq!(colored(&help), [expected, false], "{options:?}");
    }
}

#[test]
fn forms_for_programs_and_written_files_have_no_color() {
    let incident = testdata("incident");
    let incident = incident.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let always = ["--color", "always"];
    for words in [
        &["inspect", "--json", incident][..],
        &["diagnose", "--json", incident],
        &["metrics", "--format", "csv", incident],
        &["setup", "vpc-0c5e8a7d2b914f630", "-d", "s3://logs"],
    ] {
        let run = with(&[words, &always].concat(), &[]);
        assert_eq!((run.code, colored(&run)[0]), (0, false), "{words:?}");
    }
    let report = ["report", incident, "-o", page.to_str().unwrap()];
    let mut command = flow2pcap();
    let output = command.args(report).args(always).output().unwrap();
    assert!(output.status.success());
    assert!(!std::fs::read_to_string(page).unwrap().contains(ESCAPE));
}

#[test]
fn errors_have_tips_in_lines_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let words = [
        "convert",
        "-",
        "--finding",
        "1",
        "-o",
        out.to_str().unwrap(),
    ];
    let run = with(&words, &[]);
    assert_one_error(&run.stderr);
    assert!(
        run.stderr.contains("\n\n  tip: write it to a file first"),
        "{}",
        run.stderr
    );
}

#[test]
fn rows_wrap_between_words_and_filters_do_not() {
    let incident = testdata("incident");
    let incident = incident.to_str().unwrap();
    for columns in [60, 80] {
        let run = with(
            &["diagnose", incident],
            &[("COLUMNS", &columns.to_string())],
        );
        let text = String::from_utf8(run.stdout).unwrap();
        let long = text.lines().filter(|line| line.chars().count() > columns);
        for line in long {
            let is_whole = ["Wireshark", "with fields", "convert"]
                .iter()
                .any(|row| line.starts_with(row))
                || line.contains(".log.gz:");
            // Or a single word.
            let words = line.chars().skip(13).collect::<String>();
            assert!(is_whole || !words.trim().contains(' '), "{line}");
        }
        // A line is not broken before it is full.
        let lines: Vec<&str> = text.lines().collect();
        let broken = lines
            .windows(2)
            .filter(|two| two[1].starts_with("             the "));
        for two in broken {
            assert!(two[0].chars().count() + " the".len() > columns, "{two:?}");
        }
    }
}

#[test]
fn filter_that_matches_nothing_leaves_no_empty_table() {
    let incident = testdata("incident");
    let run = with(&["inspect", incident.to_str().unwrap(), "--port", "9"], &[]);
    assert_eq!(run.code, 3);
    assert!(run.stdout.is_empty());
    assert_eq!(
        run.stderr,
        "error: no record matches port 9; 80 records were read\n"
    );
}

/// Runs a conversion on a terminal of so many columns, and returns what it draws; `None` without
/// script(1).
fn drawn(log: &Path, out: &Path, columns: usize) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_flow2pcap");
    let line = format!(
        "stty rows 24 cols {columns}; '{program}' convert '{}' -o '{}' --threads 1",
        log.display(),
        out.display()
    );
    let typed = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .envs([("NO_COLOR", "1"), ("TERM", "xterm")])
        .stdin(Stdio::null())
        .output();
    Some(String::from_utf8_lossy(&typed.ok()?.stdout).into_owned())
}

#[test]
fn progress_is_drawn_on_one_line_of_any_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("made.log");
    let settings = Settings::new(Version::V5, 7);
    generate(
        settings,
        Goal::Bytes(20_000_000),
        Shape::OneFile,
        false,
        &log,
    )
    .unwrap();
    for columns in [40, 120] {
        let out = folder.path().join("out.pcapng");
        let Some(seen) = drawn(&log, &out, columns) else {
            return;
        };
        let frames = seen.split(['\r', '\n']);
        let frames = frames.map(|frame| frame.replace("\u{1b}[2K", ""));
        let frames: Vec<String> = frames.filter(|frame| frame.contains("% ")).collect();
        assert!(
            frames.iter().any(|frame| frame.contains("writing [")),
            "{seen:?}"
        );
        let percents = frames
            .iter()
            .filter_map(|frame| frame.split('%').next()?.rsplit(' ').next());
        let percents: std::collections::BTreeSet<&str> = percents.collect();
        assert!(percents.len() > 2, "the bar moves: {percents:?}");
        for frame in &frames {
            assert!(frame.trim_end().chars().count() < columns, "{frame:?}");
        }
    }
}
