//! `alb_connection_logs`: connections of clients to Application Load Balancers.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/create-alb-connection-logs-table.html>
//!
//! A latency of `-` is null. Fields after the twelfth have no column, as in AWS's table.

use super::super::column::ColumnType::{Double, Int, Text};
use super::super::column::TableColumn;
use super::line::LineSource::Field;
use super::line::{LineColumn, table};

/// The columns without their sources.
pub(super) const TABLE: [TableColumn; 12] = table(&COLUMNS);

/// The columns.
pub(super) const COLUMNS: [LineColumn; 12] = [
    LineColumn::new("time", Text, Field(0)),
    LineColumn::new("client_ip", Text, Field(1)),
    LineColumn::new("client_port", Int, Field(2)),
    LineColumn::new("listener_port", Int, Field(3)),
    LineColumn::new("tls_protocol", Text, Field(4)),
    LineColumn::new("tls_cipher", Text, Field(5)),
    LineColumn::new("tls_handshake_latency", Double, Field(6)),
    LineColumn::new("leaf_client_cert_subject", Text, Field(7)),
    LineColumn::new("leaf_client_cert_validity", Text, Field(8)),
    LineColumn::new("leaf_client_cert_serial_number", Text, Field(9)),
    LineColumn::new("tls_verify_status", Text, Field(10)),
    LineColumn::new("conn_trace_id", Text, Field(11)),
];
