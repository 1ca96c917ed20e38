//! Turns archived AWS VPC Flow Logs back into packets.
//!
//! The modules stand in the order in which data moves. A module may import
//! from those to its left, never from those to its right:
//!
//! ```text
//! archive  ->  record  ->  flow  ->  connection  ->  packet  ->  capture
//! bytes        one line    one way   both ways       headers     pcapng
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod archive;
pub mod capture;
pub mod connection;
pub mod error;
pub mod flow;
pub mod packet;
pub mod pipeline;
pub mod record;
pub mod summary;
pub mod time;
