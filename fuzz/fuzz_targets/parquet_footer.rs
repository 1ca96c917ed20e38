//! A Parquet file whose footer was changed value by value.
//!
//! The library catches what the `parquet` crate panics at, so the hook that would end the
//! process there is taken off; what panics elsewhere still ends it.

#![no_main]

use testkit::checks::footers;

libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| footers::parquet_footer(bytes)
);
