//! Files of runs that share an archive: captures of shards, facts, and partial results.

#![no_main]

use testkit::checks::merging;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| merging::merged(bytes));
