//! Where the words of plain lines end, found 64 bytes at a time.

use std::sync::Arc;

use wide::u8x16;

use super::{PlainLines, PlainPlaces};
use crate::record::Layout;

/// The most lines that are found together. So many lines fit in the fastest cache with what is made of
/// them.
pub(in crate::record) const LINES_MAX: usize = 32;

/// The ends of the words of some lines, one group of lines after the other.
#[derive(Clone, Debug, Default)]
pub(in crate::record) struct PlainWords {
    /// Where each line found last begins, counted from the first, and where the last one ends.
    begins: Vec<usize>,
    /// By line: of the words up to the last one that is wanted.
    ends: Vec<u32>,
    /// `None` until the first line is wanted.
    places: Option<PlainPlaces>,
    /// Lines that were not plain, less a share of those that were.
    misses: u32,
}

/// How many plain lines make up for one that is not.
const HITS_A_MISS: u32 = 8;
/// The misses after which no more lines are tried: 64 failures in a row.
const MISSES_MAX: u32 = 64 * HITS_A_MISS;

impl PlainWords {
    /// Finds the words of the lines at the front of `rest`, up to one that is not plain or so near to
    /// the end of the block that this is not known. Returns `None` if that is the first one, or if
    /// most lines are not plain.
    #[inline(always)]
    pub(in crate::record) fn find<'l>(
        &'l mut self,
        rest: &'l [u8],
        layout: &'l Arc<Layout>,
    ) -> Option<PlainLines<'l>> {
        if self.places.is_none() {
            self.prepare(layout);
        }
        if self.misses >= MISSES_MAX {
            return None;
        }
        let (columns, wanted) = (layout.columns().len(), self.places.as_ref()?.wanted);
        self.begins.clear();
        self.begins.push(0);
        let mut at = 0;
        for line in 0..LINES_MAX {
            let ends = &mut self.ends[line * wanted..][..wanted];
            let Some(len) = words(&rest[at..], ends, columns) else {
                break;
            };
            at += len;
            self.begins.push(at);
        }
        let count = self.begins.len() - 1;
        if count == 0 {
            self.miss();
            return None;
        }
        // There are at most 32.
        let hits = u32::try_from(count).unwrap_or(0);
        self.misses = self.misses.saturating_sub(hits);
        Some(PlainLines {
            rest,
            begins: &self.begins,
            ends: &self.ends,
            layout,
            places: self.places.as_ref()?,
        })
    }

    #[cold]
    fn prepare(&mut self, layout: &Layout) {
        let places = PlainPlaces::of(layout);
        self.ends.resize(places.wanted * LINES_MAX, 0);
        self.places = Some(places);
        if !layout.has_plain_lines() {
            self.misses = MISSES_MAX;
        }
    }

    /// Counts a line found last as not plain.
    pub(in crate::record) fn miss(&mut self) {
        self.misses = (self.misses + HITS_A_MISS).min(MISSES_MAX);
    }

    /// Returns how many bytes the first of the lines found last have, with their ends.
    #[inline(always)]
    pub(in crate::record) fn len_of(&self, lines: usize) -> usize {
        self.begins.get(lines).copied().unwrap_or(0)
    }
}

/// Writes the ends of as many words as there is room for. Returns the length of the line, with its end, if it has
/// this many words.
#[inline(always)]
fn words(rest: &[u8], ends: &mut [u32], columns: usize) -> Option<usize> {
    let (mut count, mut at) = (0, 0);
    // As if a blank came first: a word that begins with one is empty.
    let mut carry = 1;
    loop {
        let chunk = rest.get(at..)?.first_chunk::<64>()?;
        let (mut stops, odd) = stops_of(chunk);
        let empty = stops & (stops << 1 | carry);
        let odd = odd | empty;
        carry = stops >> 63;
        if odd != 0 {
            // The first odd one must be the end of the line.
            let mark = odd & odd.wrapping_neg();
            let lane = mark.trailing_zeros() as usize;
            if chunk[lane] != b'\n' || empty & mark != 0 {
                return None;
            }
            // The last word ends there.
            stops &= mark | (mark - 1);
            put_ends(stops, at, ends, &mut count)?;
            return (count == columns).then_some(at + lane + 1);
        }
        put_ends(stops, at, ends, &mut count)?;
        at += 64;
    }
}

/// Returns a bit for each byte that is 0x20 or less, and a bit for each byte that is less than 0x20 or not
/// ASCII.
#[inline(always)]
fn stops_of(chunk: &[u8; 64]) -> (u64, u64) {
    let (mut stops, mut odd) = (0, 0);
    for (index, bytes) in chunk.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u8x16::from(*bytes);
        let space = u8x16::splat(b' ');
        let up_to_space = bytes.min(space).simd_eq(bytes).to_bitmask();
        let not_space = up_to_space ^ bytes.simd_eq(space).to_bitmask();
        stops |= u64::from(up_to_space) << (16 * index);
        odd |= u64::from(not_space | bytes.to_bitmask()) << (16 * index);
    }
    (stops, odd)
}

/// Adds the number of these ends to `count`, and writes those for which there is room.
#[inline(always)]
fn put_ends(mut stops: u64, at: usize, ends: &mut [u32], count: &mut usize) -> Option<()> {
    // A line has at most 1 MiB.
    let at = u32::try_from(at).ok()?;
    while stops != 0 {
        let Some(end) = ends.get_mut(*count) else {
            *count += stops.count_ones() as usize;
            break;
        };
        *end = at + stops.trailing_zeros();
        *count += 1;
        stops &= stops - 1;
    }
    Some(())
}
