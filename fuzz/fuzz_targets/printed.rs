//! Every text that the command line prints, of any records and any arguments.

#![no_main]

#[path = "../printing.rs"]
mod printing;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| printing::printed(octets));
