//! `--filter`, `--from` and the other words of narrowing.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::filter(bytes));
