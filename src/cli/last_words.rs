//! Who says why a run fails: one thread, once.
//!
//! Where memory or threads run out, several threads notice it at the same time. The first one says
//! why the process ends, and ends it.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static ARE_SAID: AtomicBool = AtomicBool::new(false);

/// Whether the caller is the first to ask, in this process. If not, another thread is ending it.
pub fn claim_last_words() -> bool {
    !ARE_SAID.swap(true, SeqCst)
}

/// Whether a thread has claimed them.
pub fn are_last_words_said() -> bool {
    ARE_SAID.load(SeqCst)
}
