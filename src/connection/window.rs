//! The windows that segments announce.
//!
//! Flow logs have no windows. These are the usual ones of Linux: about 64 kB at first, and more as data
//! arrives, because the receiver makes its buffer larger. The field is scaled after the handshake if
//! both SYNs have a window scale (RFC 7323 section 2.2).
//!
//! A window depends only on what the segment acknowledges: Wireshark would flag another window with
//! the same acknowledgement number as a window update.

use crate::connection::segment::{SegmentDraft, SegmentKind};
use crate::flow::Way;
use crate::packet::tcp::Options;

/// The window field of SYNs, and of all segments of a connection without window scale. Never 0, which
/// would mean a stalled receiver.
const UNSCALED: u16 = 64_240;

/// The scaled window in bytes of a side that has received nothing.
const FIRST_LEN: u32 = 64_256;

/// Bytes by which a window grows at most.
const GROWTH_MAX: u32 = 1 << 20;

/// The window scales of both sides, as far as their SYNs were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AnnouncedWindows {
    /// By direction: the shift of its SYN.
    shifts: [Option<u8>; 2],
}

impl AnnouncedWindows {
    /// Notes the options of a SYN.
    pub(super) fn note(&mut self, draft: &SegmentDraft) {
        if matches!(draft.kind, SegmentKind::Syn | SegmentKind::SynAck) {
            let options = Options::syn(u32::from(draft.tcp_len));
            self.shifts[draft.way.index()] = options.window_shift();
        }
    }

    /// Returns the shift of the windows of a direction; `None` if they are not scaled.
    fn shift(&self, way: Way) -> Option<u8> {
        self.shifts[way.reverse().index()]?;
        self.shifts[way.index()]
    }

    /// Returns the window field of a segment whose sender has received `received` bytes.
    pub(super) fn field(&self, draft: &SegmentDraft, received: u32) -> u16 {
        match (draft.kind, self.shift(draft.way)) {
            (SegmentKind::Rst, _) => 0,
            (SegmentKind::Syn | SegmentKind::SynAck, _) | (_, None) => UNSCALED,
            (_, Some(shift)) => {
                let bytes = FIRST_LEN + received.min(GROWTH_MAX);
                u16::try_from(bytes >> shift).unwrap_or(u16::MAX)
            }
        }
    }

    /// Whether the window of `field`, which a direction has announced, has this many bytes. Scaled
    /// or not: a reader that has not seen both SYNs does not scale it.
    pub(super) fn is_of(&self, way: Way, field: u16, bytes: u32) -> bool {
        let unscaled = u32::from(field);
        let scaled = self.shift(way).map(|shift| unscaled << shift);
        unscaled == bytes || scaled == Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(kind: SegmentKind, way: Way, tcp_len: u8) -> SegmentDraft {
        SegmentDraft {
            time_ns: 0,
            record: 0,
            original_len: 0,
            payload: 0,
            tcp_len,
            way,
            kind,
            again: false,
            idle: false,
            late: false,
            is_first: false,
            held: crate::connection::segment::HeldBack::default(),
        }
    }

    #[test]
    fn windows_are_scaled_after_both_syns_had_a_scale() {
        let mut windows = AnnouncedWindows::default();
        let segment = draft(SegmentKind::Plain, Way::Up, 32);
        let (linux, plain) = (40, 24);
        windows.note(&draft(SegmentKind::Syn, Way::Up, linux));
        assert_eq!(windows.field(&segment, 0), 64_240);
        windows.note(&draft(SegmentKind::SynAck, Way::Down, plain));
        assert_eq!(windows.field(&segment, 0), 64_240);
        windows.note(&draft(SegmentKind::SynAck, Way::Down, linux));
        assert_eq!(windows.field(&segment, 0), 502);
        assert!(windows.is_of(Way::Up, 502, 502 << 7));
        let syn = draft(SegmentKind::Syn, Way::Up, linux);
        assert_eq!(windows.field(&syn, 0), 64_240);
    }

    #[test]
    fn window_grows_with_what_arrives_and_always_fits_the_field() {
        let segment = draft(SegmentKind::Plain, Way::Up, 20);
        for tcp_len in [32, 40, 44] {
            let mut windows = AnnouncedWindows::default();
            windows.note(&draft(SegmentKind::Syn, Way::Up, tcp_len));
            windows.note(&draft(SegmentKind::SynAck, Way::Down, tcp_len));
            let fields = [0, 100_000, 1 << 20, u32::MAX].map(|n| windows.field(&segment, n));
            assert!(fields.is_sorted() && fields[0] < fields[1], "{fields:?}");
            assert_eq!(fields[2], fields[3]);
            assert!(fields[3] < u16::MAX, "{fields:?}");
        }
    }
}
