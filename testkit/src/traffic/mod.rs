//! Made-up traffic, as the flow logs of a few hundred ENIs tell it.
//!
//! Conversations begin at random, live their time and end; each ENI that sees
//! one writes a record of each way for each of its 60-second windows, as AWS
//! does. Only conversations that are under way are held, so an archive may have
//! any size. What began before the archive does is in its middle already.
//!
//! The same [`Settings`] give the same lines, always. [`crate::archive`] makes
//! archives of them, the benches and tests take them as they are.

mod conversation;
mod line;
mod mix;
pub mod network;
mod way;

use std::ops::ControlFlow;

use self::{
    conversation::Conversation,
    line::{Record, write_empty},
    network::Network,
};
use crate::random::Random;

/// Which fields a line has: all up to this version, in the order of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The default format, 14 fields.
    V2,
    /// 29 fields.
    V5,
}

impl Version {
    /// The names of the fields, as the first line of a file has them.
    pub fn header(self) -> &'static str {
        const ALL: &str = "version account-id interface-id srcaddr dstaddr srcport dstport \
            protocol packets bytes start end action log-status vpc-id subnet-id instance-id \
            tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id \
            pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path";
        match self {
            Self::V2 => ALL.split_once(" vpc-id").map_or(ALL, |(v2, _)| v2),
            Self::V5 => ALL,
        }
    }
}

/// What the lines depend on.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Another seed gives other lines.
    pub seed: u64,
    /// Which fields they have.
    pub version: Version,
    /// How many ENIs write; each writes some seventy records a minute.
    pub enis: u16,
    /// First second, Unix time.
    pub start_s: u64,
    /// Whether some traffic is IPv6.
    pub has_v6: bool,
}

impl Settings {
    /// A few hundred ENIs on 14 March 2026.
    pub fn new(version: Version, seed: u64) -> Self {
        Self {
            seed,
            version,
            enis: 300,
            start_s: 1_773_446_400,
            has_v6: true,
        }
    }
}

/// A line and what it tells.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// With its line end.
    pub text: &'a [u8],
    /// Index in [`network::ACCOUNTS`] of the account whose log it belongs to.
    pub account: usize,
    /// Last second of the record, which decides about its file.
    pub end_s: u64,
    /// As logged; 0 for an empty window.
    pub packets: u64,
    /// As logged; 0 for an empty window.
    pub bytes: u64,
}

/// The lines of all ENIs, minute after minute.
#[derive(Debug)]
pub struct Traffic {
    settings: Settings,
    random: Random,
    network: Network,
    /// What is under way, in the order in which it began.
    live: Vec<Conversation>,
    /// The minute that comes next.
    minute_ms: u64,
}

impl Traffic {
    /// Traffic that is under way already when the first line is written.
    pub fn new(settings: Settings) -> Self {
        let mut random = Random::new(settings.seed);
        let network = Network::new(settings.enis.clamp(4, 16_000), &mut random);
        let mut traffic = Self {
            settings,
            random,
            network,
            live: Vec::new(),
            minute_ms: settings.start_s / 60 * MINUTE_MS - WARM_UP_MINUTES * MINUTE_MS,
        };
        for _ in 0..WARM_UP_MINUTES {
            traffic.begin_conversations();
            traffic.end_conversations();
        }
        traffic
    }

    /// Hands lines to `take` until it has enough.
    pub fn write<E>(mut self, mut take: impl FnMut(Line<'_>) -> ControlFlow<E>) -> ControlFlow<E> {
        loop {
            self.begin_conversations();
            self.log_windows(&mut take)?;
            self.log_empty_windows(&mut take)?;
            self.end_conversations();
        }
    }

    /// What begins in the coming minute, in no order within it.
    fn begin_conversations(&mut self) {
        for _ in 0..u64::from(self.settings.enis) * BEGIN_PER_ENI {
            let at_ms = self.minute_ms + self.random.below(MINUTE_MS);
            let has_v6 = self.settings.has_v6;
            let begun = mix::begin(&mut self.network, at_ms, has_v6, &mut self.random);
            self.live.push(begun);
        }
    }

    /// The windows that close in this minute, of all that is under way.
    fn log_windows<E>(&self, take: &mut impl FnMut(Line<'_>) -> ControlFlow<E>) -> ControlFlow<E> {
        let mut text = Vec::with_capacity(512);
        for conversation in &self.live {
            for (at, end) in conversation.ends.iter().enumerate() {
                let Some(eni) = end.eni.map(|index| &self.network.enis[usize::from(index)]) else {
                    continue;
                };
                let to_ms = self.minute_ms + eni.phase_ms;
                for (sender, way) in conversation.ways.iter().enumerate() {
                    let Some(counted) = way.within(to_ms - MINUTE_MS, to_ms) else {
                        continue;
                    };
                    let record = Record {
                        eni,
                        source: &conversation.ends[sender],
                        destination: &conversation.ends[1 - sender],
                        protocol: conversation.protocol,
                        counted,
                        egress: sender == at,
                        rejected: conversation.rejected && at == 1,
                    };
                    text.clear();
                    record.write(self.settings.version, &mut text);
                    take(Line {
                        text: &text,
                        account: eni.account,
                        end_s: counted.last_ms / 1000,
                        packets: counted.packets,
                        bytes: counted.bytes,
                    })?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// NODATA of the idle, and a SKIPDATA now and then.
    fn log_empty_windows<E>(
        &mut self,
        take: &mut impl FnMut(Line<'_>) -> ControlFlow<E>,
    ) -> ControlFlow<E> {
        let mut text = Vec::with_capacity(512);
        for eni in &self.network.enis {
            let skipped = self.random.below(4_000) == 0;
            if !(skipped || eni.idle) {
                continue;
            }
            let end_s = (self.minute_ms + eni.phase_ms) / 1000 - 1;
            let status = if skipped { "SKIPDATA" } else { "NODATA" };
            text.clear();
            write_empty(
                self.settings.version,
                eni,
                [end_s - 59, end_s],
                status,
                &mut text,
            );
            take(Line {
                text: &text,
                account: eni.account,
                end_s,
                packets: 0,
                bytes: 0,
            })?;
        }
        ControlFlow::Continue(())
    }

    /// Lets go of what every window has seen the end of, and goes on to the next minute.
    fn end_conversations(&mut self) {
        // Windows closed so far end at this minute or later, whatever the phase of their ENI.
        let seen_ms = self.minute_ms;
        self.live
            .retain(|conversation| conversation.last_ms() >= seen_ms);
        self.minute_ms += MINUTE_MS;
    }
}

const MINUTE_MS: u64 = 60_000;

/// Conversations that begin at each ENI in a minute.
const BEGIN_PER_ENI: u64 = 20;

/// Longer than any conversation, so that the first minute is like all others.
const WARM_UP_MINUTES: u64 = 42;
