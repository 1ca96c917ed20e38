//! Every known deviation from AWS's spelling that is still a record, with one test each.

use super::*;

#[test]
fn dash_in_any_numeric_column_is_no_value() {
    let record = record("default", "2 - - - - - - - - - - - - -");
    assert_eq!(
        record,
        Record {
            text: record.text,
            ..Record::default()
        }
    );
    reads_like_line(
        &format!("{} tcp-flags traffic-path", HEADER.replace("version", "?")),
        &format!("{LINE} - -"),
    );
}

#[test]
fn nodata_and_skipdata_have_no_flow() {
    let block = "2 123456789010 eni-1235b8ca - - - - - - - 1431280876 1431280934 - NODATA\n\
        2 123456789010 eni-11111111 - - - - - - - 1431280876 1431280934 - SKIPDATA\n";
    let rows = rows(&layout("default"), block);
    let [Row::NoData(idle), Row::SkipData(lost)] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (idle.eni, lost.eni),
        (&b"eni-1235b8ca"[..], &b"eni-11111111"[..])
    );
    assert_eq!(lost.start_ns, Some(1_431_280_876_000_000_000));
}

#[test]
fn nodata_in_custom_order_without_identity_is_recognized() {
    let rows = rows(&layout("log-status srcaddr bytes"), "NODATA - -\n");
    assert!(matches!(rows[..], [Row::NoData(record)] if record.eni.is_empty()));
}

#[test]
fn custom_order_starting_with_account_id_is_read() {
    let format = "account-id action az-id bytes dstaddr dstport end flow-direction instance-id \
        interface-id log-status packets protocol region srcaddr srcport start version";
    let line = "123456789010 REJECT use1-az1 4249 203.0.113.12 3389 1418530070 - i-1 eni-1235b8ca \
        OK 20 6 us-east-1 172.31.16.139 49761 1418530010 5";
    reads_like_line(format, line);
}

#[test]
fn wrong_order_of_the_same_length_is_explained() {
    let line = "123456789010 eni-1 10.0.0.1 i-02abc 10.0.0.2 1 2 6 7 8 9 10 ACCEPT OK";
    assert_eq!(
        fault("default", line),
        "column 4 (srcaddr): found \"i-02abc\", expected an IPv4 or IPv6 address"
    );
}

#[test]
fn wrong_version_is_ignored() {
    reads_like_line("default", &LINE.replacen('2', "7", 1));
}

#[test]
fn format_without_times_ports_or_action_is_read() {
    let format = "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr";
    let record = record(format, "- eni-1 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5");
    assert_eq!(record.pkt_destination, "203.0.113.5".parse().ok());
    assert_eq!(
        (record.source_port, record.start_ns, record.action),
        (None, None, None)
    );
}

#[test]
fn blanks_tabs_and_carriage_returns_are_skipped() {
    for line in [
        format!("  {LINE}\n"),
        format!("{LINE}   \r\n"),
        format!("{}\r\n", LINE.replace(' ', "\t")),
        format!("{}\n", LINE.replace(' ', "  \t ")),
        format!("\u{feff}{LINE}"),
    ] {
        reads_like_line("default", &line);
    }
}

#[test]
fn missing_final_newline_does_not_matter() {
    let block = format!("{LINE}\n{LINE}");
    assert_eq!(rows(&layout("default"), &block).len(), 2);
    reads_like_line("default", LINE);
}

#[test]
fn blank_lines_and_comments_are_blank() {
    let rows = rows(&layout("default"), "\n  \r\n# taken on Monday\n");
    assert_eq!(rows, [Row::Blank; 3]);
}

#[test]
fn stray_text_is_a_fault_and_does_not_affect_other_lines() {
    let block = format!("Flow logs of the test account\n{LINE}\n");
    let rows = rows(&layout("default"), &block);
    let [Row::Fault(fault), Row::Record(_)] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        fault.to_string(),
        "found 6 columns, expected 14: \"Flow logs of the test account\""
    );
}

#[test]
fn milliseconds_are_recognized_by_their_size() {
    let line = LINE
        .replace("1418530010", "1418530010000")
        .replace("1418530070", "1418530070000");
    reads_like_line("default", &line);
}

#[test]
fn start_with_missing_digits_is_read_and_noted() {
    let line = LINE
        .replace("1418530010", "164000066")
        .replace("1418530070", "1640000297");
    let record = record("default", &line);
    assert_eq!(record.start_ns, Some(164_000_066_000_000_000));
    let interval = record.interval().unwrap();
    assert_eq!(
        (interval.start_ns, interval.note),
        (1_640_000_297_000_000_000, TimeNote::Implausible)
    );
}

#[test]
fn floats_and_scientific_notation_are_numbers() {
    let line = LINE
        .replace("49761", "49761.0")
        .replace(" 6 ", " 6.0 ")
        .replace("1418530010", "1.41853001E9");
    reads_like_line("default", &line);
}

#[test]
fn words_for_no_value_are_no_value() {
    for word in ["null", "None", "NaN", "NULL", "<NA>"] {
        let line = LINE.replace("4249", word);
        let record = record("default", &line);
        assert_eq!((record.bytes, record.packets), (None, Some(20)), "{word}");
    }
}

#[test]
fn account_id_is_text() {
    for account in ["unknown", "29nnnnnnnn55", "12345678"] {
        reads_like_line("default", &LINE.replace("123456789010", account));
    }
}

#[test]
fn masked_interface_id_is_kept() {
    let line = LINE.replace("eni-1235b8ca", "eni-069xxxxxb7a490");
    assert_eq!(record("default", &line).eni, b"eni-069xxxxxb7a490");
}

#[test]
fn flags_on_other_protocols_are_kept() {
    let record = record("protocol tcp-flags", "17 63");
    assert_eq!(
        (record.protocol, record.flags),
        (Some(17), Some(ObservedFlags(63)))
    );
}

#[test]
fn protocol_names_are_numbers() {
    reads_like_line("default", &LINE.replace(" 6 ", " TCP "));
    assert_eq!(
        fault("default", &LINE.replace(" 6 ", " pigeon ")),
        "column 8 (protocol): found \"pigeon\", expected a protocol number"
    );
}

#[test]
fn any_protocol_and_port_zero_are_read() {
    for protocol in [0, 2, 19, 41, 47, 50, 58, 89, 132, 255] {
        let line = format!("{protocol} 0");
        let record = record("protocol srcport", &line);
        assert_eq!(
            (record.protocol, record.source_port),
            (Some(protocol), Some(0))
        );
    }
}

#[test]
fn ipv6_is_read_in_compressed_form() {
    let record = record(
        "srcaddr dstaddr",
        "2a02:cf40:: 2001:db8:1234:a100:8d6e:3477:df66:f105",
    );
    assert_eq!(record.source, "2a02:cf40::".parse().ok());
}
