//! JSON of other AWS logs, in any wrapper.

#![no_main]

use testkit::checks::events;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| events::json(bytes));
