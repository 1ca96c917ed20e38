//! The subcommands: each reads an archive and produces one result.
//!
//! ```text
//! convert    a capture                          reading    archive -> records as flows
//! diagnose   findings                           settling   records -> connections, counted once
//! inspect    a survey of the archive            spilling   temporary storage between stages
//! metrics    sums over time                     run        code shared by all subcommands
//! report     diagnosis and metrics, for a page
//! connections, findings                         the same as rows of tables
//! explain    single connections, with their records and packets
//! changes    API calls that may have changed which packets pass
//! ladder     examples of findings, packet by packet
//! export     tables in a folder
//! events     events of other AWS logs, on their way into a capture
//! merge      captures of such runs -> one capture
//! facts      what runs that share an archive know of all of it
//! partial    what such runs count -> the answer of one run
//! ```
//!
//! All of them read with [`crate::read`], like every other user of it. Records between two stages
//! wait in buckets (`spilling/buckets.rs`), which are written to temporary files when memory is
//! full. Data that must be in order of time and does not fit in memory is sorted in runs, which are
//! also written to temporary files and then merged (`spilling/sorted_runs.rs`). Therefore a larger
//! archive needs more space on disk, but not more memory.
//!
//! # Invariants
//! * The same input gives the same bytes, whatever the number of threads, the
//!   memory limit, and the order in which the inputs are given.
//! * Every line is counted in exactly one category of [`crate::summary::Records`].

mod bounded_events;
mod changes;
mod connections;
mod convert;
mod diagnose;
mod event_counts;
mod events;
mod explain;
mod export;
mod facts;
mod findings;
mod inspect;
mod kept_events;
mod ladder;
mod merge;
mod metrics;
mod name_columns;
mod partial;
mod provenance;
mod reading;
mod report;
mod run;
mod settling;
mod spilling;

pub use self::changes::{ChangesRead, changes};
pub use self::connections::{ConnectionBatch, ConnectionsRead, connections};
pub use self::convert::{
    Announce, Comments, Convert, EventsChoice, PlannedCapture, Split, VantageChoice, convert,
    convert_announced, gather_facts,
};
pub use self::diagnose::{ChangeCounts, Diagnosis, LoggedCall, diagnose, diagnose_to};
pub use self::explain::{
    ExplainedConnection, ExplainedConnections, ExplainedPacket, ExplainedRecord, ValuesLogged,
    explain,
};
pub use self::export::{
    Export, Exported, ExportedTable, LakeCompression, LakeFormat, LakeLayout, export,
};
pub use self::facts::{Facts, Surveyed};
pub use self::findings::findings;
pub use self::inspect::inspect;
pub use self::ladder::{Ladder, LadderPacket, LadderStep, OmittedPackets, RejectingEni};
pub use self::merge::{MergedCaptures, merge};
pub use self::metrics::{Answers, Metrics, metrics};
pub use self::partial::{
    MergedAnswer, PartialWritten, inspect_partial, is_partial, merge_partials, metrics_partial,
};
pub use self::report::{Origin, Report, Reported, report};
pub use self::run::Request;
pub use self::settling::packet_budget::DetailChoice;
pub use crate::archive::Enclosure;
pub use crate::read::{Meter, Phase};
