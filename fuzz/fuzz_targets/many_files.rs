//! Several files of any kinds, converted at once.

#![no_main]

use testkit::checks::conversion;

libfuzzer_sys::fuzz_target!(init: flow2pcap_fuzz::begin(), |bytes: &[u8]| conversion::many_files(bytes));
