//! Events of any log, as frames and as words of a comment.

#![no_main]

use testkit::checks::events;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| events::frames(bytes));
