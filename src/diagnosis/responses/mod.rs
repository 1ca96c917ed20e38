//! Error responses of load balancers, and which finding explains them.
//!
//! A load balancer answers for its targets: with 502 if a target refuses or resets, with 504 if it does
//! not answer in time, with 503 if there is none. The access log names the target and the time, and the
//! records show what happened to the connection. Where both coincide, each proves the other.
//!
//! ```text
//! tally     rows of access logs -> counts by load balancer, status and target
//! explain   counts and findings -> the finding that explains them, or what the row itself says
//! ```
//!
//! Pure: no I/O, no clock, no threads. Counts are the same in any order of addition.
//!
//! Statuses: AWS, "Troubleshoot your Application Load Balancers", HTTP 400 to 561.

mod explain;
mod tally;

pub use explain::{ErrorCause, ErrorResponse, explain_responses};
pub use tally::Responses;
