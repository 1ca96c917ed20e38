//! Several files of any kinds, converted at once.

#![no_main]

#[path = "../conversion.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod conversion;
#[path = "../one_thread.rs"]
mod one_thread;
#[path = "../support.rs"]
mod support;

libfuzzer_sys::fuzz_target!(
    init: one_thread::one_thread(),
    |octets: &[u8]| conversion::many_files(octets)
);
