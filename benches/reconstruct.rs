//! How fast observations become segments: whose view is told, which connections there are, what each was.
//!
//! Records are parsed and observed before the clock runs. `split` puts each
//! conversation in order and divides it; `rebuild` does that and plans every
//! segment. Sums of packets and bytes are asserted against the generator's.

use std::{hint::black_box, ops::ControlFlow, sync::Arc};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flow2pcap::connection::{Detail, rebuild, split};
use flow2pcap::flow::{Addresses, Enis, Place, Viewed, observe};
use flow2pcap::record::{Layout, Row, Rows};
use testkit::traffic::{Settings, Traffic, Version};

/// Enough to leave the second cache.
const LINES: u64 = 100_000;

/// The records of one archive, by conversation.
struct Observed {
    conversations: Vec<Vec<Viewed>>,
    text_len: u64,
    records: u64,
    bytes: u64,
}

fn observed() -> Observed {
    let mut text = Vec::new();
    let (mut lines, mut bytes) = (0, 0);
    let _ = Traffic::new(Settings::new(Version::V5, 1)).write(|line| {
        text.extend_from_slice(line.text);
        lines += 1;
        bytes += line.bytes;
        if lines < LINES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    let layout = Layout::from_format(Version::V5.header()).expect("these are names of fields");
    let mut enis = Enis::default();
    let mut all = Vec::new();
    for (at, row) in Rows::new(&text, Arc::new(layout)) {
        let Row::Record(record) = row else { continue };
        let eni = enis.enter(record.eni);
        let place = Place {
            file: 0,
            line: at as u64,
        };
        let (observation, _) =
            observe(&record, Addresses::Packet, eni, place).expect("a usable record");
        all.push(Viewed::from(observation));
    }
    let records = all.len() as u64;
    // Each ENI's view is a conversation of its own here, so that no byte goes untold.
    let key = |o: &Viewed| (o.key, o.eni.0);
    all.sort_by_key(key);
    let conversations = all.chunk_by(|a, b| key(a) == key(b)).map(<[_]>::to_vec);
    Observed {
        conversations: conversations.collect(),
        text_len: text.len() as u64,
        records,
        bytes,
    }
}

fn reconstruct(criterion: &mut Criterion) {
    let observed = observed();
    let by_text = Throughput::Bytes(observed.text_len);
    let by_record = Throughput::Elements(observed.records);
    for (unit, throughput) in [("bytes", by_text), ("records", by_record)] {
        let mut group = criterion.benchmark_group(format!("reconstruct/{unit}"));
        group.sample_size(20);
        group.throughput(throughput);
        group.bench_function("split", |bencher| {
            let fresh = || observed.conversations.clone();
            bencher.iter_batched(
                fresh,
                |all| assert!(split_all(all) > 0),
                BatchSize::LargeInput,
            );
        });
        for (name, detail) in [
            ("compact", Detail::Compact { per_record_max: 64 }),
            ("control", Detail::Control),
        ] {
            group.bench_function(BenchmarkId::new("rebuild", name), |bencher| {
                let fresh = || observed.conversations.clone();
                let measured = |all| assert_eq!(rebuild_all(all, detail), observed.bytes);
                bencher.iter_batched(fresh, measured, BatchSize::LargeInput);
            });
        }
        group.finish();
    }
}

/// How many connections there are.
fn split_all(mut conversations: Vec<Vec<Viewed>>) -> usize {
    let counts = conversations.iter_mut().map(|one| split(one).len());
    counts.sum()
}

/// How many bytes the segments have.
fn rebuild_all(mut conversations: Vec<Vec<Viewed>>, detail: Detail) -> u64 {
    let mut bytes = 0;
    let mut segments = Vec::new();
    for conversation in &mut conversations {
        for connection in split(conversation) {
            segments.clear();
            rebuild(&conversation[connection], detail, &mut segments);
            let lens = black_box(&segments)
                .iter()
                .map(|s| u64::from(s.original_len));
            bytes += lens.sum::<u64>();
        }
    }
    bytes
}

criterion_group!(benches, reconstruct);
criterion_main!(benches);
