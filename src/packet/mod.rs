//! Header-only packets: the headers of one IP packet whose payload nobody kept.
//!
//! A [`Packet`] knows how long it was on the wire and what its headers said;
//! [`Packet::emit`] appends those headers and no payload, which is what a
//! capture with a snap length holds. The headers are built by etherparse; this
//! module decides what they say. It knows no flow logs and does no I/O.
//!
//! # Invariants
//! * What is emitted is exactly [`Packet::headers_len`] bytes, and never more
//!   than [`Packet::original_len`].
//! * TCP and UDP checksums count the absent payload as zeros, so they are right
//!   where there is no payload, and right again for a tool that pads the packet
//!   to its original length. No other value could be: the payload is unknown.
//! * Every packet lies within the lengths that Wireshark reads without an expert
//!   item above Chat: [`Transport::original_len_min`] to [`ORIGINAL_LEN_MAX`].

mod checksum;
mod ip;
pub mod tcp;
mod template;
mod udp;

use std::net::IpAddr;

use self::ip::AddressPair;
pub use self::{
    ip::Family,
    tcp::TcpSegment,
    template::{Numbers, Template},
};

/// The longest original length of a packet, in bytes.
///
/// Wireshark holds lengths as signed 32-bit integers and cuts a longer packet
/// down to 2,147,483,647 bytes; the rest leaves room for a link header.
pub const ORIGINAL_LEN_MAX: u32 = i32::MAX.cast_unsigned() - 64;

/// One IP packet, told by its headers and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    addresses: AddressPair,
    transport: Transport,
    original_len: u32,
}

/// What the IP header carries.
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
    /// Any other protocol, of which only the IP header is written: flow logs
    /// know no ICMP type, and an invented one would be read as a fact.
    Bare {
        /// The IANA protocol number, which IPv6 calls next header.
        protocol: u8,
    },
}

/// Why no packet can be built. All three are mistakes of the caller.
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
        /// What was asked for, in bytes.
        original_len: u32,
        /// [`Transport::original_len_min`], in bytes.
        least: u32,
    },
    /// The packet would be longer than [`ORIGINAL_LEN_MAX`].
    #[error("{original_len} bytes are more than a packet can hold, which is {ORIGINAL_LEN_MAX}")]
    TooLong {
        /// What was asked for, in bytes.
        original_len: u32,
    },
}

impl Packet {
    /// A packet of `original_len` bytes: IP header, transport header, payload.
    ///
    /// # Errors
    /// [`InvalidPacket::MixedFamily`] if the addresses are of two families;
    /// [`InvalidPacket::TooShort`] and [`InvalidPacket::TooLong`] if `original_len` lies
    /// outside [`Transport::original_len_min`] to [`ORIGINAL_LEN_MAX`].
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

    /// Address of the sender.
    pub fn source(&self) -> IpAddr {
        self.addresses.source()
    }

    /// Address of the receiver.
    pub fn destination(&self) -> IpAddr {
        self.addresses.destination()
    }

    /// What the IP header carries.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Bytes on the wire from the IP header on: headers and payload.
    pub fn original_len(&self) -> u32 {
        self.original_len
    }

    /// Bytes of the headers, which are what [`emit`](Self::emit) appends.
    pub fn headers_len(&self) -> usize {
        usize::from(
            self.transport
                .headers_len(self.addresses.family(), self.original_len),
        )
    }

    /// Bytes after the headers, in Wireshark `tcp.len` for a segment: what its
    /// sequence number space counts besides SYN and FIN.
    pub fn payload_len(&self) -> u32 {
        self.transport
            .payload_len(self.addresses.family(), self.original_len)
    }

    /// Appends the headers to `out` and returns how many bytes that were.
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
    /// The IANA protocol number.
    pub fn protocol(&self) -> u8 {
        match self {
            Self::Tcp(_) => 6,
            Self::Udp { .. } => 17,
            Self::Bare { protocol } => *protocol,
        }
    }

    /// Bytes of the transport's own header.
    pub fn header_len(&self) -> u16 {
        match self {
            Self::Tcp(segment) => segment.options.header_len(),
            Self::Udp { .. } => udp::HEADER_LEN,
            Self::Bare { .. } => 0,
        }
    }

    /// Bytes of all headers of a packet of `original_len` bytes.
    ///
    /// The length matters for IPv6 alone, where a packet beyond
    /// [`Family::plain_len_max`] carries 8 bytes of Jumbo Payload option; they
    /// come out of the payload, so that the original length stays what was asked.
    pub fn headers_len(&self, family: Family, original_len: u32) -> u16 {
        family.header_len(original_len) + self.header_len()
    }

    /// Bytes of payload in a packet of `original_len` bytes; 0 if it is shorter
    /// than its headers.
    pub fn payload_len(&self, family: Family, original_len: u32) -> u32 {
        original_len.saturating_sub(u32::from(self.headers_len(family, original_len)))
    }

    /// The shortest original length that Wireshark reads without complaint.
    ///
    /// That is the headers, except for [`Transport::Bare`] over IPv6, which needs
    /// one byte more: a payload length of 0 is read as lost to segmentation
    /// offload and the absent payload is dissected.
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
