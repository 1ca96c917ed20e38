//! Any records, converted: their sums come out.

#![no_main]

use testkit::checks::conversion;

libfuzzer_sys::fuzz_target!(init: flow2pcap_fuzz::begin(), |bytes: &[u8]| conversion::any_records(bytes));
