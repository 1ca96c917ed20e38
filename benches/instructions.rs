//! How many instructions the hot loops take: the same on a busy machine as on an idle one.
//!
//! Each loop runs under callgrind twice, over inputs of two sizes; the
//! difference, divided by how many more records or packets there were, leaves out
//! all that is done once. Fails if a loop takes 10 % more than
//! `instructions.tsv` keeps, or `instructions_dev.tsv` for the profile of the tests: it takes twice the
//! instructions and needs no build of its own. With `-- --keep` that file is written instead.
//!
//! Counts depend on the compiler and a little on the processor (the C library
//! copies differently on each); cycles, caches and threads are not in them.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use flow2pcap::capture::{Encoder, Format, Frame, LinkType, PacketDirection};
use flow2pcap::connection::Detail;
use flow2pcap::packet::{
    Numbers, Packet, TcpSegment, Template, Transport,
    tcp::{Flags, Options},
};
use flow2pcap::pipeline::{Convert, Meter, Request, convert};
use flow2pcap::record::{Row, Rows, recognize};
use testkit::traffic::{Settings, Traffic, Version};

/// What is kept of the profile that this is built with.
const KEPT: &str = if cfg!(debug_assertions) {
    "benches/instructions_dev.tsv"
} else {
    "benches/instructions.tsv"
};

/// A loop: its name, what it is given, and what it does with so many lines or
/// packets; returns over how many records or packets the instructions are shared out.
struct Loop {
    name: &'static str,
    version: Version,
    run: fn(&Path, u32) -> u64,
}

const LOOPS: [Loop; 5] = [
    Loop {
        name: "parse a v2 record",
        version: Version::V2,
        run: |input, _| parse(input),
    },
    Loop {
        name: "parse a v5 record",
        version: Version::V5,
        run: |input, _| parse(input),
    },
    Loop {
        name: "emit a packet",
        version: Version::V5,
        run: |_, count| emit(count),
    },
    Loop {
        name: "convert a v5 record, control",
        version: Version::V5,
        run: |input, _| converted(input, Detail::Control).0,
    },
    Loop {
        name: "write a packet, compact",
        version: Version::V5,
        run: |input, _| converted(input, Detail::Compact { per_record_max: 64 }).1,
    },
];

/// Lines, or packets, of the two runs of a loop.
const SIZES: [u32; 2] = [5_000, 15_000];

/// How much more than was kept is taken for a slide.
const TOLERANCE: f64 = 1.10;

/// The variable that tells the program, run under callgrind, which loop it is to run.
const LOOP_VARIABLE: &str = "FLOW2PCAP_BENCH_LOOP";

fn main() -> ExitCode {
    if let Ok(order) = std::env::var(LOOP_VARIABLE) {
        let [index, count, input] = order.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{order}")
        };
        let index: usize = index.parse().expect("a number");
        let units = (LOOPS[index].run)(Path::new(input), count.parse().expect("a number"));
        println!("{units}");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let measured: Vec<(&str, f64)> = LOOPS
        .iter()
        .enumerate()
        .map(|(index, one)| (one.name, measure(index, folder.path())))
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    if std::env::args().any(|argument| argument == "--keep") {
        let lines = measured.iter().map(|(name, n)| format!("{name}\t{n:.0}\n"));
        fs::write(&file, lines.collect::<String>()).expect("the kept figures can be written");
    }
    compare(&measured, &kept(&file))
}

/// Prints each loop beside what was kept of it; fails if one has become dearer.
fn compare(measured: &[(&str, f64)], kept: &BTreeMap<String, f64>) -> ExitCode {
    let mut slid = false;
    println!(
        "{:<30} {:>12} {:>8} {:>7}",
        "", "instructions", "kept", "ratio"
    );
    for (name, now) in measured {
        let before = kept.get(*name).copied().unwrap_or(0.0);
        let ratio = now / before;
        println!("{name:<30} {now:>12.0} {before:>8.0} {ratio:>7.3}");
        slid |= ratio > TOLERANCE; // so is infinity: a loop that was never kept
    }
    if slid {
        println!(
            "a loop takes more than {TOLERANCE} of what was kept; if that is meant, or the compiler \
             is another: cargo bench --bench instructions -- --keep"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn kept(file: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(file).expect("the kept figures can be read");
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines
        .map(|(name, n)| (name.to_owned(), n.parse().expect("a number")))
        .collect()
}

/// Instructions for each record or packet.
fn measure(index: usize, folder: &Path) -> f64 {
    let [small, large] = SIZES.map(|count| {
        let input = archive(LOOPS[index].version, count, folder);
        count_instructions(&format!("{index}\t{count}\t{}", input.display()))
    });
    (large.0 - small.0) as f64 / (large.1 - small.1) as f64
}

/// Runs this program under callgrind; returns the instructions and what the loop returned.
fn count_instructions(order: &str) -> (u64, u64) {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .env(LOOP_VARIABLE, order)
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("valgrind is installed");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let collected = err
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .unwrap_or_else(|| panic!("no count of {order}: {err}"));
    (
        collected.1.trim().parse().expect("a number"),
        out.trim().parse().expect("a number"),
    )
}

/// A log of so many lines, made before any counting.
fn archive(version: Version, count: u32, folder: &Path) -> PathBuf {
    let mut text = format!("{}\n", version.header());
    let mut lines = 0;
    let _ = Traffic::new(Settings::new(version, 1)).write(|line| {
        text.push_str(std::str::from_utf8(line.text).expect("a log is text"));
        lines += 1;
        if lines < count {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    let file = folder.join("archive.log");
    fs::write(&file, text).expect("a log can be written");
    file
}

fn parse(input: &Path) -> u64 {
    let text = fs::read(input).expect("the log was written");
    let layout = recognize(&text, None).expect("it has a header").layout;
    let rows = Rows::new(&text, Arc::new(layout));
    let records = rows.filter(|(_, row)| matches!(row, Row::Record(_)));
    records.count() as u64
}

fn emit(count: u32) -> u64 {
    let segment = TcpSegment {
        source_port: 443,
        destination_port: 50_000,
        seq: 0,
        ack: 1,
        flags: Flags::ACK,
        window: 501,
        options: Options::TIMESTAMPS,
        timestamp: 0,
        timestamp_echo: 0,
    };
    let [source, destination] = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().expect("an address"));
    let packet = Packet::new(source, destination, Transport::Tcp(segment), 1500).expect("a packet");
    let (mut headers, mut out) = (Vec::new(), Vec::new());
    packet.emit(&mut headers);
    let template = Template::of(&packet, &headers).expect("it is TCP");
    let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
    for i in 0..count {
        let numbers = Numbers {
            seq: i * 1448,
            ack: 1,
            flags: Flags::ACK,
            window: 501,
            timestamp: i,
            timestamp_echo: i,
        };
        headers.clear();
        template.emit(&numbers, 1500, &mut headers);
        let frame = Frame {
            time_ns: i.into(),
            interface: 1,
            direction: Some(PacketDirection::Inbound),
            original_len: 1500,
            headers: &headers,
            comment: None,
        };
        encoder.frame(&mut out, &frame);
    }
    assert_eq!(out.len(), 96 * count as usize);
    count.into()
}

/// Records and packets of a conversion.
fn converted(input: &Path, detail: Detail) -> (u64, u64) {
    let request = Request::new(vec![input.to_owned()]);
    let mut request = Convert::new(request, input.with_extension("pcapng"));
    request.detail = detail.into();
    let summary = convert(&request, &Meter::default()).expect("a capture");
    let packets = u64::try_from(summary.packets.written).expect("few packets");
    (summary.records.lines, packets)
}
