//! Where bytes come from: folders, files, pipes, and what wraps them.
//!
//! [`walk()`] turns what was typed into a list of files whose order does not
//! depend on the order of typing. [`open()`] turns one of them into [`Content`]:
//! text in memory, or text that is still being inflated; or into a [`Pack`] of
//! members to be opened in turn. Tables (Parquet) are told from text and handed on as
//! they are: [`crate::wrapper`] reads them. The others hand text out as
//! [`Block`]s, runs of whole lines, cut at the same places either way.
//!
//! What a line says is not known here; that is [`crate::record`]. Nothing here
//! starts a thread.
//!
//! # Invariants
//! * Every file under a typed folder is either listed or left out with a
//!   [`LeftOutReason`]; a file reached twice is listed once.
//! * What a file is follows from its first bytes, never from its name.
//! * A block ends at a line end, or at the end of the text.
//! * Memory is bounded by the block length and [`LINE_LEN_MAX`], whatever the
//!   input holds.
//! * A file may change or shrink while it is mapped: no signal ends the process.
//! * Damage inside a file ends that file, not the run: what was before it is
//!   delivered and [`Damage`] says where it begins.

mod block;
mod content;
mod damage;
mod decode;
mod entry;
mod file;
mod left_out;
mod lookahead;
mod magic;
mod mapping;
mod name;
pub mod s3_path;
mod stream;
mod tarred;
#[cfg(test)]
mod testing;
mod walk;
mod zipped;

pub use self::{
    block::{Block, Blocks, LINE_LEN_MAX},
    content::{Content, Opened, Pack, open},
    damage::{Damage, DamageKind},
    file::File,
    left_out::{LeftOut, LeftOutReason},
    magic::Magic,
    mapping::Mapping,
    stream::Stream,
    walk::{Walk, walk},
};
