//! What happens where the system gives no more memory: one line that says so, and status 2.
//!
//! The language's own answer is to abort, which says neither what helps nor removes the unfinished
//! output. It can be replaced only by the allocator that is refused, so this is one: the system's,
//! which ends the run where that returns nothing. It bounds nothing and counts nothing; how much is
//! asked for is up to `--memory`. It holds for the program alone, not for users of the library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flow2pcap::cli::{are_last_words_said, claim_last_words};
use flow2pcap::output::Output;
use flow2pcap::wrapper::is_guarded;

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
        end(format_args!(
            "out of memory: the system refused {len} more bytes"
        ));
    }
    block
}

thread_local! {
    /// Whether this thread is ending the run. Needs no memory to be there.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// Address space that is given back when the run is ended.
///
/// Other threads go on until the process is gone, and the C library and the unwinder, which do not
/// ask this allocator, abort where they get nothing.
static RESERVE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Bytes of [`RESERVE`]. Nobody writes to them, so they take no memory.
const RESERVE_LEN: usize = 4 << 20;

/// Sets address space aside for the end of the run. Ends it if there is not even that.
pub(crate) fn hold_reserve() {
    let reserve = Vec::with_capacity(RESERVE_LEN);
    *RESERVE.lock().unwrap_or_else(PoisonError::into_inner) = reserve;
}

/// Ends the run where `panic` is about memory, and returns where it is not.
///
/// To be asked before anything is said of a panic, and before it unwinds, which takes memory too.
/// The standard library panics where a new thread gets no stack, or none for its signals. What a
/// file brings about may say the same, and ends no run.
pub(crate) fn end_where_refused(panic: &PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or_default();
    let is_refused = said.contains("(os error 12)") || said.starts_with("failed to spawn thread");
    if are_last_words_said() || is_refused && !is_guarded() {
        end(format_args!(
            "the system refused another thread, or memory for it"
        ));
        exit_with(b"");
    }
}

/// Ends the run for want of memory, and says what was refused. Asks for no memory itself.
///
/// Returns only where the ending itself asks for memory; then the language's own answer is left.
#[cold]
#[inline(never)]
fn end(refused: fmt::Arguments<'_>) {
    if ENDS.try_with(|ends| ends.replace(true)).unwrap_or(true) {
        return;
    }
    if !claim_last_words() {
        // Whoever has claimed them needs a moment to say them.
        std::thread::sleep(Duration::from_secs(1));
        exit_with(b"");
    }
    if let Ok(mut reserve) = RESERVE.try_lock() {
        *reserve = Vec::new();
    }
    Output::abandon_where_free();
    let mut line = [0_u8; 256];
    let mut left = &mut line[..];
    // It is shorter than that, whatever the number.
    let _ = writeln!(
        left,
        "error: {refused}\n\n  tip: give less with --memory or --threads, or raise the limit \
         (`ulimit -v`, or that of the container)"
    );
    let line_len = 256 - left.len();
    exit_with(&line[..line_len]);
}

/// Writes `line` to standard error and ends the process, both without asking anybody: a thread that
/// waits in [`end`] may hold the lock of the stream, and what else runs at the end of a process
/// would ask for memory.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the safe ways take a lock and run handlers")]
fn exit_with(line: &[u8]) -> ! {
    // SAFETY: the pointer and the length are those of a slice; `_exit` takes a number and does not
    // return.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        libc::_exit(2)
    }
}

#[cfg(not(target_os = "linux"))]
fn exit_with(line: &[u8]) -> ! {
    let _ = std::io::stderr().write_all(line);
    std::process::exit(2)
}
