//! The entry point: arguments in, exit code out.
//!
//! 0: success. 1: success, but `--strict` found records that do not parse. 2: failure, including
//! lack of memory. 3: nothing matches the filter. 128 plus the number of a signal: ended by that signal.

mod allocation;

use std::process::ExitCode;

use flow2pcap::cli::{Streams, run};

#[global_allocator]
static ALLOCATOR: allocation::OrEnd = allocation::OrEnd;

fn main() -> ExitCode {
    allocation::hold_reserve();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        allocation::end_where_refused(panic);
        // Panics caused by a file are reported as damage of that file.
        if !flow2pcap::wrapper::is_guarded() {
            report(panic);
        }
    }));
    Streams::with_process(|streams| run(std::env::args_os(), streams))
}
