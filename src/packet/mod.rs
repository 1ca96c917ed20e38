//! Packets with headers only: the headers of one IP packet whose payload was not recorded.
//!
//! A [`Packet`] knows its length on the wire and the contents of its headers. [`Packet::emit`]
//! appends those headers without payload, as in a capture with a snap length. etherparse builds the
//! headers; this module decides their contents. It does not depend on flow logs and does no I/O.
//!
//! [`datagram()`] is for the few packets whose payload is known.
//!
//! # Invariants
//! * The emitted headers are exactly [`Packet::headers_len`] bytes, and never more than
//!   [`Packet::original_len`].
//! * TCP and UDP checksums count the absent payload as zeros. They are therefore correct if there
//!   is no payload, and also for a tool that pads the packet to its original length. No other value
//!   is possible, because the payload is unknown.
//! * Every packet is within the lengths that Wireshark reads without an expert item above Chat:
//!   [`Transport::original_len_min`] to [`ORIGINAL_LEN_MAX`].

mod checksum;
mod datagram;
mod ip;
pub mod tcp;
mod template;
mod udp;

use std::net::IpAddr;

use self::ip::AddressPair;
pub use self::{
    datagram::datagram,
    ip::Family,
    tcp::TcpSegment,
    template::{Numbers, Template},
};

/// The longest original length of a packet, in bytes.
///
/// Wireshark holds lengths as signed 32-bit integers and cuts a longer packet to 2,147,483,647
/// bytes; the difference leaves room for a link header.
pub const ORIGINAL_LEN_MAX: u32 = i32::MAX.cast_unsigned() - 64;

/// One IP packet, described by its headers and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    addresses: AddressPair,
    transport: Transport,
    original_len: u32,
}

/// The protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp(TcpSegment),
    /// A UDP datagram.
    Udp {
        /// Port of the sender.
        source_port: u16,
        /// Port of the receiver.
        destination_port: u16,
    },
    /// Any other protocol. Only the IP header is written: flow logs have no ICMP type, and readers
    /// would take an invented one as a fact.
    Bare {
        /// The IANA protocol number, called next header in IPv6.
        protocol: u8,
    },
}

/// Reasons why a packet cannot be built. All three are mistakes of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPacket {
    /// One address is IPv4, the other IPv6.
    #[error("{from} and {to} are of different address families")]
    MixedFamily {
        /// Address of the sender.
        from: IpAddr,
        /// Address of the receiver.
        to: IpAddr,
    },
    /// The packet would be shorter than its own headers.
    #[error("{original_len} bytes cannot hold the headers, which need {least}")]
    TooShort {
        /// The requested length in bytes.
        original_len: u32,
        /// [`Transport::original_len_min`], in bytes.
        least: u32,
    },
    /// The packet would be longer than [`ORIGINAL_LEN_MAX`].
    #[error("{original_len} bytes are more than a packet can hold, which is {ORIGINAL_LEN_MAX}")]
    TooLong {
        /// The requested length in bytes.
        original_len: u32,
    },
}

impl Packet {
    /// Creates a packet of `original_len` bytes: IP header, transport header, payload.
    ///
    /// # Errors
    /// Returns [`InvalidPacket::MixedFamily`] if the addresses are of two families;
    /// [`InvalidPacket::TooShort`] or [`InvalidPacket::TooLong`] if `original_len` is outside
    /// [`Transport::original_len_min`] to [`ORIGINAL_LEN_MAX`].
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::packet::{Packet, Transport};
    ///
    /// let [source, destination] = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
    /// let dns = Transport::Udp { source_port: 40_000, destination_port: 53 };
    /// let packet = Packet::new(source, destination, dns, 76)?;
    /// let mut out = Vec::new();
    /// assert_eq!(packet.emit(&mut out), 28);
    /// assert_eq!(packet.payload_len(), 48);
    /// # Ok::<(), flow2pcap::packet::InvalidPacket>(())
    /// ```
    pub fn new(
        source: IpAddr,
        destination: IpAddr,
        transport: Transport,
        original_len: u32,
    ) -> Result<Self, InvalidPacket> {
        let addresses =
            AddressPair::new(source, destination).ok_or(InvalidPacket::MixedFamily {
                from: source,
                to: destination,
            })?;
        let least = transport.original_len_min(addresses.family());
        if original_len < least {
            return Err(InvalidPacket::TooShort {
                original_len,
                least,
            });
        }
        if original_len > ORIGINAL_LEN_MAX {
            return Err(InvalidPacket::TooLong { original_len });
        }
        Ok(Self {
            addresses,
            transport,
            original_len,
        })
    }

    /// Returns the address of the sender.
    pub fn source(&self) -> IpAddr {
        self.addresses.source()
    }

    /// Returns the address of the receiver.
    pub fn destination(&self) -> IpAddr {
        self.addresses.destination()
    }

    /// Returns the protocol above IP.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the length on the wire in bytes, from the IP header on: headers and payload.
    pub fn original_len(&self) -> u32 {
        self.original_len
    }

    /// Returns the length of the headers, which [`emit`](Self::emit) appends.
    pub fn headers_len(&self) -> usize {
        usize::from(
            self.transport
                .headers_len(self.addresses.family(), self.original_len),
        )
    }

    /// Returns the number of bytes after the headers. For a TCP segment this is Wireshark's
    /// `tcp.len`: the sequence numbers it consumes, without SYN and FIN.
    pub fn payload_len(&self) -> u32 {
        self.transport
            .payload_len(self.addresses.family(), self.original_len)
    }

    /// Appends the headers to `out` and returns their length in bytes.
    pub fn emit(&self, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        let transport_len = self.payload_len() + u32::from(self.transport.header_len());
        self.addresses
            .emit(self.transport.protocol(), self.original_len, out);
        match &self.transport {
            Transport::Tcp(segment) => segment.emit(&self.addresses, transport_len, out),
            Transport::Udp {
                source_port,
                destination_port,
            } => udp::emit(
                *source_port,
                *destination_port,
                &self.addresses,
                transport_len,
                out,
            ),
            Transport::Bare { .. } => {}
        }
        out.len() - before
    }
}

impl Transport {
    /// Returns the IANA protocol number.
    pub fn protocol(&self) -> u8 {
        match self {
            Self::Tcp(_) => 6,
            Self::Udp { .. } => 17,
            Self::Bare { protocol } => *protocol,
        }
    }

    /// Returns the length of the transport's own header in bytes.
    pub fn header_len(&self) -> u16 {
        match self {
            Self::Tcp(segment) => segment.options.header_len(),
            Self::Udp { .. } => udp::HEADER_LEN,
            Self::Bare { .. } => 0,
        }
    }

    /// Returns the length of all headers of a packet of `original_len` bytes.
    ///
    /// The length matters only for IPv6, where a packet longer than [`Family::plain_len_max`] has a
    /// Jumbo Payload option of 8 bytes. These bytes are taken from the payload, so that the
    /// original length stays as requested.
    pub fn headers_len(&self, family: Family, original_len: u32) -> u16 {
        family.header_len(original_len) + self.header_len()
    }

    /// Returns the payload of a packet of `original_len` bytes; 0 if it is shorter than its
    /// headers.
    pub fn payload_len(&self, family: Family, original_len: u32) -> u32 {
        original_len.saturating_sub(u32::from(self.headers_len(family, original_len)))
    }

    /// Returns the shortest original length that Wireshark reads without complaint.
    ///
    /// This is the length of the headers, except for [`Transport::Bare`] over IPv6, which needs one
    /// byte more: Wireshark reads a payload length of 0 as segmentation offload and dissects the
    /// absent payload.
    pub fn original_len_min(&self, family: Family) -> u32 {
        let headers_len = u32::from(self.headers_len(family, 0));
        match (self, family) {
            (Self::Bare { .. }, Family::V6) => headers_len + 1,
            _ => headers_len,
        }
    }
}

#[cfg(test)]
mod tests;
