//! How many segments may wait for an acknowledgement at once.
//!
//! Wireshark keeps at most 10,000 unacknowledged segments of a side. From then
//! on it overlooks the sequence number that a FIN takes, and calls the ACK of
//! that FIN one of an unseen segment. No sender has that many in flight, but an
//! archive can look like it: the other way was not logged, or only a stretch of
//! it, or an asymmetric route hid its ACKs.
//!
//! So where one way sends more data segments in a row than [`MOST`], the bytes
//! of each record are laid on fewer of them. What becomes of the others:
//!
//! * in [`Detail::Exact`] every packet stays, without payload. Where the other
//!   way is not in the archive at all they are ACKs, which may then be for
//!   anything; else there is nothing left to acknowledge, and they are
//!   [late](SegmentDraft::late);
//! * in the other details they are merged, headers and all.
//!
//! A record with payload keeps one data segment, so a way that is alone in more
//! than [`MOST`] records has more than that.

use std::ops::Range;

use crate::connection::plan::Detail;
use crate::connection::segment::{SegmentDraft, SegmentKind};
use crate::connection::sizes::{IPV6_LEN, IPV6_PLAIN_MAX, JUMBO_OPTION_LEN};
use crate::flow::Way;

/// The most data segments in a row that nothing of the other side stands
/// between. Leaves room below Wireshark's `TCP_MAX_UNACKED_SEGMENTS` for what
/// the ACK before the row held back.
const MOST: usize = 9_000;

/// The most payload that one segment is given here.
const PAYLOAD_MAX: u64 = 1 << 30;

/// Lays the data of overlong rows on fewer segments; the sums of each record stay.
pub(super) fn limit(drafts: &mut Vec<SegmentDraft>, detail: Detail) {
    if drafts.len() <= MOST {
        return;
    }
    let mut merged = Vec::new();
    for way in Way::BOTH {
        let alone = drafts.iter().all(|draft| draft.way == way);
        for row in rows(drafts, way) {
            let others = if detail != Detail::Exact {
                Others::Merged(&mut merged)
            } else if alone {
                Others::Acks
            } else {
                Others::Late
            };
            thin_out(drafts, &row, others);
        }
    }
    if merged.is_empty() {
        return;
    }
    merged.sort_unstable();
    let mut next = merged.iter().copied().peekable();
    let mut index = 0;
    drafts.retain(|_| {
        let goes = next.next_if_eq(&index).is_some();
        index += 1;
        !goes
    });
}

/// What the segments become that lose their payload.
enum Others<'a> {
    /// They go; their indices are noted.
    Merged(&'a mut Vec<usize>),
    Acks,
    Late,
}

/// The indices of `way`'s data segments, row by row, where there are more than [`MOST`] in one.
fn rows(drafts: &[SegmentDraft], way: Way) -> Vec<Vec<usize>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        if draft.way == way {
            if draft.kind == SegmentKind::Plain && draft.payload > 0 {
                row.push(index);
            }
        } else if row.len() > MOST {
            rows.push(std::mem::take(&mut row));
        } else {
            row.clear();
        }
    }
    if row.len() > MOST {
        rows.push(row);
    }
    rows
}

/// Leaves about [`MOST`] data segments in `row`, each record its share of them.
fn thin_out(drafts: &mut [SegmentDraft], row: &[usize], mut others: Others<'_>) {
    for run in record_runs(drafts, row) {
        let own = &row[run];
        let kept = (own.len() * MOST / row.len()).max(1);
        let payload = |index: &usize| u64::from(drafts[*index].payload);
        let headers = |index: &usize| u64::from(drafts[*index].original_len) - payload(index);
        let mut bytes: u64 = own.iter().map(payload).sum();
        let room = usize::try_from(bytes / PAYLOAD_MAX + 1).unwrap_or(usize::MAX);
        let kept = kept.max(room).min(own.len());
        // The first one of each equal part stays, and so the first of the record.
        let stays = |i: usize| i == 0 || i * kept / own.len() > (i - 1) * kept / own.len();
        if let Others::Merged(_) = others {
            let merged = own.iter().enumerate().filter(|(i, _)| !stays(*i));
            bytes += merged.map(|(_, index)| headers(index)).sum::<u64>();
        }
        let mut place = 0;
        for (i, index) in own.iter().enumerate() {
            let draft = &mut drafts[*index];
            if stays(i) {
                let share = bytes / kept as u64 + u64::from(place < bytes % kept as u64);
                resize(draft, u32::try_from(share).unwrap_or(u32::MAX));
                place += 1;
                continue;
            }
            match &mut others {
                Others::Merged(indices) => indices.push(*index),
                Others::Acks => resize(draft, 0),
                Others::Late => {
                    resize(draft, 0);
                    draft.late = true;
                }
            }
        }
    }
}

/// The stretches of `row` that are of one record.
fn record_runs(drafts: &[SegmentDraft], row: &[usize]) -> Vec<Range<usize>> {
    let mut begin = 0;
    let runs = row.chunk_by(|a, b| drafts[*a].record == drafts[*b].record);
    runs.map(|run| {
        begin += run.len();
        begin - run.len()..begin
    })
    .collect()
}

/// Gives a segment this much payload, the bytes of a jumbo option among it where it needs one.
fn resize(draft: &mut SegmentDraft, payload: u32) {
    let headers = draft.original_len - draft.payload - u32::from(draft.tcp_len);
    let is_ipv6 = headers >= IPV6_LEN;
    let headers = if is_ipv6 { IPV6_LEN } else { headers } + u32::from(draft.tcp_len);
    draft.original_len = headers + payload;
    let is_jumbo = is_ipv6 && draft.original_len > IPV6_PLAIN_MAX;
    draft.payload = payload - if is_jumbo { JUMBO_OPTION_LEN } else { 0 };
}
