//! `alb_access_logs`: requests to Application Load Balancers.
//!
//! <https://docs.aws.amazon.com/athena/latest/ug/create-alb-access-logs-table.html>
//!
//! AWS's table ends at `conn_trace_id`. The four columns after it are the fields that AWS has appended
//! since, under the names that they have in the log.
//!
//! A processing time of `-1` remains -1, since the expression of AWS's table takes it for a number; `-`
//! is null. A `target` of `-` is an empty `target_ip` and no `target_port`.

use super::super::column::ColumnType::{BigInt, Double, Int, Text};
use super::super::column::TableColumn;
use super::line::LineSource::{Address, Field, Port, Protocol, Url, Verb};
use super::line::{LineColumn, table};

/// The columns without their sources.
pub(super) const TABLE: [TableColumn; 38] = table(&COLUMNS);

/// The columns.
pub(super) const COLUMNS: [LineColumn; 38] = [
    LineColumn::new("type", Text, Field(0)),
    LineColumn::new("time", Text, Field(1)),
    LineColumn::new("elb", Text, Field(2)),
    LineColumn::new("client_ip", Text, Address(3)),
    LineColumn::new("client_port", Int, Port(3)),
    LineColumn::new("target_ip", Text, Address(4)),
    LineColumn::new("target_port", Int, Port(4)),
    LineColumn::new("request_processing_time", Double, Field(5)),
    LineColumn::new("target_processing_time", Double, Field(6)),
    LineColumn::new("response_processing_time", Double, Field(7)),
    LineColumn::new("elb_status_code", Int, Field(8)),
    LineColumn::new("target_status_code", Text, Field(9)),
    LineColumn::new("received_bytes", BigInt, Field(10)),
    LineColumn::new("sent_bytes", BigInt, Field(11)),
    LineColumn::new("request_verb", Text, Verb(12)),
    LineColumn::new("request_url", Text, Url(12)),
    LineColumn::new("request_proto", Text, Protocol(12)),
    LineColumn::new("user_agent", Text, Field(13)),
    LineColumn::new("ssl_cipher", Text, Field(14)),
    LineColumn::new("ssl_protocol", Text, Field(15)),
    LineColumn::new("target_group_arn", Text, Field(16)),
    LineColumn::new("trace_id", Text, Field(17)),
    LineColumn::new("domain_name", Text, Field(18)),
    LineColumn::new("chosen_cert_arn", Text, Field(19)),
    LineColumn::new("matched_rule_priority", Text, Field(20)),
    LineColumn::new("request_creation_time", Text, Field(21)),
    LineColumn::new("actions_executed", Text, Field(22)),
    LineColumn::new("redirect_url", Text, Field(23)),
    LineColumn::new("lambda_error_reason", Text, Field(24)),
    LineColumn::new("target_port_list", Text, Field(25)),
    LineColumn::new("target_status_code_list", Text, Field(26)),
    LineColumn::new("classification", Text, Field(27)),
    LineColumn::new("classification_reason", Text, Field(28)),
    LineColumn::new("conn_trace_id", Text, Field(29)),
    LineColumn::new("transformed_host", Text, Field(30)),
    LineColumn::new("transformed_uri", Text, Field(31)),
    LineColumn::new("request_transform_status", Text, Field(32)),
    LineColumn::new("ip_address", Text, Field(33)),
];
