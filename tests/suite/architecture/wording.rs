//! Words that the project does not use, because readers stumble over them.

use std::fs;
use std::path::Path;

use super::{Source, none, sources};

/// Words that are refused, and what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("told", "reported, recorded, used, known"),
    ("tell", "say, report, show, distinguish"),
    ("tells", "says, reports, shows, distinguishes"),
    ("telling", "saying, reporting"),
    (
        "behind",
        "after; hosts may be behind a NAT gateway, load balancer or proxy",
    ),
    ("stand", "be, come, appear"),
    ("stands", "is, comes, appears"),
    ("stood", "was, came"),
    ("octet", "byte"),
    ("octets", "bytes"),
    ("thrice", "three times"),
    ("in vain", "failed, without success"),
    ("likewise", "name it again"),
    ("besides", "also, other than"),
    ("asked for", "requested, selected; the filter"),
    ("whoever", "the user, the sender, the process"),
];

/// Files whose words people read: sources, help, page templates and documents.
fn read_by_people() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = sources("src");
    let mut folders = vec![root.join("docs"), root.join("templates")];
    let mut paths = vec![
        root.join("README.md"),
        root.join("CONTRIBUTING.md"),
        root.join("SECURITY.md"),
        root.join("testdata/README.md"),
        root.join("benches/README.md"),
        root.join("fuzz/README.md"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // a picture
        };
        let path = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        found.push(Source { path, text });
    }
    found
}

/// Whether a refused `word` is right in this place.
fn is_right(path: &str, line: &str, word: &str) -> bool {
    let has = |any: &[&str]| any.iter().any(|text| line.contains(text));
    match word {
        // RFCs of the wire say octets, and so do addresses of the standard library.
        "octets" | "octet" => {
            path.starts_with("src/packet") || path.starts_with("src/capture") || has(&["octets()"])
        }
        "behind" => has(&["NAT", "load balancer", "proxy", "gateway"]),
        _ => false,
    }
}

/// Whether `line`, in lower case, has `word` as a word of its own.
fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_letter) && !after.starts_with(is_letter)
    })
}

#[test]
fn words_that_readers_stumble_over_are_not_used() {
    let mut found = Vec::new();
    for Source { path, text } in read_by_people() {
        for (index, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            for (word, instead) in REFUSED {
                if has_word(&lower, word) && !is_right(&path, line, word) {
                    let n = index + 1;
                    let line = line.trim();
                    found.push(format!("{path}:{n}: {word:?} ({instead}): {line}"));
                }
            }
        }
    }
    none(found);
}

#[test]
fn refused_words_are_found_as_words() {
    assert!(has_word("it tells of it", "tells"));
    assert!(has_word("told_elsewhere, told", "told"));
    assert!(!has_word("understands, told_elsewhere", "told"));
    assert!(!has_word("standard", "stand"));
    assert!(!is_right("src/flow/mod.rs", "after 8 octets", "octets"));
}
