//! Any records, converted: their sums come out.

#![no_main]

#[path = "../whole.rs"]
mod whole;

libfuzzer_sys::fuzz_target!(init: whole::begin(), |bytes: &[u8]| whole::any_records(bytes));
