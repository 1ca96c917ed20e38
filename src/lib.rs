//! Turns archived AWS VPC Flow Logs back into packets, and reads any archive of flow logs.
//!
//! This page is a guide for users of the library and for contributors. `README.md` and `docs/`
//! describe the program.
//!
//! # How do I read the records of any archive?
//!
//! Use [`read::Archive`]. It reads files, folders and standard input: text, CSV, gzip, zstd, bzip2,
//! xz, zip, tar, JSON as CloudWatch, Firehose and Azure write it, Parquet, OCSF. Records are read on
//! all cores, so they go to a [`read::Sink`], which defines the result for the records of one block,
//! and how the results of two consecutive blocks are joined:
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
//! These are the ways to receive records, from the simplest to the lowest level:
//!
//! | You want | Use |
//! |---|---|
//! | each record, borrowed from its line or its table | [`read::Sink`] |
//! | each event of another AWS log | [`read::Sink::event`] |
//! | typed columns, for a query engine or a table writer | [`read::ColumnBatches`] |
//! | rows of the tables that AWS defines for Athena, of any log | [`table::TableSink`] |
//! | one row for each connection, or for each finding | [`pipeline::connections()`], [`pipeline::findings()`] |
//! | the rows of text in memory | [`record::Rows`], with [`record::recognize()`] |
//!
//! # How do I do what the program does?
//!
//! Each subcommand is a function of [`pipeline`]: [`pipeline::convert()`],
//! [`pipeline::diagnose()`], [`pipeline::explain()`], [`pipeline::export()`], [`pipeline::inspect()`],
//! [`pipeline::metrics()`], [`pipeline::report()`], [`pipeline::gather_facts()`]. Each takes a
//! [`pipeline::Request`] and a [`read::Meter`], which another thread may watch; [`pipeline::merge()`] reads
//! captures only. [`pipeline::inspect_partial()`] and [`pipeline::metrics_partial()`] count a part of an archive,
//! and [`pipeline::merge_partials()`] gives the answer of all parts:
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
//! An [`error::Error`] has an [`error::ErrorKind`] with the facts of the failure. The library does
//! not name command-line options: `cli/advice.rs` adds what to type next.
//!
//! # How is a connection rebuilt?
//!
//! From observations of both directions, without any I/O. Two lines in the wrong order are enough
//! for an example:
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
//! # Modules
//!
//! Data moves from left to right, and a module imports only from modules to its left. A test has
//! the full table of allowed imports (`tests/suite/architecture.rs`).
//!
//! ```text
//! archive -> record -> wrapper -> flow -> connection -> packet -> capture
//! bytes      lines     JSON,      one     both          headers   pcapng
//!                      tables     way     ways
//!            \____ read ____/     \______ pipeline ______________/
//! ```
//!
//! - [`archive`]: the source of bytes. Walks folders, opens zip and tar archives, maps or
//!   decompresses files, and returns blocks of whole lines. Does not interpret lines.
//! - `bucket`, only with the feature `s3`: objects of a bucket as files to read, and one to write.
//! - [`record`]: one line. Finds which column is which, parses the values, and reports why a line
//!   is not a record. A [`record::Record`] borrows from its line, or from its row of a table.
//! - [`wrapper`]: records inside JSON and Parquet. JSON is converted to lines, and the columns of a
//!   table become records without any text in between.
//! - [`event`]: one line or object of another AWS log: load balancers, CloudTrail, DNS. Pure, and
//!   independent of flow log records.
//! - [`filter`]: selects part of an archive: the filter grammar, its verdict on a record, and the
//!   pruning of files by path and of row groups by their statistics.
//! - [`read`]: all of these combined: sends the records of any archive, on all cores, to any sink.
//! - [`table`]: logs as the tables that AWS defines for Athena, in Arrow batches.
//! - `sql`, only with the feature `sql`: Athena's SQL over these tables.
//! - [`flow`]: one direction of a conversation. Keeps the numbers of a record that the rebuild
//!   needs ([`flow::Observation`]), removes records delivered twice ([`flow::Candidate`]), and
//!   chooses the view to use if several ENIs logged the same packets ([`flow::Viewed`]).
//! - [`connection`]: both directions, and the core of the library. Divides a conversation into
//!   connections and plans their segments, in an order that TCP allows. Pure: the same records give
//!   the same segments.
//! - [`configuration`]: the security groups, network ACLs and routes beside the logs, and what they
//!   decide about packets. Pure: it does not know what the records say.
//! - [`change`]: API calls that may have changed which packets pass: who, when and what. Pure.
//! - [`diagnosis`]: failures: attempts, their symptoms, and the causes that explain most of them.
//!   Does not depend on packets.
//! - [`metrics`]: sums over time. Counts the records, connections and events it receives, and keeps only
//!   the largest sums if there are too many.
//! - [`joining`]: events and connections: which connection an event is about, if only one fits, and
//!   the words that a packet comment has for it. Pure.
//! - [`packet`]: the headers of one packet, built by etherparse, or copied from the previous
//!   packet's headers with the different numbers replaced.
//! - [`pdu`]: events as frames: HTTP messages, JSON, DNS packets. Pure.
//! - [`capture`]: pcapng or classic pcap.
//! - [`output`]: a file, several files, a folder or a pipe; files and folders are written completely
//!   or not at all.
//! - [`pipeline`]: the subcommands, and the only module that knows every stage.
//! - [`summary`] and [`survey`]: the counts of a run, and the contents of an archive.
//! - [`setup`]: how to create a flow log that converts well, as a script or a template.
//! - [`wireshark`]: a profile for Wireshark, fields from the comments, and a place in its list of interfaces.
//! - [`error`], [`time`], [`blocking`], [`names`], [`printable`]: for use by every module:
//!   failures, instants, streams that wait for data, the tables of protocols and services, and text
//!   from outside made safe for a person, a shell or a spreadsheet.
//! - `main.rs` and `cli/`, the program: parses the command line and prints the results. It is
//!   compiled into the library so that tests can run it in their own process; the rest of the
//!   library neither prints nor exits.
//!
//! A later stage (analysis, queries, reports) is a new folder that uses [`read`], [`record`] or
//! [`connection`], never a branch inside them.
//!
//! # Invariants
//!
//! Many of these exclude something.
//!
//! - nom is used in [`record`] and [`filter`] only, and so are its error types.
//! - rayon is used in [`read`] and [`pipeline`] only; nothing else in the library starts a thread, except for
//!   the features: requests to buckets run on two threads.
//! - A panic is caught only around calls into the `parquet` crate, in `wrapper/parquet/mod.rs`.
//! - `unsafe` is used only in `archive/mapping.rs`, where a file is mapped; in
//!   `archive/mapping/guard.rs`, which guards a mapping against a file that is truncated meanwhile;
//!   and in `allocation.rs`, the allocator of the program.
//! - [`packet`] and [`capture`] do not depend on flow logs. The text of packet comments is written
//!   in `pipeline/convert/framer.rs`.
//! - [`record`] does not know TCP states, only the names of TCP flags.
//! - [`connection`] and [`diagnosis`] have no I/O, no clock, no threads and no random source.
//! - The same input gives the same bytes, for any number of threads, any memory and
//!   any order of the inputs.
//! - Every line is counted in exactly one category of [`summary::Records`].
//! - The sizes of a record's segments add up to its bytes, in every detail. Only a record that
//!   claims fewer bytes than its headers need gets more, and the extra bytes are counted.
//! - The SYN precedes the SYN-ACK, which precedes the initiator's next segment. A FIN follows all
//!   data of its sender. No segment acknowledges data that was not sent.
//! - A file has its final name only when it is complete. An unfinished file is locked, or follows
//!   one that is; no process will finish a file without a lock.
//! - Text from outside reaches a person only through [`printable`]: it cannot control a terminal,
//!   hide anything or start a line. Rows are made of `cli::page::PrintedLine`s, which ensure that,
//!   and column widths are computed from text that was already cut.
//! - A command that is suggested is quoted by [`printable::shell`], or omitted.
//! - Bad input is data, not an error: an invalid line or file is counted, the first examples are
//!   kept, and the run goes on. [`error::Error`] is for failures that end a run.
//!
//! # Glossary
//!
//! | Term | Meaning |
//! |---|---|
//! | flow log record | one parsed row; a *line* is its bytes before parsing |
//! | layout | the order of columns in a file, and their separator |
//! | ENI | AWS network interface, `interface-id`; the interfaces of pcapng are called *interfaces* |
//! | five-tuple | source, destination, their ports, protocol; directed |
//! | connection key | both directions of a five-tuple; implies no role |
//! | conversation | all records of one connection key, of any protocol |
//! | flow, connection | one direction; both directions |
//! | way | the direction of a record's packets within its conversation |
//! | source, destination | columns of one record |
//! | initiator, responder | roles, never more certain than their evidence |
//! | midstream | a connection whose SYN is not in the archive |
//! | interval | AWS's aggregation interval of at most 60 or 600 s; a setting, not a column |
//! | window | the time that a record allows for its packets: from its start to the end of its last second |
//! | observed flags | `tcp-flags`: the OR over the interval; one segment's bits are [`packet::tcp::Flags`] |
//! | attempt | one try to reach a service, as the records of all ENIs show it |
//! | symptom | the problem of one attempt |
//! | finding | one cause that explains many symptoms, with the evidence for and against it |
//! | verdict | `ACCEPT` or `REJECT`, which is not a TCP reset |
//! | vantage | the view, an ENI and a side of it, whose records are used for a conversation |
//! | event | one request, API call, DNS query or alert from an AWS log that is not a flow log |
//! | leg | one of the connections that an event is about: client to load balancer, load balancer to target |
//! | shard | what one of several runs does: the conversations with some hashes of their five-tuple, or some files |
//! | partial result | what such a run counted; those of all shards add up to the answer |
//! | facts | what such runs must know of the whole archive, and a run cannot see in its own shard |
//! | matching | a record that meets the [`filter::Filter`]. A connection is *kept* if one of its records matches |
//! | pruned | a file that is not opened, or a row group that is not read, because its path or statistics show that nothing in it can match |
//! | table, row group | a Parquet file; a range of its rows that can be read separately |
//! | used, other vantage | a record that became packets; a record whose packets are in another view |
//! | episode | connections of one conversation so close in time that they are rebuilt together |
//! | series, cell | one question and one value of each of its dimensions; its sums in one time bucket |
//! | folded | series that are added up as `other` |
//! | part | one of several captures that a run writes to one folder |
//! | captured length, original length | bytes of headers written; bytes of the whole packet |
//! | observed, synthesized | read from a record; invented by this program |
//! | presumed | assumed because `tcp-flags` are missing, and marked as such |

#![cfg_attr(test, allow(clippy::unwrap_used))]

// `cli` names the library in the same way as any other program.
extern crate self as flow2pcap;

pub mod archive;
pub mod blocking;
#[cfg(feature = "s3")]
pub mod bucket;
pub mod capture;
pub mod change;
#[doc(hidden)]
pub mod cli;
pub mod configuration;
pub mod connection;
pub mod diagnosis;
pub mod error;
pub mod event;
pub mod filter;
pub mod flow;
pub mod joining;
pub mod metrics;
pub mod names;
pub mod output;
pub mod packet;
pub mod pdu;
pub mod pipeline;
pub mod printable;
pub mod read;
pub mod record;
pub mod setup;
#[cfg(feature = "sql")]
pub mod sql;
pub mod summary;
pub mod survey;
pub mod table;
pub mod time;
pub mod wireshark;
pub mod wrapper;
