//! The words of comments for records, and which packets have a comment.

use super::*;
use crate::archive;
use crate::capture::{Format, LinkType};
use crate::connection::{Detail, FirstClose, Outcome, Role, rebuild};
use crate::flow::ReasonIndex;
use crate::flow::observation::tests::{viewed, with};
use crate::flow::{EniIndex, Way};

/// One file, in a folder.
fn names() -> SourceNames {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    std::fs::write(&path, "x").unwrap();
    SourceNames::new(&archive::walk(&[path]).unwrap().files, vec![])
}

const LOSSES: Losses = Losses {
    no_route: 4,
    blackhole: 0,
    mtu_exceeded: 2,
    ttl_expired: 0,
};

/// The line of a record with lost packets.
const LOSSY_LINE: u64 = 9;

/// Calls `ask` with a framer that writes these comments.
fn with_framer<T>(comments: Comments, ask: impl FnOnce(&Framer<'_>) -> T) -> T {
    let lossy = Place {
        file: 0,
        line: LOSSY_LINE,
    };
    ask(&Framer {
        encoder: Encoder::new(Format::Pcapng, LinkType::default()),
        names: &names(),
        losses: &[(lossy, LOSSES)],
        enis: &["eni-1".into(), "eni-2".into()],
        reasons: &[String::new(), "XYZ".into()],
        comments,
        single_interface: false,
    })
}

/// Returns the record of line 7, in direction `Up`, from second 10 to 12, with a SYN.
fn record() -> Viewed {
    let o = viewed(Way::Up, 3, 180, 10, 12, 2);
    with(o, |o| o.place = Place { file: 0, line: 7 })
}

fn info(initiator: Way, evidence: RoleEvidence) -> ConnectionInfo {
    ConnectionInfo {
        role: Role {
            initiator,
            evidence,
        },
        outcome: Outcome::Open,
        presumed: false,
        closed_first: None,
        first_guessed: None,
        moved: 0,
        bytes_added: 0,
    }
}

/// Returns the first packet of a record, or another one.
fn segment(o: &Viewed, is_first: bool) -> Segment {
    let mut segments = Vec::new();
    rebuild(&[*o], Detail::Exact, &mut segments);
    Segment {
        is_first,
        ..segments[0]
    }
}

fn comment(comments: Comments, o: &Viewed, is_first: bool, info: &ConnectionInfo) -> String {
    let segment = segment(o, is_first);
    let placed = Placed {
        segment: &segment,
        record: o,
        info,
        events: "",
    };
    let mut scratch = Scratch::default();
    with_framer(comments, |framer| {
        let whole = framer.has_facts(placed.segment);
        framer.comment(&placed, whole, &mut scratch);
    });
    scratch.comment
}

fn whole(o: &Viewed, info: &ConnectionInfo) -> String {
    comment(Comments::All, o, true, info)
}

fn changed(change: impl FnOnce(&mut Viewed)) -> Viewed {
    let mut o = record();
    change(&mut o);
    o
}

const BEGIN: &str =
    "action=ACCEPT eni=eni-1 direction=egress flags=2 packets=3 bytes=180 start=10 end=12";
const OUTCOME: &str = " outcome=open";
const ROLE: &str = " role=initiator by=syn";
const RECORD: &str = " record=a.log:7";

#[test]
fn comment_has_the_logged_values_and_the_initiator() {
    let info = info(Way::Up, RoleEvidence::Syn);
    let expected = [BEGIN, OUTCOME, ROLE, RECORD].concat();
    assert_eq!(whole(&record(), &info), expected);
}

/// The words of the comment of [`record`] that are replaced, with their replacements.
type Differences = Vec<(&'static str, &'static str)>;

fn check(table: Vec<(&str, Viewed, Differences)>) {
    for (what, o, differences) in table {
        let mut expected = [BEGIN, OUTCOME, ROLE, RECORD].concat();
        for (word, other) in differences {
            assert!(expected.contains(word), "{what}");
            expected = expected.replace(word, other);
        }
        let info = info(Way::Up, RoleEvidence::Syn);
        assert_eq!(whole(&o, &info), expected, "{what}");
    }
}

#[test]
fn each_count_of_a_record_has_its_words() {
    check(vec![
        (
            "eni",
            changed(|o| o.eni = EniIndex(1)),
            vec![("eni=eni-1", "eni=eni-2")],
        ),
        (
            "into the host",
            changed(|o| o.leaving = Some(false)),
            vec![("egress", "ingress")],
        ),
        (
            "unknown direction",
            changed(|o| o.leaving = None),
            vec![(" direction=egress", "")],
        ),
        (
            "line",
            changed(|o| o.place.line = 8),
            vec![("a.log:7", "a.log:8")],
        ),
        (
            "packets",
            changed(|o| o.packets = 4),
            vec![("packets=3", "packets=4")],
        ),
        (
            "part of a record",
            changed(|o| o.left_out = 17),
            vec![("packets=3", "packets=3 part-of=20")],
        ),
        (
            "part of more than can be counted",
            changed(|o| o.left_out = u64::MAX),
            vec![("packets=3", "packets=3 part-of=18446744073709551615")],
        ),
        (
            "no bytes",
            changed(|o| o.bytes = None),
            vec![("bytes=180", "bytes=-")],
        ),
        (
            "no flags",
            changed(|o| o.flags = None),
            vec![(" flags=2", "")],
        ),
    ]);
}

#[test]
fn times_and_losses_of_a_record_have_their_words() {
    check(vec![
        (
            "milliseconds",
            changed(|o| {
                o.start_ns += 7 * TICK_NS;
                o.end_ns += 500 * TICK_NS;
            }),
            vec![("start=10", "start=10.007"), ("end=12", "end=12.500")],
        ),
        (
            "clock that was late, with the times that were logged",
            changed(|o| {
                o.clock_ns = 3 * SECOND_NS;
                o.start_ns += 3 * SECOND_NS;
                o.end_ns += 3 * SECOND_NS;
            }),
            vec![("end=12", "end=12 clock=+3s")],
        ),
        (
            "clock that was early",
            changed(|o| {
                o.clock_ns = -2 * SECOND_NS;
                o.start_ns -= 2 * SECOND_NS;
                o.end_ns -= 2 * SECOND_NS;
            }),
            vec![("end=12", "end=12 clock=-2s")],
        ),
        (
            "rejected elsewhere",
            changed(|o| o.rejected_at = Some(EniIndex(1))),
            vec![("end=12", "end=12 rejected-at=eni-2")],
        ),
        (
            "losses, but for causes that cost nothing",
            changed(|o| o.place.line = LOSSY_LINE),
            vec![
                ("a.log:7", "a.log:9"),
                ("end=12", "end=12 lost-no-route=4 lost-mtu-exceeded=2"),
            ],
        ),
    ]);
}

#[test]
fn reason_of_a_rejected_record_is_a_word() {
    let reject = |reason| changed(|o| o.verdict = Verdict::Reject(reason));
    check(vec![
        (
            "rejected",
            reject(RejectReason::Unsaid),
            vec![("ACCEPT", "REJECT")],
        ),
        (
            "rejected by BPA",
            reject(RejectReason::BlockPublicAccess),
            vec![("ACCEPT", "REJECT"), ("end=12", "end=12 reject-reason=BPA")],
        ),
        (
            "rejected by EC",
            reject(RejectReason::EncryptionControls),
            vec![("ACCEPT", "REJECT"), ("end=12", "end=12 reject-reason=EC")],
        ),
        (
            "rejected by a firewall",
            reject(RejectReason::NetworkFirewall),
            vec![
                ("ACCEPT", "REJECT"),
                ("end=12", "end=12 reject-reason=network-firewall"),
            ],
        ),
        (
            "rejected for something new",
            reject(RejectReason::Other(ReasonIndex(1))),
            vec![("ACCEPT", "REJECT"), ("end=12", "end=12 reject-reason=XYZ")],
        ),
    ]);
}

#[test]
fn words_of_all_facts_have_one_order() {
    let o = changed(|o| {
        o.place.line = LOSSY_LINE;
        o.left_out = 1;
        o.clock_ns = SECOND_NS;
        o.rejected_at = Some(EniIndex(1));
        o.verdict = Verdict::Reject(RejectReason::Other(ReasonIndex(1)));
    });
    let mut info = info(Way::Up, RoleEvidence::Syn);
    info.presumed = true;
    let said = whole(&o, &info);
    let keys: Vec<&str> = said
        .split([' '])
        .map(|w| w.split('=').next().unwrap())
        .collect();
    let expected = "action eni direction flags packets part-of bytes start end reject-reason clock \
                    rejected-at lost-no-route lost-mtu-exceeded outcome role by presumed record";
    assert_eq!(keys.join(" "), expected);
}

#[test]
fn role_is_that_of_the_record_s_direction_and_has_its_evidence() {
    use RoleEvidence::{Direction, First, Ports, Syn, SynAck};
    let udp = changed(|o| o.key.protocol = UDP);
    let table = [
        (record(), Way::Up, Syn, " role=initiator by=syn"),
        (record(), Way::Down, SynAck, " role=responder by=syn-ack"),
        (record(), Way::Up, Ports, " role=initiator by=ports"),
        (
            record(),
            Way::Down,
            Direction,
            " role=responder by=direction",
        ),
        (record(), Way::Up, First, " role=initiator by=first-seen"),
        (udp, Way::Down, Ports, " role=responder by=ports"),
        // A UDP initiator known only from the order of packets has no role.
        (udp, Way::Up, First, ""),
    ];
    for (o, initiator, evidence, expected) in table {
        let said = whole(&o, &info(initiator, evidence));
        let expected = [BEGIN, OUTCOME, expected, RECORD].concat();
        assert_eq!(said, expected, "{evidence:?}");
    }
}

#[test]
fn presumed_handshake_and_teardown_are_in_the_comment() {
    let mut info = info(Way::Up, RoleEvidence::Syn);
    info.presumed = true;
    let expected = [BEGIN, OUTCOME, ROLE, " presumed=handshake,teardown", RECORD].concat();
    assert_eq!(whole(&record(), &info), expected);
}

#[test]
fn guess_who_closed_first_is_in_the_comment() {
    let mut info = info(Way::Up, RoleEvidence::Syn);
    for (is_guess, presumed, expected) in [
        (true, false, " closed-first=responder?"),
        (false, false, ""),
        (true, true, " presumed=handshake,teardown"),
    ] {
        let way = Way::Down;
        (info.closed_first, info.presumed) = (Some(FirstClose { way, is_guess }), presumed);
        let expected = [BEGIN, OUTCOME, ROLE, expected, RECORD].concat();
        assert_eq!(whole(&record(), &info), expected);
    }
}

#[test]
fn guess_who_sent_first_is_in_the_comment() {
    let mut info = info(Way::Up, RoleEvidence::Ports);
    for (guessed, presumed, expected) in [
        (Some(Way::Up), false, " sent-first=initiator?"),
        (Some(Way::Down), false, " sent-first=responder?"),
        (Some(Way::Up), true, " presumed=handshake,teardown"),
        (None, false, ""),
    ] {
        (info.first_guessed, info.presumed) = (guessed, presumed);
        let role = " role=initiator by=ports";
        let expected = [BEGIN, OUTCOME, role, expected, RECORD].concat();
        assert_eq!(whole(&record(), &info), expected);
    }
}

#[test]
fn packets_have_a_comment_as_requested() {
    let info = info(Way::Up, RoleEvidence::Syn);
    let rejected = changed(|o| o.verdict = Verdict::Reject(RejectReason::Unsaid));
    let said = |comments, o: &Viewed, is_first| comment(comments, o, is_first, &info);
    let of = |action| {
        let whole = [BEGIN, OUTCOME, ROLE, RECORD].concat();
        whole.replace("ACCEPT", action)
    };
    let (accept, reject) = (of("ACCEPT"), of("REJECT"));
    let table = [
        (Comments::None, true, "", ""),
        (Comments::None, false, "", ""),
        (Comments::Record, true, &accept[..], &reject[..]),
        (Comments::Record, false, "", "action=REJECT"),
        (Comments::All, true, &accept, &reject),
        (Comments::All, false, &accept, &reject),
    ];
    for (comments, is_first, of_accepted, of_rejected) in table {
        let what = format!("{comments:?}, first: {is_first}");
        assert_eq!(said(comments, &record(), is_first), of_accepted, "{what}");
        assert_eq!(said(comments, &rejected, is_first), of_rejected, "{what}");
    }
}

#[test]
fn frame_is_on_the_interface_of_its_eni_or_on_the_only_one() {
    let o = changed(|o| o.eni = EniIndex(1));
    let info = info(Way::Up, RoleEvidence::Syn);
    let segment = segment(&o, true);
    let placed = Placed {
        segment: &segment,
        record: &o,
        info: &info,
        events: "",
    };
    for (single_interface, interface) in [(false, 1), (true, 0)] {
        let mut out = Vec::new();
        with_framer(Comments::All, |framer| {
            let framer = Framer {
                encoder: framer.encoder,
                enis: framer.enis,
                reasons: framer.reasons,
                losses: framer.losses,
                names: framer.names,
                comments: framer.comments,
                single_interface,
            };
            framer.frame(&placed, &mut Scratch::default(), &mut out);
        });
        // An Enhanced Packet Block: type, length, interface (pcapng section 4.3).
        assert_eq!(out[8..12], u32::to_le_bytes(interface));
    }
}

#[test]
fn headers_copied_from_the_previous_ones_equal_newly_built_ones() {
    let records = [
        viewed(Way::Up, 40, 20_000, 10, 12, 3),
        viewed(Way::Down, 60, 60_000, 10, 12, 19),
    ];
    let mut segments = Vec::new();
    rebuild(&records, Detail::Exact, &mut segments);
    assert_eq!(segments.len(), 100);
    let (mut scratch, mut stamps) = (Scratch::default(), Scratch::default());
    for (i, segment) in segments.iter().enumerate() {
        let o = &records[segment.record as usize];
        scratch.headers.clear();
        scratch.headers(segment, o);
        let mut anew = Vec::new();
        packet(segment, o, stamps.stamps(segment)).emit(&mut anew);
        assert_eq!(scratch.headers, anew, "segment {i}");
    }
}

#[test]
fn frames_copied_from_earlier_ones_equal_newly_built_ones() {
    let elsewhere = |o: Viewed| with(o, |o| (o.eni, o.leaving) = (EniIndex(1), Some(false)));
    let records = [
        viewed(Way::Up, 40, 20_000, 10, 12, 3),
        viewed(Way::Down, 60, 4_000_000, 10, 12, 19),
        elsewhere(viewed(Way::Up, 40, 20_000, 13, 15, 16)),
        with(viewed(Way::Down, 9, 9_000, 13, 15, 16), |o| {
            o.verdict = Verdict::Reject(RejectReason::Unsaid);
        }),
    ];
    let mut segments = Vec::new();
    let info = rebuild(&records, Detail::Exact, &mut segments);
    for comments in [Comments::None, Comments::Record, Comments::All] {
        with_framer(comments, |framer| {
            let (mut reused, mut emptied) = (Scratch::default(), Scratch::default());
            let (mut copied, mut anew) = (Vec::new(), Vec::new());
            for segment in &segments {
                let placed = Placed {
                    segment,
                    record: &records[segment.record as usize],
                    info: &info,
                    events: if segment.seq % 5 == 0 { "request" } else { "" },
                };
                framer.frame(&placed, &mut reused, &mut copied);
                emptied.like = [None, None];
                framer.frame(&placed, &mut emptied, &mut anew);
                assert!(copied == anew, "{comments:?} {segment:?}");
            }
            let are_copied = reused
                .like
                .iter()
                .flatten()
                .any(|like| like.frame.is_some());
            assert_eq!(are_copied, comments != Comments::All);
        });
    }
}

#[test]
fn timestamps_echo_what_the_other_side_sent_last() {
    let records = [
        viewed(Way::Up, 20, 20_000, 10, 12, 3),
        viewed(Way::Down, 20, 60_000, 10, 12, 19),
    ];
    let mut segments = Vec::new();
    rebuild(&records, Detail::Exact, &mut segments);
    let mut scratch = Scratch::default();
    let mut sent = [None; 2];
    let mut echoes = 0;
    for segment in &segments {
        let stamps = scratch.stamps(segment);
        if let Some(heard) = sent[segment.way.reverse().index()] {
            assert_eq!(stamps.echo, heard, "{segment:?}");
            echoes += 1;
        }
        sent[segment.way.index()] = Some(stamps.own);
    }
    assert!(echoes > 30, "{echoes}");
}
