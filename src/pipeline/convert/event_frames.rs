//! Frames of events, between the packets: their interfaces, and where they wait for their time.

use std::collections::BTreeMap;

use crate::capture::{Encoder, Format, Frame, Interface, LinkType, Section};
use crate::error::Result;
use crate::pdu::FrameContents;
use crate::pipeline::convert::frames::{self, FrameKey, PartTag};
use crate::pipeline::events::{CollectedEvents, EventJoins, Outcomes, WordedFrames, interface_of};
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::printable::printable;
use crate::read::SourceNames;

/// The description of an interface of events, by which a merge knows them.
pub(crate) const EVENT_INTERFACE: &str = "events of a log, not packets of an ENI";

/// Frames of events come after the packets of the same instant.
const CONVERSATION: u64 = u64::MAX;
const EPISODES_FROM: u64 = 1 << 63;

/// The interfaces of events in a capture.
#[derive(Debug, Default)]
pub(crate) struct EventInterfaces(BTreeMap<String, u32>);

impl EventInterfaces {
    /// Adds the interfaces of events to a section, and the names that DNS answers give addresses.
    pub(crate) fn add_to(section: &mut Section, collected: &CollectedEvents<'_>) -> Self {
        let mut indices = BTreeMap::new();
        for (name, contents) in &collected.interfaces {
            let index =
                u32::try_from(section.interfaces.len()).expect("fewer than 2^32 interfaces");
            indices.insert(name.clone(), index);
            section.interfaces.push(Interface {
                name: name.clone(),
                description: EVENT_INTERFACE.into(),
                filter: None,
                link: match contents {
                    FrameContents::Pdu => Some(LinkType::UpperPdu),
                    FrameContents::Ip => None,
                },
            });
        }
        // The names of ENIs come first, and the first name of an address counts.
        let names = collected.names.iter();
        let names = names.map(|(address, name)| (*address, name.clone()));
        section.names.extend(names);
        Self(indices)
    }
}

/// Writes the frames of events to where packets wait for their slice.
pub(crate) struct EventFramer<'a, 'f> {
    pub interfaces: &'a EventInterfaces,
    /// The encoder of packets.
    pub encoder: Encoder,
    pub names: &'a SourceNames,
    /// Whether frames have comments.
    pub comments: bool,
    /// Whether they are in this capture, and not in that of another shard.
    pub is_here: bool,
    pub slices: &'a Slices,
    pub waiting: &'a Buckets<'f>,
}

impl EventFramer<'_, '_> {
    /// Writes all frames.
    ///
    /// # Errors
    /// There is no space for them, in memory or on disk.
    pub(crate) fn write(&self, joins: &EventJoins<'_>, outcomes: &mut Outcomes) -> Result<()> {
        let (mut number, mut out) = (EPISODES_FROM, Vec::new());
        joins.each_frames(self.names, self.is_here, outcomes, |worded| {
            number += 1;
            self.put(number, &worded, &mut out)
        })
    }

    fn put(&self, episode: u64, worded: &WordedFrames, out: &mut Vec<u8>) -> Result<()> {
        let index_of = |name: &str| self.interfaces.0.get(name).copied();
        let interface = interface_of(&worded.frames, index_of).unwrap_or(0);
        let (encoder, tag) = match worded.frames.contents {
            FrameContents::Pdu => (
                Encoder::new(Format::Pcapng, LinkType::UpperPdu),
                PartTag::PDU,
            ),
            FrameContents::Ip => (self.encoder, PartTag::default()),
        };
        let comment = printable(&worded.comment);
        for (place, frame) in (0..).zip(&worded.frames.frames) {
            let encoded = Frame {
                time_ns: u64::try_from(frame.at_ns).unwrap_or(0),
                interface,
                direction: None,
                original_len: u32::try_from(frame.bytes.len()).expect("a frame is small"),
                headers: &frame.bytes,
                comment: self.comments.then_some(&*comment),
            };
            let key = FrameKey {
                time_ns: frame.at_ns.max(0),
                conversation: CONVERSATION,
                episode,
                place,
            };
            out.clear();
            frames::put_waiting(key, tag, |out| encoder.frame(out, &encoded), out);
            self.waiting.put(self.slices.of(frame.at_ns), out)?;
        }
        Ok(())
    }
}
