//! A tar or zip archive, put together member by member.

#![no_main]

use testkit::checks::packs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| packs::pack(bytes));
