//! Gives records without any time the slot in the name of their file.
//!
//! A flow log format may omit `start` and `end`. AWS files records by their end in slots of five
//! minutes, and the slot is in the name of the file. In a renamed file, the hour in the names of
//! its folders is used. A whole day would be too imprecise.

use std::sync::Arc;

use crate::archive::s3_path::S3Name;
use crate::record::{Field, Layout, PlainSource, Record, Row, RowSource};
use crate::time::SECOND_NS;

/// The slot of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileSlot {
    start_ns: i64,
    len_s: u16,
}

impl FileSlot {
    /// Returns the slot that the path of a file shows, if its records have no time of their own.
    pub(crate) fn needed(path: Option<S3Name<'_>>, layout: &Layout) -> Option<Self> {
        let (start_s, end_s) = path?.filed_s?;
        let may_lack_time = !is_timed(layout) || layout.formats().any(|format| !is_timed(format));
        let len_s = u16::try_from(end_s.checked_sub(start_s)?).ok()?;
        if !may_lack_time || len_s > LEN_S_MAX {
            return None;
        }
        let start_ns = start_s.checked_mul(SECOND_NS)?;
        Some(Self { start_ns, len_s })
    }

    fn put<'a>(self, mut record: Record<'a>, layout: &Layout) -> Record<'a> {
        let has_time = record.start_ns.is_some() || record.end_ns.is_some();
        if !has_time && record.line_time_ns.is_none() && !is_timed(layout) {
            record.line_time_ns = Some(self.start_ns);
            record.slot_len_s = self.len_s;
        }
        record
    }
}

/// Rows whose records get the time of `slot`.
pub(crate) struct SlotRows<'r> {
    pub(crate) rows: &'r mut dyn RowSource,
    pub(crate) slot: FileSlot,
}

impl PlainSource for SlotRows<'_> {}

impl RowSource for SlotRows<'_> {
    fn next_row(&mut self) -> Option<(Row<'_>, &Arc<Layout>)> {
        let slot = self.slot;
        let (row, layout) = self.rows.next_row()?;
        let row = match row {
            Row::Record(record) => Row::Record(slot.put(record, layout)),
            Row::NoData(record) => Row::NoData(slot.put(record, layout)),
            Row::SkipData(record) => Row::SkipData(slot.put(record, layout)),
            other => other,
        };
        Some((row, layout))
    }

    fn layout(&self) -> &Arc<Layout> {
        self.rows.layout()
    }

    fn other_orders(&self) -> &[(Arc<Layout>, u64)] {
        self.rows.other_orders()
    }
}

/// Whether records of `layout` have a time of their own.
fn is_timed(layout: &Layout) -> bool {
    [Field::Start, Field::End]
        .iter()
        .any(|field| layout.index_of(*field).is_some())
}

/// Longest slot in seconds: an hour.
const LEN_S_MAX: u16 = 3_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::s3_path;
    use crate::record::{Interval, Rows, TimeNote};

    const FILE: &str = "123456789012_vpcflowlogs_us-east-1_fl-0a1b_20240501T1620Z_fe123456.log.gz";
    const HOUR: &str = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2024/05/01/16/renamed.log";
    const DAY: &str = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2024/05/01/renamed.log";

    fn layout(header: &str) -> Layout {
        Layout::from_header(header.as_bytes()).unwrap()
    }

    #[track_caller]
    fn interval_in(path: &str) -> Option<Interval> {
        let layout = layout("srcaddr dstaddr bytes");
        let slot = FileSlot::needed(s3_path::parse(path), &layout)?;
        let rows = &mut Rows::new(b"10.0.0.1 10.0.0.2 40\n", Arc::new(layout));
        match (SlotRows { rows, slot }).next_row() {
            Some((Row::Record(record), _)) => record.interval(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn slot_or_hour_in_the_path_is_the_interval() {
        let start_ns = 1_714_580_400 * SECOND_NS;
        let interval = |start_ns, seconds| Interval {
            start_ns,
            end_ns: start_ns + seconds * SECOND_NS,
            note: TimeNote::FileSlot,
        };
        assert_eq!(interval_in(FILE), Some(interval(start_ns, 299)));
        let hour_ns = 1_714_579_200 * SECOND_NS;
        assert_eq!(interval_in(HOUR), Some(interval(hour_ns, 3_599)));
        assert_eq!(interval_in(DAY), None);
        assert_eq!(interval_in("flows.log"), None);
    }

    #[test]
    fn slot_is_not_needed_if_the_format_has_a_time() {
        let path = s3_path::parse(FILE);
        assert_eq!(FileSlot::needed(path, &layout("srcaddr dstaddr end")), None);
        assert!(FileSlot::needed(path, &layout("srcaddr dstaddr")).is_some());
    }
}
