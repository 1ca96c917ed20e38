//! What must hold of whatever is read, one function a stage: text, layouts, wrappings, filters.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use flow2pcap::archive::Stream;
use flow2pcap::configuration::{Configuration, FarEnd, FilteredPackets, is_configuration};
use flow2pcap::filter::{Bound, EndpointSide, Expression, Qualifier, RecordFacts};
use flow2pcap::flow::{Addresses, EniIndex, Place, observe};
use flow2pcap::record::{
    Field, Layout, PlainKind, PlainLine, PlainLines, PlainSource as _, RecentAddresses, Record,
    Row, RowSource, Rows, recognize,
};
use flow2pcap::wrapper::{Batch, BatchRows, Lines, ParquetTable, Unwrapper};

/// Bytes of a stream that are looked at; more would only be slower.
const TEXT_LEN_MAX: usize = 1 << 20;

/// Row groups of a table that are looked at.
const GROUPS_MAX: usize = 4;

/// Formats without a header, for a file whose lines do not tell theirs.
const FORMATS: [&str; 4] = [
    "default",
    "pkt-srcaddr srcaddr srcport pkt-dstaddr dstaddr dstport tcp-flags action",
    "srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags \
     flow-direction traffic-path reject-reason interface-id",
    "? interface_id start bytes ? pkt_srcaddr end",
];

/// A header line or `--format` names a layout, which reads back as itself, or is refused.
pub fn header_line(bytes: &[u8]) {
    if let Some(layout) = Layout::from_header(bytes) {
        assert!(!layout.columns().is_empty());
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Layout::from_format(text) {
        Ok(layout) => {
            let names: Vec<&str> = layout.columns().iter().map(|c| c.name()).collect();
            let again = Layout::from_format(&names.join(" "));
            assert_eq!(
                again.map(|l| l.columns().to_vec()).as_deref(),
                Ok(layout.columns())
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Rows cover the block, one after another; each can be asked for anything.
///
/// The first byte chooses the layout.
pub fn record_rows(bytes: &[u8]) {
    let Some((choice, block)) = bytes.split_first() else {
        return;
    };
    let mut rows = Rows::new(block, Arc::new(layout(*choice)));
    let mut count = 0;
    let mut behind = None;
    let mut plain_lines = VecDeque::new();
    loop {
        if plain_lines.is_empty() {
            let lines = rows.plain_lines();
            plain_lines.extend(lines.iter().flat_map(PlainLines::iter).map(plain_line));
        }
        let plain = plain_lines.pop_front().flatten();
        if plain.is_none() {
            // The row may be a header, after which the columns are others: readers look again too.
            plain_lines.clear();
        }
        let Some((offset, row)) = rows.next() else {
            break;
        };
        assert!(behind.is_none_or(|last| last < offset), "rows go forward");
        assert!(offset == 0 || block[offset - 1] == b'\n', "at line starts");
        behind = Some(offset);
        count += 1;
        if let Some(plain) = plain {
            let (Row::Record(record) | Row::NoData(record)) = row else {
                panic!("a plain line is a record: {row:?}");
            };
            assert_eq!(plain, values(&record, rows.layout()));
        }
        match row {
            Row::Record(record) | Row::NoData(record) | Row::SkipData(record) => {
                for column in rows.layout().columns() {
                    let _ = record.get_by_name(rows.layout(), column.name());
                }
                if let (Some(interval), Row::Record(_)) = (record.interval(), row) {
                    let _ = format!("{interval:?}");
                }
                let place = Place::default();
                if let Ok((o, _)) = observe(&record, Addresses::Packet, EniIndex(0), place) {
                    assert!(o.start_ns <= o.end_ns, "an interval runs forward");
                }
            }
            Row::Fault(fault) => assert!(!fault.to_string().is_empty()),
            Row::Header | Row::Blank => {}
        }
    }
    assert_eq!(count, lines(block), "one row a line");
}

/// The texts of the columns and some values of a plain line, if it is a record.
fn plain_line(line: PlainLine<'_>) -> Option<(Vec<Option<String>>, String)> {
    (line.check(&mut RecentAddresses::default()).is_ok() && line.log_status().is_some())
        .then_some(())?;
    let number = |field| {
        let at = line.index_of(field)?;
        line.number(at, PlainKind::of(field))
            .expect("a line that was checked")
    };
    let address = |field| line.address(line.index_of(field)?);
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        line.interval().expect("a line that was checked"),
        number(Field::Bytes),
        number(Field::SrcPort),
        number(Field::TcpFlags),
        address(Field::DstAddr),
    );
    let columns = 0..line.layout().columns().len();
    Some((
        columns.map(|at| line.text(at).map(shown_text)).collect(),
        shown,
    ))
}

fn shown_text(text: &[u8]) -> String {
    text.escape_ascii().to_string()
}

/// The same of a record.
fn values(record: &Record<'_>, layout: &Layout) -> (Vec<Option<String>>, String) {
    let saturated = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        record.interval(),
        record.bytes.map(saturated),
        record.source_port.map(i64::from),
        record.flags.map(|flags| i64::from(flags.0)),
        record.destination,
    );
    let columns = 0..layout.columns().len();
    (
        columns
            .map(|at| record.get_at(layout, at).map(shown_text))
            .collect(),
        shown,
    )
}

/// The first lines of a file tell its layout, or why not.
pub fn recognize_head(bytes: &[u8]) {
    for format in [None, Some(layout(1))] {
        match recognize(bytes, format.as_ref()) {
            Ok(recognized) => assert!(!recognized.layout.columns().is_empty()),
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
}

/// Wherever a text is cut at a line end, its rows are the same.
///
/// The first byte chooses the layout, the second where to cut.
pub fn chunk_cuts(bytes: &[u8]) {
    let [choice, cut, text @ ..] = bytes else {
        return;
    };
    let start = Arc::new(layout(*choice));
    let whole: Vec<_> = Rows::new(text, Arc::clone(&start)).collect();
    let ends: Vec<usize> = memchr_all(text);
    let at = match ends.len() {
        0 => 0,
        count => ends[usize::from(*cut) % count] + 1,
    };
    let (front, back) = text.split_at(at);
    let mut rows = Rows::new(front, start);
    let mut pieces: Vec<_> = rows.by_ref().collect();
    let layout = rows.layout_at_end();
    pieces.extend(Rows::new(back, layout).map(|(offset, row)| (at + offset, row)));
    assert_eq!(pieces, whole);
}

/// Text, wrapped or not, arrives in whole lines, and what is damaged is said to be.
pub fn stream(bytes: &[u8]) {
    let Ok(mut stream) = Stream::new(Cursor::new(bytes.to_vec())) else {
        return;
    };
    let head = stream.head(64).to_vec();
    let mut len = 0;
    let read = stream.for_each_block(256, |block| {
        assert_eq!(block.offset, len as u64, "blocks follow one another");
        if len == 0 && block.overlong_count == 0 {
            assert!(head.starts_with(&block.bytes[..block.bytes.len().min(head.len())]));
        }
        len += block.bytes.len();
        if len > TEXT_LEN_MAX {
            return Err(flow2pcap::error::Error::usage("enough"));
        }
        Ok(())
    });
    if let Ok(Some(damage)) = read {
        assert!(!damage.to_string().is_empty());
    }
}

/// A filter has a verdict and keeps it when put in parentheses or written out, or is refused at a
/// place in it.
pub fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = text.parse::<Bound>();
    let _ = Qualifier::Host(EndpointSide::Either).parse(text);
    let _ = Qualifier::Port(EndpointSide::Either).parse(text);
    let _ = Expression::connection(text);
    match text.parse::<Expression>() {
        Ok(expression) => {
            // Written out it has parentheses of its own, and may then be nested too deep to be read.
            if let Ok(same) = expression.to_string().parse::<Expression>() {
                assert_eq!(same, expression, "{expression}");
            }
            let _ = expression.with_whole_names();
            let nothing = RecordFacts::default();
            assert_eq!(expression.verdict(&nothing), None, "nothing is known");
            if let Ok(same) = format!("({text})").parse::<Expression>() {
                assert_eq!(same, expression);
            }
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.offset()));
            assert_eq!(error.to_string().lines().count(), 3);
        }
    }
}

/// Configuration is read without failure, and every interface in it can be asked for everything.
pub fn configuration(bytes: &[u8]) {
    let _ = is_configuration(bytes);
    let mut all = Configuration::default();
    let reading = all.read(bytes);
    assert_eq!(reading.problem.is_some(), reading.unused > 0);
    all.complete();
    for ns in [i64::MIN, 0, i64::MAX] {
        let situation = all.at(ns);
        for eni in situation.interfaces().take(INTERFACES_MAX) {
            let _ = situation.title(eni);
            for far in ["10.0.1.5", "192.0.2.1", "2001:db8::1"] {
                let address = far.parse().expect("an address");
                let packets = FilteredPackets {
                    is_egress: far.len() == 8,
                    protocol: 6,
                    far: FarEnd::Address(address),
                    ports: (443, 5432),
                };
                assert!(!situation.groups(eni, &packets).why.is_empty());
                assert!(!situation.acl(eni, &packets).why.is_empty());
                let _ = situation.route_fault(eni, address);
                let _ = situation.host_troubles(address);
            }
        }
    }
}

/// Interfaces that are looked at.
const INTERFACES_MAX: usize = 50;

/// Whatever is wrapped comes out as whole lines, or as faults that say what was found.
pub fn unwrapper(bytes: &[u8]) {
    let Ok(stream) = Stream::new(Cursor::new(bytes.to_vec())) else {
        return;
    };
    let mut unwrapper = Unwrapper::new(stream, None, 256);
    let mut len = 0;
    while let Some(batch) = unwrapper.next_batch() {
        whole_lines(&batch);
        len += batch.text.len();
        if len > TEXT_LEN_MAX {
            return;
        }
    }
}

/// A table gives no more rows than it says it has, whatever it says.
pub fn table(bytes: &[u8]) {
    let table = match ParquetTable::open(Bytes::from(bytes.to_vec())) {
        Ok(table) => table,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    let columns: Vec<usize> = table.columns().map(|(number, _)| number).collect();
    for (group, rows) in table.group_rows().take(GROUPS_MAX).enumerate() {
        for column in &columns {
            let _ = table.bounds(group, *column);
        }
        let named = table.rows(group, &columns, 256);
        let events = table.event_columns();
        let events = events.map(|columns| table.events(group, &columns, 256));
        for read in [Some(named), events].into_iter().flatten().flatten() {
            let mut read = read;
            let (mut len, mut count) = (0, 0);
            while let Ok(Some(batch)) = read.next_batch() {
                whole_lines(&batch);
                let lost: u64 = batch.faults.iter().map(|fault| fault.count).sum();
                count += rows_of(&batch) + lost + batch.blank_count;
                len += batch.text.len();
                if len > TEXT_LEN_MAX {
                    return;
                }
            }
            assert!(count <= rows, "no more rows than there are");
        }
    }
}

/// How many rows a batch has, each of which can be asked for anything.
fn rows_of(batch: &Batch) -> u64 {
    match batch.rows() {
        Some(BatchRows::Lines(rows)) => count(rows),
        Some(BatchRows::Columns(rows)) => count(rows),
        None => 0,
    }
}

fn count(mut rows: impl RowSource) -> u64 {
    let mut count = 0;
    while let Some((row, layout)) = rows.next_row() {
        count += 1;
        if let Row::Record(record) = row {
            for column in layout.columns() {
                let _ = record.get_by_name(layout, column.name());
            }
        }
    }
    count
}

fn whole_lines(batch: &Batch) {
    assert!(
        batch.text.is_empty() || batch.text.ends_with(b"\n"),
        "whole lines"
    );
    if let Lines::Columns(names, _) = &batch.lines {
        for line in batch.text.split_inclusive(|byte| *byte == b'\n') {
            let cells = line.split(|byte| *byte == b' ');
            assert_eq!(cells.count(), names.len().max(1), "a cell a column");
        }
    }
    assert!(batch.faults.iter().all(|fault| !fault.found.is_empty()));
}

fn layout(choice: u8) -> Layout {
    let format = FORMATS[usize::from(choice) % FORMATS.len()];
    Layout::from_format(format).expect("formats that are known to be good")
}

/// Lines, the last of which may lack its end.
fn lines(text: &[u8]) -> usize {
    let ends = memchr_all(text).len();
    ends + usize::from(text.last().is_some_and(|last| *last != b'\n'))
}

fn memchr_all(text: &[u8]) -> Vec<usize> {
    let bytes = text.iter().enumerate();
    bytes
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at)
        .collect()
}
