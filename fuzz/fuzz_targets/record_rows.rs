//! Lines under a layout.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| reading::record_rows(octets));
