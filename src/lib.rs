//! Turns archived AWS VPC Flow Logs back into packets, and reads any archive of flow logs.
//!
//! This page is the guide for those who use the library and those who change it. `README.md` and
//! `docs/` are the guide to the program.
//!
//! # How do I read the records of any archive?
//!
//! With [`read::Archive`]. It takes files, folders and standard input: text, CSV, gzip, zstd, zip,
//! tar, JSON as CloudWatch, Firehose and Azure write it, Parquet, OCSF. Records come on all cores,
//! so they go to a [`read::Sink`], which says what the records of one block come to, and how two
//! blocks in a row are joined:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use flow2pcap::filter::Filter;
//! use flow2pcap::flow::Unusable;
//! use flow2pcap::read::{Archive, Found, Sink};
//!
//! /// Rejected records by destination port.
//! struct RejectedPorts;
//!
//! impl Sink for RejectedPorts {
//!     type Part = BTreeMap<u16, u64>;
//!
//!     fn record(&self, ports: &mut Self::Part, found: &Found<'_>) -> Result<(), Unusable> {
//!         *ports.entry(found.record.destination_port.unwrap_or(0)).or_default() += 1;
//!         Ok(())
//!     }
//!
//!     fn append(&self, ports: &mut Self::Part, later: Self::Part) {
//!         for (port, records) in later {
//!             *ports.entry(port).or_default() += records;
//!         }
//!     }
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("a.log");
//! # std::fs::write(&path, "2 123456789010 eni-1 10.0.0.1 10.0.0.2 40000 22 6 1 60 1418530010 1418530070 REJECT OK\n")?;
//! let filter = Filter {
//!     condition: Some("reject and tcp".parse()?),
//!     ..Filter::default()
//! };
//! let archive = Archive::builder(&[path]).filter(filter).open()?;
//! let (account, ports) = archive.read(&RejectedPorts)?;
//! assert_eq!(ports, BTreeMap::from([(22, 1)]));
//! assert!(account.records.adds_up()); // nothing is lost without a reason
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! There are three ways to take what is read, from the simplest to the closest:
//!
//! | You want | Use |
//! |---|---|
//! | each record, borrowed from its line or its table | [`read::Sink`] |
//! | typed columns, for a query engine or a writer of tables | [`read::ColumnBatches`] |
//! | the rows of text that you have in memory | [`record::Rows`], with [`record::recognize()`] |
//!
//! # How do I do what the program does?
//!
//! Each subcommand is a function of [`pipeline`]: [`pipeline::convert()`], [`pipeline::diagnose()`],
//! [`pipeline::inspect()`], [`pipeline::metrics()`], [`pipeline::report()`]. All take a
//! [`pipeline::Request`] and a [`read::Meter`], which another thread may watch:
//!
//! ```
//! use flow2pcap::pipeline::{Convert, Meter, Request, convert};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("a.log");
//! # std::fs::write(&path, "2 123456789010 eni-1 10.0.0.1 10.0.0.2 40000 22 6 1 60 1418530010 1418530070 REJECT OK\n")?;
//! # let capture = folder.path().join("a.pcapng");
//! let request = Request::new(vec![path]).memory(256 << 20);
//! let summary = convert(&Convert::new(request, capture), &Meter::default())?;
//! assert_eq!(summary.packets.written, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An [`error::Error`] says what failed as an [`error::ErrorKind`] with its facts. The library names
//! no options: what to type next is said in `cli/advice.rs`.
//!
//! # How is a connection rebuilt?
//!
//! From observations of both directions, without any I/O. Two lines in the wrong order are enough to
//! see it:
//!
//! ```
//! use std::sync::Arc;
//!
//! use flow2pcap::connection::{Detail, SegmentKind, rebuild, split};
//! use flow2pcap::flow::{Addresses, Enis, Place, observe};
//! use flow2pcap::record::{Row, Rows, recognize};
//!
//! // The SYN-ACK (18) is listed before the SYN (2), with the same second.
//! let text = b"srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n\
//!     10.0.21.40 10.0.11.15 5432 40404 6 1 60 1773454565 1773454565 18\n\
//!     10.0.11.15 10.0.21.40 40404 5432 6 1 60 1773454565 1773454565 2\n";
//! let layout = Arc::new(recognize(text, None).unwrap().layout);
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
//! Data moves from left to right, and a module imports only from those to its left. A test holds the
//! whole table of who may import whom (`tests/suite/architecture.rs`).
//!
//! ```text
//! archive -> record -> wrapper -> flow -> connection -> packet -> capture
//! bytes      lines     JSON,      one     both          headers   pcapng
//!                      tables     way     ways
//!            \____ read ____/     \______ pipeline ______________/
//! ```
//!
//! - [`archive`]: where bytes come from. Walks folders, enters zip and tar, maps or inflates files,
//!   hands out runs of whole lines. Does not know what a line says.
//! - [`record`]: one line. Which column is which, the grammar, the values, and why a line is not a
//!   record. A [`record::Record`] borrows its line, or its row of a table.
//! - [`wrapper`]: records inside JSON and Parquet. JSON becomes lines, and the columns of a table
//!   become records without any text in between.
//! - [`filter`]: which part of an archive is wanted: its grammar, its verdict on a record, and what a
//!   path or a row group's statistics prune.
//! - [`read`]: all of these in one: the records of any archive, on all cores, to any sink.
//! - [`flow`]: one direction of a conversation. Keeps of a record the numbers that the rebuild needs
//!   ([`flow::Observation`]), drops what was delivered twice ([`flow::Candidate`]), and chooses the
//!   view that is used where several ENIs logged the same packets ([`flow::Viewed`]).
//! - [`connection`]: both directions, and the heart of it all. Divides a conversation into connections
//!   and plans their segments, in an order that TCP allows. Pure: the same records give the same
//!   segments.
//! - [`diagnosis`]: what went wrong: attempts, their symptoms, and the causes that explain most of
//!   them. Knows nothing of packets.
//! - [`metrics`]: sums over time. Counts records and connections that it is given, and keeps the
//!   largest sums where there are too many.
//! - [`packet`]: the headers of one packet, built by etherparse, or copied from those of the packet
//!   before with the numbers that differ.
//! - [`capture`]: pcapng or classic pcap.
//! - [`output`]: a file, several files or a pipe that is written whole or not at all.
//! - [`pipeline`]: the subcommands, and the only module that knows every stage.
//! - [`summary`] and [`survey`]: the account of a run, and what an archive holds.
//! - [`setup`]: how to create a flow log that converts well, as a script or a template.
//! - [`error`], [`time`], [`blocking`], [`names`], [`printable`]: what every module may use: failures,
//!   instants, streams that make their user wait, the tables of protocols and services, and text from
//!   outside made fit for a person, a shell or a spreadsheet.
//! - `main.rs` and `cli/`, the program: what was typed, what it means, and the answers in words. It is
//!   compiled into the library so that tests reach it in their own process; the rest of the library
//!   neither prints nor exits.
//!
//! A later stage (analysis, queries, reports) is a new folder that uses [`read`], [`record`] or
//! [`connection`], never a branch inside them.
//!
//! # Invariants
//!
//! Many are about what is absent.
//!
//! - nom is used in [`record`] and [`filter`] only, and so are its error types.
//! - rayon is used in [`read`] and [`pipeline`] only; nothing else in the library starts a thread.
//! - A panic is caught only around calls into the `parquet` crate, in `wrapper/parquet/mod.rs`.
//! - `unsafe` is used only where a file is mapped, in `archive/mapping.rs`, where it is
//!   guarded against losing its end meanwhile, in `archive/mapping/guard.rs`, and in the allocator
//!   of the program, in `allocation.rs`.
//! - [`packet`] and [`capture`] know no flow logs. What a comment says is put
//!   into words in `pipeline/convert/framer.rs`.
//! - [`record`] knows no TCP state, only the names of its flags.
//! - [`connection`] and [`diagnosis`] have no I/O, no clock, no threads and no random source.
//! - The same input gives the same bytes, for any number of threads, any memory and
//!   any order of the inputs.
//! - Every line is counted in exactly one category of [`summary::Records`].
//! - Sizes of a record's segments add up to its bytes, whatever the detail. Only
//!   a record that claims fewer bytes than its headers need gets more, and that
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
//! | attempt | one try to reach a service, as the records of every ENI show it |
//! | symptom | what is the matter with one attempt |
//! | finding | one cause that explains many symptoms, with what proves it and what speaks against it |
//! | verdict | `ACCEPT` or `REJECT`, which is not a TCP reset |
//! | vantage | the view, an ENI and a side of it, whose records are used for a conversation |
//! | matching | what a [`filter::Filter`] asks for: of records. A connection is *kept* if one of its records matches |
//! | ruled out | a file that is not opened, since by its path nothing in it can match; a row group that is not read, since by its statistics nothing in it can |
//! | table, row group | a Parquet file; a run of its rows that is read for itself |
//! | told, told elsewhere | a record that became packets; one whose packets another view has |
//! | episode | connections of one conversation so close that they are rebuilt in a row |
//! | series, cell | one question and one value of each of its dimensions; its sums in one stretch of time |
//! | folded | said of series that are added up as `other` |
//! | part | one of several captures that a run writes beside each other |
//! | captured length, original length | bytes of headers written; bytes that the packet had |
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
