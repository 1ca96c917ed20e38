//! From records to connections that are counted once.
//!
//! Records wait by conversation until all files are read. Then duplicates are dropped, one
//! ENI's view is chosen where several logged the same packets, and a conversation is split into
//! connections. What becomes of a connection is for the subcommand to say.
//!
//! ```text
//! conversations     records by conversation         selection         what a filter keeps of one
//! settle            a conversation -> connections   time_slices       the archive's time in equal parts
//! finding_records   which records belong to one finding
//! suggest_filters   where the packets are, if there are too many
//! ```

pub(crate) mod conversations;
pub(crate) mod finding_records;
pub(crate) mod selection;
pub(crate) mod settle;
pub(crate) mod suggest_filters;
pub(crate) mod time_slices;
