//! The first lines of a file.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::recognize_head(bytes));
