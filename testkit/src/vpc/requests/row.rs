//! Rows of an access log as AWS writes them, and the files that they are in.
//!
//! Source: "Access logs for your Application Load Balancer" in the AWS user guide; the 34th field is
//! in files of today and not yet in the guide. `time` has microseconds and is when the response was
//! sent, `request_creation_time` has milliseconds and six digits. An internet-facing load balancer has
//! the public address of its node in the names of files.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use jiff::Timestamp;

use super::{Request, RequestError};
use crate::random::Random;
use crate::vpc::log::{ACCOUNT, REGION};
use crate::vpc::network::{Net, Network};

/// A file covers so many seconds.
const SLOT_S: u64 = 300;

/// The load balancer, as rows name it.
const BALANCER: &str = "app/web/50dc6c495c0c9188";

/// The public addresses of the nodes.
const PUBLIC: Net = Net::new(192, 0, 2, 128, 25);

const PATHS: [&str; 6] = [
    "/",
    "/api/v1/orders",
    "/api/v1/orders/4711?fields=all",
    "/cart",
    "/static/app.js",
    "/login",
];

const AGENTS: [&str; 4] = [
    "curl/7.46.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "okhttp/4.12.0",
    "-",
];

/// A row before it is text.
pub(super) struct Row {
    node: usize,
    client: SocketAddrV4,
    target: Option<SocketAddrV4>,
    pub(super) request: Request,
    /// Microseconds within the millisecond in which the response was sent.
    micros: u64,
    path: &'static str,
    agent: &'static str,
    trace: u64,
}

impl Row {
    pub(super) fn new(
        node: usize,
        client: SocketAddrV4,
        target: Option<SocketAddrV4>,
        request: Request,
        random: &mut Random,
    ) -> Self {
        Self {
            node,
            client,
            target,
            request,
            micros: random.below(1_000),
            path: random.of(&PATHS),
            agent: random.of(&AGENTS),
            trace: random.below(1 << 48),
        }
    }

    /// The error that it is of.
    pub(super) fn error(&self) -> Option<RequestError> {
        Some(RequestError {
            status: self.request.status,
            target_status: self.request.target_status,
            target: self.target.map(|target| target.to_string()),
            origin: self.request.origin?,
        })
    }

    /// All fields of today.
    fn fields(&self, network: &Network) -> Vec<String> {
        let request = &self.request;
        let dash = || "-".to_owned();
        let quoted = |text: &str| format!("\"{text}\"");
        let own = |status: Option<u16>| status.map_or_else(dash, |status| status.to_string());
        let target = self.target.map_or_else(dash, |target| target.to_string());
        let sent_us = request.sent_at * 1_000 + self.micros;
        let [to_target, at_target, to_client] = self.phases();
        let is_empty = request.status == 503 && self.target.is_none();
        let (group, action) = match self.target {
            Some(_) => (group_arn("application", 0), "forward"),
            None if is_empty => (group_arn("admin", 7), "forward"),
            None if request.status < 400 => (dash(), "redirect"),
            None => (dash(), "fixed-response"),
        };
        let redirect = match action {
            "redirect" => "https://shop.example.com:443/login",
            _ => "-",
        };
        vec![
            "https".to_owned(),
            time(sent_us),
            BALANCER.to_owned(),
            self.client.to_string(),
            target.clone(),
            to_target,
            at_target,
            to_client,
            request.status.to_string(),
            own(request.target_status),
            request.received.to_string(),
            request.sent.to_string(),
            quoted(&format!(
                "GET https://shop.example.com:443{} HTTP/1.1",
                self.path
            )),
            quoted(self.agent),
            "TLS_AES_128_GCM_SHA256".to_owned(),
            "TLSv1.3".to_owned(),
            group,
            quoted(&format!(
                "Root=1-{:08x}-{:024x}",
                request.came_at / 1000,
                self.trace
            )),
            quoted("shop.example.com"),
            quoted(&format!(
                "arn:aws:acm:{REGION}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
            )),
            if self.target.is_some() { "0" } else { "10" }.to_owned(),
            time(request.came_at * 1_000),
            quoted(action),
            quoted(redirect),
            quoted("-"),
            quoted(&target),
            quoted(&own(request.target_status)),
            quoted("-"),
            quoted("-"),
            format!("TID_{:032x}", connection(self.client)),
            quoted("-"),
            quoted("-"),
            quoted("-"),
            network.enis[self.node].address.to_string(),
        ]
    }

    /// The three durations in seconds, -1 for what was not recorded.
    fn phases(&self) -> [String; 3] {
        let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let request = &self.request;
        let none = || "-1".to_owned();
        match (request.dispatched_at, request.answered_at) {
            (Some(dispatched), Some(answered)) => [
                seconds(dispatched - request.came_at),
                seconds(answered - dispatched),
                seconds(request.sent_at - answered),
            ],
            (Some(dispatched), None) => [seconds(dispatched - request.came_at), none(), none()],
            (None, _) => [none(), none(), none()],
        }
    }
}

/// A number that no other connection of a client has.
fn connection(client: SocketAddrV4) -> u128 {
    let number = u128::from(u32::from(*client.ip())) << 16 | u128::from(client.port());
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn group_arn(name: &str, n: u32) -> String {
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/73e2d6bc24d8a06{n}")
}

/// ISO 8601 with microseconds.
fn time(us: u64) -> String {
    let at = i64::try_from(us).unwrap_or(0);
    let at = Timestamp::from_microsecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The files of all nodes: each has five minutes of one, and is named by the end of these.
pub(super) fn files(rows: &[Row], network: &Network, random: &mut Random) -> Vec<(String, String)> {
    // Load balancers differ in how new their log is.
    let count = random.of(&[34, 34, 34, 34, 33, 30, 29]);
    let mut slots: BTreeMap<(u64, usize), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let slot = row.request.sent_at / 1000 / SLOT_S;
        slots.entry((slot, row.node)).or_default().push(row);
    }
    let files = slots.into_iter().map(|((slot, node), mut own)| {
        own.sort_by_key(|row| (row.request.sent_at, row.micros, row.client));
        let lines = own.into_iter().map(|row| {
            let mut fields = row.fields(network);
            fields.truncate(count);
            fields.join(" ") + "\n"
        });
        let text: String = lines.collect();
        (path((slot + 1) * SLOT_S, node, random.below(1 << 40)), text)
    });
    files.collect()
}

fn path(end_s: u64, node: usize, hash: u64) -> String {
    let end = i64::try_from(end_s).unwrap_or(0);
    let end = Timestamp::from_second(end).unwrap_or_default();
    let (day, minute) = (end.strftime("%Y/%m/%d"), end.strftime("%Y%m%dT%H%MZ"));
    let balancer = BALANCER.replace('/', ".");
    let public = PUBLIC.address(u32::try_from(node).unwrap_or(0) % 100);
    format!(
        "AWSLogs/{ACCOUNT}/elasticloadbalancing/{REGION}/{day}/{ACCOUNT}_elasticloadbalancing_{REGION}_{balancer}_{minute}_{public}_{hash:010x}.log.gz"
    )
}
