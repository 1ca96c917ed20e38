//! The pieces of JSON text in groups, so that one group is cut off while the one before it is interpreted.

use std::io::{self, Read};
use std::ops::Range;

use super::splitter::{Piece, Splitter};

/// Bytes of text from which on a group is complete.
const GROUP_LEN: usize = 256 << 10;

/// All pieces of a text, in order.
pub(super) struct Pieces<R> {
    splitter: Splitter<R>,
    here: PieceGroup,
    /// The group after it, if it was cut off already.
    ahead: Option<PieceGroup>,
}

/// Consecutive pieces.
#[derive(Default)]
struct PieceGroup {
    text: Vec<u8>,
    pieces: Vec<StoredPiece>,
    /// The number of pieces that were taken.
    taken: usize,
    /// What follows the pieces, if that is the end of the text or damage.
    end: Option<io::Result<()>>,
}

/// The range of a piece in the text of its group.
enum StoredPiece {
    Value(Range<usize>),
    Broken(Range<usize>),
    TooLong(Range<usize>),
}

impl<R: Read + Send> Pieces<R> {
    /// Cuts the text of `source` into pieces.
    pub(super) fn new(source: R) -> Self {
        Self {
            splitter: Splitter::new(source),
            here: PieceGroup::default(),
            ahead: None,
        }
    }

    /// Passes the next pieces to `take` as long as that returns `true`. With `goes_ahead`, those are several,
    /// and another thread cuts off further ones meanwhile. Returns whether there may be more.
    ///
    /// # Errors
    /// Those of [`Splitter::next`], once all pieces before the error are taken.
    pub(super) fn take_some(
        &mut self,
        goes_ahead: bool,
        take: impl FnMut(Piece<'_>) -> bool + Send,
    ) -> io::Result<bool> {
        let len_max = if goes_ahead { GROUP_LEN } else { 1 };
        if self.here.is_taken() {
            if let Some(end) = self.here.end.take() {
                end?;
                return Ok(false);
            }
            match self.ahead.take() {
                Some(ahead) => self.here = ahead,
                None => self.here.fill(&mut self.splitter, len_max),
            }
        }
        let (here, splitter) = (&mut self.here, &mut self.splitter);
        if goes_ahead && self.ahead.is_none() && here.end.is_none() {
            let cut_off = || {
                let mut ahead = PieceGroup::default();
                ahead.fill(splitter, len_max);
                ahead
            };
            let ((), ahead) = rayon::join(|| here.take_some(take), cut_off);
            self.ahead = Some(ahead);
        } else {
            here.take_some(take);
        }
        Ok(true)
    }
}

impl PieceGroup {
    fn is_taken(&self) -> bool {
        self.taken == self.pieces.len()
    }

    /// Replaces the group by the next pieces, at least one, until they have `len_max` bytes.
    fn fill<R: Read>(&mut self, splitter: &mut Splitter<R>, len_max: usize) {
        *self = Self::default();
        while self.text.len() < len_max {
            let piece = match splitter.next() {
                Ok(Some(piece)) => piece,
                Ok(None) => {
                    self.end = Some(Ok(()));
                    return;
                }
                Err(error) => {
                    self.end = Some(Err(error));
                    return;
                }
            };
            let (text, stored): (_, fn(Range<usize>) -> StoredPiece) = match piece {
                Piece::Value(text) => (text, StoredPiece::Value),
                Piece::Broken(text) => (text, StoredPiece::Broken),
                Piece::TooLong(text) => (text, StoredPiece::TooLong),
            };
            let begin = self.text.len();
            self.text.extend_from_slice(text);
            self.pieces.push(stored(begin..self.text.len()));
        }
    }

    fn take_some(&mut self, mut take: impl FnMut(Piece<'_>) -> bool) {
        for piece in &self.pieces[self.taken..] {
            self.taken += 1;
            let piece = match piece {
                StoredPiece::Value(range) => Piece::Value(&self.text[range.clone()]),
                StoredPiece::Broken(range) => Piece::Broken(&self.text[range.clone()]),
                StoredPiece::TooLong(range) => Piece::TooLong(&self.text[range.clone()]),
            };
            if !take(piece) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all pieces of `text`, at most `most` at once. Returns them and how it ends.
    fn taken(text: &[u8], goes_ahead: bool, most: usize) -> (Vec<Vec<u8>>, io::Result<bool>) {
        let mut pieces = Pieces::new(text);
        let mut all = Vec::new();
        loop {
            let mut left = most;
            let more = pieces.take_some(goes_ahead, |piece| {
                let (Piece::Value(text) | Piece::Broken(text) | Piece::TooLong(text)) = piece;
                all.push(text.to_vec());
                left -= 1;
                left > 0
            });
            if !matches!(more, Ok(true)) {
                return (all, more);
            }
        }
    }

    #[test]
    fn pieces_and_the_end_are_the_same_in_groups_and_one_by_one() {
        let rows = (0..40_000).map(|i| format!("{{\"a\":{i},\"b\":\"{}\"}}", "x".repeat(i % 50)));
        let whole = rows.collect::<Vec<_>>().join("\n");
        for text in ["", "{}", "[1", &whole, &whole[..whole.len() - 3]] {
            let (expected, end) = taken(text.as_bytes(), false, 1);
            for (goes_ahead, most) in [(true, 1), (true, 77), (true, usize::MAX), (false, 9)] {
                let (found, other_end) = taken(text.as_bytes(), goes_ahead, most);
                assert!(found == expected, "{} of {}", found.len(), expected.len());
                let kind = |end: &io::Result<bool>| end.as_ref().map_err(io::Error::kind).copied();
                assert_eq!(kind(&other_end), kind(&end));
            }
        }
    }

    #[test]
    fn nothing_is_cut_off_ahead_unless_it_is_wanted() {
        let mut pieces = Pieces::new(&b"{} {} {}"[..]);
        let mut count = 0;
        while pieces
            .take_some(false, |_| {
                count += 1;
                true
            })
            .unwrap()
            && count < 2
        {}
        assert!(count == 2 && pieces.ahead.is_none());
    }
}
