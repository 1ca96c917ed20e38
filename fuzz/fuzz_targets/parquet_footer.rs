//! A Parquet file whose footer was changed value by value.
//!
//! The library catches what the `parquet` crate panics at, so the hook that would end the
//! process there is taken off; what panics elsewhere still ends it.

#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod checks;
#[path = "../footers.rs"]
mod footers;

libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |octets: &[u8]| footers::parquet_footer(octets)
);
