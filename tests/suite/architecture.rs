//! The house rules that no compiler checks, read from the source tree.

mod printing;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module of `src` may import. A row names only modules of rows above it, so imports run
/// one way.
const MAY_IMPORT: &[(&str, &str)] = &[
    ("time", ""),
    ("names", ""),
    ("blocking", ""),
    ("printable", ""),
    ("error", "printable"),
    ("bucket", ""),
    ("archive", "blocking bucket error printable"),
    ("record", "names"),
    ("event", "names record"),
    ("wrapper", "archive record"),
    ("flow", "names record time"),
    ("configuration", "flow names printable"),
    ("filter", "archive event flow names printable record time"),
    ("packet", ""),
    ("connection", "flow names packet record time"),
    ("change", "configuration event flow names"),
    (
        "diagnosis",
        "change configuration connection event flow names printable record time",
    ),
    ("metrics", "change connection event flow names record time"),
    ("joining", "connection event flow names printable time"),
    ("pdu", "event joining packet time"),
    ("output", "blocking bucket error printable"),
    ("capture", "error output printable"),
    ("summary", "connection flow printable"),
    ("survey", "event record summary time"),
    ("setup", "printable record"),
    ("wireshark", "error"),
    (
        "read",
        "archive configuration error event filter flow printable record summary survey time wrapper",
    ),
    ("table", "error event flow read record time"),
    (
        "pipeline",
        "archive capture change configuration connection diagnosis error event filter flow joining metrics \
         names output packet pdu printable read record summary survey table time",
    ),
    (
        "sql",
        "archive error event flow pipeline printable read record table time",
    ),
    (
        "cli",
        "blocking bucket capture configuration connection diagnosis error filter flow metrics names output \
         pipeline printable record setup sql summary survey time wireshark",
    ),
    ("allocation", "cli output wrapper"),
    ("main", "cli wrapper"),
];

/// Lines of a file beyond which one is asked to look whether it is one thing still.
const FILE_LINES_MANY: usize = 600;

const FUNCTION_LINES_MAX: usize = 70;

/// Entries that may be at the top of the repository.
const TOP: [&str; 25] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "benches",
    "docs",
    "examples",
    "fuzz",
    "integrations",
    "pyproject.toml",
    "python",
    "src",
    "templates",
    "testdata",
    "testkit",
    "tests",
    "xtask",
    ".git",
];

/// A source file: its path from the top, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Its lines without those that are comments, numbered from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        let code = lines.map(|(index, line)| (index + 1, line));
        code.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The folder of `src` that it belongs to, or its own name there.
    fn stage(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or("");
        let first = below.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below `folder`.
fn sources(folder: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") && !path.ends_with("corpus") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(top()).unwrap();
                let path = path.to_str().unwrap().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(!sources.is_empty());
    sources
}

fn all_sources() -> Vec<Source> {
    let folders = [
        "src", "tests", "benches", "examples", "fuzz", "testkit", "xtask",
    ];
    folders.into_iter().flat_map(sources).collect()
}

/// Asserts that there is nothing to complain of.
#[track_caller]
fn none(found: impl IntoIterator<Item = String>) {
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Lines of `sources` that contain `word` although `may` does not allow it there.
fn lines_with(sources: &[Source], word: &str, may: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !may(source)) {
        let lines = source.code().filter(|(_, line)| line.contains(word));
        found.extend(lines.map(|(n, line)| format!("{}:{n}: {}", source.path, line.trim())));
    }
    found
}

/// The modules of the table that the code of `source` imports, but for its tests.
fn imports(source: &Source) -> BTreeSet<&str> {
    let code = source.text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut found = BTreeSet::new();
    for root in ["crate::", "flow2pcap::"] {
        for (at, _) in code.match_indices(root) {
            let line = code[..at].rsplit('\n').next().unwrap();
            if !line.trim_start().starts_with("//") {
                found.extend(named(&code[at + root.len()..]));
            }
        }
    }
    // The rest are names of the crate's root.
    found.retain(|name| MAY_IMPORT.iter().any(|(module, _)| module == name));
    found
}

#[test]
fn imports_run_one_way() {
    let sources = sources("src");
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.path != "src/lib.rs") {
        let imported = used.entry(source.stage()).or_default();
        if !source.path.contains("/tests") && !source.path.ends_with("testing.rs") {
            imported.extend(imports(source));
        }
    }
    let (mut found, mut above) = (Vec::new(), BTreeSet::new());
    for (module, may) in MAY_IMPORT {
        let Some(mut imported) = used.remove(module) else {
            found.push(format!("{module} is in the table and not in src"));
            continue;
        };
        imported.remove(module);
        let may: BTreeSet<&str> = may.split_whitespace().collect();
        let say = |what: &str, others: Vec<&&str>| -> Vec<String> {
            let others = others.into_iter();
            others
                .map(|other| format!("{module} {what} {other}"))
                .collect()
        };
        found.extend(say(
            "may import a row below it,",
            may.difference(&above).collect(),
        ));
        found.extend(say("imports", imported.difference(&may).collect()));
        found.extend(say("need not import", may.difference(&imported).collect()));
        above.insert(*module);
    }
    found.extend(
        used.keys()
            .map(|module| format!("{module} is not in the table")),
    );
    none(found);
}

#[test]
fn a_type_name_means_one_thing() {
    // Each subcommand has arguments of its own, and a module that parses its own result.
    let may_repeat = ["Args", "Result"];
    // One type, of which a platform has another form.
    let is_variant = |path: &str| path.ends_with("/unguarded.rs");
    let sources = sources("src");
    let mut defined: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let own = |source: &&Source| !source.path.contains("/tests") && !is_variant(&source.path);
    for source in sources.iter().filter(own) {
        for (n, line) in source.code() {
            if let Some(name) = defined_type(line).filter(|name| !may_repeat.contains(name)) {
                let place = format!("{}:{n}", source.path);
                defined.entry(name).or_default().push(place);
            }
        }
    }
    assert!(defined.len() > 200, "the types of the source are found");
    let twice = defined.into_iter().filter(|(_, places)| places.len() > 1);
    none(twice.map(|(name, places)| format!("{name}: {}", places.join(", "))));
}

/// The name of the type that a line at the margin defines.
fn defined_type(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(") ")?.1,
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    let kinds = ["struct ", "enum ", "trait ", "type "];
    let name = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    Some(word(name))
}

/// The modules named at the front of `path`, which stood behind `crate::`: one, or a list in braces.
fn named(path: &str) -> Vec<&str> {
    let Some(list) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let mut modules = Vec::new();
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                modules.push(word(list[begin..at].trim_start()));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

/// The identifier at the front of `text`.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn output_does_not_know_what_is_written() {
    let elsewhere = |source: &Source| source.stage() != "output";
    let sources = sources("src");
    none(lines_with(&sources, ".pcap", elsewhere));
}

#[test]
fn setup_opens_nothing_and_runs_nothing() {
    let elsewhere = |source: &Source| source.stage() != "setup";
    let sources = sources("src");
    for word in ["std::fs", "std::net::Tcp", "std::process", "std::env"] {
        none(lines_with(&sources, word, elsewhere));
    }
}

#[test]
fn crates_are_used_where_they_belong() {
    let sources = sources("src");
    for (name, stages) in [
        ("nom::", &["record", "filter"][..]),
        ("rayon::", &["pipeline", "read", "wrapper", "cli", "sql"]), // cli and sql build thread pools
        ("askama::", &["cli"]),
        ("plotters::", &["cli"]),
        ("sha2::", &["cli", "wireshark"]),
        ("base64::", &["wrapper", "cli"]),
        (
            "arrow_array::",
            &["wrapper", "read", "table", "pipeline", "sql"],
        ),
        (
            "arrow_schema::",
            &["wrapper", "read", "table", "pipeline", "sql"],
        ),
        ("arrow_buffer::", &["table", "pipeline", "sql"]),
        ("arrow_ipc::", &["pipeline"]),
        ("arrow_select::", &["wrapper", "table", "pipeline", "sql"]),
        ("parquet::", &["wrapper", "pipeline", "sql"]),
        ("datafusion::", &["sql"]),
        ("async_trait::", &["sql"]),
        ("futures::", &["sql", "bucket"]),
        ("tokio::", &["sql", "bucket"]),
        ("opendal::", &["bucket"]),
        ("rustyline::", &["cli"]),
        ("snap::", &["wrapper", "pipeline"]),
        ("memmap2::", &["archive"]),
        ("libc::", &["archive", "allocation"]),
        ("tar::", &["archive"]),
        ("zip::", &["archive"]),
        ("etherparse::", &["packet", "names"]),
        ("pcap_file::", &["capture"]),
        ("walkdir::", &["archive"]),
        ("wide::", &["record"]),
        ("anstream::", &["cli"]),
        ("anstyle::", &["cli"]),
        ("terminal_size::", &["cli"]),
        ("clap::", &["cli", "main"]),
        ("clap_complete::", &["cli"]),
        ("clap_mangen::", &["cli"]),
        ("anyhow::", &["cli", "main"]),
        ("csv::", &["cli"]),
        ("indicatif::", &["cli"]),
        ("signal_hook::", &["cli"]),
    ] {
        none(lines_with(&sources, name, |source| {
            stages.contains(&source.stage()) || source.path.ends_with("tests.rs")
        }));
    }
}

#[test]
fn unsafe_is_only_where_a_file_is_mapped_or_memory_is_given() {
    let mut sources = sources("src");
    sources.extend(self::sources("benches"));
    none(lines_with(&sources, "unsafe {", |source| {
        let may = [
            "src/archive/mapping.rs",
            "src/archive/mapping/guard.rs",
            "src/allocation.rs",
        ];
        may.contains(&source.path.as_str())
    }));
}

#[test]
fn what_decides_has_no_clock_file_or_thread() {
    let decide = [
        "configuration",
        "connection",
        "diagnosis",
        "joining",
        "metrics",
    ];
    let sources = sources("src");
    for word in [
        "std::fs",
        "std::io",
        "std::net::Tcp",
        "std::sync",
        "std::thread",
        "std::time",
    ] {
        none(lines_with(&sources, word, |source| {
            !decide.contains(&source.stage())
        }));
    }
}

#[test]
fn library_does_not_print_or_exit() {
    let edge = |source: &Source| ["allocation", "cli", "main"].contains(&source.stage());
    let sources = sources("src");
    for word in ["println!", "print!(", "process::exit"] {
        none(lines_with(&sources, word, edge));
    }
}

/// What several folders need is in `testkit`: a file that two crates compile belongs to neither.
#[test]
fn no_source_is_reached_by_a_path_across_folders() {
    let itself = |source: &Source| source.path == "tests/suite/architecture.rs";
    none(lines_with(&all_sources(), "#[path", itself));
}

#[test]
fn library_knows_no_command_line() {
    // `setup` prints commands, and `allocation` is the program's own.
    let edge = ["allocation", "cli", "main", "setup"];
    let names_option = |line: &str| {
        let long = line.match_indices("--");
        let mut long =
            long.map(|(at, _)| line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase()));
        let short = [" -o ", "`-o ", "\"-o "];
        long.any(|is_option| is_option) || short.iter().any(|option| line.contains(option))
    };
    let mut found = Vec::new();
    for source in sources("src") {
        if edge.contains(&source.stage()) || source.path.contains("/tests") {
            continue;
        }
        let code = source.code();
        let code = code.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
        let named = code.filter(|(_, line)| names_option(line));
        found.extend(named.map(|(n, line)| format!("{}:{n}: {}", source.path, line.trim())));
    }
    none(found);
}

#[test]
fn files_say_what_they_are() {
    let silent = all_sources().into_iter();
    let silent = silent.filter(|source| !source.text.starts_with("//!"));
    none(silent.map(|source| source.path));
}

/// Warns and does not fail: a file that is one thing is better long than torn. To be seen with
/// `cargo test long_files -- --nocapture`.
#[test]
fn long_files_are_named() {
    for source in all_sources() {
        let count = source.text.lines().count();
        // Tables of cases are long, and nobody reads them top to bottom.
        if count > FILE_LINES_MANY && !source.path.ends_with("/tests.rs") {
            eprintln!("warning: {}: {count} lines", source.path);
        }
    }
}

#[test]
fn functions_are_short() {
    let mut found = Vec::new();
    let mut sources = sources("src");
    sources.extend(self::sources("testkit"));
    sources.extend(self::sources("xtask"));
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if !is_function(line) || line.ends_with('}') || line.ends_with(';') {
                continue;
            }
            // rustfmt puts the end where the beginning is.
            let end = format!("{}}}", &line[..indent]);
            let len = lines[index..]
                .iter()
                .take_while(|line| **line != end)
                .count()
                + 1;
            if len > FUNCTION_LINES_MAX {
                found.push(format!("{}:{}: {len} lines", source.path, index + 1));
            }
        }
    }
    none(found);
}

fn is_function(line: &str) -> bool {
    let words = line.trim_start();
    let words = words.strip_prefix("pub ").unwrap_or(words);
    let words = match words.strip_prefix("pub(") {
        Some(rest) => rest.split_once(") ").map_or(rest, |(_, rest)| rest),
        None => words,
    };
    words
        .strip_prefix("const ")
        .unwrap_or(words)
        .starts_with("fn ")
}

#[test]
fn nothing_is_left_unfinished() {
    let sources = all_sources();
    let itself = |source: &Source| source.path == "tests/suite/architecture.rs";
    for word in [
        "todo!",
        "unimplemented!",
        "dbg!",
        "[ignore", // as an attribute, with a reason or without
        "FIXME",
        "XXX",
    ] {
        none(lines_with(&sources, word, itself));
    }
}

#[test]
fn modules_have_names_of_their_own() {
    let vague = ["utils", "util", "helpers", "common", "misc"];
    let sources = all_sources().into_iter();
    let vague = sources.filter(|source| {
        let parts = source.path.split('/');
        parts
            .map(|part| part.trim_end_matches(".rs"))
            .any(|part| vague.contains(&part))
    });
    none(vague.map(|source| source.path));
}

#[test]
fn readme_names_the_rust_version_that_is_checked() {
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    assert!(readme.contains(env!("CARGO_PKG_RUST_VERSION")));
}

#[test]
fn top_of_the_repository_holds_what_it_may() {
    let ignored = fs::read_to_string(top().join(".gitignore")).unwrap();
    let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    let entries = fs::read_dir(top()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The README's first command leaves a capture here.
    let is_ignored = |name: &str| {
        let fits = |pattern: &&str| match pattern.strip_prefix('*') {
            Some(ending) => name.ends_with(ending),
            None => *pattern == name,
        };
        ignored.iter().any(fits)
    };
    let strange = names.filter(|name| !TOP.contains(&name.as_str()) && !is_ignored(name));
    none(strange);
}
