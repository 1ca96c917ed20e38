//! Any text, converted with any options.

#![no_main]

#[path = "../whole.rs"]
mod whole;

libfuzzer_sys::fuzz_target!(init: whole::begin(), |bytes: &[u8]| whole::any_log(bytes));
