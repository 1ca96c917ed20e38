//! Whole conversions, for the targets that make them.

#[path = "conversion.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod conversion;
#[path = "one_thread.rs"]
mod one_thread;
#[path = "support.rs"]
pub(crate) mod support;

pub(crate) use conversion::*;
pub(crate) use one_thread::one_thread;
