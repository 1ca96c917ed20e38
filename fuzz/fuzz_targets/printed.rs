//! Every text that the command line prints, of any records and any arguments.

#![no_main]

use testkit::checks::printing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| printing::printed(bytes));
