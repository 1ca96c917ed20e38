//! What must hold of any bytes: properties that fuzz targets and plain tests share.
//!
//! Each is a function of bytes that panics where it does not hold. The targets call them with what the
//! fuzzer invents; `tests/suite/seeds.rs` calls them with the seeds, so that plain `cargo test` runs
//! through them too.

pub mod conversion;
pub mod events;
pub mod footers;
pub mod merging;
pub mod packs;
pub mod printing;
pub mod reading;
pub mod serving;
