//! From records to connections, each counted once.
//!
//! Records wait by conversation until all files are read. Then duplicates are dropped, one ENI's
//! records are chosen where several logged the same packets, and each conversation is split into
//! connections. The subcommand decides what to do with a connection.
//!
//! ```text
//! conversations     records by conversation         selection         the filter for conversations
//! settle            a conversation -> connections   time_slices       the archive's time in slices
//! finding_records   which records belong to one finding
//! packet_budget     how many packets the capture gets
//! suggest_filters   filters to suggest if there are too many packets
//! seen_addresses    which addresses occur in the connections
//! ```

pub(crate) mod conversations;
pub(crate) mod finding_records;
pub(crate) mod packet_budget;
pub(crate) mod seen_addresses;
pub(crate) mod selection;
pub(crate) mod settle;
pub(crate) mod suggest_filters;
pub(crate) mod time_slices;
