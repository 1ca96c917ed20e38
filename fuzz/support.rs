//! What the targets share with the tests.

#![allow(dead_code, reason = "the tests use more of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a target fails")]

#[path = "../tests/support/flow_log.rs"]
pub(crate) mod flow_log;
#[path = "../tests/support/packet.rs"]
pub(crate) mod packet;
#[path = "../tests/support/pcapng.rs"]
pub(crate) mod pcapng;
#[path = "../tests/support/rules.rs"]
pub(crate) mod rules;
