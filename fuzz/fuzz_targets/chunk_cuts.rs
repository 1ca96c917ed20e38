//! The same lines, cut elsewhere.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::chunk_cuts(bytes));
