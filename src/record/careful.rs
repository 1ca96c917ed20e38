//! The lenient parser: reads every understood spelling of a line, and finds every fault.
//!
//! It reads the lines that the grammar rejected as odd. The line is cut into cells, the cells are
//! counted, and each is read in all spellings of [`super::odd`]. The result is the record that the
//! grammar would have returned if the line were spelled as AWS spells it, or the reason why there
//! is no record.

use super::{
    Fault, FaultKind, Layout, ObservedFlags, Record, RecordText, Separator,
    cells::{LineCell, LineCells},
    column::Step,
    grammar, odd,
};

/// Reads `line`, which has no line end, under `layout`.
pub(super) fn record<'a>(layout: &Layout, line: &'a [u8]) -> Result<Record<'a>, Fault<'a>> {
    let body = layout.prefix().body(line)?;
    let mut record = match plain(layout, body.text) {
        Some(record) => record,
        None => cells(layout, line, body.text, body.start)?,
    };
    record.text = RecordText::Line(body.text);
    record.line_time_ns = body.time_ns;
    Ok(record)
}

/// Returns the record in `text`, if only the text around it was unusual.
fn plain<'a>(layout: &Layout, text: &'a [u8]) -> Option<Record<'a>> {
    let is_plain = match layout.separator() {
        Separator::Blank => true,
        // The grammar does not distinguish a tab from a blank, and a cell may contain blanks.
        Separator::Tab => !text.contains(&b' '),
        _ => false,
    };
    if !is_plain {
        return None;
    }
    let mut record = Record::default();
    let (rest, ()) = grammar::columns(layout.steps(), text, &mut record).ok()?;
    rest.is_empty().then_some(record)
}

/// Reads the record in `text` cell by cell. It starts at `start` in `line`.
pub(super) fn cells<'a>(
    layout: &Layout,
    line: &'a [u8],
    text: &'a [u8],
    start: usize,
) -> Result<Record<'a>, Fault<'a>> {
    let columns = layout.columns();
    let cells = layout.cells(text);
    count(&cells, columns.len()).map_err(|kind| Fault::in_line(line, kind))?;
    let mut record = Record::default();
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let step = Step::of(column, columns, layout.needed());
        put(step, &cell, &mut record).map_err(|kind| {
            let range = start + cell.range().start..start + cell.range().end;
            Fault::in_column(line, index, column, range, kind)
        })?;
    }
    if record.families_agree() {
        Ok(record)
    } else {
        Err(Fault::in_line(line, FaultKind::MixedFamilies))
    }
}

/// Checks that there are as many cells as columns. A comment after the last column is allowed.
fn count(cells: &LineCells<'_>, expected: usize) -> Result<(), FaultKind> {
    let found = cells.clone().count();
    let comment = || {
        cells
            .clone()
            .nth(expected)
            .is_some_and(|cell| cell.text.starts_with(b"#"))
    };
    if found == expected || found > expected && comment() {
        Ok(())
    } else {
        Err(FaultKind::columns(found, expected))
    }
}

/// Reads one cell into `record`.
pub(super) fn put<'a>(
    step: Step,
    cell: &LineCell<'a>,
    record: &mut Record<'a>,
) -> Result<(), FaultKind> {
    let text = cell.text;
    if cell.open {
        return Err(FaultKind::OpenQuote);
    }
    if cell.is_absent() {
        return Ok(());
    }
    match step {
        Step::Skip(_) => {}
        Step::Eni => record.eni = text,
        Step::EniElse if record.eni.is_empty() => record.eni = text,
        Step::EniElse => {}
        Step::Source => record.source = Some(odd::address(text)?),
        Step::Destination => record.destination = Some(odd::address(text)?),
        Step::PktSource => record.pkt_source = Some(odd::address(text)?),
        Step::PktDestination => record.pkt_destination = Some(odd::address(text)?),
        Step::SourcePort => record.source_port = Some(odd::narrow(text, PORT_MAX)?),
        Step::DestinationPort => record.destination_port = Some(odd::narrow(text, PORT_MAX)?),
        Step::Protocol => record.protocol = Some(odd::protocol(text)?),
        Step::Packets => record.packets = Some(odd::number(text, u64::MAX)?),
        Step::Bytes => record.bytes = Some(odd::number(text, u64::MAX)?),
        Step::Start => record.start_ns = Some(odd::time(text)?),
        Step::End => record.end_ns = Some(odd::time(text)?),
        Step::Action => record.action = Some(odd::action(text)?),
        Step::LogStatus => record.log_status = odd::log_status(text)?,
        Step::Flags => record.flags = Some(ObservedFlags(odd::narrow(text, BYTE_MAX)?)),
        Step::Direction => record.direction = Some(odd::direction(text)?),
        Step::TrafficPath => record.traffic_path = Some(odd::narrow(text, BYTE_MAX)?),
    }
    Ok(())
}

/// The largest port.
const PORT_MAX: u64 = u16::MAX as u64;
/// The largest value of a column that holds one byte.
const BYTE_MAX: u64 = u8::MAX as u64;
