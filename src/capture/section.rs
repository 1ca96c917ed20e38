//! The beginning of a capture: its section header, its interfaces, its names.

use std::{borrow::Cow, net::IpAddr};

use pcap_file::{
    DataLink, Endianness,
    pcap::{PcapHeader, PcapTsResolution, PcapWriter},
    pcapng::{
        PcapNgWriteError, PcapNgWriter,
        blocks::{
            interface_description::{
                InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
            },
            opt_common::CommonOption,
            section_header::{SectionHeaderBlock, SectionHeaderOption},
        },
    },
};

use super::{OPTION_LEN_MAX, line, link::LinkType, names};

/// The single section of a capture. Text longer than 65,535 bytes is cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// Information for the reader before the first packet.
    pub comment: String,
    /// The program that wrote the capture (`shb_userappl`).
    pub application: String,
    /// The interfaces; a frame refers to an interface by its index here.
    pub interfaces: Vec<Interface>,
    /// Names of addresses. The first name of an address is used, up to 63 bytes of it.
    pub names: Vec<(IpAddr, String)>,
}

/// One interface of the section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// `frame.interface_name` in Wireshark.
    pub name: String,
    /// `frame.interface_description` in Wireshark.
    pub description: String,
    /// A description of which packets are included, as text; not a libpcap filter.
    pub filter: Option<String>,
    /// The link type of its frames, if it is not that of the capture.
    pub link: Option<LinkType>,
}

impl Section {
    /// Returns the section header, interface and name blocks of a pcapng file.
    ///
    /// # Errors
    /// Returns the error of pcap-file; no section can cause one.
    pub(super) fn to_pcapng(&self, link: LinkType) -> Result<Vec<u8>, PcapNgWriteError> {
        let header = SectionHeaderBlock {
            endianness: Endianness::Little,
            major_version: 1,
            minor_version: 0,
            // pcapng section 4.1: -1 means unspecified, for a writer that streams.
            section_length: -1,
            options: self.options(),
        };
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), header)?;
        let is_only = self.interfaces.len() == 1;
        for interface in &self.interfaces {
            let link = interface.link.unwrap_or(link).of_interface(is_only);
            writer.write_pcapng_block(interface.block(link))?;
        }
        for block in names::blocks(&self.names) {
            writer.write_block(&block)?;
        }
        Ok(writer.into_inner())
    }

    fn options(&self) -> Vec<SectionHeaderOption<'_>> {
        let mut options = Vec::new();
        if let Some(comment) = text(&self.comment) {
            options.push(SectionHeaderOption::Common(CommonOption::Comment(comment)));
        }
        if let Some(application) = text(&self.application) {
            options.push(SectionHeaderOption::UserApplication(application));
        }
        options
    }
}

impl Interface {
    fn block(&self, linktype: DataLink) -> InterfaceDescriptionBlock<'_> {
        let mut options = Vec::new();
        if let Some(name) = text(&self.name) {
            options.push(InterfaceDescriptionOption::IfName(name));
        }
        if let Some(description) = text(&self.description) {
            options.push(InterfaceDescriptionOption::IfDescription(description));
        }
        options.push(InterfaceDescriptionOption::IfTsResol(
            InterfaceTsResolution::NANO,
        ));
        if let Some(filter) = self.filter.as_deref() {
            // pcapng section 4.2: a first byte of 0 means that text follows.
            let mut value = vec![0];
            value.extend_from_slice(line(filter, OPTION_LEN_MAX - 1).as_bytes());
            options.push(InterfaceDescriptionOption::IfFilter(Cow::Owned(value)));
        }
        InterfaceDescriptionBlock {
            linktype,
            // libpcap requires the same value for all interfaces.
            snaplen: SNAP_LEN,
            options,
        }
    }
}

/// Returns the file header of classic pcap: nanoseconds, and nothing from the section.
pub(super) fn pcap_header(link: LinkType) -> Result<Vec<u8>, pcap_file::pcap::PcapWriteError> {
    let header = PcapHeader {
        datalink: link.registered(),
        ts_resolution: PcapTsResolution::NanoSecond,
        endianness: Endianness::Little,
        snaplen: SNAP_LEN,
        ..PcapHeader::default()
    };
    Ok(PcapWriter::with_header(Vec::new(), header)?.into_inner())
}

/// The most bytes that are stored of a packet. tcpdump and Wireshark write this number, no set of headers
/// and no event comes close to it, and readers that take 0, no limit, as a length do not trip over it.
const SNAP_LEN: u32 = 262_144;

/// Returns the value of a text option, which readers see on one line; `None` if it is empty.
fn text(value: &str) -> Option<Cow<'_, str>> {
    Some(line(value, OPTION_LEN_MAX)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use pcap_file::{
        pcap::PcapReader,
        pcapng::{Block, PcapNgReader},
    };

    use super::*;

    /// Returns everything that pcap-file reads from the beginning of a capture, as text, and the link
    /// types of its interfaces.
    fn read_back(section: &Section, link: LinkType) -> (String, Vec<DataLink>) {
        let bytes = section.to_pcapng(link).unwrap();
        let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
        let (mut text, mut links) = (format!("{:?}", reader.section()), Vec::new());
        while let Some(block) = reader.next_block() {
            let (block, _) = block.unwrap();
            if let Block::InterfaceDescription(block) = &block {
                links.push(block.linktype);
            }
            text += &format!("{block:?}");
        }
        (text, links)
    }

    #[test]
    fn several_interfaces_of_raw_ip_have_the_number_that_libpcap_reads() {
        use LinkType::{Ethernet, Raw, Raw101, UpperPdu};
        let dlt_raw = DataLink::Unknown(12);
        let table = [
            (Raw, None, vec![DataLink::RAW]),
            (Raw, Some(Raw), vec![dlt_raw; 2]),
            (
                Raw,
                Some(UpperPdu),
                vec![dlt_raw, DataLink::WIRESHARK_UPPER_PDU],
            ),
            (Raw101, Some(Raw101), vec![DataLink::RAW; 2]),
            (Ethernet, Some(Ethernet), vec![DataLink::ETHERNET; 2]),
        ];
        for (link, second, expected) in table {
            let others = second.map(|link| Interface {
                link: Some(link),
                ..Interface::default()
            });
            let section = Section {
                interfaces: [Interface::default()].into_iter().chain(others).collect(),
                ..Section::default()
            };
            assert_eq!(read_back(&section, link).1, expected, "{link:?} {second:?}");
        }
    }

    #[test]
    fn overlong_text_is_cut_and_not_refused() {
        let long = "x".repeat(OPTION_LEN_MAX - 1) + "é";
        let section = Section {
            comment: long.clone(),
            application: long.clone(),
            interfaces: vec![Interface {
                name: long.clone(),
                description: long.clone(),
                filter: Some(long.clone()),
                link: None,
            }],
            names: vec![("10.0.0.1".parse().unwrap(), long)],
        };
        let (text, _) = read_back(&section, LinkType::Raw);
        assert!(!text.contains('é'));
    }

    #[test]
    fn empty_texts_are_omitted() {
        let section = Section {
            interfaces: vec![Interface::default()],
            ..Section::default()
        };
        let (text, _) = read_back(&section, LinkType::Ethernet);
        for absent in [
            "Comment",
            "UserApplication",
            "IfName",
            "IfDescription",
            "IfFilter",
        ] {
            assert!(!text.contains(absent), "{text}");
        }
    }

    #[test]
    fn pcap_header_has_registered_link_type_and_nanoseconds() {
        for (link, registered) in [
            (LinkType::Ethernet, DataLink::ETHERNET),
            (LinkType::Raw, DataLink::RAW),
            (LinkType::Raw101, DataLink::RAW),
        ] {
            let bytes = pcap_header(link).unwrap();
            assert_eq!(bytes[..4], 0xa1b2_3c4d_u32.to_le_bytes());
            let header = PcapReader::new(&bytes[..]).unwrap().header();
            assert_eq!(header.datalink, registered);
            assert_eq!(header.ts_resolution, PcapTsResolution::NanoSecond);
        }
    }
}
