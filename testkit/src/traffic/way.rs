//! The packets of one way of a conversation, as a function of time.
//!
//! No packet is kept. A way is a few runs of evenly spaced packets, and what a
//! capture window holds of them follows from its bounds. So ENIs whose windows
//! begin at different seconds log the same packets, a connection costs the same
//! whether it has ten packets or ten million, and nothing is rounded away: over
//! all windows the counts are those of the way.

/// Packets at even distances.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub first_ms: u64,
    pub last_ms: u64,
    pub packets: u64,
    /// Of all of them, shared out evenly.
    pub bytes: u64,
    /// What `tcp-flags` shows of each.
    pub flags: u8,
}

impl Run {
    /// A single packet.
    pub(super) fn one(at_ms: u64, bytes: u64, flags: u8) -> Self {
        Self {
            first_ms: at_ms,
            last_ms: at_ms,
            packets: 1,
            bytes,
            flags,
        }
    }

    /// How many packets were sent before `at_ms`.
    fn packets_before(&self, at_ms: u64) -> u64 {
        if at_ms <= self.first_ms {
            return 0;
        }
        if at_ms > self.last_ms {
            return self.packets;
        }
        let gaps = (self.packets - 1).max(1);
        let span_ms = self.last_ms - self.first_ms;
        ((at_ms - self.first_ms) * gaps).div_ceil(span_ms)
    }

    /// When the packet of this index was sent.
    fn at_ms(&self, index: u64) -> u64 {
        let gaps = (self.packets - 1).max(1);
        self.first_ms + (self.last_ms - self.first_ms) * index / gaps
    }

    fn bytes_before(&self, index: u64) -> u64 {
        self.bytes * index / self.packets
    }
}

/// What a window holds of a way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub packets: u64,
    pub bytes: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    pub flags: u8,
}

/// All packets of one way; unused runs have none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way(pub [Run; 4]);

impl Way {
    /// When its last packet is sent.
    pub(super) fn last_ms(&self) -> u64 {
        self.0.iter().map(|run| run.last_ms).max().unwrap_or(0)
    }

    /// What is sent from `from_ms` until just before `to_ms`.
    pub(super) fn within(&self, from_ms: u64, to_ms: u64) -> Option<Counted> {
        let mut all: Option<Counted> = None;
        for run in &self.0 {
            if run.packets == 0 || run.first_ms >= to_ms || run.last_ms < from_ms {
                continue;
            }
            let (first, end) = (run.packets_before(from_ms), run.packets_before(to_ms));
            if first == end {
                continue;
            }
            let all = all.get_or_insert(Counted {
                packets: 0,
                bytes: 0,
                first_ms: u64::MAX,
                last_ms: 0,
                flags: 0,
            });
            all.packets += end - first;
            all.bytes += run.bytes_before(end) - run.bytes_before(first);
            all.first_ms = all.first_ms.min(run.at_ms(first));
            all.last_ms = all.last_ms.max(run.at_ms(end - 1));
            all.flags |= run.flags;
        }
        all
    }
}
