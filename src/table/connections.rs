//! Connections as rows.
//!
//! Addresses are those of the packets (`pkt-srcaddr`, `pkt-dstaddr`) where a record has them. Packets
//! that several ENIs logged, and records that were delivered twice, count once.

use arrow_array::RecordBatch;

use super::column::ColumnType::{BigInt, Boolean, Int, List, Text};
use super::column::TableColumn;
use super::derived::DerivedTable;
use super::values::ColumnValues;
use crate::flow::Endpoint;

/// The columns.
pub(super) const COLUMNS: [TableColumn; COUNT] = [
    TableColumn::new("account", Text),
    TableColumn::new("region", Text),
    TableColumn::new("vpc", Text),
    TableColumn::new("protocol", Int),
    TableColumn::new("initiator", Text),
    TableColumn::new("initiator_port", Int),
    TableColumn::new("responder", Text),
    TableColumn::new("responder_port", Int),
    TableColumn::new("initiator_evidence", Text),
    TableColumn::new("service", Text),
    TableColumn::new("first_second", BigInt),
    TableColumn::new("last_second", BigInt),
    TableColumn::new("outcome", Text),
    TableColumn::new("presumed", Boolean),
    TableColumn::new("initiator_packets", BigInt),
    TableColumn::new("initiator_bytes", BigInt),
    TableColumn::new("responder_packets", BigInt),
    TableColumn::new("responder_bytes", BigInt),
    TableColumn::new("records", BigInt),
    TableColumn::new("enis", List(&Text)),
    TableColumn::new("action", Text),
    TableColumn::new("rejected_packets", BigInt),
    TableColumn::new("rejected_at", Text),
    TableColumn::new("reject_reason", Text),
    TableColumn::new("closed_first", Text),
    TableColumn::new("closed_first_guessed", Boolean),
    TableColumn::new("reset_by", Text),
    TableColumn::new("sent_first_guessed", Boolean),
];

const COUNT: usize = 28;

/// A connection.
#[derive(Clone, Debug)]
pub struct ConnectionRow<'a> {
    /// The account of its ENIs; `None` if unknown.
    pub account: Option<&'a str>,
    /// Their region.
    pub region: Option<&'a str>,
    /// Their VPC: the first one, if the ends are in two.
    pub vpc: Option<&'a str>,
    /// The protocol's number.
    pub protocol: u8,
    /// The end that opened it.
    pub initiator: Endpoint,
    /// The other end.
    pub responder: Endpoint,
    /// How the initiator is known: `syn`, `syn-ack`, `ports`, `verdict`, `direction` or `first-seen`.
    pub evidence: &'static str,
    /// The well-known service at the responder's port, such as `PostgreSQL`.
    pub service: Option<&'static str>,
    /// First and last second, Unix epoch.
    pub seconds: (i64, i64),
    /// The outcome, as `metrics --by outcome` names it.
    pub outcome: &'static str,
    /// Whether handshake and teardown are presumed, because the records have no tcp-flags.
    pub presumed: bool,
    /// What the initiator sent.
    pub sent: ConnectionSums,
    /// What the responder sent.
    pub answered: ConnectionSums,
    /// Records, each packet counted once.
    pub records: u64,
    /// The names of the ENIs whose records count, and of the one that rejected, in order.
    pub enis: Vec<&'a str>,
    /// Packets that an ENI rejected.
    pub rejected_packets: u64,
    /// Whether any record is rejected, at its ENI or at another.
    pub is_rejected: bool,
    /// The name of the first ENI that rejected.
    pub rejected_at: Option<&'a str>,
    /// The reject reason, if a record has one.
    pub reject_reason: Option<&'a str>,
    /// `initiator` or `responder`: the side of the first FIN as `convert` writes it, where records have
    /// flags. If both sides close within an interval, it is what their packets make likely:
    /// `connection/teardown.rs` has the rules and how often they are right.
    pub closed_first: Option<&'static str>,
    /// Whether that side is hardly more likely than the other one.
    pub closed_first_guessed: bool,
    /// The side of the first RST.
    pub reset_by: Option<&'static str>,
    /// Whether it is a guess which side sent the first packet: both begin in one second, and no SYN says.
    pub sent_first_guessed: bool,
}

/// Packets and bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionSums {
    /// Packets.
    pub packets: u64,
    /// Bytes from the IP header on; `None` if there are packets and no record has bytes.
    pub bytes: Option<u64>,
}

/// Rows of connections.
pub struct ConnectionRows {
    values: [ColumnValues; COUNT],
    len: usize,
}

impl ConnectionRows {
    /// Creates an empty batch.
    pub fn new() -> Self {
        Self {
            values: COLUMNS.map(|column| ColumnValues::new(column.kind, 0)),
            len: 0,
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a connection.
    pub fn put(&mut self, row: &ConnectionRow<'_>) {
        let [
            account,
            region,
            vpc,
            protocol,
            initiator,
            initiator_port,
            responder,
            responder_port,
            evidence,
            service,
            first_second,
            last_second,
            outcome,
            presumed,
            initiator_packets,
            initiator_bytes,
            responder_packets,
            responder_bytes,
            records,
            enis,
            action,
            rejected_packets,
            rejected_at,
            reject_reason,
            closed_first,
            closed_first_guessed,
            reset_by,
            sent_first_guessed,
        ] = &mut self.values;
        account.put_text(row.account);
        region.put_text(row.region);
        vpc.put_text(row.vpc);
        protocol.put_number(Some(row.protocol.into()));
        put_end(row.initiator, initiator, initiator_port);
        put_end(row.responder, responder, responder_port);
        evidence.put_text(Some(row.evidence));
        service.put_text(row.service);
        first_second.put_number(Some(row.seconds.0));
        last_second.put_number(Some(row.seconds.1));
        outcome.put_text(Some(row.outcome));
        presumed.put_truth(row.presumed);
        put_sums(row.sent, initiator_packets, initiator_bytes);
        put_sums(row.answered, responder_packets, responder_bytes);
        records.put_number(Some(count(row.records)));
        enis.put_texts(row.enis.iter().copied());
        action.put_text(Some(if row.is_rejected { "REJECT" } else { "ACCEPT" }));
        rejected_packets.put_number(Some(count(row.rejected_packets)));
        rejected_at.put_text(row.rejected_at);
        reject_reason.put_text(row.reject_reason);
        closed_first.put_text(row.closed_first);
        closed_first_guessed.put_truth(row.closed_first_guessed);
        reset_by.put_text(row.reset_by);
        sent_first_guessed.put_truth(row.sent_first_guessed);
        self.len += 1;
    }

    /// Returns the rows.
    pub fn finish(self) -> RecordBatch {
        let columns = self.values.into_iter().map(ColumnValues::finish);
        let rows = RecordBatch::try_new(DerivedTable::Connections.schema(), columns.collect());
        rows.expect("columns of one length and of the table's types")
    }
}

impl Default for ConnectionRows {
    fn default() -> Self {
        Self::new()
    }
}

fn put_end(end: Endpoint, address: &mut ColumnValues, port: &mut ColumnValues) {
    address.put_text(Some(&end.address.to_string()));
    port.put_number(Some(end.port.into()));
}

fn put_sums(sums: ConnectionSums, packets: &mut ColumnValues, bytes: &mut ColumnValues) {
    packets.put_number(Some(count(sums.packets)));
    bytes.put_number(sums.bytes.map(count));
}

/// Converts a count; one above 2⁶³ is not possible in an archive and becomes the largest number.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
