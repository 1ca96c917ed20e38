//! A pcapng reader of our own that forgives nothing.
//!
//! Written from the text of the format alone, so that a mistake of the writer,
//! or of the crate behind it, is not repeated here. Whatever readers only
//! tolerate is a panic: a wrong length, padding that is not zero, an option
//! list without its end, an option unknown or given twice, a packet before its
//! interface or its predecessor, more bytes captured than there were, text
//! that is not UTF-8 or holds a control character, an address with two names.
//!
//! Every capture that a test writes is read by it, and so is what the fuzz targets convert. What is
//! in the packets is read by [`mod@packet`] and held to [`rules`].

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

pub mod packet;
pub mod rules;

use std::collections::BTreeSet;

/// The link type of exported PDUs: tags for Wireshark, and bytes for one of its dissectors.
pub const UPPER_PDU: u16 = 252;

/// A whole capture.
#[derive(Debug, PartialEq, Eq)]
pub struct Capture {
    /// The section's comment.
    pub comment: String,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// Its packets, in file order.
    pub packets: Vec<Packet>,
}

/// One Interface Description Block.
#[derive(Debug, PartialEq, Eq)]
pub struct Interface {
    /// `if_name`.
    pub name: String,
    /// `if_description`, empty if absent.
    pub description: String,
    /// Link type: 12 and 101 raw IP, 1 Ethernet, 252 for events that are no packets.
    pub link: u16,
}

/// One Enhanced Packet Block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Index of its interface.
    pub interface: usize,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Bytes captured.
    pub captured: Vec<u8>,
    /// Bytes there were.
    pub original_len: u32,
    /// `epb_flags`: 1 inbound, 2 outbound.
    pub direction: Option<u32>,
    /// Its comments.
    pub comments: Vec<String>,
}

impl Capture {
    /// The name of the interface that saw `packet`.
    pub fn interface_of(&self, packet: &Packet) -> &str {
        &self.interfaces[packet.interface].name
    }
}

impl Packet {
    /// The value of `key=value` in its comments.
    pub fn word(&self, key: &str) -> Option<&str> {
        let mut words = self.comments.iter().flat_map(|c| c.split(' '));
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

// pcapng section 4: block types.
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const PACKET: u32 = 6;

/// Reads a capture of one little-endian section.
///
/// # Panics
/// On whatever is not as the format wants it.
pub fn read(bytes: &[u8]) -> Capture {
    let mut capture = Capture {
        comment: String::new(),
        interfaces: Vec::new(),
        packets: Vec::new(),
    };
    let mut rest = Bytes(bytes);
    let mut is_first = true;
    let mut last_ns = 0;
    let mut named = BTreeSet::new();
    while !rest.0.is_empty() {
        let (kind, body) = block(&mut rest);
        assert_eq!(kind == SECTION, is_first, "one section, and it comes first");
        is_first = false;
        match kind {
            SECTION => capture.comment = section(body),
            INTERFACE => {
                let interface = interface(body);
                // libpcap refuses a file whose interfaces differ in this. Only events do.
                let others = capture.interfaces.iter().filter(|i| i.link != UPPER_PDU);
                let mut others = others.map(|i| i.link);
                assert!(interface.link == UPPER_PDU || others.all(|link| link == interface.link));
                capture.interfaces.push(interface);
            }
            NAMES => {
                assert!(capture.packets.is_empty(), "names come before packets");
                names(body, &mut named);
            }
            PACKET => {
                let packet = packet(body);
                assert!(packet.interface < capture.interfaces.len());
                assert!(packet.time_ns >= last_ns, "packets in order of time");
                last_ns = packet.time_ns;
                capture.packets.push(packet);
            }
            other => panic!("a block of type {other:#x}"),
        }
    }
    assert!(!is_first, "no section");
    capture
}

fn block<'a>(rest: &mut Bytes<'a>) -> (u32, Bytes<'a>) {
    let kind = rest.u32();
    let len = rest.u32();
    assert!(len >= 12 && len.is_multiple_of(4), "block of {len} bytes");
    let body = rest.take(len as usize - 12);
    assert_eq!(rest.u32(), len, "a block's second length");
    (kind, Bytes(body))
}

fn section(mut body: Bytes<'_>) -> String {
    assert_eq!(body.u32(), 0x1A2B_3C4D, "byte order");
    assert_eq!((body.u16(), body.u16()), (1, 0), "version");
    let (low, high) = (body.u32(), body.u32());
    assert_eq!((low, high), (u32::MAX, u32::MAX), "length not given");
    let options = options(body);
    known(&options, &[1, 4]);
    let comments = options.iter().filter(|(code, _)| *code == 1);
    let comments: Vec<String> = comments.map(|(_, value)| text(value)).collect();
    assert_eq!(comments.len(), 1, "one comment on the section");
    comments.into_iter().next().unwrap()
}

fn interface(mut body: Bytes<'_>) -> Interface {
    let link = body.u16();
    assert_eq!(body.u16(), 0, "reserved");
    assert_eq!(body.u32(), 262_144, "the snapshot length of all interfaces");
    let options = options(body);
    known(&options, &[2, 3, 9, 11]);
    let find = |wanted| options.iter().find(|(code, _)| *code == wanted);
    let (_, resolution) = find(9).expect("if_tsresol, for the default is microseconds");
    assert_eq!(*resolution, [9], "nanoseconds");
    let (_, name) = find(2).expect("if_name");
    let description = find(3).map_or(String::new(), |(_, value)| text(value));
    if let Some((_, filter)) = find(11) {
        assert_eq!(filter[0], 0, "a filter that is text");
        text(&filter[1..]);
    }
    Interface {
        name: text(name),
        description,
        link,
    }
}

fn packet(mut body: Bytes<'_>) -> Packet {
    let interface = body.u32() as usize;
    let (high, low) = (body.u32(), body.u32());
    let captured_len = body.u32();
    let original_len = body.u32();
    assert!(captured_len <= original_len, "captured more than there was");
    let captured = body.padded(captured_len as usize).to_vec();
    let options = options(body);
    known(&options, &[1, 2]);
    let flags = options.iter().find(|(code, _)| *code == 2);
    let comments = options.iter().filter(|(code, _)| *code == 1);
    Packet {
        interface,
        time_ns: u64::from(high) << 32 | u64::from(low),
        captured,
        original_len,
        direction: flags.map(|(_, value)| {
            let flags = u32::from_le_bytes((*value).try_into().unwrap());
            assert!([1, 2].contains(&flags), "epb_flags {flags:#x}");
            flags
        }),
        comments: comments.map(|(_, value)| text(value)).collect(),
    }
}

/// Options of these codes only, each at most once.
///
/// Others read well and are lost or spoiled when Wireshark 4.0 saves the file again
/// (`epb_verdict`, `if_IPv4addr`, `if_tsoffset`), or are shown by no version.
fn known(options: &[(u16, &[u8])], codes: &[u16]) {
    let mut seen = BTreeSet::new();
    for (code, _) in options {
        assert!(codes.contains(code), "option {code}");
        assert!(seen.insert(code), "option {code} twice");
    }
}

/// A Name Resolution Block. Versions of Wireshark differ in which of two names they show.
fn names(mut body: Bytes<'_>, named: &mut BTreeSet<Vec<u8>>) {
    loop {
        let (kind, len) = (body.u16(), usize::from(body.u16()));
        let address_len = match kind {
            0 => break,
            1 => 4,
            2 => 16,
            other => panic!("a name record of type {other}"),
        };
        let (address, name) = body.padded(len).split_at(address_len);
        assert!(named.insert(address.to_vec()), "an address with two names");
        let name = name.strip_suffix(&[0]).expect("a name that ends in zero");
        assert!(
            !name.is_empty() && name.len() <= 63,
            "a name of {} bytes",
            name.len()
        );
        text(name);
    }
    known(&options(body), &[]);
}

/// The options up to `opt_endofopt`, which must be there if any is, and be the last.
fn options(mut body: Bytes<'_>) -> Vec<(u16, &[u8])> {
    let mut options = Vec::new();
    while !body.0.is_empty() {
        let (code, len) = (body.u16(), body.u16());
        if code == 0 {
            assert_eq!(len, 0, "length of opt_endofopt");
            assert!(body.0.is_empty(), "something behind opt_endofopt");
            return options;
        }
        options.push((code, body.padded(usize::from(len))));
    }
    assert!(options.is_empty(), "options without their end");
    options
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(!text.contains(char::is_control), "{text:?}");
    text
}

/// What is left to be read.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(len).expect("bytes end too early");
        self.0 = rest;
        taken
    }

    /// `len` bytes, and zeros up to a multiple of four.
    fn padded(&mut self, len: usize) -> &'a [u8] {
        let taken = self.take(len);
        let padding = self.take(len.next_multiple_of(4) - len);
        assert!(padding.iter().all(|byte| *byte == 0), "padding not zero");
        taken
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }
}
