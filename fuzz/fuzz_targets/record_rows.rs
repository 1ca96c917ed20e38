//! Lines under a layout.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::record_rows(bytes));
