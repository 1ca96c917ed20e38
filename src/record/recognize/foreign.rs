//! Recognizes files next to flow logs that are not flow logs.
//!
//! Archives are downloaded whole, so load balancer logs and CloudTrail logs are in the same
//! folders. Each kind is identified by the form of its first line, so that it can be left out and
//! counted by name. Whether such a file is valid is not checked.

use std::{fmt, net::SocketAddr};

use crate::record::{
    Separator,
    cells::LineCells,
    odd,
    prefix::{instant_in, leading_time},
};

/// The kind of a file that is not a flow log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Foreign {
    /// Only blank lines, or a header and no record.
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
    /// A Parquet file.
    Parquet,
    /// Any other file that is not text.
    Binary,
    /// A test object that AWS creates next to the logs.
    ControlMessage,
    /// None of these.
    Other,
}

impl Foreign {
    /// Returns the kind of file that `line`, the first of `head`, shows, or `None` if it may begin
    /// a flow log.
    pub(super) fn of(line: &[u8], head: &[u8]) -> Option<Self> {
        if line.starts_with(b"PAR1") {
            return Some(Self::Parquet);
        }
        if line.contains(&0) {
            return Some(Self::Binary);
        }
        if matches!(line, [b'{' | b'[', ..]) {
            return Some(Self::of_json(head));
        }
        if CONTROL_MESSAGES
            .iter()
            .any(|message| line.starts_with(message.as_bytes()))
        {
            return Some(Self::ControlMessage);
        }
        let tokens: Vec<_> = LineCells::new(line, Separator::Blank)
            .map(|cell| cell.text)
            .collect();
        let [first, second, third, fourth, ..] = tokens[..] else {
            return None;
        };
        if ALB_TYPES.iter().any(|word| first == word.as_bytes()) && instant_in(second).is_some() {
            return Some(Self::AlbAccess);
        }
        if first == b"tls" && instant_in(third).is_some() {
            return Some(Self::NlbAccess);
        }
        leading_time(line).ok()?;
        if is_socket(third) && (is_socket(fourth) || fourth == b"-") {
            return Some(Self::ClbAccess);
        }
        let ports = [third, fourth]
            .iter()
            .all(|text| odd::narrow::<u16>(text, 65_535).is_ok());
        // A TLS version follows. Without it, the line may be a record with a time before it.
        let is_tls = tokens
            .get(4)
            .is_some_and(|text| *text == b"-" || text.starts_with(b"TLS"));
        (ports && is_tls && odd::address(second).is_ok()).then_some(Self::AlbConnection)
    }

    fn of_json(head: &[u8]) -> Self {
        let front = &head[..head.len().min(JSON_FRONT_LEN)];
        let holds = |key: &&str| memchr::memmem::find(front, key.as_bytes()).is_some();
        if CLOUD_TRAIL_KEYS.iter().any(holds) {
            Self::CloudTrail
        } else {
            Self::Json
        }
    }
}

impl fmt::Display for Foreign {
    /// Writes the kind of file with an article, as it would follow "this is".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a file without records",
            Self::AlbAccess => "an Application Load Balancer access log",
            Self::AlbConnection => "an Application Load Balancer connection log",
            Self::NlbAccess => "a Network Load Balancer access log",
            Self::ClbAccess => "a Classic Load Balancer access log",
            Self::CloudTrail => "a CloudTrail log",
            Self::Json => "JSON",
            Self::Parquet => "a Parquet file",
            Self::Binary => "a binary file",
            Self::ControlMessage => "a test message from AWS",
            Self::Other => "an unknown file",
        })
    }
}

/// Whether `text` is an address and a port, as load balancers write clients.
fn is_socket(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).ok();
    text.is_some_and(|text| text.parse::<SocketAddr>().is_ok())
}

/// The first words of lines of an Application Load Balancer.
const ALB_TYPES: [&str; 6] = ["http", "https", "h2", "ws", "wss", "grpcs"];

/// The first words of objects that AWS writes to test its write permission.
const CONTROL_MESSAGES: [&str; 2] = ["Enable AccessLog for ", "Permission Check Successful"];

/// Keys near the front of a file that only CloudTrail writes.
const CLOUD_TRAIL_KEYS: [&str; 4] = [
    "\"eventSource\"",
    "\"eventVersion\"",
    "\"CloudTrailEvent\"",
    "\"userIdentity\"",
];

/// Number of bytes of a JSON text in which its keys are searched.
const JSON_FRONT_LEN: usize = 4096;
