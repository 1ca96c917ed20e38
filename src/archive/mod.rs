//! Where bytes come from: folders, files, pipes, and what wraps them.
//!
//! [`walk()`] turns what was typed into a list of files whose order does not
//! depend on the order of typing.
//!
//! What a line says is not known here; that is [`crate::record`]. Nothing here
//! starts a thread.
//!
//! # Invariants
//! * Every file under a typed folder is either listed or left out with a
//!   [`LeftOutReason`]; a file reached twice is listed once.
//! * What a file is follows from its first octets, never from its name.

mod entry;
mod file;
mod left_out;
mod magic;
mod name;
pub mod s3_path;
#[cfg(test)]
mod testing;
mod walk;

pub use self::{
    file::File,
    left_out::{LeftOut, LeftOutReason},
    magic::Magic,
    walk::{Walk, walk},
};
