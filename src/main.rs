//! The process: arguments in, exit status out.
//!
//! The exit status is 0 if the run is done; 1 if it is done and `--strict` found records that do not
//! parse; 2 if it failed, also if memory ran out; 128 plus the number of the signal that ended it.

mod allocation;

use std::process::ExitCode;

use flow2pcap::cli::{Streams, run};

#[global_allocator]
static ALLOCATOR: allocation::OrEnd = allocation::OrEnd;

fn main() -> ExitCode {
    allocation::hold_reserve();
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        allocation::end_where_refused(panic);
        // A panic that a file causes is reported as damage of that file.
        if !flow2pcap::wrapper::is_guarded() {
            print(panic);
        }
    }));
    Streams::with_process(|streams| run(std::env::args_os(), streams))
}
