//! The header of one TCP segment: its flags, its numbers and its options.
//!
//! A flow log has the size of a SYN but not its options. There are few kinds of senders, and each
//! size belongs to one of them. [`Options::syn`] returns the layout that has that size in practice.
//! Wireshark reports a SYN whose options lack MSS or SACK-permitted, so every layout with enough
//! room has both.

use std::ops::{BitOr, BitOrAssign};
use std::sync::LazyLock;

use etherparse::tcp_option::{KIND_TIMESTAMP, LEN_TIMESTAMP};
use etherparse::{TcpHeader, TcpOptionElement, TcpOptions};

use super::{checksum, ip::AddressPair};

/// The header of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Sequence number of the first byte, or of the SYN.
    pub seq: u32,
    /// The next byte expected from the other side. Written as 0 without ACK, because Wireshark
    /// reports a number without the flag.
    pub ack: u32,
    /// The control bits.
    pub flags: Flags,
    /// The window as written in the header, before any scaling, in units of 1 <<
    /// [`Options::window_shift`] bytes once both SYNs had a window scale.
    pub window: u16,
    /// The options after the fixed header.
    pub options: Options,
    /// TSval, if the options include timestamps (RFC 7323 section 3).
    pub timestamp: u32,
    /// TSecr, if the options include timestamps; written as 0 without ACK.
    pub timestamp_echo: u32,
}

impl TcpSegment {
    /// Appends the header of a segment of `segment_len` bytes, header included.
    #[inline]
    pub(super) fn emit(&self, addresses: &AddressPair, segment_len: u32, out: &mut Vec<u8>) {
        let acknowledges = self.flags.contains(Flags::ACK);
        let header = TcpHeader {
            source_port: self.source_port,
            destination_port: self.destination_port,
            sequence_number: self.seq,
            acknowledgment_number: if acknowledges { self.ack } else { 0 },
            fin: self.flags.contains(Flags::FIN),
            syn: self.flags.contains(Flags::SYN),
            rst: self.flags.contains(Flags::RST),
            psh: self.flags.contains(Flags::PSH),
            ack: acknowledges,
            window_size: self.window,
            options: self.options.build(
                self.timestamp,
                if acknowledges { self.timestamp_echo } else { 0 },
            ),
            ..TcpHeader::default()
        };
        let mut bytes = header.to_bytes();
        let sum = checksum::sum(addresses, 6, segment_len, &bytes).ones_complement();
        bytes[CHECKSUM].copy_from_slice(&sum.to_ne_bytes());
        out.extend_from_slice(&bytes);
    }
}

/// The control bits of one segment, in header order; not the flags that a flow log observed over an
/// interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No bits.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Opens a connection.
    pub const SYN: Self = Self(0x02);
    /// Refuses or aborts a connection.
    pub const RST: Self = Self(0x04);
    /// Delivers data to the application at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number is valid.
    pub const ACK: Self = Self(0x10);

    /// Whether every bit of `mask` is set.
    pub const fn contains(self, mask: Self) -> bool {
        self.0 & mask.0 == mask.0
    }

    /// Returns the bits as in byte 13 of the header.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The options in a header, and the resulting header length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Options {
    layout: OptionLayout,
    header_len: u16,
}

/// The options, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum OptionLayout {
    None,
    Mss,
    MssSack,
    Windows,
    Linux,
    Apple,
    Timestamps,
}

impl Options {
    /// No options: a header of 20 bytes.
    pub const NONE: Self = Self::of(OptionLayout::None, 20);
    /// MSS alone: 24 bytes, as sent by scanners and small TCP stacks.
    pub const MSS: Self = Self::of(OptionLayout::Mss, 24);
    /// MSS, NOP, NOP, SACK-permitted: 28 bytes.
    pub const MSS_SACK: Self = Self::of(OptionLayout::MssSack, 28);
    /// MSS, NOP, window scale, NOP, NOP, SACK-permitted: 32 bytes.
    pub const WINDOWS: Self = Self::of(OptionLayout::Windows, 32);
    /// MSS, SACK-permitted, timestamps, NOP, window scale: 40 bytes.
    pub const LINUX: Self = Self::of(OptionLayout::Linux, 40);
    /// MSS, NOP, window scale, NOP, NOP, timestamps, SACK-permitted, end: 44 bytes.
    pub const APPLE: Self = Self::of(OptionLayout::Apple, 44);
    /// NOP, NOP, timestamps: 32 bytes, for segments without SYN.
    pub const TIMESTAMPS: Self = Self::of(OptionLayout::Timestamps, 32);

    const fn of(layout: OptionLayout, header_len: u16) -> Self {
        Self { layout, header_len }
    }

    /// Returns the options of a SYN whose TCP header is `header_len` bytes long.
    ///
    /// A length that no layout has is padded after the next shorter layout. An impossible length is
    /// reduced to the nearest possible one, or raised to 20.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::packet::tcp::Options;
    ///
    /// assert_eq!(Options::syn(40), Options::LINUX);
    /// assert_eq!(Options::syn(37).header_len(), 36);
    /// assert_eq!(Options::syn(37).window_shift(), Options::WINDOWS.window_shift());
    /// ```
    pub fn syn(header_len: u32) -> Self {
        let header_len = u16::try_from(header_len).unwrap_or(u16::MAX);
        let header_len = header_len.clamp(20, 60) & !3;
        let layout = match header_len {
            0..24 => OptionLayout::None,
            24..28 => OptionLayout::Mss,
            28..32 => OptionLayout::MssSack,
            32..40 => OptionLayout::Windows,
            40..44 => OptionLayout::Linux,
            44.. => OptionLayout::Apple,
        };
        Self { layout, header_len }
    }

    /// Returns the length of the TCP header with these options in bytes: a multiple of 4, 20 to 60.
    pub const fn header_len(self) -> u16 {
        self.header_len
    }

    /// Returns the window scale in the options, as a shift; `None` if there is none.
    pub const fn window_shift(self) -> Option<u8> {
        match self.layout {
            OptionLayout::Windows => Some(8),
            OptionLayout::Linux => Some(7),
            OptionLayout::Apple => Some(6),
            OptionLayout::None
            | OptionLayout::Mss
            | OptionLayout::MssSack
            | OptionLayout::Timestamps => None,
        }
    }

    /// Whether the options include timestamps.
    pub const fn has_timestamps(self) -> bool {
        matches!(
            self.layout,
            OptionLayout::Linux | OptionLayout::Apple | OptionLayout::Timestamps
        )
    }

    /// Converts the options to etherparse's type.
    #[inline]
    fn build(self, timestamp: u32, timestamp_echo: u32) -> TcpOptions {
        let written = &WRITTEN[self.layout as usize];
        let len = usize::from(self.header_len) - 20;
        let mut options = written.options.clone();
        // RFC 9293 section 3.1: the bytes after the End of Option List option are zero padding.
        // Wireshark would warn about four NOPs in a row.
        if options.len() != len {
            let mut bytes = [0; TcpOptions::MAX_LEN];
            bytes[..options.len()].copy_from_slice(&options);
            options =
                TcpOptions::try_from_slice(&bytes[..len]).expect("a header is 60 bytes at most");
        }
        if let Some(at) = written.timestamps_at {
            let numbers = &mut options.as_mut_slice()[at..at + 8];
            numbers[..4].copy_from_slice(&timestamp.to_be_bytes());
            numbers[4..].copy_from_slice(&timestamp_echo.to_be_bytes());
        }
        options
    }
}

/// The options of one layout as etherparse writes them, which takes as long as all else of a header.
struct WrittenOptions {
    /// With zeros as timestamps.
    options: TcpOptions,
    /// Where the timestamps are.
    timestamps_at: Option<usize>,
}

/// The options of each [`OptionLayout`], in their order.
static WRITTEN: LazyLock<[WrittenOptions; 7]> = LazyLock::new(|| {
    let all = [
        Options::NONE,
        Options::MSS,
        Options::MSS_SACK,
        Options::WINDOWS,
        Options::LINUX,
        Options::APPLE,
        Options::TIMESTAMPS,
    ];
    all.map(WrittenOptions::of)
});

impl WrittenOptions {
    fn of(options: Options) -> Self {
        use TcpOptionElement::{
            MaximumSegmentSize, Noop, SelectiveAcknowledgementPermitted as SackPermitted,
            Timestamp, WindowScale,
        };

        let scale = WindowScale(options.window_shift().unwrap_or(0));
        let stamp = Timestamp(0, 0);
        let mss = MaximumSegmentSize(MSS);
        let elements: &[TcpOptionElement] = match options.layout {
            OptionLayout::None => &[],
            OptionLayout::Mss => &[mss],
            OptionLayout::MssSack => &[mss, Noop, Noop, SackPermitted],
            OptionLayout::Windows => &[mss, Noop, scale, Noop, Noop, SackPermitted],
            OptionLayout::Linux => &[mss, SackPermitted, stamp, Noop, scale],
            OptionLayout::Apple => &[mss, Noop, scale, Noop, Noop, stamp, SackPermitted],
            OptionLayout::Timestamps => &[Noop, Noop, stamp],
        };
        let options = TcpOptions::try_from_elements(elements).expect("no layout exceeds 24 bytes");
        let head = [KIND_TIMESTAMP, LEN_TIMESTAMP];
        let mut pairs = options.as_slice().windows(head.len());
        let timestamps_at = pairs.position(|pair| pair == head);
        Self {
            timestamps_at: timestamps_at.map(|at| at + head.len()),
            options,
        }
    }
}

/// The data that fits an Ethernet frame under IPv4. Merged segments exceed it, as they do in a
/// capture taken above segmentation offload.
const MSS: u16 = 1460;
const CHECKSUM: std::ops::Range<usize> = 16..18;
