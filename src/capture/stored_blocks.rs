//! Reads a pcapng file block by block, as far as captures are merged: whose packet, when, on which
//! interface. Blocks are passed on as they are.
//!
//! Only files of this program are meant, which are little-endian and have one section. A block may have any
//! contents; nothing here trusts a length.

use std::io::{self, Read};

/// Bytes of the type and the length before a block, and of the length after it.
const BLOCK_EDGES: usize = 12;

/// The longest block, in bytes: a packet, its comment and all options are below 400 KiB, and the names of a
/// block of names are fewer.
const BLOCK_LEN_MAX: usize = 4 << 20;

/// Types of blocks (pcapng sections 4.1 to 4.5).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;

/// Bytes of a packet block before the packet.
const PACKET_AT: usize = 28;

/// Bytes before the options of a section header and of an interface.
const SECTION_OPTIONS_AT: usize = 24;
const INTERFACE_OPTIONS_AT: usize = 16;

/// Options of interfaces and of sections.
const OPT_IF_DESCRIPTION: u16 = 3;
const OPT_USER_APPLICATION: u16 = 4;

/// The blocks of a pcapng file.
pub struct StoredBlocks<R> {
    from: R,
    bytes: Vec<u8>,
}

impl<R: Read> StoredBlocks<R> {
    /// Reads from the beginning of a file.
    pub fn new(from: R) -> Self {
        Self {
            from,
            bytes: Vec::new(),
        }
    }

    /// Returns the next block; `None` after the last.
    ///
    /// # Errors
    /// The file cannot be read; or, as [`InvalidData`](io::ErrorKind::InvalidData), it is damaged or no
    /// pcapng file.
    pub fn advance(&mut self) -> io::Result<Option<StoredBlock<'_>>> {
        let bad = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        let mut edge = [0; 8];
        match self.from.read(&mut edge)? {
            0 => return Ok(None),
            read => self.fill_edge(&mut edge, read)?,
        }
        let [kind, len] = [word(&edge, 0), word(&edge, 4)].map(Option::unwrap_or_default);
        let len_given = len;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if !(BLOCK_EDGES..=BLOCK_LEN_MAX).contains(&len) || len % 4 != 0 {
            return Err(bad(format!(
                "a block of {len_given} bytes, of type {kind:#x}"
            )));
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(&edge);
        self.bytes.resize(len, 0);
        self.from
            .read_exact(&mut self.bytes[edge.len()..])
            .map_err(cut_short)?;
        if word(&self.bytes, len - 4) != Some(len_given) {
            return Err(bad("a block that ends with another length".into()));
        }
        Ok(Some(StoredBlock(&self.bytes)))
    }

    fn fill_edge(&mut self, edge: &mut [u8; 8], read: usize) -> io::Result<()> {
        self.from.read_exact(&mut edge[read..]).map_err(cut_short)
    }
}

/// Says what an unexpected end is.
fn cut_short(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::InvalidData, "an end within a block")
        }
        _ => error,
    }
}

/// One block, with its type and lengths.
#[derive(Clone, Copy, Debug)]
pub struct StoredBlock<'a>(&'a [u8]);

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind<'a> {
    /// The beginning of a section, with the program that wrote it.
    Section {
        /// `shb_userappl`.
        application: &'a [u8],
    },
    /// An interface.
    Interface {
        /// The number of its link type.
        link: u16,
        /// `if_description`.
        description: &'a [u8],
    },
    /// Names of addresses.
    Names,
    /// A packet.
    Packet(StoredPacket<'a>),
    /// Another block, or one that is too short for its type.
    Other,
}

/// The packet of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPacket<'a> {
    /// The number of its interface in the section.
    pub interface: u32,
    /// Its time in the units of its interface.
    pub time: u64,
    /// Its bytes, the link header first.
    pub captured: &'a [u8],
}

impl<'a> StoredBlock<'a> {
    /// Returns the bytes of the whole block.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns what it is.
    pub fn kind(self) -> BlockKind<'a> {
        let kind = match word(self.0, 0) {
            Some(SECTION_HEADER) => self
                .option(SECTION_OPTIONS_AT, OPT_USER_APPLICATION)
                .map(|application| BlockKind::Section { application }),
            Some(INTERFACE_DESCRIPTION) => self.interface(),
            Some(NAME_RESOLUTION) => Some(BlockKind::Names),
            Some(ENHANCED_PACKET) => self.packet().map(BlockKind::Packet),
            _ => None,
        };
        kind.unwrap_or(BlockKind::Other)
    }

    fn interface(self) -> Option<BlockKind<'a>> {
        Some(BlockKind::Interface {
            link: half(self.0, 8)?,
            description: self.option(INTERFACE_OPTIONS_AT, OPT_IF_DESCRIPTION)?,
        })
    }

    fn packet(self) -> Option<StoredPacket<'a>> {
        let [interface, high, low, len] = [8, 12, 16, 20].map(|at| word(self.0, at));
        let len = usize::try_from(len?).ok()?;
        let captured = self.body().get(PACKET_AT..)?.get(..len)?;
        Some(StoredPacket {
            interface: interface?,
            time: u64::from(high?) << 32 | u64::from(low?),
            captured,
        })
    }

    /// Returns the block without the length after it.
    fn body(self) -> &'a [u8] {
        &self.0[..self.0.len().saturating_sub(4)]
    }

    /// Returns the value of the first option with this code, empty if there is none; `None` if the block is
    /// too short for what comes before its options.
    fn option(self, options_at: usize, code: u16) -> Option<&'a [u8]> {
        let mut rest = self.body().get(options_at..)?;
        while let (Some(found), Some(len)) = (half(rest, 0), half(rest, 2)) {
            let len = usize::from(len);
            let Some(value) = rest.get(4..4 + len) else {
                break;
            };
            match found {
                0 => break,
                found if found == code => return Some(value),
                _ => rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default(),
            }
        }
        Some(&[])
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Encoder, Format, Frame, Interface, LinkType, PacketDirection, Section};

    fn capture() -> Vec<u8> {
        let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
        let section = Section {
            comment: "for a test".into(),
            application: "flow2pcap 0".into(),
            interfaces: vec![Interface {
                name: "eni-1".into(),
                description: "eni-1 vpc=vpc-1".into(),
                ..Interface::default()
            }],
            names: vec![("10.0.0.1".parse().unwrap(), "host".into())],
        };
        let mut bytes = encoder.preamble(&section).unwrap();
        let frame = Frame {
            time_ns: 5 << 32 | 7,
            interface: 0,
            direction: Some(PacketDirection::Inbound),
            original_len: 90,
            headers: b"headers",
            comment: Some("word"),
        };
        encoder.frame(&mut bytes, &frame);
        bytes
    }

    fn kinds(bytes: &[u8]) -> io::Result<Vec<String>> {
        let mut blocks = StoredBlocks::new(bytes);
        let mut kinds = Vec::new();
        while let Some(block) = blocks.advance()? {
            kinds.push(format!("{:?}", block.kind()));
        }
        Ok(kinds)
    }

    #[test]
    fn own_capture_is_read_block_by_block() {
        let bytes = capture();
        let mut blocks = StoredBlocks::new(&bytes[..]);
        let mut copied = Vec::new();
        let mut packets = 0;
        while let Some(block) = blocks.advance().unwrap() {
            copied.extend_from_slice(block.bytes());
            match block.kind() {
                BlockKind::Section { application } => assert_eq!(application, b"flow2pcap 0"),
                BlockKind::Interface { link, description } => {
                    assert_eq!((link, description), (101, &b"eni-1 vpc=vpc-1"[..]));
                }
                BlockKind::Names => {}
                BlockKind::Packet(packet) => {
                    assert_eq!((packet.interface, packet.time), (0, 5 << 32 | 7));
                    assert_eq!(packet.captured, b"headers");
                    packets += 1;
                }
                BlockKind::Other => panic!("{:?}", block.bytes()),
            }
        }
        assert_eq!((copied, packets), (bytes, 1));
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = capture();
        let error = |bytes: &[u8]| kinds(bytes).unwrap_err().to_string();
        assert_eq!(error(&bytes[..bytes.len() - 1]), "an end within a block");
        assert_eq!(error(b"abc"), "an end within a block");
        assert_eq!(
            error(b"a picture\n\n\n"),
            "a block of 1920300131 bytes, of type 0x69702061"
        );
        let mut other = bytes.clone();
        let last = other.len() - 1;
        other[last] = 1;
        assert_eq!(error(&other), "a block that ends with another length");
    }

    proptest! {
        #[test]
        fn any_bytes_are_blocks_or_an_error(at in 0_usize..400, with: u8, cut in 0_usize..500) {
            let mut bytes = capture();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = with;
            }
            bytes.truncate(cut);
            let _ = kinds(&bytes);
        }
    }
}
