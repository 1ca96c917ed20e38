//! What comes through a pipe or is compressed.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::stream(bytes));
