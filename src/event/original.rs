//! The fields of an event as its log has them, for who needs more than the event: it has lost what it
//! could not use, such as masked addresses and unknown members.

use super::members::ObjectMembers;
use super::token::Tokens;

/// The fields of an event, as they are in its log.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum OriginalFields<'e> {
    /// The fields of a line of a load balancer, or the values of a JSON object in their order. Their
    /// names are [`EventKind::line_fields`](super::EventKind::line_fields).
    Line(&'e Tokens<'e>),
    /// The members of a JSON object of any other log.
    Object(&'e ObjectMembers<'e>),
    /// None: the text could not be divided into fields.
    Unknown,
}
