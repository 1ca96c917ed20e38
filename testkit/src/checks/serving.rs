//! What must hold of the server of `flow2pcap mcp`, whatever a client sends.

use std::fs;

use flow2pcap::cli::serve_mcp;
use flow2pcap::printable::is_printable;
use serde_json::Value;

/// A log of one rejected record.
const LOG: &str =
    "2 123456789012 eni-0a1b 10.0.0.1 10.0.0.2 40000 22 6 1 60 1773454565 1773454570 REJECT OK\n";

/// The longest line that a client gets.
const LINE_MAX: usize = 20_000;

/// Sends lines to a server of one small log, after a good beginning, and looks at what comes back.
///
/// # Panics
/// A line that comes back is not a response, is too long or has something in it that a reader cannot
/// see, or the server does not answer after these lines.
pub fn mcp_lines(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("a.log");
    fs::write(&log, LOG).expect("room for a log");
    let begin = r#"{"jsonrpc":"2.0","id":"begin","method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    let end = r#"{"jsonrpc":"2.0","id":"end","method":"ping"}"#;
    let sent = [begin.as_bytes(), b"\n", bytes, b"\n", end.as_bytes()].concat();
    let answers = serve_mcp(folder.path().to_owned(), &sent);
    let answers = String::from_utf8(answers).expect("UTF-8");
    let mut ids = Vec::new();
    for line in answers.lines() {
        assert!(line.chars().all(is_printable), "{line:?}");
        let answer: Value = serde_json::from_str(line).expect("JSON");
        match answer {
            // A batch is answered at once; each of its answers may be as long as one alone.
            Value::Array(all) => all.iter().for_each(|one| ids.push(id_of(one))),
            one => ids.push(id_of(&one)),
        }
    }
    assert_eq!(ids.first(), Some(&"begin".into()));
    assert!(ids.contains(&"end".into()), "{answers}");
}

/// Returns the identifier of a response, which is short and has a result or an error.
fn id_of(response: &Value) -> Value {
    let len = response.to_string().len();
    assert!(len < LINE_MAX, "{len} bytes");
    assert_eq!(response["jsonrpc"], "2.0", "{response}");
    let has = |name| usize::from(response.get(name).is_some());
    assert_eq!(has("result") + has("error"), 1, "{response}");
    response["id"].clone()
}
