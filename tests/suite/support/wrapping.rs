//! The records of a file of `testdata/`, wrapped as other tools do it.

use std::fs;
use std::io::Write as _;

use base64::Engine as _;
use serde_json::{Map, Value, json};
use testkit::pcapng::{Interface, Packet};

use super::{Converted, convert, file, testdata};

/// The columns and the records of a file of `testdata/`.
pub(crate) fn records(name: &str) -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(testdata(name)).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    let columns = lines.next().unwrap();
    (
        columns.split(' ').map(str::to_owned).collect(),
        lines.collect(),
    )
}

/// Those of version 5.
pub(crate) fn v5() -> (Vec<String>, Vec<String>) {
    records("v5_fifty.log")
}

/// The records as objects with one key per field, as `value` writes a value.
pub(crate) fn objects(spell: fn(&str) -> String, value: fn(&str) -> Value) -> Vec<Value> {
    let (columns, records) = v5();
    let object = |record: &String| {
        let cells = columns.iter().zip(record.split(' '));
        let members = cells.map(|(name, cell)| (spell(name), value(cell)));
        Value::Object(members.collect::<Map<_, _>>())
    };
    records.iter().map(object).collect()
}

/// A value as text.
pub(crate) fn as_text(cell: &str) -> Value {
    cell.into()
}

/// CloudWatch events of the records.
pub(crate) fn events() -> Vec<Value> {
    let (_, records) = v5();
    let event =
        |record: &String| json!({"id": "3", "timestamp": 1_773_475_000_000_u64, "message": record});
    records.iter().map(event).collect()
}

/// A subscription envelope.
pub(crate) fn envelope(events: &[Value]) -> String {
    json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "flow",
        "logStream": "eni-0c2e4a6b8d0f31957-all", "subscriptionFilters": ["x"], "logEvents": events,
    })
    .to_string()
}

/// What CloudWatch sends to see whether a destination is there.
pub(crate) fn control() -> String {
    json!({
        "messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [{"id": "", "timestamp": 1_773_475_000_000_u64,
            "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose."}],
    })
    .to_string()
}

/// One gzip member.
pub(crate) fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// In Base64.
pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// JSON lines.
pub(crate) fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// Interfaces and packets, but for the places in the comments.
pub(crate) fn told(converted: &Converted) -> (Vec<Interface>, Vec<Packet>) {
    let mut capture = converted.capture();
    let comments = capture
        .packets
        .iter_mut()
        .flat_map(|packet| &mut packet.comments);
    for comment in comments {
        let words = comment
            .split(' ')
            .filter(|word| !word.starts_with("record="));
        *comment = words.collect::<Vec<_>>().join(" ");
    }
    (capture.interfaces, capture.packets)
}

/// Converts a file of these bytes.
pub(crate) fn convert_bytes(bytes: impl AsRef<[u8]>) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "x", bytes)], &[]);
    converted.assert_lines_add_up();
    converted
}

/// Asserts that `bytes` tell what the plain text does.
#[track_caller]
pub(crate) fn check(bytes: impl AsRef<[u8]>) -> Converted {
    let plain = convert(&[testdata("v5_fifty.log")], &[]);
    let wrapped = convert_bytes(bytes);
    assert_eq!(told(&wrapped), told(&plain));
    assert_eq!(wrapped.skipped(), 0, "{}", wrapped.summary());
    wrapped
}
