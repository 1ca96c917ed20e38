//! The text of a record.
//!
//! Archives of many gigabytes are made of this, so words are copied and digits
//! written in place; nothing is formatted.

use std::io::Write as _;
use std::net::IpAddr;

use super::Version;
use super::network::{End, Eni, REGION};
use super::way::Counted;

/// What an ENI says of one way in one window.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub eni: &'a Eni,
    pub source: &'a End,
    pub destination: &'a End,
    pub protocol: u8,
    pub counted: Counted,
    pub egress: bool,
    pub rejected: bool,
}

impl Record<'_> {
    /// Appends the line.
    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        let counted = &self.counted;
        version_and_eni(version, self.eni, out);
        word_address(out, self.interface_address(self.source, self.egress));
        word_address(out, self.interface_address(self.destination, !self.egress));
        word_number(out, self.source.port.into());
        word_number(out, self.destination.port.into());
        word_number(out, self.protocol.into());
        word_number(out, counted.packets);
        word_number(out, counted.bytes);
        word_number(out, counted.first_ms / 1000);
        word_number(out, counted.last_ms / 1000);
        word(out, if self.rejected { "REJECT" } else { "ACCEPT" });
        word(out, "OK");
        if version == Version::V5 {
            self.write_up_to_29(out);
        }
        out.push(b'\n');
    }

    fn write_up_to_29(&self, out: &mut Vec<u8>) {
        word(out, &self.eni.home);
        word_number(out, self.counted.flags.into());
        let is_v6 = self.source.address.is_ipv6();
        word(out, if is_v6 { "IPv6" } else { "IPv4" });
        word_address(out, self.source.address);
        word_address(out, self.destination.address);
        word(out, REGION);
        word(out, self.eni.zone);
        word(out, "- -");
        word(out, self.source.service);
        word(out, self.destination.service);
        word(
            out,
            match (self.egress, self.destination.eni) {
                (false, _) => "ingress -",
                (true, Some(_)) => "egress 1",
                (true, None) => "egress 8",
            },
        );
    }

    /// `srcaddr` or `dstaddr`: at its own end an ENI shows its primary address.
    fn interface_address(&self, end: &End, near: bool) -> IpAddr {
        match end.address {
            IpAddr::V4(_) if near => IpAddr::V4(self.eni.address),
            address => address,
        }
    }
}

/// Appends the line of a window in which there was nothing, or nothing was kept.
pub(super) fn write_empty(
    version: Version,
    eni: &Eni,
    [start, end]: [u64; 2],
    status: &str,
    out: &mut Vec<u8>,
) {
    version_and_eni(version, eni, out);
    word(out, "- - - - - - -");
    word_number(out, start);
    word_number(out, end);
    word(out, "-");
    word(out, status);
    if version == Version::V5 {
        word(out, "- - - - - - - - - - - - - - -");
    }
    out.push(b'\n');
}

fn version_and_eni(version: Version, eni: &Eni, out: &mut Vec<u8>) {
    out.push(match version {
        Version::V2 => b'2',
        Version::V5 => b'5',
    });
    word(out, &eni.name);
}

fn word(out: &mut Vec<u8>, text: &str) {
    out.push(b' ');
    out.extend_from_slice(text.as_bytes());
}

fn word_number(out: &mut Vec<u8>, number: u64) {
    word(out, itoa::Buffer::new().format(number));
}

fn word_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            let mut separator = b' ';
            for byte in v4.octets() {
                out.push(separator);
                out.extend_from_slice(itoa::Buffer::new().format(byte).as_bytes());
                separator = b'.';
            }
        }
        // Few, and their shortest form takes more than a loop.
        IpAddr::V6(v6) => write!(out, " {v6}").expect("memory takes all text"),
    }
}
