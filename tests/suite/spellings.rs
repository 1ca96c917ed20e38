//! The same records as databases, browsers, spreadsheets and Windows print them give the same
//! packets as the log that AWS wrote.

use std::io::Write as _;

use crate::support::wrapping::{convert_bytes, told};
use crate::support::{Converted, convert, file};

const NAMES: [&str; 14] = [
    "version",
    "account_id",
    "interface_id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log_status",
];

const RECORDS: [&str; 4] = [
    "2 111122223333 eni-0f6a2b9c4d1e83570 10.1.0.10 198.51.100.61 52118 443 6 1500 120000 1714564800 1714564830 ACCEPT OK",
    "2 111122223333 eni-0f6a2b9c4d1e83570 198.51.100.61 10.1.0.10 443 52118 6 9 5200 1714564801 1714564829 ACCEPT OK",
    "2 111122223333 eni-0f6a2b9c4d1e83570 192.0.2.77 10.1.0.10 40100 22 6 1 40 1714564860 1714564860 REJECT OK",
    "2 111122223333 eni-0f6a2b9c4d1e83570 - - - - - - - 1714564860 1714564890 - NODATA",
];

/// A table of the records. `spell` writes a value, given the index of its column.
fn rows(spell: impl Fn(usize, &str) -> String) -> Vec<Vec<String>> {
    let cells = |record: &str| -> Vec<String> {
        let cells = record.split(' ').enumerate();
        cells.map(|(column, text)| spell(column, text)).collect()
    };
    RECORDS.iter().map(|record| cells(record)).collect()
}

fn as_logged(_: usize, text: &str) -> String {
    text.to_owned()
}

/// `-` is empty, as in a database.
fn or_empty(_: usize, text: &str) -> String {
    text.strip_prefix('-').unwrap_or(text).to_owned()
}

/// Lines of cells between `front`, `between` and `back`, each as wide as its column.
fn lines(rows: &[Vec<String>], [front, between, back]: [&str; 3]) -> Vec<String> {
    let padded = |row: &Vec<String>| {
        let cells = row.iter().zip(NAMES);
        let cells = cells.map(|(cell, name)| format!("{cell:>width$}", width = name.len()));
        format!("{front}{}{back}\n", cells.collect::<Vec<_>>().join(between))
    };
    let names = NAMES.map(str::to_owned).to_vec();
    std::iter::once(&names).chain(rows).map(padded).collect()
}

fn separated(rows: &[Vec<String>], separator: &str) -> String {
    let names = NAMES.join(separator) + "\n";
    let rows = rows.iter().map(|row| row.join(separator) + "\n");
    names + &rows.collect::<String>()
}

fn plain() -> Converted {
    convert_bytes(NAMES.join(" ") + "\n" + &RECORDS.join("\n") + "\n")
}

/// Asserts that `text` gives the packets of the plain log, and that no line of it is skipped.
#[track_caller]
fn check(text: impl AsRef<[u8]>) {
    let shown = String::from_utf8_lossy(text.as_ref()).into_owned();
    let converted = convert_bytes(text);
    assert_eq!(converted.skipped(), 0, "{shown}\n{}", converted.summary());
    assert_eq!(converted.count("/records/no_data"), 1, "{shown}");
    assert!(told(&converted) == told(&plain()), "{shown}");
}

/// Times in the three records are `start` and `end`.
fn with_times(spell: impl Fn(&str) -> String) -> Vec<Vec<String>> {
    rows(|column, text| match column {
        10 | 11 => spell(text),
        _ => or_empty(column, text),
    })
}

fn printed(format: &str) -> impl Fn(&str) -> String {
    move |text| {
        let time = jiff::Timestamp::from_second(text.parse().unwrap()).unwrap();
        let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
        zoned.strftime(format).to_string()
    }
}

#[test]
fn times_as_other_tools_print_them() {
    for format in [
        "%Y-%m-%d %H:%M:%S+00",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M:%S.000 UTC",
        "%Y-%m-%dT%H:%M:%S+0000",
        "%Y-%m-%d %H:%M:%S.000000+00:00",
        "%m/%d/%Y %H:%M:%S.000 +0000",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y, %I:%M:%S %p",
        "%b %d, %Y @ %H:%M:%S.000",
        "%a, %d %b %Y %H:%M:%S GMT",
    ] {
        let rows = with_times(printed(format));
        check(separated(&rows, ";"));
        check(separated(&rows, "\t"));
        let quoted = |row: &Vec<String>| row.iter().map(|cell| format!("\"{cell}\"")).collect();
        let quoted: Vec<Vec<String>> = rows.iter().map(quoted).collect();
        check(separated(&quoted, ","));
        let objects = rows.iter().map(|row| {
            let members = NAMES
                .iter()
                .zip(row)
                .map(|(name, cell)| format!("{name:?}:{cell:?}"));
            format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
        });
        check(objects.collect::<String>());
    }
}

#[test]
fn numbers_as_spreadsheets_and_data_frames_print_them() {
    for (unit, back) in [
        ("", ".0"),
        ("000", ""),
        ("000", ".0"),
        ("000000", ""),
        ("000000000", ""),
    ] {
        let rows = with_times(|text| format!("{text}{unit}{back}"));
        check(separated(&rows, ","));
    }
    let scientific = |text: &str| format!("{}.{}E+{}", &text[..1], &text[1..], text.len() - 1);
    let spelled = rows(|column, text| match column {
        10 | 11 => scientific(&format!("{text}000")),
        5..=9 if text != "-" => scientific(text),
        _ => or_empty(column, text),
    });
    check(separated(&spelled, ","));
    check(separated(&spelled, "\t"));
    let quoted = rows(|column, text| match column {
        5..=11 if text != "-" => format!("\"{text}.0\""),
        _ => text.to_owned(),
    });
    check(separated(&quoted, ";"));
}

#[test]
fn array_of_one_value_is_that_value() {
    let object = |row: &Vec<String>| {
        let values = row.iter().map(|cell| match cell.parse::<u64>() {
            Ok(number) => format!("[{number}]"),
            Err(_) => format!("[{cell:?}]"),
        });
        let members = NAMES
            .iter()
            .zip(values)
            .map(|(name, value)| format!("{name:?}:{value}"));
        format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
    };
    check(rows(as_logged).iter().map(object).collect::<String>());
}

#[test]
fn any_separator_with_or_without_blanks() {
    for separator in [",", ", ", ";", " ; ", "|", " | ", "\t"] {
        check(separated(&rows(as_logged), separator));
        check(separated(&rows(or_empty), separator));
    }
    // Without names, by the values.
    for separator in [" , ", ";", "; ", "|", " | ", "\t"] {
        let text = separated(&rows(as_logged), separator);
        let (_, records) = text.split_once('\n').unwrap();
        check(records);
    }
}

#[test]
fn tables_of_databases_and_of_markdown() {
    let values = rows(or_empty);
    let rule = |between: &str| NAMES.map(|name| "-".repeat(name.len() + 2)).join(between) + "\n";
    let mut psql = lines(&values, [" ", " | ", " "]);
    psql.insert(1, rule("+"));
    check(psql.concat() + "(4 rows)\n\n");

    let mut markdown = lines(&values, ["| ", " | ", " |"]);
    markdown.insert(1, format!("|{}|\n", rule("|").trim_end()));
    check(markdown.concat());

    let mut mysql = lines(&values, ["| ", " | ", " |"]);
    let frame = format!("+{}+\n", rule("+").trim_end());
    mysql.insert(1, frame.clone());
    check(format!(
        "{frame}{}{frame}4 rows in set (0.00 sec)\n",
        mysql.concat()
    ));

    let drawn = |left: char, between: &str, right: char| {
        let line = NAMES
            .map(|name| "\u{2500}".repeat(name.len() + 2))
            .join(between);
        format!("{left}{line}{right}\n")
    };
    let mut duckdb = lines(&values, ["\u{2502} ", " \u{2502} ", " \u{2502}"]);
    let types = vec![NAMES.map(|_| "varchar".to_owned()).to_vec()];
    let types = lines(&types, ["\u{2502} ", " \u{2502} ", " \u{2502}"])
        .pop()
        .unwrap();
    duckdb.insert(1, types + &drawn('\u{251c}', "\u{253c}", '\u{2524}'));
    duckdb.insert(0, drawn('\u{250c}', "\u{252c}", '\u{2510}'));
    duckdb.push(drawn('\u{2514}', "\u{2534}", '\u{2518}'));
    check(duckdb.concat());
    check(duckdb.concat().replace('\n', "\r\n") + "4 rows (4 shown)\r\n");

    let converted = convert_bytes(psql.concat() + "(4 rows)\n");
    assert_eq!(
        converted.count("/records/blank"),
        2,
        "{}",
        converted.summary()
    );
}

#[test]
fn utf_16_of_powershell() {
    let encode = |text: &str, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(to).collect()
    };
    let logged = rows(as_logged);
    let objects = logged.iter().map(|row| {
        let members = NAMES
            .iter()
            .zip(row)
            .map(|(name, cell)| format!("{name:?}:{cell:?}"));
        format!("{{{}}}\r\n", members.collect::<Vec<_>>().join(","))
    });
    for text in [
        separated(&rows(as_logged), " ").replace('\n', "\r\n"),
        separated(&rows(or_empty), ";"),
        objects.collect(),
    ] {
        check(encode(&text, u16::to_le_bytes));
        check(encode(&text, u16::to_be_bytes));
    }
}

#[test]
fn bzip2_and_xz_of_several_streams() {
    let text = separated(&rows(as_logged), " ");
    let (front, back) = text.split_at(text.len() / 2);
    let bzip2 = |text: &str| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let xz = |text: &str| {
        let options = lzma_rust2::XzOptions::with_preset(6);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    check([bzip2(front), bzip2(back)].concat());
    check([xz(front), xz(back)].concat());
}

#[test]
fn slot_in_the_file_name_is_the_time_of_records_without_one() {
    let name = "111122223333_vpcflowlogs_us-east-1_fl-0a1b2c3d_20240501T1200Z_deadbeef.log";
    let text = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes action log-status\n\
        eni-0f6a2b9c4d1e83570 10.1.0.10 198.51.100.61 52118 443 6 10 1500 ACCEPT OK\n";
    let folder = tempfile::tempdir().unwrap();
    // Under another name, there is no time.
    let inputs = [file(&folder, name, text), file(&folder, "flows.log", text)];
    let converted = convert(&inputs, &[]);
    assert_eq!(converted.count("/records/used"), 1);
    assert_eq!(converted.skipped(), 1, "{}", converted.summary());
    assert_eq!(converted.count("/records/assumed/time"), 1);
    let slot_s = 1_714_564_800;
    for packet in converted.capture().packets {
        let second = packet.time_ns / 1_000_000_000;
        assert!((slot_s..slot_s + 300).contains(&second), "{second}");
    }
}

#[test]
fn day_before_month_is_never_guessed() {
    let rows = with_times(printed("%d/%m/%Y %H:%M:%S"));
    // The first of May is also the fifth of January, so only the thirteenth and later are errors.
    let text = separated(&rows, ",").replace("01/05/2024", "13/05/2024");
    let converted = convert_bytes(text + &RECORDS[2].replace(' ', ",") + "\n");
    assert_eq!(converted.count("/records/used"), 1);
    assert_eq!(converted.skipped(), 4, "{}", converted.summary());
}
