//! Turns archived AWS VPC Flow Logs back into packets.
//!
//! This page is the map of the house: what stands where, what must stay true,
//! and what words mean here. What the program does for its user is in
//! `README.md`.
//!
//! # Bird's-eye view
//!
//! Lines of text go in, a capture comes out. The folders stand in the order in
//! which data moves. A module may import from those to its left, never from
//! those to its right:
//!
//! ```text
//! archive -> record -> wrapper -> flow -> connection -> packet -> capture
//! bytes      one line  rows       one way both ways     headers   pcapng
//! ```
//!
//! Two lines that stand in the wrong order are enough to see all of it but the
//! ends, [`archive`] and [`capture`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use flow2pcap::connection::{Detail, SegmentKind, rebuild, split};
//! use flow2pcap::flow::{Addresses, Enis, Place, observe};
//! use flow2pcap::record::{Row, Rows, recognise};
//!
//! // The SYN-ACK (18) is listed before the SYN (2), with the same second.
//! let text = b"srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n\
//!     10.0.21.40 10.0.11.15 5432 40404 6 1 60 1773454565 1773454565 18\n\
//!     10.0.11.15 10.0.21.40 40404 5432 6 1 60 1773454565 1773454565 2\n";
//! let layout = Arc::new(recognise(text, None).unwrap().layout);
//!
//! let mut enis = Enis::default();
//! let mut conversation = Vec::new();
//! for (_, row) in Rows::new(text, layout) {
//!     let Row::Record(record) = row else { continue };
//!     let eni = enis.enter(record.eni);
//!     let (observation, _) = observe(&record, Addresses::Packet, eni, Place::default())?;
//!     conversation.push(observation.into());
//! }
//!
//! let mut segments = Vec::new();
//! for connection in split(&mut conversation) {
//!     rebuild(&conversation[connection], Detail::Exact, &mut segments);
//! }
//! let kinds: Vec<SegmentKind> = segments.iter().map(|segment| segment.kind).collect();
//! assert_eq!(kinds, [SegmentKind::Syn, SegmentKind::SynAck]);
//! # Ok::<(), flow2pcap::flow::Unusable>(())
//! ```
//!
//! # The map
//!
//! - [`archive`]: where bytes come from. Walks folders, enters zip and tar, maps or inflates files,
//!   hands out runs of whole lines. Knows nothing of what a line says.
//! - [`record`]: one line. Which column is which, the grammar, the values, and
//!   why a line is no record. A [`record::Record`] borrows its line.
//! - [`wrapper`]: records inside JSON and Parquet, taken out with their column order. Knows what
//!   wraps them (CloudWatch, Firehose, tables, …); what a value means is asked of [`record`].
//! - [`flow`]: one way of a conversation. Keeps of a record the numbers that the
//!   rebuild needs ([`flow::Observation`]), drops what was delivered twice, and
//!   decides whose view is told.
//! - [`connection`]: both ways, and the heart of it all. Divides a conversation
//!   into connections and plans their segments, in an order that TCP allows.
//!   Pure: the same records give the same segments, always and everywhere.
//! - [`packet`]: the headers of one packet, built by etherparse, or copied from those
//!   of the one before with the numbers that differ.
//! - [`capture`]: pcapng or classic pcap, as bytes.
//!
//! Beside the row stand:
//!
//! - [`diagnosis`]: what is the matter, told from whole conversations: attempts, their symptoms,
//!   and the causes that explain most of them. Reads [`record`], [`flow`] and [`connection`];
//!   they know nothing of it, and it knows nothing of packets. Start at [`pipeline::diagnose`].
//! - [`filter`]: which part of an archive is wanted: its grammar, its verdict on a
//!   record, and what a path rules out. Reads [`archive`], [`record`] and [`flow`]; they
//!   know nothing of it.
//! - [`metrics`]: sums over time, of what by what is asked for. Counts records and connections that
//!   it is given, and keeps the largest sums where there are too many. Reads [`flow`], [`connection`]
//!   and [`names`]; they know nothing of it. Start reading at
//!   [`pipeline::metrics()`].
//! - [`output`]: a file that appears whole or not at all, several of them, or a pipe, compressed as its
//!   name asks. Knows nothing of what is written; a signal abandons it. [`capture`] names its parts by it.
//! - [`pipeline`]: the only module that knows every stage. Fans work out over
//!   the cores and brings the results back into one order. Start reading at
//!   [`pipeline::convert`].
//! - [`setup`]: how to create a flow log that converts well, as a script or a template. Uses the
//!   names of fields in [`record`], and nothing else of this.
//! - [`summary`]: the account of a run: every file, line, record, packet and octet.
//! - [`survey`]: what an archive holds, for those who do not convert it yet. Start reading at
//!   [`pipeline::inspect`].
//! - [`error`], [`time`] and [`blocking`]: what ends a run, how instants are counted, and streams
//!   that make whoever reads or writes them wait.
//! - [`names`]: the one table of protocols and the one of services. Every module may use it.
//! - [`printable`]: text from outside, made fit for a person, a shell or a spreadsheet. Every module
//!   may use it, and whatever prints a name does.
//! - `main.rs` and `cli/`, the binary: what was typed, what it means, and the
//!   summary in words. It is compiled into the library so that tests reach it in their own process;
//!   the rest of the library neither prints nor exits. The page of `report` is filled in
//!   `cli/report/` from `templates/`; what it tells is read by [`pipeline::report()`].
//!
//! A later stage (analysis, queries, reports) is a new folder that reads from
//! [`record`] or [`connection`], never a branch inside them.
//!
//! # Invariants
//!
//! Many are about what is absent.
//!
//! - nom is used in [`record`] and [`filter`] only, and so are its error types.
//! - rayon is used in [`pipeline`] only; nothing else in the library starts a thread.
//! - A panic is caught only around calls into the `parquet` crate, in `wrapper/parquet/mod.rs`.
//! - `unsafe` is used only where a file is mapped, in `archive/mapping.rs`, where it is
//!   guarded against losing its end meanwhile, in `archive/mapping/guard.rs`, and in the allocator
//!   of the program, in `allocation.rs`.
//! - [`packet`] and [`capture`] know no flow logs. What a comment says is put
//!   into words in `pipeline/convert/framer.rs`.
//! - [`record`] knows no TCP state, only the names of its flags.
//! - [`connection`] and [`diagnosis`] have no I/O, no clock, no threads and no random source.
//! - The same input gives the same octets, for any number of threads, any memory and
//!   any order of the inputs.
//! - No record leaves uncounted: every line has exactly one fate in
//!   [`summary::Records`].
//! - Sizes of a record's segments add up to its octets, whatever the detail. Only
//!   a record that claims fewer octets than its headers need gets more, and that
//!   is counted.
//! - SYN before SYN-ACK before the initiator's next segment; a FIN after its
//!   side's data; nothing acknowledged that was not sent.
//! - A file has its name when it is whole, and not before. While it is unfinished it is locked, or
//!   follows one that is; what is not locked nobody will finish.
//! - Text from outside reaches a person through [`printable`] only: it commands no terminal, hides
//!   nothing and starts no line. A row is made of a `cli::page::PrintedLine`, which sees to that, and widths
//!   are those of what was cut.
//! - A command that is suggested is quoted by [`printable::shell`], or left out.
//! - Bad input is data, not an error: a line or file that makes no sense is
//!   counted, with its first examples, and the run goes on. [`error::Error`] is for what
//!   ends a run.
//!
//! # Glossary
//!
//! | Term | Meaning |
//! |---|---|
//! | flow log record | one parsed row; a *line* is its bytes before parsing |
//! | layout | the order of columns in a file, and what separates them |
//! | ENI | AWS network interface, `interface-id`; pcapng's own are *interfaces* |
//! | five-tuple | source, destination, their ports, protocol; directed |
//! | connection key | both directions of a five-tuple; implies no role |
//! | conversation | all records of one connection key, of any protocol |
//! | flow, connection | one direction; both |
//! | way | the direction of a record's packets within its conversation |
//! | source, destination | columns of one record |
//! | initiator, responder | roles, and never more certain than their evidence |
//! | midstream | a connection whose SYN lies outside the archive |
//! | interval | AWS's capture window of 60 or 600 s at most; a setting, not a column |
//! | window | the instants a record allows for its packets: start to the end of its last second |
//! | observed flags | `tcp-flags`: the OR over the interval; one segment's bits are [`packet::tcp::Flags`] |
//! | attempt | one try to reach a service, as the records of every ENI tell it |
//! | symptom | what is the matter with one attempt |
//! | finding | one cause that explains many symptoms, with what proves it and what speaks against it |
//! | verdict | `ACCEPT` or `REJECT`, which is not a TCP reset |
//! | vantage | the view, an ENI and a side of it, whose records tell a conversation |
//! | matching | what a [`filter::Filter`] asks for: of records. A connection is *kept* if one of its records matches |
//! | ruled out | a file that is not opened, since by its path nothing in it can match; a row group that is not read, since by its statistics nothing in it can |
//! | table, row group | a Parquet file; a run of its rows that is read for itself |
//! | told, told elsewhere | a record that became packets; one whose packets another view tells |
//! | episode | connections of one conversation so close that they are rebuilt in a row |
//! | series, cell | one question and one value of each of its dimensions; its sums in one stretch of time |
//! | folded | said of series that are added up as `other` |
//! | part | one of several captures that a run writes beside each other |
//! | captured length, original length | octets of headers written; octets the packet had |
//! | observed, synthesized | read from a record; invented here |
//! | presumed | assumed for want of `tcp-flags`, and said to be |

#![cfg_attr(test, allow(clippy::unwrap_used))]

// `cli` names the library as every other program does.
extern crate self as flow2pcap;

pub mod archive;
pub mod blocking;
pub mod capture;
#[doc(hidden)]
pub mod cli;
pub mod connection;
pub mod diagnosis;
pub mod error;
pub mod filter;
pub mod flow;
pub mod metrics;
pub mod names;
pub mod output;
pub mod packet;
pub mod pipeline;
pub mod printable;
pub mod read;
pub mod record;
pub mod setup;
pub mod summary;
pub mod survey;
pub mod time;
pub mod wrapper;
