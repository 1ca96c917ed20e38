//! Recognizes every kind of file in an archive by its first lines.

use super::*;
use crate::record::RecordText;
use crate::record::{Field, Record, Row, Rows};

const V2: &str = "2 123456789010 eni-1235b8ca 172.31.16.139 203.0.113.12 49761 3389 6 20 4249 \
    1418530010 1418530070 REJECT OK";
const V5: &str = "5 123456789010 eni-1235b8ca 10.0.0.62 52.213.180.42 43416 5001 6 100701 5689232 \
    1566848875 1566848933 ACCEPT OK vpc-abcdefab012345678 subnet-aaaaaaaa012345678 \
    i-01234567890123456 19 IPv4 10.0.0.62 52.213.180.42 us-east-1 use1-az4 - - - AMAZON egress 8";
const TGW: &str = "6 TransitGateway 123456789012 tgw-1 tgw-attach-1 123456789012 123456789012 vpc-1 \
    vpc-2 subnet-1 subnet-2 eni-1 eni-2 use1-az1 use1-az2 tgw-attach-2 10.0.0.1 10.0.1.1 12345 443 6 \
    10 1000 1700000000 1700000060 OK IPv4 0 0 0 0 2 us-east-1 ingress - -";
const EIGHT: &str = "10.0.0.1 10.0.0.1 49152 10.0.1.1 10.0.1.1 443 2 REJECT";
const TIME: &str = "2018-09-22T20:28:14.000Z";

#[track_caller]
fn recognized(head: &str) -> Recognized {
    recognize(head.as_bytes(), None).unwrap_or_else(|error| panic!("{head}: {error}"))
}

#[track_caller]
fn order(head: &str, expected: &'static str) -> Layout {
    let found = recognized(head);
    assert_eq!(found.evidence, Evidence::Order(expected));
    found.layout
}

#[track_caller]
fn refused(head: &str) -> Unrecognized {
    recognize(head.as_bytes(), None).unwrap_err()
}

/// Returns the first record of `text` under the layout found for it.
#[track_caller]
fn first_record(text: &str, found: Recognized) -> Record<'_> {
    let mut rows = Rows::new(text.as_bytes(), found.layout.into()).map(|(_, row)| row);
    match rows.find(|row| *row != Row::Header) {
        Some(Row::Record(record)) => record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn aws_orders_are_recognized_without_a_header() {
    assert_eq!(order(&format!("{V2}\n"), "default").columns().len(), 14);
    assert_eq!(order(&format!("{V5}\n"), "version 5").columns().len(), 29);
    let v3 = V5.split(' ').take(21).collect::<Vec<_>>().join(" ");
    assert_eq!(order(&v3, "version 3").columns().len(), 21);
    let v11 = format!("{V5}{}", " -".repeat(25));
    assert_eq!(order(&v11, "version 11").columns().len(), 54);
}

#[test]
fn transit_gateway_order_is_recognized() {
    assert_eq!(
        order(TGW, "transit gateway").index_of(Field::TgwAttachmentId),
        Some(4)
    );
}

#[test]
fn troubleshooting_order_requires_every_line_to_fit() {
    order(&format!("{EIGHT}\n{EIGHT}\n"), "troubleshooting");
    refused(&format!(
        "{EIGHT}\n{EIGHT}\n10.0.0.1 10.0.0.1 1 10.0.1.1 10.0.1.1 2 3 ALLOWED\n"
    ));
    refused("- - - - - - - -\n");
}

#[test]
fn nodata_lines_identify_the_default_order() {
    order(
        "2 123456789010 eni-1235b8ca - - - - - - - 1431280876 1431280934 - NODATA\n",
        "default",
    );
}

#[test]
fn broken_line_does_not_hide_the_order() {
    let broken = V2.replace("203.0.113.12", "12.34.178.90.32");
    order(
        &format!("{broken}\nstray text\n{V2}\n{V2}\n{V2}\n"),
        "default",
    );
}

#[test]
fn time_before_the_record_works_with_every_order() {
    for (line, name) in [
        (V2, "default"),
        (V5, "version 5"),
        (EIGHT, "troubleshooting"),
    ] {
        assert_eq!(
            order(&format!("{TIME} {line}\n"), name).prefix(),
            Prefix::Time
        );
    }
    let tail = format!("{TIME} eni-1235b8ca-all {V2}\n");
    assert_eq!(order(&tail, "default").prefix(), Prefix::TimeAndStream);
}

#[test]
fn console_download_is_read_through_its_envelope() {
    for text in [
        format!("timestamp,message\n1537648094000,{V2}\n"),
        format!("timestamp,message\n1537648094000,\"{V2}\"\n"),
        format!("@timestamp,@message,@logStream\n2018-09-22 20:28:14.000,{V2},eni-1235b8ca-all\n"),
    ] {
        let record = first_record(&text, recognized(&text));
        assert_eq!(record.text, RecordText::Line(V2.as_bytes()));
        assert_eq!(record.line_time_ns, Some(1_537_648_094_000_000_000));
    }
}

#[test]
fn header_takes_precedence_over_format() {
    let text = "dstaddr srcaddr\n10.0.0.1 10.0.0.2\n";
    let given = Layout::from_format("srcaddr dstaddr").unwrap();
    let found = recognize(text.as_bytes(), Some(&given)).unwrap();
    assert_eq!(
        (found.evidence, found.layout.index_of(Field::DstAddr)),
        (Evidence::Header, Some(0))
    );
}

#[test]
fn header_below_stray_lines_is_found() {
    let found = recognized("\n\nFlow logs of Monday\nsrcaddr dstaddr\n10.0.0.1 10.0.0.2\n");
    assert_eq!(found.evidence, Evidence::Header);
}

#[test]
fn records_before_a_header_have_their_own_order() {
    order(
        &format!("{V2}\nsrcaddr dstaddr\n10.0.0.1 10.0.0.2\n"),
        "default",
    );
}

#[test]
fn header_with_a_repeated_field_is_explained() {
    let words = refused("srcaddr dstaddr srcaddr\n").to_string();
    assert!(
        words.starts_with("line 1 is a header in which columns 1 and 3 are both `srcaddr`"),
        "{words}"
    );
}

#[test]
fn csv_without_a_header_is_read() {
    let text = format!("{}\n", V2.replace(' ', ","));
    assert_eq!(order(&text, "default").separator(), Separator::Comma);
}

#[test]
fn given_format_is_used_if_the_lines_match() {
    let given = Layout::from_format("srcaddr ? dstaddr").unwrap();
    for (line, prefix) in [
        ("10.0.0.1 x 10.0.0.2", Prefix::None),
        (&format!("{TIME} 10.0.0.1 x 10.0.0.2"), Prefix::Time),
    ] {
        let found = recognize(line.as_bytes(), Some(&given)).unwrap();
        assert_eq!(
            (found.evidence, found.layout.prefix()),
            (Evidence::Given, prefix)
        );
    }
    let other = recognize(V2.as_bytes(), Some(&given)).unwrap();
    assert_eq!(other.evidence, Evidence::Order("default"));
}

#[test]
fn unknown_number_of_columns_is_explained() {
    let refused = refused(&format!("{V2} vpc-1\n"));
    let words = refused.to_string();
    assert!(
        words.contains("15 columns: no known layout has 15"),
        "{words}"
    );
    let format = refused.suggestion().unwrap();
    assert!(
        format.starts_with("? ${account-id} ${interface-id} ${srcaddr} ${dstaddr}"),
        "{format}"
    );
    assert!(
        format.contains("${srcport} ${dstport} ${protocol} ${packets} ${bytes}"),
        "{format}"
    );
}

#[test]
fn known_number_of_columns_with_other_values_is_explained() {
    let shifted = V5.replacen("100701", "eni-1", 1);
    let words = refused(&shifted).to_string();
    assert!(
        words.contains("tried version 5: 29 columns, but column 9 (packets) holds \"eni-1\""),
        "{words}"
    );
}

#[test]
fn suggestion_is_accepted_as_a_format() {
    let refusal = refused("eni-1 10.0.0.1 10.0.0.2 whatever ACCEPT\n");
    let suggestion = refusal.suggestion().unwrap();
    assert_eq!(
        suggestion,
        "${interface-id} ${srcaddr} ${dstaddr} ? ${action}"
    );
    assert!(Layout::from_format(&suggestion).is_ok());
}

#[test]
fn other_logs_are_distinguished() {
    for (line, expected) in [
        (
            "https 2018-07-02T22:23:00.186641Z app/lb/50dc 192.168.131.39:2817 10.0.0.1:80 0.0 0.0 0.0 200 200",
            Foreign::AlbAccess,
        ),
        (
            "tls 2.0 2018-12-20T02:59:40 net/network-lb/c6e7 g3d4 72.21.218.154:51341 172.100.100.185:443",
            Foreign::NlbAccess,
        ),
        (
            "2015-05-13T23:39:43.945958Z my-lb 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200",
            Foreign::ClbAccess,
        ),
        (
            "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036",
            Foreign::AlbConnection,
        ),
        (
            "Enable AccessLog for ELB: my-lb at 2015-05-13T23:39:43Z",
            Foreign::ControlMessage,
        ),
        ("Permission Check Successful", Foreign::ControlMessage),
        (
            "{\"Records\":[{\"eventVersion\":\"1.08\"}]}",
            Foreign::CloudTrail,
        ),
        ("{\"message\":\"2 1 eni-1\"}", Foreign::Json),
        (
            "{\"messageType\":\"DATA_MESSAGE\",\"message\":\"2 1\"}\n",
            Foreign::Json,
        ),
        (
            "{\n  \"Records\": [\n    {\n      \"eventSource\": \"ec2\"",
            Foreign::CloudTrail,
        ),
        ("PAR1\u{15}", Foreign::Parquet),
        ("MZ\0\0", Foreign::Binary),
        ("", Foreign::Empty),
        ("once upon a time\n", Foreign::Other),
    ] {
        assert_eq!(refused(line).foreign(), expected, "{line}");
    }
}

#[test]
fn message_about_another_log_is_one_line() {
    let words = refused("Enable AccessLog for ELB: my-lb at 2015-05-13T23:39:43Z").to_string();
    assert_eq!(
        words,
        "a test message from AWS, not a flow log; first line \"Enable AccessLog for ELB: my-lb at 2015-05-13T23:39:43Z\""
    );
}

#[test]
fn record_in_custom_order_after_a_time_is_not_a_load_balancer_log() {
    let given =
        Layout::from_format("dstaddr dstport packets flow-direction srcaddr start end").unwrap();
    let line =
        b"2024-05-06T15:28:22Z 10.114.7.155 59981 2 egress 10.250.0.10 1715010902 1715010961\n";
    assert!(recognize(line, Some(&given)).is_ok());
}

#[test]
fn header_with_a_repeated_column_is_reported_with_its_line() {
    let text = "# exported\n\nversion srcaddr dstaddr srcaddr action\n2 10.0.0.1 10.0.0.2 10.0.0.1 ACCEPT\n";
    let words = refused(text).to_string();
    assert!(
        words.starts_with(
            "line 3 is a header in which columns 2 and 4 are both `srcaddr`; each field may appear \
             only once: \"version srcaddr dstaddr srcaddr action\""
        ),
        "{words}"
    );
    assert!(!words.contains("no header"), "{words}");
    // The suggested format is accepted.
    let given = Layout::from_format("version srcaddr dstaddr ? action").unwrap();
    let found = recognize(text.as_bytes(), Some(&given)).unwrap();
    assert_eq!(found.evidence, Evidence::Given);
}
