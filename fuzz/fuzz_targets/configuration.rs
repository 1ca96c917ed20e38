//! JSON of AWS configuration, and what it decides about packets.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::configuration(bytes));
