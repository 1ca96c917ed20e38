//! Every departure from AWS's spelling that archives are known to hold, one test
//! each: it ends in a record or in a fault that says what is wrong.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
    packets bytes start end action log-status";
const LINE: &str = "2 123456789010 eni-1235b8ca 172.31.16.139 203.0.113.12 49761 3389 6 20 4249 \
    1418530010 1418530070 REJECT OK";

fn layout(format: &str) -> Arc<Layout> {
    Arc::new(Layout::from_format(format).unwrap())
}

fn rows<'a>(layout: &Arc<Layout>, block: &'a str) -> Vec<Row<'a>> {
    Rows::new(block.as_bytes(), Arc::clone(layout))
        .map(|(_, row)| row)
        .collect()
}

/// The one record of `line` under `format`.
#[track_caller]
fn record<'a>(format: &str, line: &'a str) -> Record<'a> {
    match rows(&layout(format), line)[..] {
        [Row::Record(record) | Row::NoData(record) | Row::SkipData(record)] => record,
        ref other => panic!("{line:?}: {other:?}"),
    }
}

/// The one fault of `line` under `format`, in words.
#[track_caller]
fn fault(format: &str, line: &str) -> String {
    match rows(&layout(format), line)[..] {
        [Row::Fault(fault)] => fault.to_string(),
        ref other => panic!("{line:?}: {other:?}"),
    }
}

/// `line` must read under `format` as [`LINE`] does under the default one.
#[track_caller]
fn reads_like_line(format: &str, line: &str) {
    let expected = record("default", LINE);
    let found = record(format, line);
    let bare = |record| Record {
        line: b"",
        ..record
    };
    assert_eq!(bare(found), bare(expected), "{line:?}");
}

#[test]
fn default_record_is_read_whole() {
    let record = record("default", LINE);
    assert_eq!(record.line, LINE.as_bytes());
    assert_eq!(record.eni, b"eni-1235b8ca");
    assert_eq!(record.source, "172.31.16.139".parse().ok());
    assert_eq!(record.destination, "203.0.113.12".parse().ok());
    assert_eq!(
        (record.source_port, record.destination_port),
        (Some(49_761), Some(3_389))
    );
    assert_eq!(
        (record.protocol, record.packets, record.bytes),
        (Some(6), Some(20), Some(4_249))
    );
    assert_eq!(record.start_ns, Some(1_418_530_010_000_000_000));
    assert_eq!(record.end_ns, Some(1_418_530_070_000_000_000));
    assert_eq!(
        (record.action, record.log_status),
        (Some(Action::Reject), LogStatus::Ok)
    );
    assert_eq!(
        (record.flags, record.direction, record.traffic_path),
        (None, None, None)
    );
}

#[test]
fn later_columns_are_read() {
    let record = record(
        "tcp-flags flow-direction traffic-path pkt-srcaddr pkt-dstaddr",
        "19 egress 8 10.0.0.1 10.0.0.2",
    );
    assert_eq!(record.flags, Some(ObservedFlags(19)));
    assert_eq!(
        (record.direction, record.traffic_path),
        (Some(Direction::Egress), Some(8))
    );
    assert_eq!(record.pkt_source, "10.0.0.1".parse().ok());
    assert_eq!(record.pkt_destination, "10.0.0.2".parse().ok());
}

#[test]
fn fields_without_a_slot_are_found_by_name() {
    let layout = Layout::from_header(b"srcaddr,dstaddr,vpc_id,instance_id,dt").unwrap();
    let line = "10.0.0.1,10.0.0.2,vpc-1,-,2024-05-01";
    let Row::Record(record) = rows(&Arc::new(layout.clone()), line)[0] else {
        panic!("no record");
    };
    assert_eq!(record.get(&layout, Field::VpcId), Some(&b"vpc-1"[..]));
    assert_eq!(record.get(&layout, Field::InstanceId), None);
    assert_eq!(record.get(&layout, Field::Region), None);
    assert_eq!(record.get_by_name(&layout, "dt"), Some(&b"2024-05-01"[..]));
}

#[test]
fn header_repeated_or_in_the_middle_is_no_record() {
    let block = format!("{HEADER}\n{LINE}\n{HEADER}\n{LINE}\n");
    let kinds = rows(&layout("default"), &block);
    assert!(matches!(
        kinds[..],
        [Row::Header, Row::Record(_), Row::Header, Row::Record(_)]
    ));
}

#[test]
fn header_of_another_order_holds_from_there_on() {
    let block = format!("{LINE}\ndstaddr srcaddr\n203.0.113.12 172.31.16.139\n");
    let mut rows = Rows::new(block.as_bytes(), layout("default"));
    assert!(matches!(rows.next(), Some((0, Row::Record(_)))));
    assert!(matches!(rows.next(), Some((_, Row::Header))));
    let Some((_, Row::Record(record))) = rows.next() else {
        panic!("no record");
    };
    assert_eq!(record.source, "172.31.16.139".parse().ok());
    assert_eq!(*rows.layout_at_end(), *layout("dstaddr srcaddr"));
}

#[test]
fn header_under_a_layout_of_text_alone_is_no_record() {
    let block = "vpc-id interface-id\nvpc-1 eni-1\n";
    let rows = rows(&layout("vpc-id interface-id"), block);
    assert!(
        matches!(rows[..], [Row::Header, Row::Record(_)]),
        "{rows:?}"
    );
}

#[test]
fn header_returned_as_a_row_by_a_query_is_no_record() {
    let table = Layout::from_header(b"srcaddr,dstaddr,packets,dt").unwrap();
    let rows = rows(&Arc::new(table), "srcaddr,dstaddr,packets,2024-05-01\n");
    assert!(matches!(rows[..], [Row::Header]), "{rows:?}");
}

#[test]
fn dash_in_any_numeric_column_is_no_value() {
    let record = record("default", "2 - - - - - - - - - - - - -");
    assert_eq!(
        record,
        Record {
            line: record.line,
            ..Record::default()
        }
    );
    reads_like_line(
        &format!("{} tcp-flags traffic-path", HEADER.replace("version", "?")),
        &format!("{LINE} - -"),
    );
}

#[test]
fn nodata_and_skipdata_carry_no_flow() {
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
fn nodata_in_custom_order_without_identity_is_told() {
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
fn version_that_does_not_match_is_not_believed() {
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
fn blanks_tabs_and_carriage_returns_are_passed_over() {
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
fn missing_final_newline_costs_nothing() {
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
fn stray_text_is_a_fault_and_costs_no_other_line() {
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
fn milliseconds_are_told_by_their_size() {
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
fn words_for_nothing_are_no_value() {
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

#[test]
fn mixed_families_are_a_fault() {
    assert_eq!(
        fault("srcaddr dstaddr", "10.0.0.1 2a02:cf40::"),
        "found IPv4 and IPv6 addresses, expected one family: \"10.0.0.1 2a02:cf40::\""
    );
}

#[test]
fn mixed_families_at_a_translating_gateway_are_none() {
    let format = "srcaddr dstaddr pkt-srcaddr pkt-dstaddr";
    let record = record(format, "2001:db8::1 10.0.0.1 2001:db8::1 64:ff9b::1");
    assert_eq!(record.pkt_destination, "64:ff9b::1".parse().ok());
}

#[test]
fn masked_address_is_a_fault() {
    let line = LINE.replace("203.0.113.12", "12.34.178.90.32");
    let words = "column 5 (dstaddr): found \"12.34.178.90.32\", expected an IPv4 or IPv6 address";
    assert_eq!(fault("default", &line), words);
}

#[test]
fn line_cut_at_the_end_is_a_fault() {
    let block = format!("{LINE}\n{}", &LINE[..60]);
    let rows = rows(&layout("default"), &block);
    let [Row::Record(_), Row::Fault(fault)] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        fault.kind(),
        FaultKind::WrongColumnCount {
            found: 6,
            expected: 14
        }
    );
}

#[test]
fn more_columns_than_the_layout_are_a_fault() {
    let words = fault("default", &format!("{LINE} extra"));
    assert!(
        words.starts_with("found 15 columns, expected 14: \"2 1234"),
        "{words}"
    );
    assert!(words.ends_with("…\"") && words.len() < 120, "{words}");
}

#[test]
fn comment_behind_a_record_is_passed_over() {
    reads_like_line(
        "default",
        &format!("{LINE} #Traffic from the subnet to its gateway"),
    );
}

#[test]
fn csv_with_header_and_empty_values_is_read() {
    let header = "Version,Account_id,Interface_id,Srcaddr,Dstaddr,Srcport,Dstport,Protocol,\
        Packets,Bytes,Start,End,Action,Log_status,Tcp_flags";
    let csv = Arc::new(Layout::from_header(header.as_bytes()).unwrap());
    let expected = record("default", LINE);
    for line in [
        format!("{},", LINE.replace(' ', ",")),
        format!("\"{}\",\"\"", LINE.replace(' ', "\",\"")),
    ] {
        let rows = rows(&csv, &line);
        let [Row::Record(record)] = rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!(
            Record {
                line: expected.line,
                ..record
            },
            expected
        );
    }
    let rows = rows(&csv, "\"2,3");
    assert!(matches!(rows[..], [Row::Fault(_)]));
}

#[test]
fn port_above_65535_is_a_fault() {
    let words = "column 6 (srcport): found \"65536\", expected 0 to 65535";
    assert_eq!(fault("default", &LINE.replace("49761", "65536")), words);
}

#[test]
fn number_above_64_bits_is_a_fault() {
    let words = fault("default", &LINE.replace("4249", "18446744073709551616"));
    assert_eq!(
        words,
        "column 10 (bytes): found \"18446744073709551616\", expected 0 to 18446744073709551615"
    );
    let largest = LINE.replace("4249", "18446744073709551615");
    assert_eq!(record("default", &largest).bytes, Some(u64::MAX));
}

#[test]
fn unknown_words_are_faults() {
    for (from, to, words) in [
        (
            "REJECT",
            "DROP",
            "column 13 (action): found \"DROP\", expected ACCEPT or REJECT",
        ),
        (
            "OK",
            "NODA",
            "column 14 (log-status): found \"NODA\", expected OK, NODATA or SKIPDATA",
        ),
        (
            "1418530010",
            "noon",
            "column 11 (start): found \"noon\", expected a Unix time",
        ),
        (
            "4249",
            "4.5",
            "column 10 (bytes): found \"4.5\", expected a whole number",
        ),
    ] {
        assert_eq!(fault("default", &LINE.replace(from, to)), words);
    }
}

#[test]
fn fault_points_at_the_text_it_means() {
    let line = format!("2018-09-22T20:28:14.000Z {}", LINE.replace("3389", "eni-1"));
    let timed = layout("default").as_ref().clone().with_prefix(Prefix::Time);
    let rows = rows(&Arc::new(timed), &line);
    let [Row::Fault(fault)] = rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(&fault.line()[fault.range()], b"eni-1");
    assert_eq!(
        (fault.column_index(), fault.field()),
        (Some(6), Some(Field::DstPort))
    );
}

#[test]
fn time_in_front_is_kept() {
    let timed = Arc::new(Layout::default_v2().with_prefix(Prefix::Time));
    let streamed = Arc::new(Layout::default_v2().with_prefix(Prefix::TimeAndStream));
    for (layout, front) in [(timed, ""), (streamed, "eni-1235b8ca-all ")] {
        let line = format!("2014-12-14T04:06:50.000Z {front}{LINE}");
        let rows = rows(&layout, &line);
        let [Row::Record(record)] = rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!(record.line_time_ns, record.start_ns);
        assert_eq!(record.line, LINE.as_bytes());
    }
}

#[test]
fn transit_gateway_attachment_is_the_eni() {
    let format = "tgw-id tgw-attachment-id srcaddr dstaddr";
    let record = record(format, "tgw-1 tgw-attach-1 10.0.0.1 10.0.1.1");
    assert_eq!((record.eni, record.action), (&b"tgw-attach-1"[..], None));
}

#[test]
fn regional_nat_gateway_is_the_eni_where_there_is_none() {
    for (format, line, eni) in [
        (
            "interface-id resource-id srcaddr",
            "- nat-1 10.0.0.1",
            "nat-1",
        ),
        (
            "interface-id resource-id srcaddr",
            "eni-1 nat-1 10.0.0.1",
            "eni-1",
        ),
        (
            "resource-id interface-id srcaddr",
            "nat-1 eni-1 10.0.0.1",
            "eni-1",
        ),
        (
            "resource-id interface-id srcaddr",
            "nat-1 - 10.0.0.1",
            "nat-1",
        ),
    ] {
        assert_eq!(record(format, line).eni, eni.as_bytes(), "{format}: {line}");
    }
}

/// Lines as archives hold them, and as they do not.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(LINE.to_owned()),
        2 => Just(LINE.replace("4249", "-")),
        1 => Just(LINE.replace(' ', "  ")),
        1 => Just(LINE.replace("REJECT OK", "- NODATA")),
        1 => Just(HEADER.to_owned()),
        1 => Just("dstaddr srcaddr".to_owned()),
        1 => Just("10.0.0.1 10.0.0.2".to_owned()),
        1 => "[ -~]{0,40}",
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_rows(
        block in proptest::collection::vec(any::<u8>(), 0..300),
        format in prop_oneof![Just("default"), Just("srcaddr action"), Just("start ? eni")],
    ) {
        let timed = layout(format).as_ref().clone().with_prefix(Prefix::Time);
        for layout in [layout(format), Arc::new(timed.separated_by(Separator::Comma))] {
            let lines = block.split_inclusive(|&byte| byte == b'\n').count();
            prop_assert_eq!(Rows::new(&block, layout).count(), lines);
        }
        let _ = recognise(&block, None);
    }

    #[test]
    fn any_cut_at_line_ends_gives_the_same_rows(
        lines in proptest::collection::vec(any_line(), 0..12),
        cut in 0..12_usize,
    ) {
        let cut = cut.min(lines.len());
        let [front, back] = [&lines[..cut], &lines[cut..]].map(|lines| {
            lines.iter().map(|line| format!("{line}\n")).collect::<String>()
        });
        let whole = format!("{front}{back}");
        let mut found = rows(&layout("default"), &front);
        let between = Rows::new(front.as_bytes(), layout("default")).layout_at_end();
        found.extend(rows(&between, &back));
        prop_assert_eq!(found, rows(&layout("default"), &whole));
    }

    #[test]
    fn grammar_and_care_agree(line in any_line(), garbled: prop::sample::Index, byte in 32..127_u8) {
        let mut line = line.into_bytes();
        if !line.is_empty() {
            let at = garbled.index(line.len());
            line[at] = byte;
        }
        let layout = layout("default");
        let mut record = Record::default();
        if let Ok((b"", ())) = grammar::record(&layout, &line, &mut record) {
            let careful = careful::cells(&layout, &line, &line, 0).unwrap();
            prop_assert_eq!(Record { line: b"", ..record }, careful);
        }
    }
}
