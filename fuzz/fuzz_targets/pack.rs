//! A tar or zip archive, put together member by member.

#![no_main]

#[path = "../packs.rs"]
mod packs;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| packs::pack(octets));
