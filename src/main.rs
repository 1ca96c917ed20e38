//! The process edge: arguments in, exit code out.
//!
//! 0 done; 1 done, but `--strict` found records that do not parse; 2 failed, for want of memory as
//! well; 3 nothing matches the filter; 128 and the number of a signal, ended by that.

mod allocation;

use std::process::ExitCode;

use flow2pcap::cli::{Streams, run};

#[global_allocator]
static ALLOCATOR: allocation::OrEnd = allocation::OrEnd;

fn main() -> ExitCode {
    allocation::hold_reserve();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        allocation::end_where_refused(panic);
        // What a file brings about is reported as damage of that file.
        if !flow2pcap::wrapper::is_guarded() {
            tell(panic);
        }
    }));
    Streams::with_process(|streams| run(std::env::args_os(), streams))
}
