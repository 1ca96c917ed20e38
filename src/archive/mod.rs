//! Where bytes come from: folders, files, pipes, and what wraps them.
//!
//! What a line says is not known here; that is [`crate::record`]. Nothing here
//! starts a thread.

pub mod s3_path;
