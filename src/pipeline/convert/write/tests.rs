//! Small episodes, written in one slice or several, with any memory limit.

use std::path::Path;

use super::*;
use crate::capture::{Encoder, Format, LinkType};
use crate::connection::{Detail, Segment, rebuild};
use crate::flow::observation::tests::{viewed, with};
use crate::flow::{Enis, Place, Viewed, Way};
use crate::pipeline::convert::capture_writer::PendingOutput;
use crate::pipeline::convert::framer::Framer;
use crate::pipeline::convert::memory_shares::MemoryShares;
use crate::pipeline::convert::pool::Pool;
use crate::pipeline::convert::section::section;
use crate::pipeline::convert::{Comments, Convert};
use crate::pipeline::run::Request;
use crate::pipeline::settling::time_slices::{Slices, Starts};
use crate::pipeline::spilling::sorted_runs::RunHead as _;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::SourceNames;
use crate::summary::OutputPart;
use crate::time::SECOND_NS;

/// A client's port, and the connections of its one episode.
type Client = (u16, Vec<Vec<Viewed>>);

/// Returns a connection of a client between these seconds, with this many packets in each
/// direction.
fn connection(port: u16, start_s: i64, end_s: i64, packets: u64) -> Vec<Viewed> {
    let record = |way, flags| {
        let o = viewed(way, packets, packets * 100, start_s, end_s, flags);
        with(o, |o| {
            let client = if o.key.low.port == 443 {
                &mut o.key.high
            } else {
                &mut o.key.low
            };
            client.port = port;
            o.place = Place { file: 0, line: 1 };
        })
    };
    vec![record(Way::Up, 3), record(Way::Down, 19)]
}

/// Returns connections that outlast slices, that begin together and that touch.
fn clients() -> Vec<Client> {
    vec![
        (1_001, vec![connection(1_001, 10, 12, 40)]),
        (1_002, vec![connection(1_002, 10, 10, 6)]),
        (1_003, vec![connection(1_003, 11, 12, 20)]),
        (
            1_004,
            vec![connection(1_004, 10, 11, 8), connection(1_004, 11, 11, 8)],
        ),
        (1_005, vec![connection(1_005, 12, 12, 3_000)]),
    ]
}

const ROOMY: MemoryShares = MemoryShares {
    frames: usize::MAX,
    episodes: usize::MAX,
    task: usize::MAX,
};

/// How to write a capture.
struct How {
    /// The seconds at which slices begin.
    cuts: &'static [i64],
    room: MemoryShares,
    split: Option<Split>,
}

/// The files written, in the order of paths, and the bytes written to disk.
struct Out {
    files: Vec<Vec<u8>>,
    parts: Vec<OutputPart>,
    written: Written,
    spilled: u64,
}

/// Returns slices that begin at these seconds.
fn slices(cuts: &[i64]) -> Slices {
    let mut starts = Starts::default();
    // More packets than fit in a slice, so that each second is a slice.
    let seconds = if cuts.is_empty() { &[][..] } else { &[0] };
    for second in seconds.iter().chain(cuts) {
        starts.count(second * SECOND_NS, 40_000);
    }
    let slices = Slices::within(1 << 40, &starts);
    assert_eq!(slices.count(), cuts.len() + 1);
    slices
}

/// Calls `ask` with a writer for the episodes of these clients.
fn with_writer<T>(
    how: &How,
    clients: &[Client],
    ask: impl for<'a> FnOnce(&'a Writer<'a>, &SpillFolder) -> T,
) -> T {
    let temporary = tempfile::tempdir().unwrap();
    let folder = SpillFolder::new(temporary.path());
    let slices = slices(how.cuts);
    let buckets = || Buckets::new(slices.count(), usize::MAX, &folder);
    let episodes = buckets();
    // In reverse, so that the order cannot come from here.
    for (_, connections) in clients.iter().rev() {
        let (mut records, mut ranges) = (Vec::new(), Vec::new());
        for connection in connections {
            let begin = records.len();
            records.extend_from_slice(connection);
            ranges.push(begin..records.len());
        }
        let mut out = Vec::new();
        episode_codec::put_episode(&records, &ranges, 0, &mut out);
        episodes.put(slices.of(records[0].start_ns), &out).unwrap();
    }
    let tasks = TaskContext {
        slices: &slices,
        waiting: &buckets(),
        framer: Framer {
            encoder: Encoder::new(Format::Pcap, LinkType::default()),
            names: &SourceNames::new(&[], vec![]),
            losses: &[],
            enis: &["eni-1".into()],
            reasons: &[],
            comments: Comments::None,
            single_interface: false,
        },
        detail: Detail::Exact,
        memory: None,
        split: how.split,
        pool: Pool::new(1 << 20),
        room: how.room,
        events: None,
    };
    let meter = Meter::default();
    let writer = Writer::new(&episodes, &meter, tasks);
    ask(&writer, &folder)
}

fn write(how: &How, clients: &[Client]) -> Out {
    with_writer(how, clients, |writer, folder| {
        let target = tempfile::tempdir().unwrap();
        let path = target.path().join("out.pcap");
        let mut convert = Convert::new(Request::new(vec![]), path);
        convert.split = how.split;
        let mut enis = Enis::default();
        enis.enter(b"eni-1");
        let pending = PendingOutput::of(&convert, &[]).unwrap();
        let section = section(&enis, Vec::new(), false);
        let mut capture = pending
            .open(writer.tasks.framer.encoder, section, &enis)
            .unwrap();
        let written = writer.write(&mut capture).unwrap();
        let output = capture.finish(&convert).unwrap();
        assert_eq!(
            u128::from(writer.meter.packets.load(Relaxed)),
            written.packets.written
        );
        let parts = output.parts.map(|parts| parts.files).unwrap_or_default();
        let read = |path: &Path| std::fs::read(path).unwrap();
        let files = match how.split {
            None => vec![read(&convert.output)],
            Some(_) => parts
                .iter()
                .map(|part| read(Path::new(&part.path)))
                .collect(),
        };
        Out {
            files,
            parts,
            written,
            spilled: folder.spilled(),
        }
    })
}

/// Returns the time of each packet of a pcap file, and the client's port.
fn packets(file: &[u8]) -> Vec<(i64, u16)> {
    let half = |at: &[u8]| u32::from_le_bytes(*at.first_chunk().unwrap());
    let mut rest = &file[24..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let time_ns = i64::from(half(rest)) * SECOND_NS + i64::from(half(&rest[4..]));
        let len = half(&rest[8..]) as usize;
        // The ports follow 20 bytes of IPv4.
        let port = |at: usize| u16::from_be_bytes([rest[16 + at], rest[17 + at]]);
        let ports = [port(20), port(22)];
        let client = ports.into_iter().find(|port| *port != 443).unwrap();
        packets.push((time_ns, client));
        rest = &rest[16 + len..];
    }
    packets
}

/// Returns the packets in the expected order of time, hash of the conversation, episode and position,
/// from the rebuilt segments.
fn expected(clients: &[Client]) -> Vec<(i64, u16)> {
    let mut keyed = Vec::new();
    let mut in_order: Vec<&Client> = clients.iter().collect();
    in_order.sort_by_key(|(port, connections)| (connections[0][0].start_ns, *port));
    for (episode, (port, connections)) in in_order.into_iter().enumerate() {
        let mut last_ns = None;
        let mut place = 0;
        let hash = connections[0][0].key.shard_hash();
        for connection in connections {
            let mut segments: Vec<Segment> = Vec::new();
            rebuild(connection, Detail::Exact, &mut segments);
            // A connection begins after the previous one, with no two packets at one time.
            let mut earliest_ns = last_ns.map_or(i64::MIN, |ns: i64| ns + 1_000);
            for segment in segments {
                let time_ns = segment.time_ns.max(earliest_ns);
                if time_ns == earliest_ns {
                    earliest_ns += 1_000;
                } else {
                    earliest_ns = i64::MIN;
                }
                keyed.push((time_ns, hash, episode, place, *port));
                last_ns = last_ns.max(Some(time_ns));
                place += 1;
            }
        }
    }
    keyed.sort_unstable();
    keyed
        .into_iter()
        .map(|(time_ns, .., port)| (time_ns, port))
        .collect()
}

const ONE: How = How {
    cuts: &[],
    room: ROOMY,
    split: None,
};

const THREE: How = How {
    cuts: &[11, 12],
    ..ONE
};

#[test]
fn packets_come_in_order_of_time_then_conversation_then_place() {
    let expected = expected(&clients());
    assert!(expected.is_sorted_by_key(|(time_ns, _)| *time_ns));
    for how in [ONE, THREE] {
        let out = write(&how, &clients());
        assert!(packets(&out.files[0]) == expected, "{:?}", how.cuts);
        assert_eq!(out.written.packets.written, 2 * (40 + 6 + 20 + 16 + 3_000));
    }
}

#[test]
fn packets_of_one_instant_come_in_order_of_their_hashes() {
    let ports = [3, 1, 2, 5, 4];
    let clients: Vec<Client> = ports
        .map(|port| (port, vec![connection(port, 10, 10, 1)]))
        .into();
    let hash = |port: &u16| connection(*port, 10, 10, 1)[0].key.shard_hash();
    let mut ordered = ports;
    ordered.sort_by_key(hash);
    let out = write(&ONE, &clients);
    let packets = packets(&out.files[0]);
    let first: Vec<(i64, u16)> = packets[..5].to_vec();
    let time_ns = first[0].0;
    assert_eq!(first, ordered.map(|port| (time_ns, port)));
}

#[test]
fn frame_later_than_its_slice_waits_for_its_own_slice() {
    let clients = [(1_001, vec![connection(1_001, 10, 12, 40)])];
    with_writer(&THREE, &clients, |writer, _| {
        let (mut before, mut written) = (EpisodesBefore::default(), Written::default());
        let rebuilt = writer.rebuild_slice(0, &mut before, &mut written).unwrap();
        let keys = rebuilt.frames.iter().flat_map(|frames| &frames.keys);
        let here: Vec<i64> = keys.map(|(key, ..)| key.time_ns).collect();
        let waiting = |slice: usize| {
            let mut times = Vec::new();
            for part in writer.tasks.waiting.take(slice).unwrap() {
                let mut rest = &part[..];
                while !rest.is_empty() {
                    let head = FrameHead::read(rest);
                    times.push(head.key.time_ns);
                    rest = &rest[head.item_len()..];
                }
            }
            times
        };
        let times = [here, waiting(1), waiting(2)];
        assert!(waiting(0).is_empty());
        for (times, second) in times.iter().zip(10..) {
            let span = second * SECOND_NS..(second + 1) * SECOND_NS;
            assert!(!times.is_empty(), "second {second}");
            assert!(times.iter().all(|ns| span.contains(ns)), "second {second}");
        }
        assert_eq!(times.concat().len(), 80);
        assert_eq!(written.packets.written, 80);
    });
}

#[test]
fn memory_limit_does_not_change_the_output() {
    let whole = write(&ONE, &clients());
    assert_eq!(whole.spilled, 0);
    let task = MemoryShares { task: 0, ..ROOMY };
    let episodes = MemoryShares {
        episodes: 0,
        ..ROOMY
    };
    let frames = MemoryShares {
        frames: 10_000,
        ..ROOMY
    };
    let none = MemoryShares {
        frames: 0,
        episodes: 0,
        task: 0,
    };
    let table = [
        ("portions", task, false),
        ("batches", episodes, true),
        ("runs", frames, true),
        ("nothing", none, true),
    ];
    for (what, room, spills) in table {
        for cuts in [ONE.cuts, THREE.cuts] {
            let how = How {
                cuts,
                room,
                split: None,
            };
            let out = write(&how, &clients());
            assert!(out.files == whole.files, "{what} in {cuts:?}");
            assert_eq!(out.spilled > 0, spills, "{what} in {cuts:?}");
        }
    }
}

#[test]
fn connections_of_a_split_capture_are_whole_with_any_memory_limit() {
    let none = MemoryShares {
        frames: 0,
        episodes: 0,
        task: 0,
    };
    for room in [ROOMY, none] {
        let how = How {
            cuts: THREE.cuts,
            room,
            split: Some(Split::Connections(2)),
        };
        let out = write(&how, &clients());
        let ports: Vec<Vec<u16>> = out
            .files
            .iter()
            .map(|file| {
                let mut ports: Vec<u16> = packets(file).iter().map(|(_, port)| *port).collect();
                ports.sort_unstable();
                ports.dedup();
                ports
            })
            .collect();
        // By the start of their episodes: 1001, 1002, 1004 with two connections, 1003, 1005.
        assert_eq!(ports, [vec![1_001, 1_002], vec![1_004], vec![1_003, 1_005]]);
        let counts: Vec<(u64, u64)> = out
            .parts
            .iter()
            .map(|part| (part.packets, part.connections))
            .collect();
        assert_eq!(counts, [(92, 2), (32, 2), (6_040, 2)]);
        let sum: u128 = counts.iter().map(|(packets, _)| u128::from(*packets)).sum();
        assert_eq!(sum, out.written.packets.written);
        let bytes: u128 = out.parts.iter().map(|part| part.bytes).sum();
        assert_eq!(bytes, out.written.packets.bytes_written);
    }
}

#[test]
fn connection_that_touches_the_one_before_it_comes_after_it() {
    let clients = [(
        1_004,
        vec![connection(1_004, 10, 11, 8), connection(1_004, 11, 11, 8)],
    )];
    with_writer(&ONE, &clients, |writer, _| {
        let (mut before, mut written) = (EpisodesBefore::default(), Written::default());
        let rebuilt = writer.rebuild_slice(0, &mut before, &mut written).unwrap();
        let keys = rebuilt.frames.iter().flat_map(|frames| &frames.keys);
        let keys: Vec<_> = keys.map(|(key, ..)| *key).collect();
        let places: Vec<u32> = keys.iter().map(|key| key.place).collect();
        assert_eq!(places, (0..32).collect::<Vec<u32>>());
        let last_ns = keys[..16].iter().map(|key| key.time_ns).max().unwrap();
        assert!(keys[16..].iter().all(|key| key.time_ns > last_ns));
    });
}
