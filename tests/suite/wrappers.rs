//! The same records, whatever they come wrapped in, give the same packets.
//!
//! Only the place in the packet comments differs: the file, and the number of
//! the record in it.

use crate::support::wrapping::*;
use crate::support::{Converted, convert, file, flow2pcap, run, testdata};
use serde_json::{Value, json};

#[test]
fn json_lines_with_one_key_a_field() {
    check(lines(&objects(str::to_owned, as_text)));
    check(lines(&objects(|name| name.replace('-', "_"), as_text)));
    let typed = |cell: &str| match cell {
        "-" => Value::Null,
        cell => cell.parse::<u64>().map_or(cell.into(), Value::from),
    };
    let objects = objects(|name| name.replace('-', "_"), typed);
    check(lines(&objects));
    check(Value::from(objects.clone()).to_string());
    check(serde_json::to_string_pretty(&objects).unwrap());
    check(gzip(lines(&objects).replace('\n', "")));
}

#[test]
fn json_lines_that_leave_out_what_is_absent() {
    let mut objects = objects(str::to_owned, as_text);
    for object in &mut objects {
        let members = object.as_object_mut().unwrap();
        members.retain(|_, value| value != "-");
        members.insert("tags".into(), json!({"a": "b"}));
        members.insert("comment".into(), "two words\n".into());
    }
    check(lines(&objects));
}

#[test]
fn record_is_named_by_its_number_in_the_file() {
    let (_, records) = v5();
    let messages = records.iter().map(|record| json!({"message": record}));
    let converted = check(
        messages
            .map(|message| message.to_string())
            .collect::<String>(),
    );
    let numbers = |converted: &Converted| -> Vec<usize> {
        let packets = converted.capture().packets;
        let places = packets.iter().filter_map(|packet| packet.word("record"));
        let number = |place: &str| place.rsplit_once(':').unwrap().1.parse().unwrap();
        places.map(number).collect()
    };
    let plain = numbers(&convert(&[testdata("v5_fifty.log")], &[]));
    // A header stands in front of the plain text's records.
    let expected: Vec<usize> = plain.iter().map(|line| line - 1).collect();
    assert_eq!(numbers(&converted), expected);
}

#[test]
fn firehose_messages_with_and_without_line_ends() {
    let (_, records) = v5();
    let values: Vec<Value> = records
        .iter()
        .map(|record| json!({"message": record}))
        .collect();
    check(lines(&values));
    check(lines(&values).replace('\n', ""));
}

#[test]
fn cloudwatch_envelopes_in_every_arrangement() {
    let events = events();
    let (first, rest) = events.split_at(7);
    let both = [envelope(first), envelope(rest)];
    check(envelope(&events));
    check(both.concat());
    check(gzip(both.concat()));
    let members = [gzip(&both[0]), gzip(&both[1])].concat();
    check(&members);
    check(gzip(&members));
}

#[test]
fn control_message_is_counted_and_is_no_record() {
    let bytes = [gzip(control()), gzip(envelope(&events()))].concat();
    let converted = check(bytes);
    assert_eq!(converted.count("/records/control"), 1);
    let folder = tempfile::tempdir().unwrap();
    let plain = testdata("v5_fifty.log");
    let converted = convert(&[file(&folder, "a", gzip(control())), plain], &[]);
    assert_eq!(converted.count("/records/control"), 1);
}

#[test]
fn extracted_fields_are_used_where_the_message_is_not_the_record() {
    let names = |name: &str| match name {
        "interface-id" => "eni".to_owned(),
        "srcaddr" => "source".to_owned(),
        "dstaddr" => "destination".to_owned(),
        "start" => "windowstart".to_owned(),
        "end" => "windowend".to_owned(),
        "log-status" => "flowlogstatus".to_owned(),
        other => other.replace('-', "_"),
    };
    let fields = objects(names, as_text);
    let event = |message: &str, fields: &Value| json!({"id": "1", "timestamp": 1, "message": message, "extractedFields": fields});
    let unreadable: Vec<Value> = fields
        .iter()
        .map(|f| event("in no known order", f))
        .collect();
    let converted = check(envelope(&unreadable));
    assert_eq!(converted.summary()["input"]["layouts"], json!({"keys": 1}));
    let (_, records) = v5();
    let both = records
        .iter()
        .zip(&fields)
        .map(|(record, f)| event(record, f));
    let converted = check(envelope(&both.collect::<Vec<_>>()));
    assert_eq!(
        converted.summary()["input"]["layouts"],
        json!({"version 5": 1})
    );
}

#[test]
fn event_files_of_lambda_kinesis_and_firehose() {
    let events = events();
    let (first, rest) = events.split_at(7);
    let data = |events: &[Value]| base64(gzip(envelope(events)));
    check(json!({"awslogs": {"data": data(&events)}}).to_string());
    let kinesis = |data: String| json!({"kinesis": {"partitionKey": "1", "data": data}, "eventSource": "aws:kinesis"});
    check(json!({"Records": [kinesis(data(first)), kinesis(data(rest))]}).to_string());
    let (_, records) = v5();
    let text = json!({"Records": [kinesis(base64(records.join("\n")))]});
    check(serde_json::to_string_pretty(&text).unwrap());
    let record = |events| json!({"recordId": "1", "data": data(events)});
    check(
        json!({"requestId": "1", "timestamp": 2, "records": [record(first), record(rest)]})
            .to_string(),
    );
}

#[test]
fn json_broken_costs_no_other_record() {
    let mut text: Vec<String> = objects(str::to_owned, as_text)
        .iter()
        .map(Value::to_string)
        .collect();
    text.insert(3, "{\"srcaddr\": \"10.0.0.1\", \"dstaddr\"".into());
    text.insert(6, "{\"srcaddr\" \"10.0.0.1\"}".into());
    let plain = convert(&[testdata("v5_fifty.log")], &[]);
    let converted = convert_bytes(text.join("\n"));
    assert_eq!(told(&converted), told(&plain));
    let skipped = &converted.summary()["records"]["skipped"];
    let example = &skipped["incomplete JSON"]["examples"][0];
    assert!(
        example["place"].as_str().unwrap().ends_with("x:4"),
        "{skipped}"
    );
    let example = &skipped["invalid JSON"]["examples"][0];
    assert!(
        example["place"].as_str().unwrap().ends_with("x:7"),
        "{skipped}"
    );
    let found = example["found"].as_str().unwrap();
    assert!(
        found.contains("expected `:`") && found.contains("srcaddr"),
        "{found}"
    );
}

#[test]
fn json_cut_short_is_damage() {
    let text = json!({"events": events()}).to_string();
    let converted = convert_bytes(&text[..text.len() * 2 / 3]);
    let damaged = &converted.summary()["input"]["damaged"]["damaged"];
    assert_eq!(damaged["count"], 1);
    assert!(converted.count("/records/used") > 3);
    let packed = gzip(&text);
    let converted = convert_bytes(&packed[..packed.len() * 2 / 3]);
    assert_eq!(
        converted.summary()["input"]["damaged"]["damaged"]["count"],
        1
    );
}

#[test]
fn json_nested_a_million_deep_or_bombed_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let deep = [
        &b"{\"a\":".repeat(1_000_000)[..],
        b"\n",
        lines(&objects(str::to_owned, as_text)).as_bytes(),
    ]
    .concat();
    let bomb = base64(gzip(vec![b'x'; 80 << 20]));
    let event = json!({"awslogs": {"data": bomb}}).to_string();
    for (name, bytes) in [("deep", deep), ("bomb", event.into_bytes())] {
        let path = file(&folder, name, bytes);
        let mut command = flow2pcap();
        let run = run(command
            .arg("convert")
            .arg(path)
            .arg("-o")
            .arg(folder.path().join("o.pcapng")));
        assert!(
            run.code == 0 || run.stderr.contains("flow log"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn json_that_is_no_flow_log_is_left_out_by_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let plain = testdata("v5_fifty.log");
    let trail = json!({"Records": [{"eventVersion": "1.08", "eventSource": "s3.amazonaws.com"}]});
    for (bytes, kind) in [
        (trail.to_string(), "a CloudTrail log"),
        (json!({"a": [1, 2, 3]}).to_string(), "JSON"),
        (
            lines(&vec![json!({"level": "info", "msg": "hello"}); 100]),
            "JSON",
        ),
        ("[1, 2, 3]".to_owned(), "JSON"),
    ] {
        let path = file(&folder, "x.json", bytes);
        let converted = convert(&[path, plain.clone()], &[]);
        assert_eq!(
            converted.summary()["input"]["left_out"][kind]["count"],
            1,
            "{}",
            converted.summary()
        );
        assert_eq!(converted.skipped(), 0);
    }
}

#[test]
fn skipdata_without_empty_keys_counts_wherever_it_is() {
    let record = json!({"interface_id": "eni-1", "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2",
        "srcport": 1, "dstport": 2, "protocol": 6, "packets": 1, "bytes": 60,
        "start": 1_700_000_000, "end": 1_700_000_059, "action": "ACCEPT", "log_status": "OK"});
    let status = |status: &str| {
        json!({"interface_id": "eni-1", "start": 1_700_000_060,
        "end": 1_700_000_119, "log_status": status})
    };
    let (skipped, quiet) = (status("SKIPDATA"), status("NODATA"));
    let orders = [
        [&skipped, &quiet, &record],
        [&record, &skipped, &quiet],
        [&quiet, &record, &skipped],
    ];
    for order in orders {
        let folder = tempfile::tempdir().unwrap();
        let objects: Vec<Value> = order.into_iter().cloned().collect();
        let converted = convert(&[file(&folder, "x.json", lines(&objects))], &[]);
        converted.assert_lines_add_up();
        let counts = ["skip_data", "no_data", "used"]
            .map(|fate| converted.count(&format!("/records/{fate}")));
        assert_eq!((counts, converted.skipped()), ([1; 3], 0));
    }
}

#[test]
fn file_is_a_flow_log_or_left_out_as_a_whole() {
    // The values of a record in the default order, under keys that are no flow log's.
    let values = "2 1 eni-7 10.0.0.3 10.0.0.2 1 2 6 1 60 1700000000 1700000001 ACCEPT OK";
    let strange = |len: usize| {
        let cells = values.split(' ').chain(["x"; 9]).take(len).enumerate();
        let object = cells.map(|(i, cell)| (format!("key{i}"), Value::from(cell)));
        Value::Object(object.collect())
    };
    let good = "2 1 eni-1 10.0.0.1 10.0.0.2 1000 443 6 1 60 1700000000 1700000001 ACCEPT OK\n";
    for len in [13, 14, 15] {
        for count in [1, 31, 32, 33, 40_000] {
            let folder = tempfile::tempdir().unwrap();
            let foreign = vec![strange(len); count];
            let inputs = [
                file(&folder, "a.json", lines(&foreign)),
                file(&folder, "b.log", good),
                file(&folder, "c.json", Value::from(foreign).to_string()),
            ];
            let converted = convert(&inputs, &[]);
            converted.assert_lines_add_up();
            assert_eq!(converted.count("/records/lines"), 1);
            assert_eq!(converted.count("/packets/written"), 1);
            assert_eq!(converted.count("/input/files"), 1);
        }
    }
    // Once a record is known, the file is a flow log, and strange lines are its faults.
    let known = json!({"message": good.trim()});
    let folder = tempfile::tempdir().unwrap();
    let mixed = lines(&[strange(14), known, strange(14)]);
    let converted = convert(&[file(&folder, "mixed.json", mixed)], &[]);
    converted.assert_lines_add_up();
    assert_eq!(converted.count("/records/lines"), 3);
    assert_eq!(converted.skipped(), 2);
    assert_eq!(converted.count("/packets/written"), 1);
}
