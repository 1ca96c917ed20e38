//! How fast records are read: the two formats that most archives hold, 32 MB of each.
//!
//! `record` is this crate. `cursor` is the same work by hand, one straight
//! function a format, with neither nom nor a layout that is known only at run
//! time. `csv_core` splits the same bytes at blanks and decodes the values with
//! the standard library; `csv_core_split` leaves all but one of them undecoded.
//! All return the number of records and the sum of their bytes, which are
//! asserted, so that a bench cannot measure a wrong answer.

use std::{hint::black_box, net::IpAddr, ops::ControlFlow, str::FromStr, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flow2pcap::record::{Layout, Row, Rows};
use testkit::traffic::{Settings, Traffic, Version};

/// Records read, and the sum of their bytes.
type Totals = (u64, u64);

fn parse(criterion: &mut Criterion) {
    format::<false>(criterion, "parse/v2_default");
    format::<true>(criterion, "parse/v5_all");
}

/// Measures the default format, or all fields up to version 5.
fn format<const V5: bool>(criterion: &mut Criterion, name: &str) {
    let version = if V5 { Version::V5 } else { Version::V2 };
    let (text, expected) = archive(version);
    let layout = Layout::from_format(version.header()).expect("these are names of fields");
    let layout = Arc::new(layout);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("record", |bencher| {
        bencher.iter(|| assert_eq!(record(&text, &layout), expected));
    });
    group.bench_function("cursor", |bencher| {
        bencher.iter(|| assert_eq!(cursor::read::<V5>(&text), Some(expected)));
    });
    group.bench_function("csv_core", |bencher| {
        bencher.iter(|| assert_eq!(csv::read::<V5, true>(&text), Some(expected)));
    });
    group.bench_function("csv_core_split", |bencher| {
        bencher.iter(|| assert_eq!(csv::read::<V5, false>(&text), Some(expected)));
    });
    group.finish();
}

/// About 32 MB of made-up lines, and what they add up to.
///
/// All of IPv4, which is all that the cursor reads.
fn archive(version: Version) -> (Vec<u8>, Totals) {
    let mut text = Vec::with_capacity(ARCHIVE_LEN + 1024);
    let (mut count, mut bytes) = (0, 0);
    let settings = Settings {
        has_v6: false,
        ..Settings::new(version, 1)
    };
    let _ = Traffic::new(settings).write(|line| {
        text.extend_from_slice(line.text);
        count += 1;
        bytes += line.bytes;
        if text.len() < ARCHIVE_LEN {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    (text, (count, bytes))
}

/// How much text each format is measured on.
const ARCHIVE_LEN: usize = 32 << 20;

fn record(text: &[u8], layout: &Arc<Layout>) -> Totals {
    let (mut count, mut bytes) = (0, 0);
    for (_, row) in Rows::new(text, Arc::clone(layout)) {
        match black_box(&row) {
            Row::Record(record) => {
                count += 1;
                bytes += record.bytes.unwrap_or(0);
            }
            Row::NoData(_) | Row::SkipData(_) => count += 1,
            row => panic!("{row:?}"),
        }
    }
    (count, bytes)
}

/// What the others decode of a line: every value that [`flow2pcap::record::Record`] holds.
#[derive(Debug, Default)]
struct Decoded<'a> {
    eni: &'a [u8],
    addresses: [Option<IpAddr>; 4],
    numbers: [Option<u64>; 9],
    accepted: Option<bool>,
    status: usize,
    egress: Option<bool>,
}

/// The record by way of a splitter.
mod csv {
    use super::*;

    pub(super) fn read<const V5: bool, const DECODE: bool>(text: &[u8]) -> Option<Totals> {
        let mut reader = csv_core::ReaderBuilder::new()
            .delimiter(b' ')
            .quoting(false)
            .build();
        let (mut cells, mut ends) = ([0; 1024], [0; 64]);
        let (mut input, mut count, mut bytes) = (text, 0, 0);
        loop {
            let (result, read, _, _) = reader.read_record(input, &mut cells, &mut ends);
            input = &input[read..];
            match result {
                csv_core::ReadRecordResult::Record => {
                    let cell = |index: usize| &cells[ends[index - 1]..ends[index]];
                    count += 1;
                    bytes += if DECODE {
                        black_box(&decode::<V5>(cell)?).numbers[4].unwrap_or(0)
                    } else {
                        parsed(cell(9))?.unwrap_or(0)
                    };
                }
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::End => return Some((count, bytes)),
                _ => return None,
            }
        }
    }

    #[inline(always)]
    fn decode<'a, const V5: bool>(cell: impl Fn(usize) -> &'a [u8]) -> Option<Decoded<'a>> {
        let mut record = Decoded {
            eni: cell(2),
            accepted: accepted(cell(12)),
            status: cell(13).len(),
            ..Decoded::default()
        };
        for (index, address) in record.addresses[..2].iter_mut().enumerate() {
            *address = parsed(cell(3 + index))?;
        }
        for (index, number) in record.numbers[..7].iter_mut().enumerate() {
            *number = parsed(cell(5 + index))?;
        }
        if V5 {
            record.numbers[7] = parsed(cell(17))?;
            record.addresses[2] = parsed(cell(19))?;
            record.addresses[3] = parsed(cell(20))?;
            record.egress = egress(cell(27));
            record.numbers[8] = parsed(cell(28))?;
        }
        Some(record)
    }

    fn parsed<T: FromStr>(text: &[u8]) -> Option<Option<T>> {
        match text {
            b"-" => Some(None),
            _ => std::str::from_utf8(text).ok()?.parse().ok().map(Some),
        }
    }
}

fn accepted(text: &[u8]) -> Option<bool> {
    (text != b"-").then_some(text == b"ACCEPT")
}

fn egress(text: &[u8]) -> Option<bool> {
    (text != b"-").then_some(text == b"egress")
}

/// The record by hand, byte by byte.
mod cursor {
    use super::*;

    pub(super) fn read<const V5: bool>(text: &[u8]) -> Option<Totals> {
        let mut cursor = Cursor { text };
        let (mut count, mut bytes) = (0, 0);
        while !cursor.text.is_empty() {
            let mut record = Decoded::default();
            cursor.first_14(&mut record)?;
            if V5 {
                cursor.up_to_29(&mut record)?;
            }
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
            record.accepted = accepted(self.token());
            self.byte(b' ')?;
            record.status = self.token().len();
            Some(())
        }

        #[inline(always)]
        fn up_to_29(&mut self, record: &mut Decoded<'a>) -> Option<()> {
            self.skip(3)?;
            self.byte(b' ')?;
            record.numbers[7] = self.number()?;
            self.skip(1)?;
            for address in &mut record.addresses[2..] {
                self.byte(b' ')?;
                *address = self.address()?;
            }
            self.skip(6)?;
            self.byte(b' ')?;
            record.egress = egress(self.token());
            self.byte(b' ')?;
            record.numbers[8] = self.number()?;
            Some(())
        }

        #[inline(always)]
        fn skip(&mut self, count: usize) -> Option<()> {
            for _ in 0..count {
                self.byte(b' ')?;
                self.token();
            }
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
        fn address(&mut self) -> Option<Option<IpAddr>> {
            if let [b'-', rest @ ..] = self.text {
                self.text = rest;
                return Some(None);
            }
            let mut bytes = [0; 4];
            for (index, byte) in bytes.iter_mut().enumerate() {
                if index > 0 {
                    self.byte(b'.')?;
                }
                *byte = u8::try_from(self.number()??).ok()?;
            }
            Some(Some(IpAddr::from(bytes)))
        }
    }
}

criterion_group!(benches, parse);
criterion_main!(benches);
