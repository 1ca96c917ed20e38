//! Lines of load balancer logs and of exported JSON.

#![no_main]

use testkit::checks::events;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| events::lines(bytes));
