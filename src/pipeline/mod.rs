//! The subcommands: each reads an archive and makes one thing of it.
//!
//! ```text
//! convert    a capture                          reading    archive -> records as flows
//! diagnose   findings                           settling   records -> connections, counted once
//! inspect    what an archive holds              spilling   what waits on the disk in between
//! metrics    sums over time                     run        what all subcommands share
//! report     diagnosis and metrics, for a page
//! ```
//!
//! All of them read with [`crate::read`], like every other user of it. Between two
//! stages lie buckets (`spilling/buckets.rs`), which go to temporary files when memory is short.
//! What has to be in order of time and does not fit is sorted in runs, which go to such files as
//! well and are merged (`spilling/sorted_runs.rs`). So memory does not grow with the archive, only
//! the room on the disk.
//!
//! # Invariants
//! * The same input gives the same bytes, whatever the number of threads, the
//!   memory, and the order in which the inputs are named.
//! * Every line is counted in exactly one category of [`crate::summary::Records`].

mod convert;
mod diagnose;
mod inspect;
mod metrics;
mod reading;
mod report;
mod run;
mod settling;
mod spilling;

pub use self::convert::{Comments, Convert, Split, VantageChoice, convert};
pub use self::diagnose::{Diagnosis, diagnose, diagnose_to};
pub use self::inspect::inspect;
pub use self::metrics::{Answers, Metrics, metrics};
pub use self::report::{Report, Reported, report};
pub use self::run::Request;
pub use crate::read::Meter;
