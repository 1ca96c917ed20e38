//! Whole conversions, for the targets that make them.

#[path = "conversion.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod conversion;
#[path = "one_thread.rs"]
mod one_thread;

pub(crate) use conversion::*;

/// To be called once, before the first input.
///
/// The library catches what the `parquet` crate panics at, so the hook that ends the process is not
/// asked there.
pub(crate) fn begin() {
    one_thread::one_thread();
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !flow2pcap::wrapper::is_guarded() {
            end(panic);
        }
    }));
}
