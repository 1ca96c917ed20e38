//! JSON in which records are wrapped.

#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod checks;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| checks::unwrapper(octets));
