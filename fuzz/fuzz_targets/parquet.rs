//! A Parquet file.
//!
//! The library catches what the `parquet` crate panics at, so the hook that would end the
//! process there is taken off; what panics elsewhere still ends it.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| reading::table(bytes)
);
