//! What `docs/scale.md` shows: the hash of a conversation in Python and SQL, and the recipe for AWS Batch.
//!
//! That shards make one capture is for `sharing`, and Spark for `.ci/spark`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The code blocks of `docs/scale.md` in this language.
fn snippets(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md");
    let page = fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .map(|block| block.split_once("\n```").unwrap().0.to_owned())
        .collect()
}

/// The first of them.
fn snippet(language: &str) -> String {
    snippets(language).swap_remove(0)
}

/// Ends of conversations, with their protocol.
const CONVERSATIONS: [(&str, u16, &str, u16, u8); 9] = [
    ("198.51.100.23", 51_544, "10.0.1.20", 443, 6),
    ("10.0.1.20", 443, "198.51.100.23", 51_544, 6),
    ("10.0.0.1", 53, "9.0.0.1", 53, 17),
    ("10.0.0.1", 80, "10.0.0.1", 443, 6),
    ("10.0.0.1", 0, "10.0.0.2", 0, 1),
    ("10.0.0.1", 7, "10.0.0.2", 9, 132),
    ("2001:db8::2", 1, "2001:db8::10", 65_535, 17),
    ("fd00::1", 0, "ff02::1", 0, 58),
    ("255.255.255.255", 65_535, "0.0.0.0", 0, 255),
];

/// The numbers of their shards, from 1, of four.
fn shards() -> Vec<u32> {
    use flow2pcap::flow::{Endpoint, FiveTuple, Shard};
    let end = |address: &str, port| Endpoint {
        address: address.parse().unwrap(),
        port,
    };
    let shard = |(source, source_port, destination, destination_port, protocol)| {
        let tuple = FiveTuple {
            source: end(source, source_port),
            destination: end(destination, destination_port),
            protocol,
        };
        let mut numbers = 1..=4;
        numbers.find(|number| Shard::new(*number, 4).unwrap().has(&tuple.key().0))
    };
    CONVERSATIONS.map(|ends| shard(ends).unwrap()).to_vec()
}

/// Runs a program in Python, if there is one: it needs only the standard library.
fn python(program: &str) -> Option<String> {
    let output = Command::new("python3").arg("-c").arg(program).output();
    let Ok(output) = output else {
        assert!(
            std::env::var_os("FLOW2PCAP_REQUIRE_TSHARK").is_none(),
            "python3 is not installed"
        );
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn python_of_the_documentation_gives_the_same_shards() {
    let rows =
        CONVERSATIONS.map(|(a, p, b, q, protocol)| format!("({a:?}, {p}, {b:?}, {q}, {protocol})"));
    let program = format!(
        "{}\nfor row in [{}]: print(shard(*row, 4))",
        snippet("python"),
        rows.join(", ")
    );
    let expected: Vec<String> = shards().iter().map(u32::to_string).collect();
    if let Some(printed) = python(&program) {
        assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn sql_of_the_documentation_gives_the_same_shards() {
    let rows =
        CONVERSATIONS.map(|(a, p, b, q, protocol)| format!("({a:?}, {p}, {b:?}, {q}, {protocol})"));
    let program = format!(
        "{}\nimport sqlite3\nrows = [{}]\n\
         base = sqlite3.connect(':memory:')\n\
         base.execute('CREATE TABLE records (source, source_port, destination, destination_port, protocol)')\n\
         for row in rows:\n    \
             base.execute('DELETE FROM records')\n    \
             base.execute('INSERT INTO records VALUES (?, ?, ?, ?, ?)', row)\n    \
             print(base.execute('''{}''').fetchall()[0][1])",
        snippet("python"),
        rows.join(", "),
        snippet("sql"),
    );
    let expected: Vec<String> = shards().iter().map(u32::to_string).collect();
    if let Some(printed) = python(&program) {
        assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    }
}

/// The script `run.sh` of the recipe.
fn script() -> String {
    let scripts = snippets("sh").into_iter();
    let mut scripts = scripts.filter(|block| block.starts_with("#!/bin/sh"));
    scripts.next().unwrap()
}

/// The number after this name in the script.
fn value_of(script: &str, name: &str) -> u64 {
    let (_, after) = script.split_once(name).unwrap();
    let digits = after.chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap()
}

#[test]
fn recipe_for_batch_is_json_whose_steps_the_script_has() {
    let blocks: Vec<Value> = snippets("json")
        .iter()
        .map(|block| serde_json::from_str(block).unwrap())
        .collect();
    let [definition, machine] = &blocks[..] else {
        panic!("{} blocks of JSON", blocks.len());
    };
    let script = script();
    let states = machine["States"].as_object().unwrap();
    let mut name = machine["StartAt"].as_str().unwrap();
    let mut seen = BTreeSet::new();
    loop {
        assert!(seen.insert(name), "{name} comes again");
        let state = &states[name];
        let parameters = &state["Parameters"];
        assert_eq!(parameters["JobDefinition"], definition["jobDefinitionName"]);
        let command = parameters["ContainerOverrides"]["Command"].as_array();
        let [program, step] = &command.unwrap()[..] else {
            panic!("{state}");
        };
        assert_eq!(program, "run.sh");
        let case = format!("\n{})", step.as_str().unwrap());
        assert!(script.contains(&case), "{case:?}");
        let size = parameters["ArrayProperties"]["Size"].as_u64().unwrap();
        if name == "Merge" {
            // March.
            assert_eq!(size, 31);
        } else {
            assert_eq!(size, value_of(&script, "shards="), "{name}");
        }
        let Some(next) = state["Next"].as_str() else {
            assert_eq!(state["End"], true);
            break;
        };
        name = next;
    }
    assert_eq!(seen.len(), states.len());
}

#[test]
fn job_definition_has_the_folders_and_the_memory_of_the_script() {
    let definition: Value = serde_json::from_str(&snippet("json")).unwrap();
    let container = &definition["containerProperties"];
    let of = |list: &str, key: &str| -> BTreeSet<String> {
        let entries = container[list].as_array().unwrap().iter();
        let values = entries.map(|entry| entry[key].as_str().unwrap().to_owned());
        values.collect()
    };
    assert_eq!(of("mountPoints", "sourceVolume"), of("volumes", "name"));
    for folder in of("mountPoints", "containerPath") {
        assert!(script().contains(&folder), "{folder}");
    }
    let resources = container["resourceRequirements"].as_array().unwrap();
    let memory = resources.iter().find(|entry| entry["type"] == "MEMORY");
    let mebibytes: u64 = memory.unwrap()["value"].as_str().unwrap().parse().unwrap();
    // The default of --memory is 1 GiB.
    assert!(mebibytes >= 2 * 1024);
}

#[test]
fn script_of_the_recipe_gives_the_hours_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let logs = crate::support::testdata("incident");
    let path = folder.path().join("run.sh");
    // Local folders in place of mounts, and the hours of testdata.
    let script = script()
        .replace("mount-s3 my-logs /logs --read-only\n", "")
        .replace("mkdir -p /logs ", "mkdir -p ")
        .replace("/scratch ", &format!("{here} "))
        .replace("/work", here)
        .replace("shards=16", "shards=3")
        // Last, because these paths may have any of the names above.
        .replace("/logs/AWSLogs/", logs.to_str().unwrap())
        .replace("flow2pcap ", concat!(env!("CARGO_BIN_EXE_flow2pcap"), " "));
    fs::write(&path, script).unwrap();
    for (step, indexes) in [("survey", 0..3), ("convert", 0..3), ("merge", 13..14)] {
        for index in indexes {
            let mut run = Command::new("sh");
            run.arg(&path).arg(step);
            run.env("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string());
            let output = run.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{step} {index}: {stderr}");
        }
    }
    let one = crate::support::convert(
        &[logs],
        &[
            "--split",
            "hour",
            "--from",
            "2026-03-01",
            "--to",
            "2026-04-01",
        ],
    );
    let parts = crate::support::parts_of(one.path());
    let hours = fs::read_dir(folder.path().join("hours")).unwrap();
    assert_eq!((hours.count(), parts.len()), (1, 1));
    for part in parts {
        let name = part.file_name().unwrap().to_str().unwrap();
        let merged = folder.path().join("hours").join(format!("{name}.zst"));
        assert!(
            crate::support::unpacked(&merged) == fs::read(&part).unwrap(),
            "{name}"
        );
    }
}
