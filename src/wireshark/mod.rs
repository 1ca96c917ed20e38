//! What makes Wireshark show a rebuilt capture well: a profile, fields from the comments, and a place in the list
//! of capture interfaces.
//!
//! The files lie in this folder as Wireshark reads them. This module knows where they go and whose they are; it
//! neither reads nor writes captures, and a capture needs none of these files.
//!
//! - A profile `flow2pcap`: columns, colors, filter buttons, and names from the capture only
//!   (Wireshark User's Guide, "Configuration Files and Plugin Folders").
//! - A Lua post-dissector, which gives the words of a record's comment to all its packets as fields
//!   `flowlog.*` (Wireshark Developer's Guide, "Lua Support in Wireshark").
//! - A link to the program, which Wireshark then runs as an extcap (`cli/extcap.rs`).

mod folders;
mod install;

pub use self::folders::Folders;
pub use self::install::{FileChange, FileContent, WiresharkFile, files, install, uninstall};
