//! Header lines and `--format`.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| reading::header_line(octets));
