//! Recognizes files next to flow logs that are not flow logs.
//!
//! Archives are downloaded whole, so load balancer logs and CloudTrail logs are in the same
//! folders. Each kind is identified by the form of its first line, so that it can be left out and
//! counted by name. Whether such a file is valid is not checked. JSON has its own module
//! (`json_kinds`).

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

use crate::record::{
    Separator,
    cells::LineCells,
    odd,
    prefix::{instant_in, leading_time, time_and_stream},
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
    /// CloudFront standard log, as text or JSON.
    CloudFront,
    /// CloudTrail JSON.
    CloudTrail,
    /// CloudTrail Insights events, which are no API calls.
    CloudTrailInsight,
    /// Digest of CloudTrail files.
    CloudTrailDigest,
    /// AWS Config snapshot, history or item.
    Config,
    /// An answer of `aws ec2 describe-...` or `aws elbv2 describe-...`.
    Configuration,
    /// GCP firewall rule log.
    GcpFirewall,
    /// Cloud NAT log of GCP.
    GcpNat,
    /// GuardDuty findings.
    GuardDuty,
    /// VPC Lattice access log.
    Lattice,
    /// AWS Network Firewall alert or TLS log, or flow log that another tool rewrote.
    NetworkFirewall,
    /// Any other log of Google Cloud.
    OtherGcp,
    /// Any other class of OCSF events.
    OtherOcsf,
    /// Route 53 Resolver query log.
    ResolverQuery,
    /// Route 53 query log of a public hosted zone.
    Route53Query,
    /// S3 server access log.
    S3Access,
    /// Security Hub findings.
    SecurityHub,
    /// EVE log of Suricata.
    Suricata,
    /// AWS WAF log.
    Waf,
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
        if is_cloud_front(head) {
            return Some(Self::CloudFront);
        }
        let tokens: Vec<_> = LineCells::new(line, Separator::Blank)
            .map(|cell| cell.text)
            .collect();
        if let Some(kind) = Self::of_exported(line) {
            return Some(kind);
        }
        if is_s3_access(&tokens) {
            return Some(Self::S3Access);
        }
        if is_route_53(&tokens) {
            return Some(Self::Route53Query);
        }
        if is_cloud_front_request(&tokens) {
            return Some(Self::CloudFront);
        }
        Self::of_balancer(line)
    }

    /// Returns the kind of load balancer log that a line is of.
    pub(super) fn of_balancer(line: &[u8]) -> Option<Self> {
        let mut cells = LineCells::new(line, Separator::Blank).map(|cell| cell.text);
        let mut next = || cells.next();
        let (first, second, third, fourth) = (next()?, next()?, next()?, next()?);
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
        let is_tls = next().is_some_and(|text| text == b"-" || text.starts_with(b"TLS"));
        (ports && is_tls && odd::address(second).is_ok()).then_some(Self::AlbConnection)
    }

    /// Returns the kind of log that a line of CloudWatch shows after its time and stream.
    fn of_exported(line: &[u8]) -> Option<Self> {
        let timed = leading_time(line).ok().map(|(text, _)| text);
        let streamed = time_and_stream(line).ok().map(|(text, _)| text);
        let mut texts = [timed, streamed].into_iter().flatten();
        texts.find_map(|text| match text {
            [b'{', ..] => Some(Self::of_json(text)).filter(|kind| *kind != Self::Json),
            _ => {
                let cells = LineCells::new(text, Separator::Blank);
                let tokens: Vec<_> = cells.map(|cell| cell.text).take(8).collect();
                is_route_53(&tokens).then_some(Self::Route53Query)
            }
        })
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
            Self::CloudFront => "a CloudFront log",
            Self::CloudTrail => "a CloudTrail log",
            Self::CloudTrailInsight => "CloudTrail Insights events",
            Self::CloudTrailDigest => "a CloudTrail digest",
            Self::Config => "an AWS Config file",
            Self::Configuration => "AWS configuration (aws ec2 describe)",
            Self::GcpFirewall => "a GCP firewall rule log",
            Self::GcpNat => "a GCP Cloud NAT log",
            Self::GuardDuty => "GuardDuty findings",
            Self::Lattice => "a VPC Lattice access log",
            Self::NetworkFirewall => "an AWS Network Firewall log",
            Self::OtherGcp => "a GCP log that is not a flow log",
            Self::OtherOcsf => "OCSF events that are not network activity",
            Self::ResolverQuery => "a Route 53 Resolver query log",
            Self::Route53Query => "a Route 53 query log",
            Self::S3Access => "an S3 server access log",
            Self::SecurityHub => "Security Hub findings",
            Self::Suricata => "a Suricata EVE log",
            Self::Waf => "an AWS WAF log",
            Self::Json => "JSON",
            Self::Parquet => "a Parquet file",
            Self::Binary => "a binary file",
            Self::ControlMessage => "a test message from AWS",
            Self::Other => "an unknown file",
        })
    }
}

/// Whether `text` is an address and a port, as load balancers write clients. They wrote IPv6
/// addresses without brackets at first.
fn is_socket(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let is_bare = || {
        let (address, port) = text.rsplit_once(':')?;
        Some(address.parse::<Ipv6Addr>().is_ok() && port.parse::<u16>().is_ok())
    };
    text.parse::<SocketAddr>().is_ok() || is_bare() == Some(true)
}

/// Whether a file begins with the directives of a CloudFront standard log.
fn is_cloud_front(head: &[u8]) -> bool {
    let front = &head[..head.len().min(DIRECTIVES_LEN)];
    let front = front.strip_prefix(b"\xef\xbb\xbf").unwrap_or(front);
    (front.starts_with(b"#Version") || front.starts_with(b"#Fields"))
        && memchr::memmem::find(front, b"x-edge-").is_some()
}

/// Whether a line is a request that CloudFront logged: date, time, edge location, bytes, address
/// and method.
fn is_cloud_front_request(tokens: &[&[u8]]) -> bool {
    let [date, time, edge, bytes, client, method, ..] = *tokens else {
        return false;
    };
    let form = |text: &[u8], form: &[u8]| {
        let is_same = |(byte, expected): (&u8, &u8)| match expected {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        };
        text.len() == form.len() && text.iter().zip(form).all(is_same)
    };
    form(date, b"0000-00-00")
        && form(time, b"00:00:00")
        && edge.first().is_some_and(u8::is_ascii_uppercase)
        && odd::number(bytes, u64::MAX).is_ok()
        && odd::address(client).is_ok()
        && method.iter().all(u8::is_ascii_uppercase)
}

/// Whether a line is a request that S3 logged: owner, bucket, and a time in brackets.
fn is_s3_access(tokens: &[&[u8]]) -> bool {
    let [owner, _, date, zone, ..] = *tokens else {
        return false;
    };
    let is_owner = owner.len() == 64 && owner.iter().all(u8::is_ascii_hexdigit);
    (is_owner || owner == b"-") && date.starts_with(b"[") && zone.ends_with(b"]")
}

/// Whether a line is a query that Route 53 logged for a public hosted zone.
fn is_route_53(tokens: &[&[u8]]) -> bool {
    let [version, time, zone, _, _, _, transport, ..] = *tokens else {
        return false;
    };
    version == b"1.0"
        && instant_in(time).is_some()
        && zone.starts_with(b"Z")
        && [b"UDP", b"TCP"].iter().any(|word| transport == *word)
}

/// Number of bytes in which the directives at the front of a file are.
const DIRECTIVES_LEN: usize = 2048;

/// The first words of lines of an Application Load Balancer.
const ALB_TYPES: [&str; 6] = ["http", "https", "h2", "ws", "wss", "grpcs"];

/// The first words of objects that AWS writes to test its write permission.
const CONTROL_MESSAGES: [&str; 2] = ["Enable AccessLog for ", "Permission Check Successful"];
