//! What waits between two stages, in memory while there is room, else on the disk.
//!
//! ```text
//! temporary      files without names             buckets        items by bucket, spilled when large
//! sorted_runs    an external merge sort          record_codec   one record as bytes
//! episode_codec  connections of one conversation as bytes
//! memory_limit   what one conversation costs, which cannot be divided
//! ```

pub(crate) mod buckets;
pub(crate) mod episode_codec;
pub(crate) mod memory_limit;
pub(crate) mod record_codec;
pub(crate) mod sorted_runs;
pub(crate) mod temporary;
