//! How fast records are read: the two formats that most archives hold, 32 MB of each.
//!
//! `record` is this crate. `cursor` is the same work by hand, one straight
//! function a format, with neither nom nor a layout that is known only at run
//! time: what the grammar costs. `csv_core` splits the same bytes at blanks and
//! decodes one column of each line: what a good general splitter takes alone.
//! All three return the number of records and the sum of their bytes, which are
//! asserted, so that a bench cannot measure a wrong answer.

use std::{fmt::Write, hint::black_box, net::Ipv4Addr, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flow2pcap::record::{Field, Layout, Row, Rows};

/// Records read, and the sum of their bytes.
type Totals = (u64, u64);

fn parse(criterion: &mut Criterion) {
    format(criterion, "parse/v2_default", 14, cursor::v2);
    format(criterion, "parse/v5_all", 29, cursor::v5);
}

/// Measures the format of the first `column_count` fields in AWS order.
fn format(
    criterion: &mut Criterion,
    name: &str,
    column_count: usize,
    by_hand: fn(&[u8]) -> Option<Totals>,
) {
    let (text, expected) = archive(column_count);
    let names: Vec<_> = Field::ALL[..column_count]
        .iter()
        .map(|field| field.name())
        .collect();
    let layout = Layout::from_format(&names.join(" ")).expect("these are names of fields");
    let layout = Arc::new(layout);
    let mut group = criterion.benchmark_group(name);
    group
        .throughput(Throughput::Bytes(text.len() as u64))
        .sample_size(20);
    group.bench_function("record", |bencher| {
        bencher.iter(|| assert_eq!(record(&text, &layout), expected));
    });
    group.bench_function("cursor", |bencher| {
        bencher.iter(|| assert_eq!(by_hand(&text), Some(expected)));
    });
    group.bench_function("csv_core", |bencher| {
        bencher.iter(|| assert_eq!(csv_core(&text), expected));
    });
    group.finish();
}

fn record(text: &[u8], layout: &Arc<Layout>) -> Totals {
    let (mut count, mut bytes) = (0, 0);
    for (_, row) in Rows::new(text, Arc::clone(layout)) {
        match black_box(&row) {
            Row::Record(record) => {
                count += 1;
                bytes += record.bytes.unwrap_or(0);
            }
            Row::NoData(_) => count += 1,
            row => panic!("{row:?}"),
        }
    }
    (count, bytes)
}

fn csv_core(text: &[u8]) -> Totals {
    let mut reader = csv_core::ReaderBuilder::new()
        .delimiter(b' ')
        .quoting(false)
        .build();
    let (mut fields, mut ends) = ([0; 1024], [0; 64]);
    let (mut input, mut count, mut bytes) = (text, 0, 0);
    loop {
        let (result, read, _, _) = reader.read_record(input, &mut fields, &mut ends);
        input = &input[read..];
        match result {
            csv_core::ReadRecordResult::Record => {
                count += 1;
                bytes += digits(&fields[ends[8]..ends[9]]);
            }
            csv_core::ReadRecordResult::InputEmpty => {}
            csv_core::ReadRecordResult::End => return (count, bytes),
            other => panic!("{other:?}"),
        }
    }
}

fn digits(text: &[u8]) -> u64 {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

/// The same records by hand: every value decoded that [`flow2pcap::record::Record`] holds.
mod cursor {
    use super::*;

    /// What both formats decode.
    #[derive(Debug, Default)]
    struct Decoded<'a> {
        eni: &'a [u8],
        addresses: [Option<Ipv4Addr>; 4],
        numbers: [Option<u64>; 9],
        accepted: Option<bool>,
        status: u8,
        egress: Option<bool>,
    }

    pub(super) fn v2(text: &[u8]) -> Option<Totals> {
        let mut cursor = Cursor { text };
        let (mut count, mut bytes) = (0, 0);
        while !cursor.text.is_empty() {
            let mut record = Decoded::default();
            cursor.first_14(&mut record)?;
            cursor.byte(b'\n')?;
            count += 1;
            bytes += black_box(&record).numbers[4].unwrap_or(0);
        }
        Some((count, bytes))
    }

    pub(super) fn v5(text: &[u8]) -> Option<Totals> {
        let mut cursor = Cursor { text };
        let (mut count, mut bytes) = (0, 0);
        while !cursor.text.is_empty() {
            let mut record = Decoded::default();
            cursor.first_14(&mut record)?;
            for _ in 0..3 {
                cursor.byte(b' ')?;
                cursor.token();
            }
            cursor.byte(b' ')?;
            record.numbers[7] = cursor.number()?;
            cursor.byte(b' ')?;
            cursor.token();
            for address in &mut record.addresses[2..] {
                cursor.byte(b' ')?;
                *address = cursor.address()?;
            }
            for _ in 0..6 {
                cursor.byte(b' ')?;
                cursor.token();
            }
            cursor.byte(b' ')?;
            record.egress = match cursor.token() {
                b"egress" => Some(true),
                b"ingress" => Some(false),
                _ => None,
            };
            cursor.byte(b' ')?;
            record.numbers[8] = cursor.number()?;
            cursor.byte(b'\n')?;
            count += 1;
            bytes += black_box(&record).numbers[4].unwrap_or(0);
        }
        Some((count, bytes))
    }

    struct Cursor<'a> {
        text: &'a [u8],
    }

    impl<'a> Cursor<'a> {
        #[inline(always)]
        fn first_14(&mut self, record: &mut Decoded<'a>) -> Option<()> {
            self.token();
            self.byte(b' ')?;
            self.token();
            self.byte(b' ')?;
            record.eni = self.token();
            for address in &mut record.addresses[..2] {
                self.byte(b' ')?;
                *address = self.address()?;
            }
            for number in &mut record.numbers[..7] {
                self.byte(b' ')?;
                *number = self.number()?;
            }
            self.byte(b' ')?;
            record.accepted = match self.token() {
                b"ACCEPT" => Some(true),
                b"REJECT" => Some(false),
                _ => None,
            };
            self.byte(b' ')?;
            record.status = self.token().len() as u8;
            Some(())
        }

        #[inline(always)]
        fn byte(&mut self, expected: u8) -> Option<()> {
            let (&first, rest) = self.text.split_first()?;
            self.text = rest;
            (first == expected).then_some(())
        }

        #[inline(always)]
        fn token(&mut self) -> &'a [u8] {
            let len = self.text.iter().take_while(|&&byte| byte > b' ').count();
            let (token, rest) = self.text.split_at(len);
            self.text = rest;
            token
        }

        #[inline(always)]
        fn number(&mut self) -> Option<Option<u64>> {
            if let [b'-', rest @ ..] = self.text {
                self.text = rest;
                return Some(None);
            }
            let mut value: u64 = 0;
            let mut len = 0;
            while let Some(digit) = self.text.get(len).map(|byte| byte.wrapping_sub(b'0')) {
                if digit > 9 {
                    break;
                }
                value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
                len += 1;
            }
            self.text = &self.text[len..];
            (len > 0).then_some(Some(value))
        }

        #[inline(always)]
        fn address(&mut self) -> Option<Option<Ipv4Addr>> {
            if let [b'-', rest @ ..] = self.text {
                self.text = rest;
                return Some(None);
            }
            let mut octets = [0; 4];
            for (index, octet) in octets.iter_mut().enumerate() {
                if index > 0 {
                    self.byte(b'.')?;
                }
                *octet = u8::try_from(self.number()??).ok()?;
            }
            Some(Some(Ipv4Addr::from(octets)))
        }
    }
}

/// About 32 MB of the first `column_count` fields, and what they add up to.
///
/// One interface in four minutes idle, the rest a mix of long and short flows: the
/// lengths of addresses, ports and counters vary as they do in real archives.
fn archive(column_count: usize) -> (Vec<u8>, Totals) {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut text = String::with_capacity(ARCHIVE_LEN + 1024);
    let (mut count, mut bytes) = (0, 0);
    let mut start = 1_700_000_000_u64;
    while text.len() < ARCHIVE_LEN {
        start += random.below(3) / 2;
        let flow = Flow::new(&mut random, start);
        let line_start = text.len();
        for (index, field) in Field::ALL[..column_count].iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(text, "{separator}{}", flow.value(*field)).expect("strings take all text");
        }
        assert!(text.len() > line_start + column_count);
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

criterion_group!(benches, parse);
criterion_main!(benches);
