//! What the targets share with the tests.

#![allow(dead_code, reason = "the tests use more of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a target fails")]

#[path = "../tests/suite/support/flow_log.rs"]
pub(crate) mod flow_log;
#[path = "../tests/suite/support/packet.rs"]
pub(crate) mod packet;
#[path = "../tests/suite/support/pcapng.rs"]
pub(crate) mod pcapng;
#[path = "../tests/suite/support/rules.rs"]
pub(crate) mod rules;
