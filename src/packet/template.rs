//! Builds the headers of a segment from the headers of a previous one.
//!
//! Most segments of one direction of a connection differ in a few numbers: lengths, sequence
//! numbers, flags, window, timestamps, checksums. etherparse builds the first segment; the others
//! are copies with those numbers replaced, which takes a quarter of the time. Tests compare them
//! with etherparse byte for byte. SYNs, which have their own options, and IPv6 packets with a Jumbo
//! Payload option are not built here.

use super::{Family, Packet, Transport, tcp};

/// IPv6, TCP, timestamps.
const LEN_MAX: usize = 40 + 20 + 12;

/// The numbers that differ between segments of one direction of a connection, as in
/// [`tcp::TcpSegment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; written as 0 without ACK.
    pub ack: u32,
    /// The control bits.
    pub flags: tcp::Flags,
    /// The window, unscaled.
    pub window: u16,
    /// TSval, if there are timestamps.
    pub timestamp: u32,
    /// TSecr, if there are timestamps; written as 0 without ACK.
    pub timestamp_echo: u32,
}

/// Headers without the numbers that differ between segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    bytes: [u8; LEN_MAX],
    len: usize,
    /// Offset of the TCP header.
    ip_len: usize,
    family: Family,
    has_timestamps: bool,
    /// Sum of the IPv4 header's words; the IPv6 header has no checksum.
    ip_sum: u32,
    /// Sum of the words of the TCP header and its pseudo-header.
    tcp_sum: u32,
}

impl Template {
    /// Returns the template of segments like `packet`: between the same endpoints, with the same
    /// options. `headers` are those that [`Packet::emit`] wrote for it. `None` for SYNs, for protocols
    /// other than TCP, and for packets that do not [fit](Self::fits).
    ///
    /// # Panics
    /// Panics if there are more headers than IPv6, TCP and timestamps have, or fewer than the TCP header.
    pub fn of(packet: &Packet, headers: &[u8]) -> Option<Self> {
        let Transport::Tcp(segment) = packet.transport else {
            return None;
        };
        let family = packet.addresses.family();
        let is_plain = [tcp::Options::NONE, tcp::Options::TIMESTAMPS].contains(&segment.options);
        if !is_plain || (family == Family::V6 && packet.original_len > family.plain_len_max()) {
            return None;
        }
        let mut built = [0; LEN_MAX];
        built[..headers.len()].copy_from_slice(headers);
        let ip_len = headers.len() - usize::from(segment.options.header_len());
        let lengths_and_sums: &[usize] = match family {
            Family::V4 => &[2, 3, 10, 11],
            Family::V6 => &[4, 5],
        };
        lengths_and_sums.iter().for_each(|i| built[*i] = 0);
        let tcp = &mut built[ip_len..headers.len()];
        tcp[NUMBERS].fill(0);
        tcp[FLAGS] = 0;
        tcp[WINDOW_AND_CHECKSUM].fill(0);
        if segment.options.has_timestamps() {
            tcp[TIMESTAMPS].fill(0);
        }
        let (network, transport) = built[..headers.len()].split_at(ip_len);
        // Source and destination are the last fields of the IP header; the protocol is TCP.
        let addresses_len = if family == Family::V4 { 8 } else { 32 };
        let pseudo_header = sum(&network[ip_len - addresses_len..]) + 6;
        Some(Self {
            bytes: built,
            len: headers.len(),
            ip_len,
            family,
            has_timestamps: segment.options.has_timestamps(),
            ip_sum: if family == Family::V4 {
                sum(network)
            } else {
                0
            },
            tcp_sum: pseudo_header + sum(transport),
        })
    }

    /// Returns the length of the TCP header in bytes.
    pub fn tcp_len(&self) -> usize {
        self.len - self.ip_len
    }

    /// Whether a packet of this length has these headers. An IPv6 packet that needs a Jumbo Payload
    /// option has different ones.
    pub fn fits(&self, original_len: u32) -> bool {
        self.family == Family::V4 || original_len <= self.family.plain_len_max()
    }

    /// Appends the headers of a segment of `original_len` bytes from the IP header on. The length
    /// must be at least that of the headers and must [fit](Self::fits).
    #[inline]
    pub fn emit(&self, numbers: &Numbers, original_len: u32, out: &mut Vec<u8>) {
        let begin = out.len();
        // A copy of a known length takes a few moves instead of a call.
        out.extend_from_slice(&self.bytes);
        out.truncate(begin + self.len);
        self.patch(numbers, original_len, &mut out[begin..]);
    }

    /// Replaces the numbers and lengths in `headers`, which were made from this template. The length is
    /// as in [`emit`](Self::emit).
    ///
    /// # Panics
    /// Panics if there are fewer headers than in the template.
    #[inline]
    pub fn patch(&self, numbers: &Numbers, original_len: u32, headers: &mut [u8]) {
        let (network, transport) = headers.split_at_mut(self.ip_len);
        self.put_length(network, original_len);
        self.put_numbers(transport, numbers, original_len);
    }

    #[inline]
    fn put_length(&self, network: &mut [u8], original_len: u32) {
        match self.family {
            Family::V4 => {
                // As in `ip`: Wireshark reads 0 as segmentation offload.
                let total_len = u16::try_from(original_len).unwrap_or(0);
                network[2..4].copy_from_slice(&total_len.to_be_bytes());
                let sum = complement(self.ip_sum + u32::from(total_len));
                network[10..12].copy_from_slice(&sum);
            }
            Family::V6 => {
                let payload_len = original_len.saturating_sub(40);
                let payload_len = u16::try_from(payload_len).unwrap_or(0);
                network[4..6].copy_from_slice(&payload_len.to_be_bytes());
            }
        }
    }

    #[inline]
    fn put_numbers(&self, transport: &mut [u8], numbers: &Numbers, original_len: u32) {
        let acknowledges = numbers.flags.contains(tcp::Flags::ACK);
        let if_acknowledges = |number| if acknowledges { number } else { 0 };
        let (ack, echo) = (
            if_acknowledges(numbers.ack),
            if_acknowledges(numbers.timestamp_echo),
        );
        // Arrays, whose offsets need no check.
        let fixed = transport.split_first_chunk_mut::<20>();
        let (fixed, options) = fixed.expect("a TCP header has 20 bytes");
        fixed[4..8].copy_from_slice(&numbers.seq.to_be_bytes());
        fixed[8..12].copy_from_slice(&ack.to_be_bytes());
        fixed[FLAGS] = numbers.flags.bits();
        fixed[14..16].copy_from_slice(&numbers.window.to_be_bytes());
        let segment_len = original_len.saturating_sub(u32::try_from(self.ip_len).unwrap_or(0));
        let mut sum = self.tcp_sum
            + words(numbers.seq)
            + words(ack)
            + words(segment_len)
            + u32::from(numbers.flags.bits())
            + u32::from(numbers.window);
        if self.has_timestamps {
            let options = options.first_chunk_mut::<12>();
            let options = options.expect("the timestamps are there, after two bytes of padding");
            options[4..8].copy_from_slice(&numbers.timestamp.to_be_bytes());
            options[8..].copy_from_slice(&echo.to_be_bytes());
            sum += words(numbers.timestamp) + words(echo);
        }
        fixed[CHECKSUM..CHECKSUM + 2].copy_from_slice(&complement(sum));
    }
}

/// Offsets of the flags and of the checksum in a TCP header (RFC 9293 section 3.1).
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
/// Offsets of both sequence numbers, of the window with the checksum after it, and of TSval and TSecr after
/// two bytes of padding.
const NUMBERS: std::ops::Range<usize> = 4..12;
const WINDOW_AND_CHECKSUM: std::ops::Range<usize> = 14..18;
const TIMESTAMPS: std::ops::Range<usize> = 24..32;

/// Adds both 16-bit words of a number.
fn words(number: u32) -> u32 {
    (number >> 16) + (number & 0xffff)
}

/// Adds the 16-bit words of an even number of bytes.
fn sum(bytes: &[u8]) -> u32 {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum()
}

/// Returns the checksum for a sum of words (RFC 1071 section 4.1), in network order.
#[inline]
fn complement(sum: u32) -> [u8; 2] {
    let folded = words(words(sum));
    let [_, _, high, low] = (!folded).to_be_bytes();
    [high, low]
}
