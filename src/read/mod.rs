//! Records of any archive, on all cores.

pub(crate) mod account;
pub(crate) mod block;
pub(crate) mod coverage;
pub(crate) mod describe;
pub(crate) mod files;
pub(crate) mod json;
pub(crate) mod meter;
pub(crate) mod mmap;
pub(crate) mod parquet;
pub(crate) mod source_names;

pub use self::meter::Meter;
