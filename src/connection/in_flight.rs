//! Limits how many segments await an acknowledgement at once.
//!
//! Wireshark keeps at most 10,000 unacknowledged segments per side. Beyond that it misses the
//! sequence number that a FIN consumes, and flags the ACK of that FIN as an ACK of an unseen
//! segment. No sender has that many segments in flight, but an archive can look like it: the other
//! direction was not logged, or only partly, or an asymmetric route hid its ACKs.
//!
//! Therefore, where one direction sends more data segments in a row than [`MOST`], the bytes of
//! each record are distributed over fewer segments. The remaining segments are handled as follows:
//!
//! * In [`Detail::Exact`] every packet stays, without payload. If the other direction is not in the
//!   archive at all, they become ACKs, which may acknowledge anything. Otherwise nothing is left to
//!   acknowledge, and they are [late](SegmentDraft::late).
//! * In the other details they are merged, including their headers.
//!
//! A record with payload keeps at least one data segment, so a direction that has more than
//! [`MOST`] records and no other direction has more segments than that.

use std::ops::Range;

use crate::connection::plan::Detail;
use crate::connection::segment::{SegmentDraft, SegmentKind};
use crate::connection::sizes::{IPV6_LEN, IPV6_PLAIN_MAX, JUMBO_OPTION_LEN};
use crate::flow::Way;

/// The maximum number of data segments in a row without a segment from the other side between them.
/// Leaves room below Wireshark's `TCP_MAX_UNACKED_SEGMENTS` for the data that the ACK before the
/// row did not acknowledge.
pub(super) const MOST: usize = 9_000;

/// The maximum payload of one segment here.
const PAYLOAD_MAX: u64 = 1 << 30;

/// Moves the data of overlong rows to fewer segments; the sums of each record do not change.
pub(super) fn limit(drafts: &mut Vec<SegmentDraft>, detail: Detail) {
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

/// What happens to the segments that lose their payload.
enum Others<'a> {
    /// They are removed; these are their indices.
    Merged(&'a mut Vec<usize>),
    Acks,
    Late,
}

/// Returns the indices of `way`'s data segments, row by row, for rows longer than [`MOST`].
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

/// Leaves about [`MOST`] data segments in `row`, and to each record its share of them.
fn thin_out(drafts: &mut [SegmentDraft], row: &[usize], mut others: Others<'_>) {
    for run in record_runs(drafts, row) {
        let own = &row[run];
        let kept = (own.len() * MOST / row.len()).max(1);
        let payload = |index: &usize| u64::from(drafts[*index].payload);
        let headers = |index: &usize| u64::from(drafts[*index].original_len) - payload(index);
        let mut bytes: u64 = own.iter().map(payload).sum();
        let room = usize::try_from(bytes / PAYLOAD_MAX + 1).unwrap_or(usize::MAX);
        let kept = kept.max(room).min(own.len());
        // The first segment of each equal part stays, and so the first of the record.
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

/// Returns the ranges of `row` that belong to one record.
fn record_runs(drafts: &[SegmentDraft], row: &[usize]) -> Vec<Range<usize>> {
    let mut begin = 0;
    let runs = row.chunk_by(|a, b| drafts[*a].record == drafts[*b].record);
    runs.map(|run| {
        begin += run.len();
        begin - run.len()..begin
    })
    .collect()
}

/// Sets the payload of a segment, including the jumbo option where it needs one.
fn resize(draft: &mut SegmentDraft, payload: u32) {
    let headers = draft.original_len - draft.payload - u32::from(draft.tcp_len);
    let is_ipv6 = headers >= IPV6_LEN;
    let headers = if is_ipv6 { IPV6_LEN } else { headers } + u32::from(draft.tcp_len);
    draft.original_len = headers + payload;
    let is_jumbo = is_ipv6 && draft.original_len > IPV6_PLAIN_MAX;
    draft.payload = payload - if is_jumbo { JUMBO_OPTION_LEN } else { 0 };
}
