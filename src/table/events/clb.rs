//! `elb_logs`: requests and connections through Classic Load Balancers.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/elasticloadbalancer-classic-logs.html>
//!
//! A processing time of `-1` remains -1; `-` is null. The request of a TCP listener, `- - - `, is the
//! verb `-`, the URL `-` and the protocol `- `. A `backend` of `-` is an empty `backend_ip`.

use super::super::column::ColumnType::{BigInt, Double, Int, Text};
use super::super::column::TableColumn;
use super::line::LineSource::{Address, ClbProtocol, ClbUrl, Field, Port, Verb};
use super::line::{LineColumn, table};

/// The columns without their sources.
pub(super) const TABLE: [TableColumn; 19] = table(&COLUMNS);

/// The columns.
pub(super) const COLUMNS: [LineColumn; 19] = [
    LineColumn::new("timestamp", Text, Field(0)),
    LineColumn::new("elb_name", Text, Field(1)),
    LineColumn::new("request_ip", Text, Address(2)),
    LineColumn::new("request_port", Int, Port(2)),
    LineColumn::new("backend_ip", Text, Address(3)),
    LineColumn::new("backend_port", Int, Port(3)),
    LineColumn::new("request_processing_time", Double, Field(4)),
    LineColumn::new("backend_processing_time", Double, Field(5)),
    LineColumn::new("client_response_time", Double, Field(6)),
    LineColumn::new("elb_response_code", Text, Field(7)),
    LineColumn::new("backend_response_code", Text, Field(8)),
    LineColumn::new("received_bytes", BigInt, Field(9)),
    LineColumn::new("sent_bytes", BigInt, Field(10)),
    LineColumn::new("request_verb", Text, Verb(11)),
    LineColumn::new("url", Text, ClbUrl(11)),
    LineColumn::new("protocol", Text, ClbProtocol(11)),
    LineColumn::new("user_agent", Text, Field(12)),
    LineColumn::new("ssl_cipher", Text, Field(13)),
    LineColumn::new("ssl_protocol", Text, Field(14)),
];
