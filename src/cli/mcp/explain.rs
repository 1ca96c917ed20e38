//! The tool `explain_connection`: single connections, each value labeled by how it is known.

use clap::Args;
use flow2pcap::connection::{RoleEvidence, SegmentKind};
use flow2pcap::flow::{Endpoint, UNNAMED};
use flow2pcap::names::service_at;
use flow2pcap::pipeline::{
    self, ExplainedConnection, ExplainedConnections, ExplainedPacket, ExplainedRecord, Request,
    ValuesLogged,
};
use flow2pcap::time::SECOND_NS;
use serde_json::Value;

use super::arguments::{NARROWING, schema};
use super::facts::{AnswerFacts, Fact, instant};
use super::inspect::lines;
use super::tools::{AgentTool, ToolRun};
use crate::cli::advice::refusal;
use crate::cli::narrowing::Narrowing;

/// The options that are arguments, with those that narrow.
const OPTIONS: [&str; 2] = ["all-enis", "limit"];

pub(super) const TOOL: AgentTool = AgentTool {
    name: "explain_connection",
    title: "Explain a connection",
    description: "Shows connections with their records and rebuilt packets, every value labeled. Name one with \
        connection ('10.0.0.5:40000 > 10.0.0.9:443'), or with host, port, from and to. A round-trip time is \
        there only if the log itself measured one. Times of packets within a record, and the order of packets \
        of the same second, are invented.",
    schema: || schema::<ExplainArgs>(&taken(), &[]),
    writes: false,
    run,
};

fn taken() -> Vec<&'static str> {
    [&OPTIONS[..], &NARROWING].concat()
}

/// The arguments of the tool.
#[derive(Debug, Args)]
struct ExplainArgs {
    /// Show a connection once for each ENI that logged it, not only as the ENI that logged most saw it
    #[arg(long)]
    all_enis: bool,

    /// Connections to show, the earliest first, at most 50 [default: 5]
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    limit: u8,

    #[command(flatten)]
    narrowing: Narrowing,
}

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    let args: ExplainArgs = call.parse(&taken(), &[])?;
    let filter = args.narrowing.filter()?;
    if filter.condition.is_none() {
        return Err(refusal(
            "no connection is named",
            "give connection, or host and port, and from and to where they had many",
        ));
    }
    let request = call.within(Request::new(Vec::new()).filter(filter))?;
    let explained = pipeline::explain(&request, args.all_enis, args.limit.into(), call.meter)?;
    Ok(Box::new(facts(&explained).into_iter()))
}

fn facts(explained: &ExplainedConnections) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new("connections")
            .deduced("total", explained.total)
            .deduced("shown", explained.connections.len()),
    ];
    for (number, connection) in (1_u64..).zip(&explained.connections) {
        facts.push(of_connection(number, connection, &explained.logged));
        let records = connection.records.iter();
        facts.extend(records.map(|record| of_record(number, record, &explained.logged)));
        let presumed = connection.info.presumed;
        let packets = connection.packets.iter();
        let logged = &explained.logged;
        facts.extend(packets.map(|packet| of_packet(number, packet, presumed, logged)));
    }
    facts.push(lines(&explained.records));
    facts
}

fn of_connection(number: u64, connection: &ExplainedConnection, logged: &ValuesLogged) -> Fact {
    let c = connection;
    let info = &c.info;
    let [initiator, responder] = [c.initiator, c.responder].map(named);
    // The SYN of a record is as good as an observation of who opened the connection.
    let has_syn = info.role.evidence == RoleEvidence::Syn;
    let service = service_at(c.responder.port).map(|service| service.title);
    let left_out = |kept: usize, all: u64| Some(all - kept as u64).filter(|more| *more > 0);
    let mut fact = Fact::new("connection")
        .deduced("number", number)
        .observed_if(logged.protocol, "protocol", c.protocol)
        .observed_if(logged.times, "first", instant(c.span_ns.0))
        .observed_if(logged.times, "last", instant(c.span_ns.1))
        .observed_if(logged.packets, "packets", c.packets_logged)
        .observed("records", c.records_total)
        .observed(
            "records_not_shown",
            left_out(c.records.len(), c.records_total),
        )
        .observed_if(has_syn, "initiator", initiator)
        .observed_if(has_syn, "responder", responder)
        .deduced("initiator_because", info.role.evidence.name())
        .deduced("outcome", info.outcome.name())
        .deduced("service_of_the_port", service)
        .deduced("packets_rebuilt", c.packets_rebuilt)
        .deduced(
            "packets_not_shown",
            left_out(c.packets.len(), c.packets_rebuilt),
        );
    if info.presumed {
        let text = "the records have no tcp-flags, so SYN, FIN and RST are presumed";
        return fact.invented("handshake_and_teardown", text);
    }
    if let Some(first) = info.closed_first {
        let side = info.role.side(first.way);
        fact = fact.deduced("closed_first", side);
        fact = fact.deduced("closed_first_is_a_guess", first.is_guess);
    }
    fact
}

fn named(endpoint: Endpoint) -> String {
    std::net::SocketAddr::new(endpoint.address, endpoint.port).to_string()
}

fn of_record(number: u64, record: &ExplainedRecord, logged: &ValuesLogged) -> Fact {
    let r = record;
    let direction = r.leaving.map(|leaving| match leaving {
        true => "egress",
        false => "ingress",
    });
    let action = match r.is_reject {
        true => "REJECT",
        false => "ACCEPT",
    };
    let packets = r.packets.saturating_add(r.left_out);
    let reason = Some(&*r.reject_reason).filter(|reason| !reason.is_empty());
    let clock_s = Some(r.clock_ns / SECOND_NS).filter(|s| *s != 0);
    Fact::new("record")
        .deduced("connection", number)
        .deduced("by", side(r.by_initiator))
        .observed_if(logged.action || r.is_reject, "action", action)
        .observed("reject_reason", reason)
        .observed("eni", Some(r.eni.as_str()).filter(|eni| *eni != UNNAMED))
        .observed_if(logged.direction, "direction", direction)
        .observed("tcp_flags", r.flags.map(|flags| flags.0))
        .observed_if(logged.packets, "packets", packets)
        .deduced(
            "packets_used_here",
            Some(r.packets).filter(|_| r.left_out > 0),
        )
        .observed("bytes", r.bytes)
        .observed("round_trip_ms", r.rtt_ms)
        .observed_if(logged.times, "start", instant(r.start_ns))
        .observed_if(logged.times, "end", instant(r.end_ns))
        .deduced("clock_error_s", clock_s)
        .deduced("rejected_at_eni", r.rejected_at.as_deref())
        .records([&r.record])
}

fn of_packet(number: u64, packet: &ExplainedPacket, presumed: bool, logged: &ValuesLogged) -> Fact {
    let segment = &packet.segment;
    let opens_or_closes = !matches!(segment.kind, SegmentKind::Plain | SegmentKind::Datagram);
    let is_flagged = opens_or_closes && packet.has_flags && !presumed;
    let has_kind = segment.kind == SegmentKind::Datagram || is_flagged;
    let fact = Fact::new("packet")
        .deduced("connection", number)
        .deduced("by", side(packet.by_initiator))
        .deduced_if(has_kind, "kind", kind(segment.kind, segment.has_payload))
        .invented("time", instant(segment.time_ns));
    // That a record has one packet may be assumed; its size then is, too.
    let fact = match packet.is_size_logged && logged.packets {
        true => fact.observed("bytes", segment.original_len),
        false => fact.invented("bytes", segment.original_len),
    };
    match segment.kind {
        SegmentKind::Datagram => fact,
        _ => fact
            .invented("seq", segment.seq)
            .invented("ack", segment.ack),
    }
}

fn side(by_initiator: bool) -> &'static str {
    match by_initiator {
        true => "initiator",
        false => "responder",
    }
}

fn kind(kind: SegmentKind, has_payload: bool) -> Value {
    let name = match kind {
        SegmentKind::Syn => "SYN",
        SegmentKind::SynAck => "SYN-ACK",
        SegmentKind::Fin => "FIN",
        SegmentKind::Rst => "RST",
        SegmentKind::Plain if has_payload => "data",
        SegmentKind::Plain => "ACK",
        SegmentKind::Datagram => "datagram",
    };
    name.into()
}
