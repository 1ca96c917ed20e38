//! What the tests, benches, examples and fuzz targets of flow2pcap share.
//!
//! Inputs to be made:
//!
//! - [`traffic`]: lines of flow logs, as many as are wanted, of a few hundred ENIs.
//! - [`archive`]: the same on disk, in one file or as S3 delivery lays them out.
//! - [`vpc`]: the flow logs of a small VPC with one fault in it or none, and what the fault is.
//!
//! Outputs to be read:
//!
//! - [`pcapng`]: captures, so strictly that whatever is odd is a panic; in it
//!   [`pcapng::packet`] reads the headers, and [`pcapng::rules`] are those of Wireshark.
//! - [`flow_log`]: flow logs, to know what a capture has to add up to.
//!
//! Properties to be checked:
//!
//! - [`checks`]: what must hold of any bytes, for the fuzz targets and for plain tests.
//!
//! What only one of the folders uses is there, and not here.

pub mod archive;
pub mod checks;
pub mod flow_log;
pub mod pcapng;
mod random;
pub mod traffic;
pub mod vpc;
