//! A tar or zip archive, put together member by member.

#![no_main]

use testkit::checks::packs;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| packs::pack(octets));
