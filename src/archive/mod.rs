//! Reads bytes from folders, files, pipes, archives, and compressed files.
//!
//! [`walk()`] turns the inputs into a list of files. The order of the list does not depend on the
//! order of the inputs. [`open()`] opens one of these files as [`Content`], which is text in memory
//! or a stream of text, or as a [`Pack`], whose members are opened in turn. Text is delivered as
//! [`Block`]s of whole lines, cut at the same places either way. Tables (Parquet) are recognized
//! and passed on unread: [`crate::wrapper`] reads them.
//!
//! The meaning of a line is not known here; [`crate::record`] parses it. Nothing here starts a
//! thread.
//!
//! # Invariants
//! * Every file under an input folder is either listed or left out with a [`LeftOutReason`]. A file
//!   reached twice is listed once.
//! * The format of a file follows from its first bytes, never from its name.
//! * A block ends at a line end or at the end of the text.
//! * Memory is bounded by the block length, [`LINE_LEN_MAX`] and the largest dictionary that a
//!   decoder accepts, whatever the input holds.
//! * A file may change or shrink while it is mapped: no signal ends the process.
//! * Damage inside a file ends that file, not the run: the text before it is delivered, and
//!   [`Damage`] reports where it begins.

mod block;
mod bzip2_stream;
mod content;
mod damage;
mod decode;
mod enclosure;
mod entry;
mod file;
mod left_out;
mod lookahead;
mod magic;
mod mapping;
mod name;
mod neighbors;
pub mod s3_path;
mod stream;
mod tarred;
#[cfg(test)]
mod testing;
mod utf16;
mod walk;
mod zipped;

#[cfg(feature = "s3")]
pub(crate) use self::file::read_ahead;
pub use self::{
    block::{Block, Blocks, LINE_LEN_MAX},
    content::{Content, Opened, Pack, open},
    damage::{Damage, DamageKind},
    enclosure::Enclosure,
    file::File,
    left_out::{LeftOut, LeftOutReason},
    magic::Magic,
    mapping::Mapping,
    neighbors::neighbors,
    stream::Stream,
    walk::{Walk, WalkBounds, walk, walk_within},
};
