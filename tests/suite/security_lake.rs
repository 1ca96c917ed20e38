//! Parquet as Security Lake has it tells what the records do that it was made of.

use std::sync::Arc;

use crate::support::tables::Table;
use crate::support::wrapping::{convert_bytes, told, v5};
use arrow_array::{ArrayRef, Int64Array, StringArray, StructArray};
use parquet::basic::{Compression, ZstdLevel};

/// The records of version 5 as Security Lake has them: structs, times in milliseconds.
pub(crate) fn events() -> Vec<u8> {
    let value = |name: &str| {
        let (columns, lines) = v5();
        let index = columns.iter().position(|column| column == name).unwrap();
        let cells = lines.into_iter().filter(|line| line.contains(" OK "));
        let cells = cells.map(|line| line.split(' ').nth(index).unwrap().to_owned());
        cells
            .map(|cell| (cell != "-").then_some(cell))
            .collect::<Vec<_>>()
    };
    let text = |name: &str| -> ArrayRef { Arc::new(StringArray::from(value(name))) };
    let number = |name: &str, factor: i64| -> ArrayRef {
        let numbers = value(name).into_iter();
        let numbers = numbers.map(|cell| cell.map(|cell| cell.parse::<i64>().unwrap() * factor));
        Arc::new(numbers.collect::<Int64Array>())
    };
    let code = |name: &str, of: fn(&str) -> i64| -> ArrayRef {
        let codes = value(name)
            .into_iter()
            .map(|cell| cell.map(|cell| of(&cell)));
        Arc::new(codes.collect::<Int64Array>())
    };
    let own = |name: &str, side: &str| -> ArrayRef {
        let sides = value("flow-direction").into_iter().zip(value(name));
        let own =
            sides.map(|(direction, cell)| cell.filter(|_| direction.as_deref() == Some(side)));
        Arc::new(own.collect::<StringArray>())
    };
    let endpoint = |address: &str, port: &str, side: &str| {
        structs(vec![
            ("ip", text(address)),
            ("port", number(port, 1)),
            ("hostname", text("region")),
            ("interface_uid", own("interface-id", side)),
            ("vpc_uid", own("vpc-id", side)),
            ("subnet_uid", own("subnet-id", side)),
            ("instance_uid", own("instance-id", side)),
        ])
    };
    let direction = |word: &str| if word == "ingress" { 1 } else { 2 };
    let action = |word: &str| if word == "REJECT" { 2 } else { 1 };
    let connection = structs(vec![
        ("protocol_num", number("protocol", 1)),
        ("tcp_flags", number("tcp-flags", 1)),
        ("direction_id", code("flow-direction", direction)),
    ]);
    let counts = vec![
        ("packets", number("packets", 1)),
        ("bytes", number("bytes", 1)),
    ];
    let account = structs(vec![("uid", text("account-id"))]);
    let cloud = vec![
        ("account", account),
        ("region", text("region")),
        ("zone", text("az-id")),
    ];
    let columns = vec![
        ("class_uid", code("log-status", |_| 4001)),
        ("cloud", structs(cloud)),
        ("src_endpoint", endpoint("pkt-srcaddr", "srcport", "egress")),
        (
            "dst_endpoint",
            endpoint("pkt-dstaddr", "dstport", "ingress"),
        ),
        ("connection_info", connection),
        ("traffic", structs(counts)),
        ("start_time", number("start", 1_000)),
        ("end_time", number("end", 1_000)),
        ("action_id", code("action", action)),
        ("status_code", text("log-status")),
    ];
    let columns = columns
        .into_iter()
        .map(|(name, array)| (name.to_owned(), array));
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let table = Table::with_columns(columns.collect()).compressed_by(zstd);
    table.in_groups_of(8).bytes()
}

fn structs(members: Vec<(&str, ArrayRef)>) -> ArrayRef {
    Arc::new(StructArray::try_from(members).unwrap())
}

#[test]
fn security_lake_tells_what_its_records_do() {
    let (columns, records) = v5();
    let records = records.into_iter().filter(|record| record.contains(" OK "));
    let text: Vec<String> = [columns.join(" ")].into_iter().chain(records).collect();
    let plain = convert_bytes(text.join("\n"));
    let lake = convert_bytes(events());
    assert_eq!(told(&lake), told(&plain));
    assert_eq!(lake.skipped(), 0);
}
