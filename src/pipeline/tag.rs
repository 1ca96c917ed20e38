//! What a frame carries to the place where it is written, for captures of several parts.
//!
//! Four octets that fit where there was padding: a capture of one part does not pay for them.

/// What a frame is to be told apart by, where the capture has several parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(u32);

impl Tag {
    /// Bit that says that a connection begins with the frame.
    const BEGINS: u32 = 1 << 31;

    /// Of a frame that belongs to this number of whatever is told apart.
    pub(super) fn new(number: u32, begins: bool) -> Self {
        let begins = if begins { Self::BEGINS } else { 0 };
        Self(number & !Self::BEGINS | begins)
    }

    /// The number.
    pub(super) fn number(self) -> u32 {
        self.0 & !Self::BEGINS
    }

    /// Whether a connection begins with the frame.
    pub(super) fn begins(self) -> bool {
        self.0 & Self::BEGINS != 0
    }

    /// As it stands in front of a frame that waits.
    pub(super) fn to_octets(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// What [`to_octets`](Self::to_octets) gave.
    pub(super) fn of_octets(octets: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(octets))
    }
}

/// One frame of a run of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub len: u32,
    pub tag: Tag,
    pub time_ns: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_keeps_its_number_and_its_mark() {
        for (number, begins) in [(0, false), (0, true), (7, true), (u32::MAX >> 1, false)] {
            let tag = Tag::of_octets(Tag::new(number, begins).to_octets());
            assert_eq!((tag.number(), tag.begins()), (number, begins));
        }
    }
}
