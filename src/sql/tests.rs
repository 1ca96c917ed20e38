//! Queries over small tables in memory, as a user types them.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringViewBuilder};
use arrow_array::{
    ArrayRef, Date32Array, Int32Array, Int64Array, RecordBatch, StringViewArray, StructArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field as ArrowField};
use datafusion::catalog::{MemTable, TableProvider};

use super::*;

mod syntax_and_faults;

fn text(values: &[&str]) -> ArrayRef {
    let values = values
        .iter()
        .map(|value| (!value.is_empty()).then_some(*value));
    Arc::new(values.collect::<StringViewArray>())
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Arc<dyn TableProvider> {
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap())
}

fn numbers<A: FromIterator<Option<i32>> + arrow_array::Array + 'static>(
    values: &[i32],
) -> ArrayRef {
    // Less than nothing is null.
    let values = values.iter().map(|value| (*value >= 0).then_some(*value));
    Arc::new(values.collect::<A>())
}

fn bigints(values: &[i32]) -> ArrayRef {
    let values = values
        .iter()
        .map(|value| (*value >= 0).then_some(i64::from(*value)));
    Arc::new(values.collect::<Int64Array>())
}

/// Four records of one day and one of the day after it; the last has no data.
fn flows() -> Arc<dyn TableProvider> {
    let words = |line: &str| text(&line.split(' ').collect::<Vec<_>>());
    table(vec![
        ("interface_id", words("eni-1 eni-1 eni-2 eni-2 eni-2 eni-3")),
        (
            "srcaddr",
            words("10.0.0.1 10.0.0.2 203.0.113.9 10.0.0.1 2001:db8::1 -"),
        ),
        (
            "dstaddr",
            words("10.0.1.5 10.0.1.5 10.0.1.6 10.0.1.6 2001:db8::2 -"),
        ),
        (
            "dstport",
            numbers::<Int32Array>(&[443, 443, 22, 53, 443, -1]),
        ),
        ("protocol", bigints(&[6, 6, 6, 17, 6, -1])),
        ("packets", bigints(&[10, 7, 1, 2, 5, -1])),
        ("bytes", bigints(&[1_000, 701, 40, 120, 500, -1])),
        (
            "start",
            bigints(&[
                1_588_550_405,
                1_588_550_465,
                1_588_551_405,
                1_588_551_410,
                1_588_636_805,
                1_588_636_900,
            ]),
        ),
        ("tcp_flags", numbers::<Int32Array>(&[3, 2, 2, 0, 19, -1])),
        (
            "action",
            text(&["ACCEPT", "ACCEPT", "REJECT", "ACCEPT", "REJECT", ""]),
        ),
        (
            "date",
            numbers::<Date32Array>(&[18_386, 18_386, 18_386, 18_386, 18_387, 18_387]),
        ),
        (
            "$path",
            words("a.log:1 a.log:2 a.log:3 a.log:4 b.log:1 b.log:2"),
        ),
    ])
}

fn calls() -> Arc<dyn TableProvider> {
    let mut tags = ListBuilder::new(StringViewBuilder::new());
    tags.append_value([Some("a"), Some("b")]);
    tags.append_value::<_, &str>([]);
    tags.append_value([Some("c")]);
    let caller = StructArray::from(vec![
        (
            Arc::new(ArrowField::new("username", DataType::Utf8View, true)),
            text(&["alice", "bob", "alice"]),
        ),
        (
            Arc::new(ArrowField::new("accountid", DataType::Utf8View, true)),
            text(&["111122223333", "111122223333", "444455556666"]),
        ),
    ]);
    table(vec![
        (
            "eventname",
            text(&[
                "RevokeSecurityGroupIngress",
                "DescribeInstances",
                "RunInstances",
            ]),
        ),
        (
            "eventtime",
            text(&[
                "2020-05-04T00:10:00Z",
                "2020-05-04T00:20:00Z",
                "2020-05-05T01:00:00Z",
            ]),
        ),
        ("useridentity", Arc::new(caller)),
        ("tags", Arc::new(tags.finish())),
        (
            "requestparameters",
            text(&[
                r#"{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":5432}]}}"#,
                "",
                "x",
            ]),
        ),
        (
            "at",
            Arc::new(TimestampMillisecondArray::from(vec![
                1_588_551_000_000,
                1_588_551_600_000,
                1_588_640_400_000,
            ])),
        ),
    ])
}

fn engine(threads: usize) -> Engine {
    let tables = vec![
        ("vpc_flow_logs".to_owned(), flows()),
        ("cloudtrail_logs".to_owned(), calls()),
    ];
    let room = EngineRoom {
        threads,
        memory: 64 << 20,
        temp_dir: std::env::temp_dir(),
    };
    let parameters = Parameters::from([("address".to_owned(), "10.0.0.1".to_owned())]);
    Engine::with_tables(tables, &room, parameters).unwrap()
}

fn run(engine: &Engine, sql: &str) -> Result<String, QueryFault> {
    let mut out = Vec::new();
    for statement in statements(sql)? {
        let mut take = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        engine.run(&statement, &mut RowWriter::new(QueryForm::Csv, &mut take))?;
    }
    Ok(String::from_utf8(out).unwrap())
}

/// The rows of a query, without the names of columns, joined by `;`.
#[track_caller]
fn check(sql: &str, expected: &str) {
    let text = run(&engine(2), sql).unwrap_or_else(|fault| panic!("{sql}\n{fault}"));
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows.join(";"), expected, "{sql}");
}

#[track_caller]
fn refused(sql: &str) -> String {
    match run(&engine(2), sql) {
        Err(fault) => fault.to_string(),
        Ok(rows) => panic!("{sql} gave\n{rows}"),
    }
}

#[test]
fn queries_of_the_athena_guide_run_as_printed() {
    check(
        "SELECT * FROM vpc_flow_logs WHERE date = DATE('2020-05-05') AND dstport = 443 LIMIT 100;",
        "eni-2,2001:db8::1,2001:db8::2,443,6,5,500,1588636805,19,REJECT,2020-05-05",
    );
    check(
        "SELECT day_of_week(date) AS day, date, interface_id, srcaddr, action, protocol FROM vpc_flow_logs \
         WHERE action = 'REJECT' AND protocol = 6 LIMIT 100;",
        "1,2020-05-04,eni-2,203.0.113.9,REJECT,6;2,2020-05-05,eni-2,2001:db8::1,REJECT,6",
    );
    check(
        "SELECT SUM(packets) AS packetcount, dstaddr FROM vpc_flow_logs WHERE dstport = 443 AND date > \
         date '2020-05-12' - interval '14' day GROUP BY dstaddr ORDER BY packetcount DESC LIMIT 10;",
        "17,10.0.1.5;5,2001:db8::2",
    );
    check(
        "SELECT useridentity.username, count(*) FROM \"AwsDataCatalog\".\"default\".\"CloudTrail_Logs\" GROUP BY \
         useridentity.username ORDER BY 2 DESC",
        "alice,2;bob,1",
    );
}

#[test]
fn dates_and_times_are_those_of_trino() {
    check(
        "SELECT date_format(from_unixtime(1588550405), '%Y-%m-%d %H:%i:%s')",
        "2020-05-04 00:00:05",
    );
    check(
        "SELECT from_unixtime(1588550405.5)",
        "2020-05-04 00:00:05.500 UTC",
    );
    check(
        "SELECT from_unixtime(start) FROM vpc_flow_logs ORDER BY 1 LIMIT 1",
        "2020-05-04 00:00:05.000 UTC",
    );
    check(
        "SELECT date_parse('2020/05/04', '%Y/%m/%d'), date(from_unixtime(1588550405))",
        "2020-05-04 00:00:00.000,2020-05-04",
    );
    check(
        "SELECT from_iso8601_timestamp(eventtime) FROM cloudtrail_logs ORDER BY 1 LIMIT 1",
        "2020-05-04 00:10:00.000 UTC",
    );
    check(
        "SELECT to_unixtime(from_iso8601_timestamp('2020-05-04T00:10:00Z'))",
        "1588551000.0",
    );
    check(
        "SELECT date_diff('minute', from_iso8601_timestamp('2020-05-04T00:10:00Z'), timestamp '2020-05-04 01:00:59')",
        "50",
    );
    check(
        "SELECT date_add('day', -1, date '2020-05-04'), date_add('hour', 2, timestamp '2020-05-04 00:00:00')",
        "2020-05-03,2020-05-04 02:00:00.000",
    );
    check(
        "SELECT parse_datetime('04/May/2020:00:10:00 +0200', 'dd/MMM/yyyy:HH:mm:ss Z')",
        "2020-05-03 22:10:00.000 UTC",
    );
    check(
        "SELECT format_datetime(timestamp '2020-05-04 00:10:00', 'EEE HH:mm')",
        "Mon 00:10",
    );
    check(
        "SELECT to_iso8601(date '2020-05-04'), to_iso8601(from_unixtime(0))",
        "2020-05-04,1970-01-01T00:00:00.000Z",
    );
}

#[test]
fn times_have_parts_and_zones() {
    check(
        "SELECT timestamp '2020-05-04 00:10:00 UTC' = from_iso8601_timestamp('2020-05-04T00:10:00Z')",
        "true",
    );
    check(
        "SELECT year(date), month(date), day(date), hour(from_unixtime(start)) FROM vpc_flow_logs LIMIT 1",
        "2020,5,4,0",
    );
    check(
        "SELECT extract(dow FROM date '2020-05-10'), extract(year FROM date '2020-05-10')",
        "7,2020",
    );
    check(
        "SELECT date_trunc('hour', from_unixtime(1588550405)), date_trunc('month', date '2020-05-04'), \
         date_trunc('day', timestamp '2020-05-04 01:02:03')",
        "2020-05-04 00:00:00.000 UTC,2020-05-01,2020-05-04 00:00:00.000",
    );
    check(
        "SELECT CAST(from_unixtime(0) AS varchar), CAST(date '2020-05-04' AS varchar)",
        "1970-01-01 00:00:00.000 UTC,2020-05-04",
    );
    check(
        "SELECT CAST(from_unixtime(0) AT TIME ZONE 'Europe/Berlin' AS varchar), timestamp '1970-01-01 00:00:00' AT TIME ZONE 'Europe/Berlin'",
        "1970-01-01 01:00:00.000 +01:00,1970-01-01 01:00:00.000 +01:00",
    );
    check(
        "SELECT count(*) FROM cloudtrail_logs WHERE at >= timestamp '2020-05-05 00:00:00'",
        "1",
    );
    check(
        "SELECT current_date > date '2020-01-01', now() - interval '14' day < current_timestamp",
        "true,true",
    );
}

#[test]
fn functions_of_athena_that_the_engine_lacks_are_there() {
    check("SELECT count_if(action = 'REJECT') FROM vpc_flow_logs", "2");
    check(
        "SELECT IF(packets > 5, 'many', 'few') FROM vpc_flow_logs ORDER BY start LIMIT 2",
        "many;many",
    );
    check(
        "SELECT bitwise_and(tcp_flags, 2), bitwise_or(tcp_flags, 4), bitwise_xor(tcp_flags, 1), bitwise_not(tcp_flags) FROM vpc_flow_logs ORDER BY start LIMIT 1",
        "2,7,2,-4",
    );
    check(
        "SELECT max_by(srcaddr, bytes), min_by(srcaddr, bytes), arbitrary(interface_id) FROM vpc_flow_logs",
        "10.0.0.1,203.0.113.9,eni-1",
    );
    check(
        "SELECT max_by(srcaddr, bytes, 2) FROM vpc_flow_logs",
        "\"[10.0.0.1, 10.0.0.2]\"",
    );
    check(
        "SELECT approx_percentile(bytes, 0.5), approx_percentile(bytes, ARRAY[0.0, 1.0]) FROM vpc_flow_logs",
        "500,\"[40, 1000]\"",
    );
    check("SELECT approx_distinct(srcaddr) FROM vpc_flow_logs", "5");
    check(
        "SELECT array_agg(DISTINCT action) FILTER (WHERE action IS NOT NULL) FROM vpc_flow_logs",
        "\"[ACCEPT, REJECT]\"",
    );
}

#[test]
fn functions_of_text_and_lists_are_there() {
    check(
        "SELECT split('a,b', ',')[2], split_part('a,b', ',', 1), cardinality(split('a,b', ',')) - 3",
        "b,a,-1",
    );
    check(
        "SELECT element_at(split('a,b', ','), -1), contains(split('a,b', ','), 'b')",
        "b,true",
    );
    check(
        "SELECT regexp_extract('port 443', '(\\d+)', 1), regexp_replace('a1b', '[0-9]', '-'), regexp_like('abc', 'b')",
        "443,a-b,true",
    );
    check(
        "SELECT url_extract_host('https://a.example:8443/x?y=1'), url_extract_port('https://a.example:8443/x'), url_extract_parameter('https://a/x?y=1', 'y')",
        "a.example,8443,1",
    );
    check(
        "SELECT strpos('abc', 'c'), substr('abcdef', -3), substr('abcdef', -3, 2), substr('ab', -3), concat('a', 'b', 'c'), concat('a', NULL)",
        "3,def,de,,abc,",
    );
    check(
        "SELECT count(*) FROM vpc_flow_logs WHERE contains('10.0.0.0/8', CAST(srcaddr AS IPADDRESS))",
        "3",
    );
    check(
        "SELECT count(*) FROM vpc_flow_logs WHERE contains('2001:db8::/32', TRY_CAST(srcaddr AS IPADDRESS))",
        "1",
    );
    check(
        "SELECT greatest(1, 3, 2), least(1, NULL), round(2.5), ceiling(1.2), mod(7, 3)",
        "3,,3.0,2.0,1",
    );
    check(
        "SELECT listagg(srcaddr, ' ') WITHIN GROUP (ORDER BY srcaddr) FROM vpc_flow_logs WHERE action = 'ACCEPT'",
        "10.0.0.1 10.0.0.1 10.0.0.2",
    );
    check(
        "SELECT transform(ARRAY[1, 2], x -> x * 2), filter(ARRAY[1, 2], x -> x > 1)",
        "\"[2, 4]\",[2]",
    );
}
