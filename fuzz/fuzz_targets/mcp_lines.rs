//! Any lines that a client sends to the server of `flow2pcap mcp`.

#![no_main]

use testkit::checks::serving;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| serving::mcp_lines(bytes));
