//! Header lines and `--format`.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::header_line(bytes));
