//! Which layout a file has, from its first lines.

use std::fmt;

use super::Layout;

/// A file's layout, and what told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The layout its lines have.
    pub layout: Layout,
    /// What told it.
    pub evidence: Evidence,
}

/// What told a file's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A header line in the file.
    Header,
    /// `--format`.
    Given,
    /// The types of its values fit a well-known order of columns, named here.
    Order(&'static str),
}

/// What a file is when it is no flow log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Foreign {
    /// Nothing but blank lines.
    Empty,
    /// Application Load Balancer access log.
    AlbAccess,
    /// Application Load Balancer connection log.
    AlbConnection,
    /// Network Load Balancer access log.
    NlbAccess,
    /// Classic Load Balancer access log.
    ClbAccess,
    /// CloudTrail JSON.
    CloudTrail,
    /// Any other JSON.
    Json,
    /// A test object that AWS leaves beside the logs.
    ControlMessage,
    /// None of these.
    Other,
}

/// Why a file's layout is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecognised {
    foreign: Foreign,
}

impl Unrecognised {
    /// What the file is instead.
    pub fn foreign(&self) -> Foreign {
        self.foreign
    }
}

impl fmt::Display for Unrecognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a flow log")
    }
}

impl std::error::Error for Unrecognised {}

/// Decides a file's layout from its first lines; `given` is `--format`.
///
/// # Errors
/// [`Unrecognised`] says what the file is instead, or what was tried and why it failed.
pub fn recognise(_head: &[u8], _given: Option<&Layout>) -> Result<Recognised, Unrecognised> {
    Err(Unrecognised {
        foreign: Foreign::Other,
    })
}
