//! `flow2pcap completions` and `flow2pcap man`: files that shells and man read, which name all that
//! the program takes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::support::{flow2pcap, run};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// What the program prints for these arguments.
fn printed(arguments: &[&str]) -> String {
    let run = run(flow2pcap().args(arguments));
    assert_eq!((run.code, &*run.stderr), (0, ""), "{arguments:?}");
    String::from_utf8(run.stdout).unwrap()
}

/// The subcommands that the help lists.
fn subcommands() -> Vec<String> {
    let help = printed(&["--help"]);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = lines.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 8, "{help}");
    names
}

/// The long options, without dashes, that the help of a subcommand lists.
fn long_options(subcommand: &str) -> BTreeSet<String> {
    let help = printed(&[subcommand, "--help"]);
    let (options, _) = help.split_once("\nExamples:\n").unwrap();
    let options = options.lines().filter_map(|line| {
        let line = line.trim_start();
        let long = match line.strip_prefix('-')?.split_once(", --") {
            Some((short, long)) if short.len() == 1 => long,
            _ => line.strip_prefix("--")?,
        };
        long.split([' ', '[', '=']).next()
    });
    options.map(str::to_owned).collect()
}

/// Runs a program that reads `text`, or returns nothing where it is not installed.
fn fed(program: &str, arguments: &[&str], text: &str) -> Option<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    Some(child.wait_with_output().unwrap())
}

/// Asserts that a program reads `text` and complains of nothing, where it is installed.
#[track_caller]
fn accepted(program: &str, arguments: &[&str], text: &str) {
    if let Some(output) = fed(program, arguments, text) {
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {complaint}");
        assert_eq!(complaint, "", "{program} {arguments:?}");
    }
}

#[test]
fn completions_name_every_subcommand_and_long_option() {
    for shell in SHELLS {
        let script = printed(&["completions", shell]);
        for subcommand in subcommands() {
            assert!(script.contains(&subcommand), "{shell}: {subcommand}");
            for option in long_options(&subcommand) {
                let forms = [format!("--{option}"), format!("-l {option}")];
                assert!(
                    forms.iter().any(|form| script.contains(form)),
                    "{shell}: {subcommand} --{option}"
                );
            }
        }
    }
    assert!(long_options("convert").contains("filter"));
    assert!(long_options("convert").contains("output"));
}

#[test]
fn shells_read_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        let check = if shell == "fish" {
            "--no-execute"
        } else {
            "-n"
        };
        accepted(shell, &[check], &script);
    }
}

#[cfg(unix)]
#[test]
fn bash_completes_subcommands_and_options() {
    let script = printed(&["completions", "bash"]);
    let asks = "\nCOMP_WORDS=(flow2pcap conv); COMP_CWORD=1; _flow2pcap flow2pcap conv flow2pcap\n\
        echo \"${COMPREPLY[*]}\"\n\
        COMP_WORDS=(flow2pcap convert --max-per); COMP_CWORD=2; _flow2pcap flow2pcap --max-per convert\n\
        echo \"${COMPREPLY[*]}\"\n";
    let output = fed("bash", &["-s"], &format!("{script}{asks}")).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "convert\n--max-per-record\n");
}

#[test]
fn unknown_shell_and_subcommand_are_refused_with_a_list() {
    for (arguments, listed) in [
        (["completions", "tcsh"], "powershell"),
        (["man", "no\u{1b}ne"], "diagnose"),
    ] {
        let run = run(flow2pcap().args(arguments));
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(listed), "{}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
        assert!(run.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn page_of_the_program_lists_the_pages_of_its_subcommands() {
    let page = printed(&["man"]);
    assert!(page.contains(&title("flow2pcap")), "{page}");
    for subcommand in subcommands() {
        let name = format!("flow2pcap\\-{subcommand}(1)");
        assert!(page.contains(&name), "{subcommand}");
    }
    assert!(!page.contains("flow2pcap\\-help"), "there is no such page");
    accepted("groff", &["-man", "-Tutf8", "-Kutf8", "-ww", "-z"], &page);
}

#[test]
fn page_of_a_subcommand_has_its_options_and_examples() {
    for subcommand in subcommands() {
        let page = printed(&["man", &subcommand]);
        let name = format!("flow2pcap-{subcommand}");
        assert!(page.contains(&title(&name)), "{page}");
        let sections = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"];
        let mut rest = &*page;
        for section in sections {
            let heading = format!("\n.SH {section}\n");
            let at = rest.find(&heading);
            rest = &rest[at.unwrap_or_else(|| panic!("{subcommand}: {section}"))..];
        }
        for option in long_options(&subcommand) {
            let option = format!("\\-\\-{}", option.replace('-', "\\-"));
            assert!(page.contains(&option), "{subcommand}: {option}");
        }
        let plain = page
            .replace("\\*(Aq", "'")
            .replace("\\-", "-")
            .replace("\\\\", "\\");
        let help = printed(&[&subcommand, "--help"]);
        let (_, examples) = help.split_once("\nExamples:\n").unwrap();
        let first = examples.lines().next().unwrap();
        assert!(
            plain.lines().any(|line| line == first),
            "{subcommand}: {first}"
        );
        // The help breaks lines at its width, and the page breaks none.
        let plain = words(&plain);
        for line in examples.lines().filter(|line| line.starts_with("  ")) {
            assert!(plain.contains(&words(line)), "{subcommand}: {line}");
        }
        accepted("groff", &["-man", "-Tutf8", "-Kutf8", "-ww", "-z"], &page);
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line with the title of a page, its section, no date, its source and its manual.
fn title(name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("\n.TH {name} 1 \"\" \"flow2pcap {version}\" \"flow2pcap manual\"\n")
}

#[test]
fn help_teaches_with_examples() {
    for (subcommand, parts) in [
        (
            "completions",
            [
                "bash-completion/completions/flow2pcap",
                "~/.zfunc/_flow2pcap",
            ],
        ),
        ("man", ["| man -l -", "man1/flow2pcap-convert.1"]),
    ] {
        let help = printed(&[subcommand, "--help"]);
        for part in parts {
            assert!(help.contains(part), "{part} is not in the help");
        }
    }
}
