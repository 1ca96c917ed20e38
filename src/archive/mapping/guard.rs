//! Guards mapped files that may shrink: replaces the lost pages with zeros and records where they
//! begin.
//!
//! Touching a page that the file no longer has raises SIGBUS at the instruction that touched it.
//! The handler here finds the mapping among the guarded ones, maps pages of zeros over the rest of
//! it, records the offset, and lets the instruction continue. The code that read the zeros calls
//! [`Guard::lost_from`] before it uses what it read. A disk that fails to deliver a page looks the
//! same and is treated the same.
//!
//! A handler may run at any instant, so it takes no lock and allocates nothing: the mappings are
//! kept in a table of fixed size. Any other SIGBUS is passed on to the handler that was installed
//! before.

#![expect(
    unsafe_code,
    reason = "signals and the pages of a mapping are outside the compiler's control"
)]

use std::{
    mem::MaybeUninit,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use libc::{c_int, c_void};

/// Maximum number of mappings guarded at once. There are only a few more than threads.
const SLOTS: usize = 1024;

/// Smallest page size on Linux. Mappings begin at multiples of it.
const PAGE_LEN: usize = 4096;

/// Bits of a slot that hold a page count, enough for 2 TiB.
const PAGES_BITS: u32 = 29;

/// The mappings that are guarded.
static TABLE: [Slot; SLOTS] = [const { Slot::free() }; SLOTS];

/// Facts that the handler needs. They are set before it is installed.
static SYSTEM: OnceLock<System> = OnceLock::new();

struct System {
    page_len: usize,
    /// The previous handler of SIGBUS.
    before: libc::sigaction,
}

/// The slot of one mapping.
#[derive(Debug)]
struct Slot {
    /// The number of its first page above [`PAGES_BITS`], and the page count below; 0 if the slot
    /// is free. Both are one number, so that the handler never sees the start of one mapping with
    /// the length of another.
    pages: AtomicU64,
    /// Offset of the first lost byte of the mapping, if any.
    lost_from: AtomicUsize,
}

/// Guards one mapping for as long as this value exists.
#[derive(Debug)]
pub(super) struct Guard {
    slot: &'static Slot,
}

impl Guard {
    /// Guards the pages of `mapping`. The guard must be dropped before these pages are unmapped or
    /// used for anything else.
    ///
    /// Returns `None` if there are too many mappings or SIGBUS cannot be handled.
    pub(super) fn over(mapping: &[u8]) -> Option<Self> {
        static IS_HANDLED: OnceLock<bool> = OnceLock::new();
        let pages = packed(mapping.as_ptr().addr(), mapping.len())?;
        if !IS_HANDLED.get_or_init(handle) {
            return None;
        }
        let slot = take(&TABLE, pages)?;
        // No thread has read the mapping yet.
        slot.lost_from.store(usize::MAX, SeqCst);
        Some(Self { slot })
    }

    /// Returns the offset of the first byte of the mapping that was found to be lost, or
    /// `usize::MAX`.
    pub(super) fn lost_from(&self) -> usize {
        self.slot.lost_from.load(SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.slot.pages.store(0, SeqCst);
    }
}

impl Slot {
    const fn free() -> Self {
        Self {
            pages: AtomicU64::new(0),
            lost_from: AtomicUsize::new(usize::MAX),
        }
    }

    /// Returns where the mapping begins and ends, if `address` is in it.
    fn around(&self, address: usize) -> Option<(usize, usize)> {
        let pages = self.pages.load(SeqCst);
        let start = usize::try_from(pages >> PAGES_BITS).ok()? * PAGE_LEN;
        let len = usize::try_from(pages & ((1 << PAGES_BITS) - 1)).ok()? * PAGE_LEN;
        let is_inside = address >= start && address - start < len;
        is_inside.then_some((start, start + len))
    }
}

/// Claims a free slot for a mapping, if there is one.
fn take(table: &[Slot], pages: u64) -> Option<&Slot> {
    let exchange = |slot: &&Slot| slot.pages.compare_exchange(0, pages, SeqCst, SeqCst);
    table.iter().find(|slot| exchange(slot).is_ok())
}

/// Packs a mapping into one number, if its size fits.
fn packed(start: usize, len: usize) -> Option<u64> {
    let first = u64::try_from(start / PAGE_LEN).ok()?;
    let count = u64::try_from(len.div_ceil(PAGE_LEN)).ok()?;
    let fits = start.is_multiple_of(PAGE_LEN)
        && first.leading_zeros() >= PAGES_BITS
        && count.checked_ilog2()? < PAGES_BITS;
    fits.then_some(first << PAGES_BITS | count)
}

/// Installs the handler and returns whether that succeeded.
fn handle() -> bool {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the first call returns a number. The second changes nothing, because its new action
    // is null. It fills `before`, which is large enough, and for which all zeros is a valid value.
    let (page_len, before) = unsafe {
        let page_len = libc::sysconf(libc::_SC_PAGESIZE);
        if libc::sigaction(libc::SIGBUS, ptr::null(), before.as_mut_ptr()) != 0 {
            return false;
        }
        (page_len, before.assume_init())
    };
    let page_len = usize::try_from(page_len).unwrap_or(PAGE_LEN);
    let mut action = SYSTEM.get_or_init(|| System { page_len, before }).before;
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_bus;
    action.sa_sigaction = handler as usize;
    // Run on the stack that the standard library gives every thread for its own handler.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the action is complete. Its handler takes the arguments that SA_SIGINFO passes, and
    // does only what is allowed at any instant.
    unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) == 0 }
}

/// Handles SIGBUS, in the thread that touched the missing page.
extern "C" fn on_bus(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    let Some(system) = SYSTEM.get() else {
        return;
    };
    // SAFETY: with SA_SIGINFO the system passes a `siginfo_t`, and for SIGBUS it has an address. If
    // a process sent the signal, the address is some number and is not used.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    if code == libc::BUS_ADRERR && put_zeros(address, system.page_len) {
        return;
    }
    // Not a guarded mapping: reinstall the previous handler. After this one returns, a memory
    // access is repeated and reaches that handler. A signal that was sent must be raised again.
    // SAFETY: the action is the one that the system returned. Raising a signal is allowed in a
    // handler, and this signal is blocked until the handler has returned.
    unsafe {
        libc::sigaction(libc::SIGBUS, &raw const system.before, ptr::null_mut());
        if code <= 0 {
            libc::raise(libc::SIGBUS);
        }
    }
}

/// Replaces a guarded mapping with zeros from the page of `address` on. Returns false if `address`
/// is in none.
fn put_zeros(address: usize, page_len: usize) -> bool {
    let around = |slot: &'static Slot| Some((slot, slot.around(address)?));
    let Some((slot, (start, end))) = TABLE.iter().find_map(around) else {
        return false;
    };
    let from = address - address % page_len;
    slot.lost_from.fetch_min(from - start, SeqCst);
    // SAFETY: the range lies in a guarded mapping. The mapping exists: the code that touched it
    // borrows it, and it is unmapped only after its guard is dropped. Nothing else uses this
    // memory. It is only read, and its readers accept any bytes.
    let zeros = unsafe {
        libc::mmap(
            ptr::without_provenance_mut(from),
            end - from,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    zeros != libc::MAP_FAILED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapping_that_fits_is_packed_into_one_number() {
        let slot = Slot::free();
        assert_eq!(slot.around(0), None);
        let pages = packed(0x7fff_ffff_0000, 5000).unwrap();
        slot.pages.store(pages, SeqCst);
        let range = Some((0x7fff_ffff_0000, 0x7fff_ffff_2000));
        assert_eq!(slot.around(0x7ffe_ffff_ffff), None);
        assert_eq!(slot.around(0x7fff_ffff_0000), range);
        assert_eq!(slot.around(0x7fff_ffff_1fff), range);
        assert_eq!(slot.around(0x7fff_ffff_2000), None);
        assert_eq!(packed(0x7fff_ffff_0000, 0), None);
        assert_eq!(packed(0x7fff_ffff_0000, 2 << 40), None);
        assert!(packed(0x7fff_ffff_0000, (2 << 40) - PAGE_LEN).is_some());
        assert_eq!(packed(0x7fff_ffff_0001, 5000), None);
    }

    #[test]
    fn full_table_accepts_no_more_mappings() {
        let table = [const { Slot::free() }; 2];
        assert!(take(&table, 7).is_some_and(|slot| ptr::eq(slot, &raw const table[0])));
        assert!(take(&table, 7).is_some_and(|slot| ptr::eq(slot, &raw const table[1])));
        assert!(take(&table, 7).is_none());
        table[0].pages.store(0, SeqCst);
        assert!(take(&table, 8).is_some_and(|slot| ptr::eq(slot, &raw const table[0])));
    }

    #[test]
    fn empty_or_unmapped_memory_is_not_guarded() {
        assert!(Guard::over(&[]).is_none());
        let bytes = [0; 2];
        assert!(Guard::over(&bytes[1..]).is_none());
    }
}
