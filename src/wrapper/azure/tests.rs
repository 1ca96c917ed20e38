//! Tests of Azure tuples and of the objects around them.

use super::*;
use crate::wrapper::batch::joined;

/// Returns the cells of each record of a document, with `-` for no value.
fn rows_of(text: &str) -> Vec<String> {
    let value = Json::parse(text.as_bytes()).unwrap();
    assert!(is_record(&value), "{text}");
    let mut seen = Vec::new();
    let mut open = OpenFlows::default();
    for_each_row(&value, &mut open, |row| match row {
        Ok(row) => seen.push(joined(&row)),
        Err(text) => seen.push(format!("!{text}")),
    });
    seen.extend(open.finish().iter().map(joined));
    seen
}

/// Returns the same for tuples logged one after the other.
fn rows(groups: &str, tuples: &[&str]) -> Vec<String> {
    let tuples = tuples.join("\",\"");
    rows_of(&match groups {
        "flows" => format!(
            r#"{{"properties":{{"flows":[{{"flows":[{{"mac":"M","flowTuples":["{tuples}"]}}]}}]}}}}"#
        ),
        _ => format!(
            r#"{{"macAddress":"M","flowRecords":{{"flows":[{{"flowGroups":[{{"flowTuples":["{tuples}"]}}]}}]}}}}"#
        ),
    })
}

#[test]
fn connection_of_three_tuples_becomes_records_with_handshake_and_teardown() {
    let tuples = [
        "1700000100,10.0.0.4,20.0.0.5,4000,443,T,O,A,B,,,,",
        "1700000160,10.0.0.4,20.0.0.5,4000,443,T,O,A,C,7,700,5,5000",
        "1700000220,10.0.0.4,20.0.0.5,4000,443,T,O,A,E,3,180,2,120",
        "rubbish",
    ];
    let expected = [
        "M 10.0.0.4 20.0.0.5 4000 443 6 7 700 1700000100 1700000160 ACCEPT OK 2 egress",
        "M 20.0.0.5 10.0.0.4 443 4000 6 5 5000 1700000100 1700000160 ACCEPT OK 18 ingress",
        "M 10.0.0.4 20.0.0.5 4000 443 6 3 180 1700000160 1700000220 ACCEPT OK 1 egress",
        "M 20.0.0.5 10.0.0.4 443 4000 6 2 120 1700000160 1700000220 ACCEPT OK 1 ingress",
        "!rubbish",
    ];
    assert_eq!(rows("flows", &tuples), expected);
}

#[test]
fn tuples_of_virtual_networks_have_protocol_numbers_and_a_denied_state() {
    let tuples = [
        "1700000100000,10.0.0.4,20.0.0.5,4000,53,17,I,D,NX,0,0,0,0",
        "1700000160000,10.0.0.4,20.0.0.5,4000,53,17,I,E,NX_HW_NOT_SUPPORTED,1,70,0,0",
    ];
    let expected = [
        "M 10.0.0.4 20.0.0.5 4000 53 17 0 0 1700000100000 1700000100000 REJECT OK - ingress",
        "M 10.0.0.4 20.0.0.5 4000 53 17 1 70 1700000160000 1700000160000 ACCEPT OK - ingress",
    ];
    assert_eq!(rows("flowGroups", &tuples), expected);
}

#[test]
fn tuples_of_the_first_version_have_no_counts() {
    let tuples = ["1700000100,10.0.0.4,20.0.0.5,4000,443,T,I,D"];
    let expected = ["M 10.0.0.4 20.0.0.5 4000 443 6 - - 1700000100 1700000100 REJECT OK 2 ingress"];
    assert_eq!(rows("flows", &tuples), expected);
}

#[test]
fn connection_that_only_began_is_one_record_without_counts() {
    let tuples = [
        "1700000100000,10.0.0.4,20.0.0.5,4000,443,6,O,B,NX,0,0,0,0",
        "1700000101000,10.0.0.4,20.0.0.5,4001,53,17,O,B,NX,0,0,0,0",
        "1700000160000,10.0.0.4,20.0.0.5,4001,53,17,O,C,NX,0,0,0,0",
    ];
    let expected = [
        "M 10.0.0.4 20.0.0.5 4000 443 6 - - 1700000100000 1700000100000 ACCEPT OK 2 egress",
        "M 10.0.0.4 20.0.0.5 4001 53 17 - - 1700000101000 1700000101000 ACCEPT OK - egress",
    ];
    assert_eq!(rows("flowGroups", &tuples), expected);
}

#[test]
fn ports_that_are_used_again_are_another_connection() {
    let tuples = [
        "1700000100000,10.0.0.4,20.0.0.5,4000,443,6,O,B,NX,0,0,0,0",
        "1700000200000,10.0.0.4,20.0.0.5,4000,443,6,O,B,NX,0,0,0,0",
        "1700000210000,10.0.0.4,20.0.0.5,4000,443,6,O,E,NX,4,296,0,0",
    ];
    let expected = [
        "M 10.0.0.4 20.0.0.5 4000 443 6 - - 1700000100000 1700000100000 ACCEPT OK 2 egress",
        "M 10.0.0.4 20.0.0.5 4000 443 6 4 296 1700000200000 1700000210000 ACCEPT OK 2 egress",
    ];
    assert_eq!(rows("flowGroups", &tuples), expected);
}

#[test]
fn packets_are_syns_until_there_is_a_reply_and_a_timeout_is_not_a_close() {
    let tuples = [
        "1700000100000,10.0.0.4,20.0.0.5,4000,443,6,O,B,NX,0,0,0,0",
        "1700000400000,10.0.0.4,20.0.0.5,4000,443,6,O,C,NX,4,296,0,0",
        "1700000700000,10.0.0.4,20.0.0.5,4000,443,6,O,E,NX,2,148,0,0",
    ];
    let flags: Vec<String> = rows("flowGroups", &tuples)
        .iter()
        .map(|row| row.split(' ').nth(12).unwrap().to_owned())
        .collect();
    assert_eq!(flags, ["2", "2"]);
}

#[test]
fn tuple_without_packets_of_a_connection_that_was_counted_adds_nothing() {
    let tuples = [
        "1700000100000,10.0.0.4,20.0.0.5,4000,443,6,O,C,NX,4,296,1,74",
        "1700000700000,10.0.0.4,20.0.0.5,4000,443,6,O,E,NX,0,0,0,0",
    ];
    assert_eq!(rows("flowGroups", &tuples).len(), 2);
}

#[test]
fn tuples_are_found_under_any_name_and_in_texts() {
    let tuple = "1700000100000,10.0.0.4,20.0.0.5,4000,443,6,O,D,NX,0,0,0,0";
    let cells: Vec<String> = tuple.split(',').map(|cell| format!("\"{cell}\"")).collect();
    let row = "10.0.0.4 20.0.0.5 4000 443 6 0 0 1700000100000 1700000100000 REJECT OK 2 egress";
    for (text, mac) in [
        (
            format!(r#"{{"macAddress":"M","rule":"r","flow.0":"{tuple}"}}"#),
            "M",
        ),
        (
            format!(r#"{{"records.mac":"M","records.flowTuples":["{tuple}"]}}"#),
            "M",
        ),
        (format!(r#"{{"mac":"M","tuples":"['{tuple}']"}}"#), "M"),
        (format!(r#"{{"x":"{tuple}"}}"#), "-"),
        (
            format!(
                r#"{{"flowRecords":{{"flows":"[{{\"mac\":\"M\",\"flowTuples\":[\"{tuple}\"]}}]"}}}}"#
            ),
            "M",
        ),
        (
            format!(
                r#"{{"properties":{{"flows":{{"mac":"M","flowTuples":[{}]}}}}}}"#,
                cells.join(",")
            ),
            "M",
        ),
    ] {
        assert_eq!(rows_of(&text), [format!("{mac} {row}")], "{text}");
    }
}

#[test]
fn short_tuple_needs_the_names_of_a_flow_log_around_it() {
    let tuple = "1700000100,10.0.0.4,20.0.0.5,4000,443,T,I,D";
    let parse = |text: &str| is_record(&Json::parse(text.as_bytes()).unwrap());
    assert!(!parse(&format!(r#"{{"x":"{tuple}"}}"#)));
    assert!(parse(&format!(r#"{{"x":"{tuple}","systemId":"s"}}"#)));
    assert!(!parse(r#"{"macAddress":"M","x":"1700000100,10.0.0.4"}"#));
}
