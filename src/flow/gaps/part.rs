//! How much of a record is used: nothing, all, or the part of it in a gap.

use crate::flow::Viewed;
use crate::flow::gaps::timeline::{EDGE_NS, Window};
use crate::record::ObservedFlags;

/// How much of a record is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Used {
    /// Nothing: its packets are in records of other views.
    Nothing,
    /// All of its packets.
    Whole,
    /// This part of it.
    Part(GapPart),
}

/// A part of a record's packets, at least one, and its times by the vantage's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) struct GapPart {
    pub(super) packets: u64,
    pub(super) from_ns: i64,
    /// First instant after the part.
    pub(super) until_ns: i64,
}

impl GapPart {
    /// Cuts a record, whose clock is `ahead_ns` ahead of the vantage's, down to this part.
    /// A SYN is the first packet of its record, and FIN or RST are the last: they stay in the part
    /// that contains them.
    /// that has them.
    pub(in crate::flow) fn cut(&self, o: &mut Viewed, ahead_ns: i64) {
        let step_ns = o.until_ns().saturating_sub(o.end_ns);
        let from_ns = self.from_ns.saturating_add(ahead_ns);
        let until_ns = self.until_ns.saturating_add(ahead_ns);
        let mut lost = 0;
        if from_ns > o.start_ns.saturating_add(EDGE_NS) {
            lost |= ObservedFlags::SYN.0;
        }
        if until_ns < o.until_ns().saturating_sub(EDGE_NS) {
            lost |= ObservedFlags::FIN.0 | ObservedFlags::RST.0;
        }
        o.flags = o.flags.map(|flags| ObservedFlags(flags.0 & !lost));
        o.start_ns = o.start_ns.max(from_ns);
        o.end_ns = o
            .end_ns
            .min(until_ns.saturating_sub(step_ns))
            .max(o.start_ns);
        o.bytes = o
            .bytes
            .map(|bytes| share(bytes, self.packets, o.packets.max(1)));
        o.left_out = o.packets - self.packets;
        o.packets = self.packets;
    }

    /// Returns the time that the part fills.
    pub(super) fn window(&self) -> Window {
        Window {
            from_ns: self.from_ns,
            until_ns: self.until_ns,
            packets: self.packets,
            bytes: 0,
            opens: false,
        }
    }
}

/// Returns `value × part / whole`, rounded to the nearest integer.
fn share(value: u64, part: u64, whole: u64) -> u64 {
    let shared = (u128::from(value) * u128::from(part) + u128::from(whole) / 2) / u128::from(whole);
    u64::try_from(shared).unwrap_or(u64::MAX)
}

/// Records of a view that overlap each other, as accepted and rejected records of an interval do.
#[derive(Clone, Debug)]
pub(super) struct RecordRun {
    pub(super) window: Window,
    pub(super) records: Vec<usize>,
}

/// Groups records, which are in order of start, into runs.
pub(super) fn runs(records: impl Iterator<Item = (usize, Window)>) -> Vec<RecordRun> {
    let mut runs: Vec<RecordRun> = Vec::new();
    for (record, window) in records {
        match runs.last_mut() {
            Some(run) if run.window.overlaps(&window) => {
                run.window.join(&window);
                run.records.push(record);
            }
            _ => runs.push(RecordRun {
                window,
                records: vec![record],
            }),
        }
    }
    runs
}

impl RecordRun {
    /// Divides the used part of a run among its records.
    pub(super) fn divide(&self, part: Option<GapPart>, records: &[Viewed], used: &mut [Used]) {
        let Some(mut part) = part else { return };
        let mut counted = self.window.packets;
        for record in &self.records {
            let own = records[*record].packets;
            let packets = share(part.packets, own, counted.max(1)).min(own);
            used[*record] = match packets {
                0 if own > 0 => Used::Nothing,
                _ if packets == own => Used::Whole,
                _ => Used::Part(GapPart { packets, ..part }),
            };
            part.packets -= packets.min(part.packets);
            counted = counted.saturating_sub(own);
        }
    }
}
