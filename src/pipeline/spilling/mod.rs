//! Storage between two stages: in memory while there is enough, otherwise on disk.
//!
//! ```text
//! temporary      files without names             buckets        items by bucket, spilled when large
//! sorted_runs    an external merge sort          record_codec   one record as bytes
//! episode_codec  connections of one conversation as bytes
//! memory_limit   the memory that one conversation needs, which cannot be divided
//! ```

pub(crate) mod buckets;
pub(crate) mod episode_codec;
pub(crate) mod memory_limit;
pub(crate) mod record_codec;
pub(crate) mod sorted_runs;
pub(crate) mod temporary;
