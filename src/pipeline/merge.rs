//! Merges the captures of runs that shared an archive into the capture of one run, byte for byte.
//!
//! Each capture is in the order that one run would have (`FrameKey`): by time,
//! then by the hash of the conversation, which the packet itself shows; events come last. Conversations with
//! the same hash are in the same capture, where their order is known. So the next frame of each capture is
//! all that has to be in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::capture::{self, BlockKind, Format, StoredBlock, StoredBlocks, StoredPacket};
use crate::error::{Error, Result};
use crate::flow::{ConnectionKey, Endpoint, FiveTuple, TCP, UDP};
use crate::output::Output;
use crate::pipeline::convert::EVENT_INTERFACE;
use crate::printable::shown;

/// The most bytes before the first packet of a capture: the interfaces of a million ENIs.
const PREAMBLE_LEN_MAX: usize = 512 << 20;

/// Bytes of the Ethernet header, if there is one.
const ETHERNET_LEN: usize = 14;

/// The link type of Ethernet.
const ETHERNET: u16 = 1;

/// The type of the option with the length of a long IPv6 packet: RFC 2675 section 2.
const JUMBO_KIND: u8 = 0xc2;

/// What a merge wrote.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct MergedCaptures {
    /// Captures that were read.
    pub captures: u64,
    /// Packets and frames of events that were written.
    pub packets: u64,
    /// Bytes of the output, compressed if it is.
    pub file_bytes: u64,
}

/// Merges `captures`, which have different shards of one run, into `output`.
///
/// # Errors
/// A file cannot be read, or is not a capture of this program; the captures are of different runs, or have
/// the same packets; or the output cannot be written. No output is left then.
pub fn merge(captures: &[PathBuf], output: &Path) -> Result<MergedCaptures> {
    if Format::of(output)? != Format::Pcapng {
        return Err(Error::usage(format!(
            "{} is to be classic pcap, and only pcapng captures are merged",
            shown(output)
        )));
    }
    let (mut opened, preamble) = open_all(captures)?;
    let mut out = Output::create(output, capture::EXAMPLE, captures)?;
    out.write_all(&preamble)?;
    let mut merged = MergedCaptures {
        captures: captures.len() as u64,
        ..MergedCaptures::default()
    };
    let keys = opened.iter().enumerate();
    let keys = keys.filter_map(|(number, capture)| Some(Reverse((capture.next?, number))));
    let mut next: BinaryHeap<_> = keys.collect();
    let mut latest = None;
    while let Some(Reverse((key, number))) = next.pop() {
        if let Some((known, other)) = latest.replace((key, number))
            && known == key
            && other != number
        {
            return Err(same_packets(&opened[other], &opened[number]));
        }
        let capture = &mut opened[number];
        out.write_all(&capture.bytes)?;
        merged.packets += 1;
        capture.advance()?;
        next.extend(capture.next.map(|key| Reverse((key, number))));
    }
    merged.file_bytes = out.finish()?;
    Ok(merged)
}

/// The place of a frame in the order of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FrameOrder {
    time_ns: u64,
    conversation: u64,
    is_event: bool,
}

/// What the frames of an interface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FramesOf {
    /// Packets with so many bytes of link header.
    Packets { link_len: usize },
    /// Events.
    Events,
}

/// The capture of one shard, and its next frame.
struct ShardCapture<'a> {
    path: &'a Path,
    blocks: StoredBlocks<Box<dyn Read>>,
    /// Everything before the first packet.
    preamble: Vec<u8>,
    interfaces: Vec<FramesOf>,
    /// The block of the next frame.
    bytes: Vec<u8>,
    /// Its place; `None` after the last.
    next: Option<FrameOrder>,
}

impl<'a> ShardCapture<'a> {
    /// Opens a capture and reads up to its first packet.
    fn open(path: &'a Path) -> Result<Self> {
        let unpacked = unpacked(path).map_err(|error| Error::io("open", path, error))?;
        let mut capture = Self {
            path,
            blocks: StoredBlocks::new(unpacked),
            preamble: Vec::new(),
            interfaces: Vec::new(),
            bytes: Vec::new(),
            next: None,
        };
        capture.advance()?;
        if capture.preamble.is_empty() {
            return Err(capture.fault("is empty"));
        }
        Ok(capture)
    }

    /// Reads the next frame.
    fn advance(&mut self) -> Result<()> {
        let known = self.next.take();
        loop {
            let block = self
                .blocks
                .advance()
                .map_err(|error| unreadable(self.path, error))?;
            let Some(block) = block else { return Ok(()) };
            if let BlockKind::Packet(packet) = block.kind() {
                let order = order(&self.interfaces, &packet);
                self.bytes.clear();
                self.bytes.extend_from_slice(block.bytes());
                self.next = match order {
                    Some(order) if known <= Some(order) => Some(order),
                    Some(_) => return Err(self.fault("has packets that are not in order of time")),
                    None => {
                        return Err(self.fault("has a packet without an interface or addresses"));
                    }
                };
                return Ok(());
            }
            if known.is_some() {
                return Err(self.fault("has other blocks after its packets"));
            }
            if let Err(fault) = take_before_packets(block, &mut self.preamble, &mut self.interfaces)
            {
                return Err(self.fault(fault));
            }
        }
    }

    fn fault(&self, fault: &str) -> Error {
        Error::usage(format!(
            "{} {fault}, so it is not a capture that `convert` wrote of a shard",
            shown(self.path)
        ))
    }
}

/// Adds a block that comes before the packets.
fn take_before_packets(
    block: StoredBlock<'_>,
    preamble: &mut Vec<u8>,
    interfaces: &mut Vec<FramesOf>,
) -> std::result::Result<(), &'static str> {
    match block.kind() {
        BlockKind::Section { application }
            if preamble.is_empty() && application.starts_with(b"flow2pcap ") => {}
        BlockKind::Section { .. } if preamble.is_empty() => return Err("is of another program"),
        BlockKind::Interface { link, description } => interfaces.push(match description {
            description if description == EVENT_INTERFACE.as_bytes() => FramesOf::Events,
            _ => FramesOf::Packets {
                link_len: if link == ETHERNET { ETHERNET_LEN } else { 0 },
            },
        }),
        BlockKind::Names => {}
        _ => return Err("has a block of a kind that is not expected there"),
    }
    preamble.extend_from_slice(block.bytes());
    match preamble.len() <= PREAMBLE_LEN_MAX {
        true => Ok(()),
        false => Err("has too many interfaces and names"),
    }
}

/// Opens a file that may be compressed.
pub(super) fn unpacked(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(File::open(path)?);
    let begin = file.fill_buf()?;
    Ok(match begin {
        [0x1f, 0x8b, ..] => {
            let unpacked = flate2::bufread::MultiGzDecoder::new(file);
            Box::new(BufReader::new(unpacked))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let unpacked = zstd::stream::read::Decoder::with_buffer(file)?;
            Box::new(BufReader::new(unpacked))
        }
        _ => Box::new(file),
    })
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Error::usage(format!(
            "{} is not a whole pcapng file: it has {error}",
            shown(path)
        )),
        _ => Error::io("read", path, error),
    }
}

/// Returns the place of a packet; `None` if it has no known interface or no addresses.
fn order(interfaces: &[FramesOf], packet: &StoredPacket<'_>) -> Option<FrameOrder> {
    let interface = usize::try_from(packet.interface).ok()?;
    let is_event = interfaces.get(interface)? == &FramesOf::Events;
    let conversation = match interfaces.get(interface)? {
        FramesOf::Events => u64::MAX,
        FramesOf::Packets { link_len } => key(packet.captured.get(*link_len..)?)?.shard_hash(),
    };
    Some(FrameOrder {
        time_ns: packet.time,
        conversation,
        is_event,
    })
}

/// Returns the conversation of a packet from its headers, as far as the hash needs it.
fn key(ip: &[u8]) -> Option<ConnectionKey> {
    let (addresses, protocol, header_len): ([IpAddr; 2], _, _) = match ip.first()? >> 4 {
        4 => {
            let address = |at: usize| Some(ip.get(at..)?.first_chunk::<4>().copied()?.into());
            let header_len = usize::from(ip.first()? & 0xf) * 4;
            ([address(12)?, address(16)?], *ip.get(9)?, header_len)
        }
        6 => {
            let address = |at: usize| Some(ip.get(at..)?.first_chunk::<16>().copied()?.into());
            let addresses = [address(8)?, address(24)?];
            match (ip.get(4..7)?, ip.get(40..44)) {
                // A packet whose length needs the Jumbo Payload option (RFC 2675).
                ([0, 0, 0], Some([protocol, 0, JUMBO_KIND, 4])) => (addresses, *protocol, 48),
                _ => (addresses, *ip.get(6)?, 40),
            }
        }
        _ => return None,
    };
    let port = |at: usize| match protocol {
        TCP | UDP => Some(u16::from_be_bytes(
            *ip.get(header_len + at..)?.first_chunk()?,
        )),
        _ => Some(0),
    };
    let [source, destination] = addresses;
    let tuple = FiveTuple {
        source: Endpoint {
            address: source,
            port: port(0)?,
        },
        destination: Endpoint {
            address: destination,
            port: port(2)?,
        },
        protocol,
    };
    Some(tuple.key().0)
}

/// Opens all captures, and returns what they begin with.
///
/// # Errors
/// They begin differently, so they are of different runs; or one cannot be read.
fn open_all(captures: &[PathBuf]) -> Result<(Vec<ShardCapture<'_>>, Vec<u8>)> {
    let mut opened: Vec<ShardCapture<'_>> = Vec::new();
    let mut preamble = Vec::new();
    for path in captures {
        let mut capture = ShardCapture::open(path)?;
        // Only that of the first is kept, and no more than two are in memory.
        let own = std::mem::take(&mut capture.preamble);
        match opened.first() {
            None => preamble = own,
            Some(first) if own != preamble => return Err(other_run(first, &capture)),
            Some(_) => {}
        }
        opened.push(capture);
    }
    match opened.is_empty() {
        true => Err(Error::usage("no capture is given")),
        false => Ok((opened, preamble)),
    }
}

fn other_run(one: &ShardCapture<'_>, other: &ShardCapture<'_>) -> Error {
    Error::usage(format!(
        "{} and {} do not have the same interfaces and names of addresses, so they are not shards of one run \
         with the same facts",
        shown(one.path),
        shown(other.path)
    ))
}

fn same_packets(one: &ShardCapture<'_>, other: &ShardCapture<'_>) -> Error {
    Error::usage(format!(
        "{} and {} have packets of the same conversation, so they are not different shards",
        shown(one.path),
        shown(other.path)
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Encoder, Frame, Interface, LinkType, Section};

    /// A capture of two packets and an event.
    fn capture() -> Vec<u8> {
        let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
        let interface = |name: &str, description: &str| Interface {
            name: name.into(),
            description: description.into(),
            ..Interface::default()
        };
        let section = Section {
            application: "flow2pcap 0".into(),
            interfaces: vec![
                interface("eni-1", "eni-1"),
                interface("alb", EVENT_INTERFACE),
            ],
            ..Section::default()
        };
        let mut bytes = encoder.preamble(&section).unwrap();
        let mut headers = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
        headers.extend_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1, 0, 53, 0x9c, 0x40]);
        for (interface, time_ns) in [(0, 10), (0, 20), (1, 20)] {
            let frame = Frame {
                time_ns,
                interface,
                direction: None,
                original_len: 28,
                headers: &headers,
                comment: None,
            };
            encoder.frame(&mut bytes, &frame);
        }
        bytes
    }

    /// Merges captures with these bytes; returns the bytes of the result.
    fn merge_bytes(captures: &[&[u8]]) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let paths = captures.iter().enumerate().map(|(number, bytes)| {
            let path = folder.path().join(format!("{number}.pcapng"));
            std::fs::write(&path, bytes).unwrap();
            path
        });
        let paths: Vec<PathBuf> = paths.collect();
        let output = folder.path().join("all.pcapng");
        merge(&paths, &output).map(|_| std::fs::read(output).unwrap())
    }

    #[test]
    fn one_capture_stays_as_it_is() {
        let capture = capture();
        assert!(merge_bytes(&[&capture]).unwrap() == capture);
        let error = merge_bytes(&[&capture, &capture]).unwrap_err();
        assert!(
            error.to_string().contains("the same conversation"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_capture_is_merged_or_refused(at in 0_usize..600, with: u8, cut in 0_usize..700) {
            let whole = capture();
            let mut other = whole.clone();
            if let Some(byte) = other.get_mut(at) {
                *byte = with;
            }
            other.truncate(cut);
            let _ = merge_bytes(&[&whole, &other]);
            if let Ok(merged) = merge_bytes(&[&other]) {
                prop_assert!(merged == other);
            }
        }
    }

    fn at(time_ns: u64, conversation: u64, is_event: bool) -> FrameOrder {
        FrameOrder {
            time_ns,
            conversation,
            is_event,
        }
    }

    #[test]
    fn events_come_after_the_packets_of_their_instant() {
        let ordered = [
            at(1, 9, false),
            at(2, 0, false),
            at(2, u64::MAX, false),
            at(2, u64::MAX, true),
            at(3, 0, false),
        ];
        assert!(ordered.is_sorted());
    }

    #[test]
    fn headers_show_the_conversation() {
        let mut udp = vec![
            0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
        ];
        udp.extend_from_slice(&[0, 53, 0x9c, 0x40]);
        let found = key(&udp).unwrap();
        assert_eq!(
            format!(
                "{}:{} {}:{}",
                found.low.address, found.low.port, found.high.address, found.high.port
            ),
            "10.0.0.1:40000 10.0.0.2:53"
        );
        udp[9] = 1;
        assert_eq!(key(&udp).unwrap().low.port, 0);
        for len in 0..20 {
            assert_eq!(key(&udp[..len]), None);
        }
        let mut icmp = vec![0x60, 0, 0, 0, 0, 0, 58, 64];
        icmp.extend_from_slice(&[0; 31]);
        assert_eq!(key(&icmp), None);
        icmp.push(1);
        assert_eq!(key(&icmp).unwrap().high.address.to_string(), "::1");
        // The same packet, longer than 65,535 bytes.
        let mut long = icmp.clone();
        (long[4], long[5], long[6]) = (0, 0, 0);
        long.extend_from_slice(&[58, 0, JUMBO_KIND, 4, 0, 2, 0, 0]);
        assert_eq!(key(&long), key(&icmp));
        long[40] = TCP;
        long.extend_from_slice(&[1, 187, 0x9c, 0x40]);
        assert_eq!(key(&long).unwrap().low.port, 443);
        assert_eq!(key(&[]), None);
        assert_eq!(key(b"text"), None);
    }
}
