//! What becomes of a mapping whose file shrinks: zeros, and a note of where they begin.
//!
//! A page that the file no longer has is answered with SIGBUS, at whatever instruction
//! touches it. The handler here finds the mapping among those that are guarded, puts pages
//! of zeros in place of the rest of it, notes the place, and lets the instruction go on. Whoever
//! read them asks [`Guard::lost_from`] before using what was read. A disk that fails to deliver a
//! page looks the same, and is treated the same.
//!
//! A handler may run at any instant, so it takes no lock and allocates nothing: the mappings stand
//! in a table of fixed size. Any other SIGBUS is left to the handler that was there before.

#![expect(
    unsafe_code,
    reason = "signals and what stands behind a mapping are the system's, not the compiler's"
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

/// Mappings that are guarded at once. Few more than there are threads.
const SLOTS: usize = 1024;

/// The least page size that Linux has. Mappings begin at multiples of it.
const PAGE_LEN: usize = 4096;

/// Bits of a slot that number pages: 2 TiB.
const PAGES_BITS: u32 = 29;

/// The mappings that are guarded.
static TABLE: [Slot; SLOTS] = [const { Slot::free() }; SLOTS];

/// What the handler has to know; set before it is in place.
static SYSTEM: OnceLock<System> = OnceLock::new();

struct System {
    page_len: usize,
    /// What handled SIGBUS before.
    before: libc::sigaction,
}

/// The place of one mapping.
#[derive(Debug)]
struct Slot {
    /// Its first page above [`PAGES_BITS`], and how many there are below them; 0 if free. One number,
    /// so that the handler never meets the begin of one mapping with the length of another.
    pages: AtomicU64,
    /// The first byte of it that is lost, if any is.
    lost_from: AtomicUsize,
}

/// Guards one mapping for as long as it lives.
#[derive(Debug)]
pub(super) struct Guard {
    slot: &'static Slot,
}

impl Guard {
    /// Guards the pages of `mapping`, which must be gone before they are used for anything else.
    ///
    /// None if there are too many mappings, or SIGBUS cannot be handled.
    pub(super) fn over(mapping: &[u8]) -> Option<Self> {
        static IS_HANDLED: OnceLock<bool> = OnceLock::new();
        let pages = packed(mapping.as_ptr().addr(), mapping.len())?;
        if !IS_HANDLED.get_or_init(handle) {
            return None;
        }
        let slot = take(&TABLE, pages)?;
        // Nobody has touched the mapping yet.
        slot.lost_from.store(usize::MAX, SeqCst);
        Some(Self { slot })
    }

    /// The first byte of the mapping that was found to be lost; `usize::MAX` if none was.
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

    /// Where the mapping begins and ends, if `address` is in it.
    fn around(&self, address: usize) -> Option<(usize, usize)> {
        let pages = self.pages.load(SeqCst);
        let start = usize::try_from(pages >> PAGES_BITS).ok()? * PAGE_LEN;
        let len = usize::try_from(pages & ((1 << PAGES_BITS) - 1)).ok()? * PAGE_LEN;
        let is_inside = address >= start && address - start < len;
        is_inside.then_some((start, start + len))
    }
}

/// Takes a free slot for a mapping, if there is one.
fn take(table: &[Slot], pages: u64) -> Option<&Slot> {
    let exchange = |slot: &&Slot| slot.pages.compare_exchange(0, pages, SeqCst, SeqCst);
    table.iter().find(|slot| exchange(slot).is_ok())
}

/// A mapping as one number, if it is of a size that fits.
fn packed(start: usize, len: usize) -> Option<u64> {
    let first = u64::try_from(start / PAGE_LEN).ok()?;
    let count = u64::try_from(len.div_ceil(PAGE_LEN)).ok()?;
    let fits = start.is_multiple_of(PAGE_LEN)
        && first.leading_zeros() >= PAGES_BITS
        && count.checked_ilog2()? < PAGES_BITS;
    fits.then_some(first << PAGES_BITS | count)
}

/// Puts the handler in place; tells whether it is.
fn handle() -> bool {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the first asks for a number. With null, the second changes nothing; it fills `before`,
    // which has room for it, and to which all zeros is a value as good as any.
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
    // On the stack that the standard library gives every thread for its own handler.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the action is whole: its handler takes what SA_SIGINFO has it be given, and does only
    // what may be done at any instant.
    unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) == 0 }
}

/// Called by the system, in the thread that touched a page that is not there.
extern "C" fn on_bus(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    let Some(system) = SYSTEM.get() else {
        return;
    };
    // SAFETY: under SA_SIGINFO the system hands over a `siginfo_t`, and that of SIGBUS has an
    // address; if a process sent the signal, it is some number, and is not looked at.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    if code == libc::BUS_ADRERR && put_zeros(address, system.page_len) {
        return;
    }
    // Not for this handler: the one before takes over. A touch of memory is made again when this
    // one returns; a signal that was sent has to be sent again.
    // SAFETY: the action is the one that the system handed out. To raise a signal is allowed in a
    // handler; this one is blocked until the handler has returned.
    unsafe {
        libc::sigaction(libc::SIGBUS, &raw const system.before, ptr::null_mut());
        if code <= 0 {
            libc::raise(libc::SIGBUS);
        }
    }
}

/// Puts zeros in place of a guarded mapping from the page of `address` on; false if it is in none.
fn put_zeros(address: usize, page_len: usize) -> bool {
    let around = |slot: &'static Slot| Some((slot, slot.around(address)?));
    let Some((slot, (start, end))) = TABLE.iter().find_map(around) else {
        return false;
    };
    let from = address - address % page_len;
    slot.lost_from.fetch_min(from - start, SeqCst);
    // SAFETY: the range lies in a mapping that is guarded. It is there: whoever touched it borrows
    // it, and it is given back only after its guard. It belongs to nobody else, is only read, and
    // whoever reads it takes any bytes for what they are.
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
    fn mapping_is_packed_into_one_number_if_it_fits() {
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
    fn table_that_is_full_takes_no_more() {
        let table = [const { Slot::free() }; 2];
        assert!(take(&table, 7).is_some_and(|slot| ptr::eq(slot, &raw const table[0])));
        assert!(take(&table, 7).is_some_and(|slot| ptr::eq(slot, &raw const table[1])));
        assert!(take(&table, 7).is_none());
        table[0].pages.store(0, SeqCst);
        assert!(take(&table, 8).is_some_and(|slot| ptr::eq(slot, &raw const table[0])));
    }

    #[test]
    fn nothing_is_guarded_that_is_empty_or_not_a_mapping() {
        assert!(Guard::over(&[]).is_none());
        let bytes = [0; 2];
        assert!(Guard::over(&bytes[1..]).is_none());
    }
}
