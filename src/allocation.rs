//! Ends the program with a one-line message and status 2 when the system has no more memory.
//!
//! Rust's default is to abort, which neither says what helps nor removes the unfinished output.
//! Only the allocator can change that, so this module is an allocator: the system's, except that it
//! ends the run if the system's allocator returns null. It does not limit or count memory;
//! `--memory` controls how much is requested. It applies to the program only, not to users of the
//! library.

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

/// The system's allocator, which ends the run with a message if an allocation fails.
pub(crate) struct OrEnd;

#[expect(unsafe_code, reason = "an allocator is unsafe to write")]
// SAFETY: the system's allocator does all the work, with the caller's arguments. Nothing unwinds:
// `end` either returns, and then the null that caused the call is returned too, or it ends the
// process.
unsafe impl GlobalAlloc for OrEnd {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's guarantees for `layout` are the ones that the system's allocator
        // requires.
        or_end(unsafe { System.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from this allocator, and so from the system's, with this `layout`.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        or_end(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_len: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`, and the caller's guarantees for `new_len` are the ones required.
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
    /// Whether this thread is ending the run. Works without available memory.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// Address space that is released when the run is ended.
///
/// Other threads continue until the process is gone, and the C library and the unwinder, which do
/// not use this allocator, abort if they get no memory.
static RESERVE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Size of [`RESERVE`] in bytes. It is never written to, so it uses no memory.
const RESERVE_LEN: usize = 4 << 20;

/// Reserves address space for the end of the run. Ends the run if even that fails.
pub(crate) fn hold_reserve() {
    let reserve = Vec::with_capacity(RESERVE_LEN);
    *RESERVE.lock().unwrap_or_else(PoisonError::into_inner) = reserve;
}

/// Ends the run if `panic` is about memory, and returns otherwise.
///
/// Must be called before a panic is reported, and before it unwinds, which needs memory too. The
/// standard library panics if a new thread gets no stack, or no stack for its signal handlers. A
/// panic caused by a file may have the same message, and must not end the run.
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

/// Ends the run because of a lack of memory, and says what was refused. Allocates no memory itself.
///
/// Returns only if ending the run itself requests memory; then Rust's default, aborting, applies.
#[cold]
#[inline(never)]
fn end(refused: fmt::Arguments<'_>) {
    if ENDS.try_with(|ends| ends.replace(true)).unwrap_or(true) {
        return;
    }
    if !claim_last_words() {
        // The thread that has claimed the messages needs a moment to print them.
        std::thread::sleep(Duration::from_secs(1));
        exit_with(b"");
    }
    if let Ok(mut reserve) = RESERVE.try_lock() {
        *reserve = Vec::new();
    }
    Output::abandon_where_free();
    let mut line = [0_u8; 256];
    let mut left = &mut line[..];
    // The message is shorter than that for any number.
    let _ = writeln!(
        left,
        "flow2pcap: {refused}; lower --memory or --threads, \
         or raise the memory limit (`ulimit -v`, or that of the container)"
    );
    let line_len = 256 - left.len();
    exit_with(&line[..line_len]);
}

/// Writes `line` to standard error and ends the process, both without locks and handlers: a thread
/// that waits in [`end`] may hold the lock of the stream, and exit handlers would request memory.
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
