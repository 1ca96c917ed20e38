//! The first lines of a file.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| reading::recognise_head(octets));
