//! `nlb_tls_logs`: TLS connections through Network Load Balancers.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/networkloadbalancer-classic-logs.html>
//!
//! `target_ip` and `target_port` are what the log calls the destination: the load balancer's own address
//! and the listener's port. A handshake time or an alert of `-` is null. The ALPN list keeps its quotes.

use super::super::column::ColumnType::{BigInt, Double, Int, Text};
use super::super::column::TableColumn;
use super::line::LineSource::{Address, Field, Port, Quoted};
use super::line::{LineColumn, table};

/// The columns without their sources.
pub(super) const TABLE: [TableColumn; 24] = table(&COLUMNS);

/// The columns.
pub(super) const COLUMNS: [LineColumn; 24] = [
    LineColumn::new("type", Text, Field(0)),
    LineColumn::new("version", Text, Field(1)),
    LineColumn::new("time", Text, Field(2)),
    LineColumn::new("elb", Text, Field(3)),
    LineColumn::new("listener_id", Text, Field(4)),
    LineColumn::new("client_ip", Text, Address(5)),
    LineColumn::new("client_port", Int, Port(5)),
    LineColumn::new("target_ip", Text, Address(6)),
    LineColumn::new("target_port", Int, Port(6)),
    LineColumn::new("tcp_connection_time_ms", Double, Field(7)),
    LineColumn::new("tls_handshake_time_ms", Double, Field(8)),
    LineColumn::new("received_bytes", BigInt, Field(9)),
    LineColumn::new("sent_bytes", BigInt, Field(10)),
    LineColumn::new("incoming_tls_alert", Int, Field(11)),
    LineColumn::new("cert_arn", Text, Field(12)),
    LineColumn::new("certificate_serial", Text, Field(13)),
    LineColumn::new("tls_cipher_suite", Text, Field(14)),
    LineColumn::new("tls_protocol_version", Text, Field(15)),
    LineColumn::new("tls_named_group", Text, Field(16)),
    LineColumn::new("domain_name", Text, Field(17)),
    LineColumn::new("alpn_fe_protocol", Text, Field(18)),
    LineColumn::new("alpn_be_protocol", Text, Field(19)),
    LineColumn::new("alpn_client_preference_list", Text, Quoted(20)),
    LineColumn::new("tls_connection_creation_time", Text, Field(21)),
];
