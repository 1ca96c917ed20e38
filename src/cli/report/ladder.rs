//! A ladder diagram: who sent what to whom, with an arrow for each step, from the top down.

use flow2pcap::pipeline::{Ladder, LadderPacket, LadderStep};
use jiff::Timestamp;

use crate::cli::page::{count, name, wide};

pub(super) const WIDTH: f64 = 900.0;

/// Where the lines of the initiator and the responder are.
const ENDS: (f64, f64) = (250.0, 720.0);

/// Where the first arrow is.
const FIRST_ROW: f64 = 88.0;

const ROW_HEIGHT: f64 = 27.0;

/// A second, from which on it is worth to say how long a step lasted.
const SECOND_NS: i64 = 1_000_000_000;

/// A ladder as the template draws it.
pub(super) struct LadderPicture {
    /// What it shows, in words.
    pub(super) label: String,
    /// The date of the first packet.
    pub(super) date: String,
    /// Its height, for a width of [`WIDTH`].
    pub(super) height: f64,
    /// The vertical lines.
    pub(super) lines: Vec<LadderLine>,
    /// The arrows.
    pub(super) rows: Vec<LadderRow>,
    /// What a reader has to know of it.
    pub(super) note: String,
}

/// A vertical line.
pub(super) struct LadderLine {
    /// Where it is.
    pub(super) x: f64,
    /// Where its name is written.
    pub(super) y: f64,
    /// The part that it plays.
    pub(super) part: &'static str,
    /// Its name.
    pub(super) name: String,
    /// Whether packets ended here.
    pub(super) is_rejecting: bool,
}

/// An arrow, or a remark on those that are left out.
pub(super) struct LadderRow {
    /// Where it is.
    pub(super) y: f64,
    /// When the first packet was sent.
    pub(super) time: String,
    /// From where to where the arrow goes; `None` for a remark.
    pub(super) arrow: Option<(f64, f64)>,
    /// The head of the arrow, or the cross where its packets were rejected.
    pub(super) head: String,
    /// What was sent.
    pub(super) text: String,
    /// Where that is written.
    pub(super) text_x: f64,
    /// Which end of the text is there.
    pub(super) anchor: &'static str,
    /// Whether the packets were rejected.
    pub(super) is_rejected: bool,
}

/// Draws a connection.
pub(super) fn picture(ladder: &Ladder) -> LadderPicture {
    let lines = lines(ladder);
    let rejecting: Vec<f64> = lines[1..lines.len() - 1]
        .iter()
        .map(|line| line.x)
        .collect();
    let mut rows = Vec::new();
    let mut y = FIRST_ROW;
    for (index, step) in ladder.steps.iter().enumerate() {
        if let Some(omitted) = ladder.omitted.filter(|omitted| omitted.after == index) {
            rows.push(LadderRow {
                y,
                time: String::new(),
                arrow: None,
                head: String::new(),
                text: format!("… {}", count(omitted.packets, "more packet")),
                text_x: f64::midpoint(ENDS.0, ENDS.1),
                anchor: "middle",
                is_rejected: false,
            });
            y += ROW_HEIGHT;
        }
        rows.push(row(step, ladder.protocol, y, &rejecting));
        y += ROW_HEIGHT;
    }
    let [initiator, responder] = [ladder.initiator, ladder.responder].map(socket);
    let first_ns = ladder.steps.first().map_or(0, |step| step.first_ns);
    LadderPicture {
        label: format!(
            "{} from {initiator} to {responder}: {}",
            protocol(ladder.protocol),
            ladder.outcome
        ),
        date: strftime(first_ns, "%Y-%m-%d"),
        height: y,
        lines,
        rows,
        note: note(ladder),
    }
}

fn lines(ladder: &Ladder) -> Vec<LadderLine> {
    let end = |x, part, name| LadderLine {
        x,
        y: 32.0,
        part,
        name,
        is_rejecting: false,
    };
    let mut lines = vec![end(ENDS.0, "initiator", socket(ladder.initiator))];
    let spaces = ladder.rejecting.len() as f64 + 1.0;
    for (eni, nth) in ladder.rejecting.iter().zip(1_u8..) {
        // One alone is drawn close to its side.
        let share = match (eni.is_at_initiator, ladder.rejecting.len()) {
            (Some(true), 1) => 0.35,
            (Some(false), 1) => 0.65,
            _ => f64::from(nth) / spaces,
        };
        lines.push(LadderLine {
            x: ENDS.0 + share * (ENDS.1 - ENDS.0),
            y: 62.0,
            part: "rejected at",
            name: name(&eni.name),
            is_rejecting: true,
        });
    }
    lines.push(end(ENDS.1, "responder", socket(ladder.responder)));
    lines
}

fn row(step: &LadderStep, protocol: u8, y: f64, rejecting: &[f64]) -> LadderRow {
    let (from, to) = if step.by_initiator {
        ENDS
    } else {
        (ENDS.1, ENDS.0)
    };
    let stop = step.rejected_by.and_then(|index| rejecting.get(index));
    let to = stop.copied().unwrap_or(to);
    let (sign, anchor) = if from < to {
        (1.0, "start")
    } else {
        (-1.0, "end")
    };
    let head = match stop {
        Some(x) => format!("M{:.1} {:.1}l12 12m0 -12l-12 12", x - 6.0, y - 6.0),
        None => format!("M{to:.1} {y:.1}l{:.1} -4v8z", -8.0 * sign),
    };
    LadderRow {
        y,
        time: strftime(step.first_ns, "%H:%M:%S%.3f"),
        arrow: Some((from, to)),
        head,
        text: text(step, protocol),
        text_x: from + 10.0 * sign,
        anchor,
        is_rejected: stop.is_some(),
    }
}

/// What was sent, in words.
fn text(step: &LadderStep, protocol: u8) -> String {
    let bytes = |text: String| match step.bytes {
        0 => text,
        bytes => format!("{text}, {}", count(bytes, "byte")),
    };
    let acks = || match step.acks {
        1 => "ACK".to_owned(),
        acks => format!("{} ACKs", wide(acks.into())),
    };
    let mut text = match step.kind {
        LadderPacket::Syn => bytes("SYN".to_owned()),
        LadderPacket::SynAck => bytes("SYN-ACK".to_owned()),
        LadderPacket::Fin => bytes("FIN".to_owned()),
        LadderPacket::Rst => bytes("RST".to_owned()),
        LadderPacket::Datagram => {
            let what = format!("{} packet", self::protocol(protocol));
            bytes(count(step.packets, &what))
        }
        LadderPacket::Data if step.packets == 0 => acks(),
        LadderPacket::Data => {
            let data = bytes(count(step.packets, "data packet"));
            if step.acks == 0 {
                data
            } else {
                format!("{data}, {}", acks())
            }
        }
    };
    let lasted_s = step.last_ns.saturating_sub(step.first_ns) / SECOND_NS;
    if lasted_s > 0 {
        text.push_str(&format!(", in {lasted_s} s"));
    }
    text
}

fn note(ladder: &Ladder) -> String {
    let mut note = format!(
        "One of these connections, as {} logged it, in the packets that convert rebuilds. Outcome: \
         {}. Records give the first and the last second only; times in between are estimated.",
        name(&ladder.logged_at),
        ladder.outcome
    );
    if ladder.packets_rebuilt < ladder.packets_logged {
        note.push_str(&format!(
            " The records count {} packets; large transfers are merged here into {}.",
            wide(ladder.packets_logged.into()),
            wide(ladder.packets_rebuilt.into())
        ));
    }
    note
}

fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        58 => "ICMPv6".to_owned(),
        number => format!("protocol {number}"),
    }
}

fn socket(end: flow2pcap::flow::Endpoint) -> String {
    match end.port {
        0 => end.address.to_string(),
        port => std::net::SocketAddr::new(end.address, port).to_string(),
    }
}

fn strftime(at_ns: i64, form: &str) -> String {
    Timestamp::from_nanosecond(at_ns.into())
        .map_or_else(|_| at_ns.to_string(), |at| at.strftime(form).to_string())
}
