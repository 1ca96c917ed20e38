//! The link layer below the packets: the direction of each packet, and either no link header or an
//! invented Ethernet header.

use pcap_file::DataLink;

/// The direction of a packet, seen from its interface (`epb_flags`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketDirection {
    /// Into the host.
    Inbound,
    /// Out of the host.
    Outbound,
}

impl PacketDirection {
    /// Returns the flags (pcapng section 4.3.1, bits 0 and 1): 01 is inbound, 10 is outbound.
    pub(super) fn flags(self) -> u32 {
        match self {
            Self::Inbound => 1,
            Self::Outbound => 2,
        }
    }
}

/// The first header of each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkType {
    /// The IP header. Frame lengths are the log's own byte counts.
    ///
    /// Several interfaces of one pcapng have the number 12, which libpcap calls DLT_RAW and reads from
    /// files as it is. It turns 101 of the first interface into 12, then refuses the next interface,
    /// whose 101 is another number (sf-pcapng.c of libpcap 1.10.3). Nearly all other readers know both
    /// numbers. A single interface, as in classic pcap, has the registered number, which all know.
    #[default]
    Raw,
    /// The IP header, with the registered number LINKTYPE_RAW (101) in pcapng too. libpcap refuses a
    /// file with several such interfaces.
    Raw101,
    /// An Ethernet header of 14 bytes (LINKTYPE_ETHERNET, 1). It is not in the log and is added to
    /// every length.
    Ethernet,
    /// Tags that name a dissector of Wireshark, and bytes for it (LINKTYPE_WIRESHARK_UPPER_PDU, 252).
    /// Only for interfaces with a link type of their own.
    UpperPdu,
}

impl LinkType {
    /// Returns the number of bytes before the IP header.
    pub fn header_len(self) -> u32 {
        match self {
            Self::Raw | Self::Raw101 | Self::UpperPdu => 0,
            Self::Ethernet => u32::from(ETHERNET_LEN),
        }
    }

    /// Returns the link type of an interface of pcapng, which may be the only one.
    pub(super) fn of_interface(self, is_only: bool) -> DataLink {
        match self {
            Self::Raw if !is_only => DataLink::Unknown(DLT_RAW),
            Self::Raw | Self::Raw101 | Self::Ethernet | Self::UpperPdu => self.registered(),
        }
    }

    /// Returns the link type in the registry, which classic pcap has.
    ///
    /// <https://www.tcpdump.org/linktypes.html>
    pub(super) fn registered(self) -> DataLink {
        match self {
            Self::Raw | Self::Raw101 => DataLink::RAW,
            Self::Ethernet => DataLink::ETHERNET,
            Self::UpperPdu => DataLink::WIRESHARK_UPPER_PDU,
        }
    }

    /// Appends the link header of a packet that starts with `ip`.
    pub(super) fn emit(
        self,
        interface: u32,
        direction: Option<PacketDirection>,
        ip: &[u8],
        out: &mut Vec<u8>,
    ) {
        if self != Self::Ethernet {
            return;
        }
        let here = address(b'e', interface);
        let there = address(b'n', interface);
        let (source, destination) = match direction {
            Some(PacketDirection::Outbound) => (here, there),
            Some(PacketDirection::Inbound) => (there, here),
            None => (address(b'u', interface), address(b'u', interface)),
        };
        // The version is the first four bits of either IP header.
        let ether_type: u16 = match ip.first().map(|byte| byte >> 4) {
            Some(6) => 0x86dd,
            _ => 0x0800,
        };
        out.extend_from_slice(&destination);
        out.extend_from_slice(&source);
        out.extend_from_slice(&ether_type.to_be_bytes());
    }
}

/// Returns an invented address: locally administered and unicast (`02`), a letter for the side, and
/// the interface's number.
///
/// `e` is the ENI and `n` the network beyond, so `02:65:…` as the source means outbound; both sides
/// have `u` if the direction is unknown.
fn address(side: u8, interface: u32) -> [u8; 6] {
    let [a, b, c, d] = interface.to_be_bytes();
    [0x02, side, a, b, c, d]
}

/// What libpcap calls packets that begin with the IP header, on all systems but OpenBSD (pcap/dlt.h). It is
/// not in the registry.
const DLT_RAW: u32 = 12;

/// Length of an Ethernet header in bytes.
const ETHERNET_LEN: u8 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: LinkType, direction: Option<PacketDirection>, ip: &[u8], expected: &[u8]) {
        let mut out = Vec::new();
        link.emit(0x0102, direction, ip, &mut out);
        assert_eq!(out, expected);
        assert_eq!(out.len(), usize::try_from(link.header_len()).unwrap());
    }

    #[test]
    fn raw_link_types_add_no_header() {
        for link in [LinkType::Raw, LinkType::Raw101] {
            check(link, Some(PacketDirection::Inbound), &[0x45], &[]);
        }
    }

    #[test]
    fn outbound_ipv4_packet_has_the_eni_as_ethernet_source() {
        let expected = b"\x02n\0\0\x01\x02\x02e\0\0\x01\x02\x08\x00";
        check(
            LinkType::Ethernet,
            Some(PacketDirection::Outbound),
            &[0x45],
            expected,
        );
    }

    #[test]
    fn inbound_ipv6_packet_has_the_eni_as_ethernet_destination() {
        let expected = b"\x02e\0\0\x01\x02\x02n\0\0\x01\x02\x86\xdd";
        check(
            LinkType::Ethernet,
            Some(PacketDirection::Inbound),
            &[0x60],
            expected,
        );
    }

    #[test]
    fn packet_of_unknown_direction_names_neither_side() {
        let expected = b"\x02u\0\0\x01\x02\x02u\0\0\x01\x02\x08\x00";
        check(LinkType::Ethernet, None, &[0x45], expected);
    }
}
