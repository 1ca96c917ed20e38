//! Handmade frames, written into the parts of a split capture.

use super::*;
use crate::capture::{Format, Frame, Interface, LinkType};
use crate::pipeline::convert::frames::PartTag;
use crate::pipeline::run::Request;
use crate::time::SECOND_NS;

const HOUR_NS: i64 = 3_600 * SECOND_NS;

/// A handmade frame: its time, its tag, and a byte that identifies it.
#[derive(Clone, Copy)]
struct Made {
    time_ns: i64,
    number: u32,
    begins: bool,
    mark: u8,
}

const fn made(time_ns: i64, number: u32, begins: bool, mark: u8) -> Made {
    Made {
        time_ns,
        number,
        begins,
        mark,
    }
}

/// Packets of two ENIs or connections that alternate, over two hours.
const FRAMES: [Made; 5] = [
    made(HOUR_NS, 0, true, 1),
    made(HOUR_NS + 1, 1, true, 2),
    made(2 * HOUR_NS - 1, 0, false, 3),
    made(2 * HOUR_NS, 1, false, 4),
    made(2 * HOUR_NS + 5, 1, true, 5),
];

/// Returns the original length of the packet with a mark.
fn original_len(mark: u8) -> u32 {
    100 + u32::from(mark)
}

fn encoder() -> Encoder {
    Encoder::new(Format::Pcap, LinkType::default())
}

fn ordered(frames: &[Made]) -> Ordered {
    let mut ordered = Ordered::default();
    for frame in frames {
        let begin = ordered.bytes.len();
        let encoded = Frame {
            time_ns: frame.time_ns.cast_unsigned(),
            interface: 0,
            direction: None,
            original_len: original_len(frame.mark),
            headers: &[frame.mark; 20],
            comment: None,
        };
        encoder().frame(&mut ordered.bytes, &encoded);
        ordered.cuts.push(FrameEnd {
            len: u32::try_from(ordered.bytes.len() - begin).unwrap(),
            tag: PartTag::new(frame.number, frame.begins),
            time_ns: frame.time_ns,
        });
    }
    ordered
}

/// Bytes of a pcap file before its first frame, and of a frame made here.
const HEAD_LEN: usize = 24;
const FRAME_LEN: usize = 16 + 20;

/// Returns the marks of the frames in a pcap file, in order.
fn marks(file: &[u8]) -> Vec<u8> {
    let frames = file[HEAD_LEN..].chunks_exact(FRAME_LEN);
    assert!(frames.remainder().is_empty());
    frames.map(|frame| frame[16]).collect()
}

/// A part of a capture: the end of its name, its marks, and the number of connections that begin in
/// it.
type Part<'a> = (&'a str, &'a [u8], u64);

/// Checks that the frames are written as a capture with these parts.
#[track_caller]
fn check(split: Split, expected: &[Part<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let mut convert = Convert::new(Request::new(vec![]), folder.path().join("out.pcap"));
    convert.split = Some(split);
    let mut enis = Enis::default();
    enis.enter(b"eni-a");
    enis.enter(b"eni-b");
    let pending = PendingOutput::of(&convert, &[]).unwrap();
    let mut writer = pending.open(encoder(), section(), &enis).unwrap();
    // In two steps, since a later write continues the parts.
    writer
        .write(&[ordered(&FRAMES[..2]), ordered(&FRAMES[2..3])])
        .unwrap();
    writer.write(&[ordered(&FRAMES[3..])]).unwrap();
    let output = writer.finish(&convert).unwrap();
    let parts = output.parts.unwrap().files;
    assert_eq!(parts.len(), expected.len(), "{split:?}");
    for (part, (name, in_part, connections)) in parts.iter().zip(expected) {
        let what = format!("{split:?}: {}", part.path);
        assert!(part.path.ends_with(&format!("out-{name}.pcap")), "{what}");
        let file = std::fs::read(&part.path).unwrap();
        assert_eq!(marks(&file), *in_part, "{what}");
        assert_eq!(part.packets, in_part.len() as u64, "{what}");
        let bytes = in_part.iter().map(|mark| original_len(*mark));
        assert_eq!(part.bytes, u128::from(bytes.sum::<u32>()), "{what}");
        assert_eq!(part.file_bytes, file.len() as u64, "{what}");
        assert_eq!(part.connections, *connections, "{what}");
        let time = |mark: &u8| FRAMES[usize::from(*mark) - 1].time_ns;
        assert_eq!(part.first_ns, in_part.first().map(time), "{what}");
        assert_eq!(part.last_ns, in_part.last().map(time), "{what}");
    }
    let bytes: u64 = parts.iter().map(|part| part.file_bytes).sum();
    assert_eq!(output.file_bytes, bytes);
}

fn section() -> Section {
    let interface = |name: &str| Interface {
        name: name.into(),
        description: String::new(),
        filter: None,
        link: None,
    };
    Section {
        comment: "by hand".into(),
        application: "test".into(),
        interfaces: vec![interface("eni-a"), interface("eni-b")],
        names: vec![],
    }
}

#[test]
fn frames_are_in_the_part_of_their_eni() {
    check(
        Split::Eni,
        &[("eni-a", &[1, 3], 1), ("eni-b", &[2, 4, 5], 2)],
    );
}

#[test]
fn frames_are_in_the_part_of_their_hour() {
    let hours: [Part<'_>; 2] = [
        ("1970-01-01T01", &[1, 2, 3], 2),
        ("1970-01-01T02", &[4, 5], 1),
    ];
    check(Split::Hour, &hours);
}

#[test]
fn frames_are_in_the_part_of_their_connection() {
    check(
        Split::Connections(1),
        &[("00001", &[1, 3], 1), ("00002", &[2, 4, 5], 2)],
    );
}

#[test]
fn part_ends_after_the_frame_that_brings_it_to_its_size() {
    let one_frame = (HEAD_LEN + FRAME_LEN) as u64;
    let two: [Part<'_>; 3] = [
        ("00001", &[1, 2], 2),
        ("00002", &[3, 4], 0),
        ("00003", &[5], 1),
    ];
    check(Split::Size(one_frame + 1), &two);
    let single: [Part<'_>; 5] = [
        ("00001", &[1], 1),
        ("00002", &[2], 1),
        ("00003", &[3], 0),
        ("00004", &[4], 0),
        ("00005", &[5], 1),
    ];
    check(Split::Size(one_frame), &single);
    check(Split::Size(u64::MAX), &[("00001", &[1, 2, 3, 4, 5], 3)]);
}

#[test]
fn capture_of_one_part_is_all_frames_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let convert = Convert::new(Request::new(vec![]), folder.path().join("out.pcap"));
    let pending = PendingOutput::of(&convert, &[]).unwrap();
    let mut writer = pending
        .open(encoder(), section(), &Enis::default())
        .unwrap();
    writer
        .write(&[ordered(&FRAMES[..2]), ordered(&FRAMES[2..])])
        .unwrap();
    let output = writer.finish(&convert).unwrap();
    let file = std::fs::read(&convert.output).unwrap();
    assert_eq!(marks(&file), [1, 2, 3, 4, 5]);
    assert_eq!(output.file_bytes, file.len() as u64);
    assert!(output.parts.is_none());
}
