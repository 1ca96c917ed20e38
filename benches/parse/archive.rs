//! A made-up archive to read: seeded, so that every run sees the same bytes.

use std::{fmt::Write, net::Ipv4Addr};

use flow2pcap::record::Field;

/// Records read, and the sum of their bytes.
pub(super) type Totals = (u64, u64);

/// About 32 MB of `fields`, and what they add up to.
///
/// One line in fifty is idle, the others a mix of long and short flows: addresses,
/// ports and counters vary in length as they do in real archives.
pub(super) fn archive(fields: &[Field]) -> (Vec<u8>, Totals) {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut text = String::with_capacity(ARCHIVE_LEN + 1024);
    let (mut count, mut bytes) = (0, 0);
    let mut start = 1_700_000_000_u64;
    while text.len() < ARCHIVE_LEN {
        start += random.below(3) / 2;
        let flow = Flow::new(&mut random, start);
        for (index, field) in fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(text, "{separator}{}", flow.value(*field)).expect("strings take all text");
        }
        text.push('\n');
        count += 1;
        bytes += if flow.idle { 0 } else { flow.bytes };
    }
    (text.into_bytes(), (count, bytes))
}

/// What a generated line tells.
struct Flow {
    idle: bool,
    egress: bool,
    eni: u64,
    near: Ipv4Addr,
    far: Ipv4Addr,
    ports: [u64; 2],
    udp: bool,
    packets: u64,
    bytes: u64,
    start: u64,
    len: u64,
    rejected: bool,
    flags: u64,
}

impl Flow {
    fn new(random: &mut Random, start: u64) -> Self {
        let service = [443, 443, 443, 80, 22, 53, 3306, 8080][random.index(8)];
        let magnitude = random.below(14);
        let packets = 1 + random.below(1 << magnitude);
        let outside = u32::try_from(random.below(0xdfff_ffff)).unwrap_or(0) | 0x0100_0000;
        let inside = 0x0a00_0000 | u32::try_from(random.below(0xffff)).unwrap_or(0);
        Self {
            idle: random.below(50) == 0,
            egress: random.below(2) == 0,
            eni: random.below(40),
            near: Ipv4Addr::from(0x0a00_0000 | u32::try_from(random.below(0xfff)).unwrap_or(0)),
            far: Ipv4Addr::from(if random.below(3) == 0 {
                outside
            } else {
                inside
            }),
            ports: [32_768 + random.below(28_000), service],
            udp: service == 53,
            packets,
            bytes: packets * (40 + random.below(1_400)),
            start,
            len: 1 + random.below(59),
            rejected: random.below(8) == 0,
            flags: [0, 0, 2, 3, 18, 19][random.index(6)],
        }
    }

    fn value(&self, field: Field) -> String {
        let (source, destination) = if self.egress {
            (self.near, self.far)
        } else {
            (self.far, self.near)
        };
        let [near_port, far_port] = self.ports;
        let ports = if self.egress {
            [near_port, far_port]
        } else {
            [far_port, near_port]
        };
        match field {
            Field::Version => "5".to_owned(),
            Field::AccountId => "123456789012".to_owned(),
            Field::InterfaceId => {
                format!("eni-0{:016x}", self.eni.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            }
            Field::Start => self.start.to_string(),
            Field::End => (self.start + self.len).to_string(),
            Field::LogStatus if self.idle => "NODATA".to_owned(),
            _ if self.idle => "-".to_owned(),
            Field::LogStatus => "OK".to_owned(),
            Field::SrcAddr | Field::PktSrcAddr => source.to_string(),
            Field::DstAddr | Field::PktDstAddr => destination.to_string(),
            Field::SrcPort => ports[0].to_string(),
            Field::DstPort => ports[1].to_string(),
            Field::Protocol => if self.udp { "17" } else { "6" }.to_owned(),
            Field::Packets => self.packets.to_string(),
            Field::Bytes => self.bytes.to_string(),
            Field::Action => if self.rejected { "REJECT" } else { "ACCEPT" }.to_owned(),
            Field::VpcId => "vpc-0b69ce8d04278ddd1".to_owned(),
            Field::SubnetId => "subnet-002bdfe1767d0ddb0".to_owned(),
            Field::InstanceId => {
                format!("i-0{:016x}", self.eni.wrapping_mul(0xd1b5_4a32_d192_ed03))
            }
            Field::TcpFlags => self.flags.to_string(),
            Field::Type => "IPv4".to_owned(),
            Field::Region => "us-east-1".to_owned(),
            Field::AzId => "use1-az4".to_owned(),
            Field::PktDstAwsService if self.far.octets()[0] & 3 == 0 => "AMAZON".to_owned(),
            Field::FlowDirection => if self.egress { "egress" } else { "ingress" }.to_owned(),
            Field::TrafficPath if self.egress => "1".to_owned(),
            _ => "-".to_owned(),
        }
    }
}

/// A small generator of numbers (xorshift), seeded so that every run sees the same bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound.max(1)
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}

/// How much text each format is measured on.
const ARCHIVE_LEN: usize = 32 << 20;
