//! Events of any log, and the connections that they are about.

#![no_main]

use testkit::checks::events;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| events::joins(bytes));
