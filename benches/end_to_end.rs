//! How fast a whole archive becomes a capture, on all cores: text and S3 folders of gzip.
//!
//! Bytes are those of the text, whatever it was wrapped in. Each run asserts
//! that every line and every byte logged is accounted for.

use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flow2pcap::connection::Detail;
use flow2pcap::pipeline::{Convert, Meter, Request, convert};
use testkit::archive::{Goal, Made, Shape, generate};
use testkit::traffic::{Settings, Version};

/// Lines of each archive.
const LINES: u64 = 200_000;

fn run(input: &Path, output: &Path, detail: Detail, made: &Made) {
    let request = Request::new(vec![input.to_owned()]);
    let mut request = Convert::new(request, output.to_owned());
    request.detail = detail.into();
    let summary = convert(&request, &Meter::default()).expect("a capture");
    assert!(summary.records.adds_up());
    assert_eq!(summary.records.lines, made.lines + made.files);
    assert_eq!(summary.records.skipped.total(), 0);
    assert_eq!(summary.packets.bytes_written, summary.packets.bytes_logged);
}

fn end_to_end(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out.pcapng");
    let details = [
        ("compact", Detail::Compact { per_record_max: 64 }),
        ("control", Detail::Control),
    ];
    for (name, version, shape, gzip) in [
        ("v5_text", Version::V5, Shape::OneFile, false),
        ("v2_text", Version::V2, Shape::OneFile, false),
        ("v5_gzip", Version::V5, Shape::Tree, true),
    ] {
        let input = folder.path().join(name);
        let settings = Settings::new(version, 1);
        let made = generate(settings, Goal::Lines(LINES), shape, gzip, &input).expect("an archive");
        for (unit, throughput) in [
            ("bytes", Throughput::Bytes(made.text_len)),
            ("records", Throughput::Elements(made.lines)),
        ] {
            let mut group = criterion.benchmark_group(format!("end_to_end/{unit}"));
            group.sample_size(10);
            group.throughput(throughput);
            for (detail_name, detail) in details {
                group.bench_function(BenchmarkId::new(name, detail_name), |bencher| {
                    bencher.iter(|| run(&input, &output, detail, &made));
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, end_to_end);
criterion_main!(benches);
