//! JSON in which records are wrapped.

#![no_main]

use testkit::checks::reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::unwrapper(bytes));
