//! Several files of any kinds, converted at once.

#![no_main]

#[path = "../whole.rs"]
mod whole;

libfuzzer_sys::fuzz_target!(init: whole::begin(), |bytes: &[u8]| whole::many_files(bytes));
