//! What happens where the system gives no more memory: one line that says so, and status 2.
//!
//! The language's own answer is to abort, which says neither what helps nor removes the unfinished
//! output. It can be replaced only by the allocator that is refused, so this is one: the system's,
//! which ends the run where that returns nothing. It bounds nothing and counts nothing; how much is
//! asked for is up to `--memory`. It holds for the program alone, not for users of the library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use flow2pcap::capture::Output;

/// The system's allocator, which ends the run with a message where it has nothing to give.
pub(crate) struct OrEnd;

#[expect(unsafe_code, reason = "an allocator is unsafe to write")]
// SAFETY: all is done by the system's allocator, with what the caller gave. Nothing unwinds: `end`
// either returns, and then so does the null that it was called for, or ends the process.
unsafe impl GlobalAlloc for OrEnd {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises of `layout` is what the system's asks for.
        or_end(unsafe { System.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from here, so from the system's, and with this `layout`.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        or_end(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_len: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`, and what the caller promises of `new_len` is what is asked for.
        or_end(unsafe { System.realloc(block, layout, new_len) }, new_len)
    }
}

#[inline]
fn or_end(block: *mut u8, len: usize) -> *mut u8 {
    if block.is_null() {
        end(len);
    }
    block
}

thread_local! {
    /// Whether this thread is ending the run. Needs no memory to be there.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// Whether any thread is ending the run.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether the run is being ended for want of memory: then what else fails for it is not worth a
/// word.
pub(crate) fn is_ending() -> bool {
    ENDING.load(SeqCst)
}

/// Ends the run because `len` bytes were refused, without asking for more.
///
/// Returns only where the ending itself asks for memory; then the language's own answer is left.
#[cold]
#[inline(never)]
fn end(len: usize) {
    if ENDS.try_with(|ends| ends.replace(true)).unwrap_or(true) {
        return;
    }
    while ENDING.swap(true, SeqCst) {
        std::thread::sleep(Duration::from_secs(1));
    }
    Output::abandon_where_free();
    let mut line = [0_u8; 256];
    let mut left = &mut line[..];
    // It is shorter than that, whatever the number.
    let _ = writeln!(
        left,
        "flow2pcap: out of memory: the system refused {len} more bytes; give less with --memory or \
         --threads, or raise its limit (`ulimit -v`, or that of the container)"
    );
    let line_len = 256 - left.len();
    let _ = std::io::stderr().write_all(&line[..line_len]);
    exit();
}

/// Ends the process at once: what else runs at its end would ask for memory.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the safe way runs handlers first")]
fn exit() -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(2) }
}

#[cfg(not(target_os = "linux"))]
fn exit() -> ! {
    std::process::exit(2)
}
