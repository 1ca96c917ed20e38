//! How fast packets become bytes: headers, and headers within their frame.
//!
//! Elements are packets. Each run asserts the length of what it wrote, so that a
//! figure cannot come from writing less.

use std::{hint::black_box, net::IpAddr};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flow2pcap::{
    capture::{Encoder, Format, Frame, LinkType, PacketDirection},
    packet::{
        Numbers, Packet, TcpSegment, Template, Transport,
        tcp::{Flags, Options},
    },
};

/// Enough to leave the first cache, few enough to stay in the last.
const PACKET_COUNT: u32 = 10_000;

/// A comment as the converter writes it, of 117 bytes.
const COMMENT: &str = "action=REJECT eni=eni-0123456789abcdef0 flags=2 packets=12 bytes=3456 \
                       start=1 end=2 record=AWSLogs/1/a.log.gz:12345";

/// One direction of a download: data segments, no options.
fn segments(addresses: [&str; 2]) -> Vec<Packet> {
    let [source, destination] = addresses.map(|ip| ip.parse::<IpAddr>().expect("an address"));
    (0..PACKET_COUNT)
        .map(|i| {
            let segment = TcpSegment {
                source_port: 443,
                destination_port: 50_000,
                seq: i * 1448,
                ack: 1,
                flags: Flags::ACK,
                window: 501,
                options: Options::NONE,
                timestamp: 0,
                timestamp_echo: 0,
            };
            Packet::new(source, destination, Transport::Tcp(segment), 1500).expect("a packet")
        })
        .collect()
}

fn emit(packets: &[Packet], out: &mut Vec<u8>) {
    out.clear();
    for packet in packets {
        black_box(packet).emit(out);
    }
}

/// As the converter makes all but the first of a way of a connection: from those of one before.
fn copy(template: &Template, index: u32, out: &mut Vec<u8>) {
    let numbers = Numbers {
        seq: index * 1448,
        ack: 1,
        flags: Flags::ACK,
        window: 501,
        timestamp: 0,
        timestamp_echo: 0,
    };
    template.emit(black_box(&numbers), 1500, out);
}

fn template(packet: &Packet) -> Template {
    let mut headers = Vec::new();
    packet.emit(&mut headers);
    Template::of(packet, &headers).expect("they are TCP")
}

fn copy_and_frame(packets: &[Packet], comment: Option<&str>, out: &mut Vec<u8>) {
    let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
    let template = template(&packets[0]);
    let mut headers = Vec::with_capacity(128);
    out.clear();
    for ((time_ns, index), packet) in (1_700_000_000_000_000_000..).zip(0..).zip(packets) {
        headers.clear();
        copy(&template, index, &mut headers);
        let frame = Frame {
            time_ns,
            interface: 1,
            direction: Some(PacketDirection::Inbound),
            original_len: packet.original_len(),
            headers: &headers,
            comment,
        };
        encoder.frame(out, &frame);
    }
}

fn write(c: &mut Criterion) {
    let v4 = segments(["10.0.0.1", "10.0.0.2"]);
    let v6 = segments(["2001:db8::1", "2001:db8::2"]);
    let mut out = Vec::with_capacity(4 << 20);
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(u64::from(PACKET_COUNT)));
    for (name, packets, headers_len) in [("tcp_v4", &v4, 40), ("tcp_v6", &v6, 60)] {
        group.bench_function(BenchmarkId::new("headers", name), |b| {
            b.iter(|| emit(packets, &mut out));
        });
        assert_eq!(out.len(), headers_len * packets.len());

        let template = template(&packets[0]);
        group.bench_function(BenchmarkId::new("headers_copied", name), |b| {
            b.iter(|| {
                out.clear();
                (0..PACKET_COUNT).for_each(|index| copy(&template, index, &mut out));
            });
        });
        assert_eq!(out.len(), headers_len * packets.len());

        group.bench_function(BenchmarkId::new("frame", name), |b| {
            b.iter(|| copy_and_frame(packets, None, &mut out));
        });
        assert_eq!(out.len(), (28 + headers_len + 12 + 4) * packets.len());

        group.bench_function(BenchmarkId::new("frame_with_comment", name), |b| {
            b.iter(|| copy_and_frame(packets, Some(COMMENT), &mut out));
        });
        let comment_len = 4 + COMMENT.len().next_multiple_of(4);
        let frame_len = 28 + headers_len + comment_len + 12 + 4;
        assert_eq!(out.len(), frame_len * packets.len());
    }
    group.finish();
}

criterion_group!(benches, write);
criterion_main!(benches);
