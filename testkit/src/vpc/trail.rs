//! CloudTrail of the VPC: the calls that changed what the model has changed, among many others.
//!
//! Whatever begins or ends in the archive, a rule, an entry of an ACL, a default route, a NAT gateway, a
//! setting of the VPC or a stopped instance, has the call that did it. Calls are written as CloudTrail writes them: classic
//! actions in lower camel case with lists as `{"items":[…]}`, newer ones inside `<Action>Request`,
//! in files of five minutes that come some minutes late, some calls in two files. Sources: "CloudTrail
//! record contents" and "CloudTrail log file name format" in the CloudTrail user guide, and records of
//! real trails.

mod calls;
mod noise;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::Range;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::build::Vpc;
use super::fault;
use super::log::{ACCOUNT, REGION};
use crate::random::Random;

/// How long a file covers, milliseconds.
const SLOT_MS: u64 = 300_000;

/// The files of a trail, and which of its events began and ended what is planted.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) files: Vec<(String, String)>,
    pub(super) began_by: Vec<String>,
    pub(super) ended_by: Vec<String>,
}

/// A call, without what is the same for all.
pub(super) struct Call {
    /// Milliseconds since the epoch.
    pub(super) at: u64,
    pub(super) name: String,
    pub(super) service: &'static str,
    pub(super) request: Value,
    pub(super) response: Value,
    pub(super) is_read_only: bool,
    pub(super) error: Option<&'static str>,
}

impl Call {
    /// A call of EC2 that changes something.
    pub(super) fn ec2(at: u64, name: &str, request: Value, response: Value) -> Self {
        Self {
            at,
            name: name.to_owned(),
            service: "ec2",
            request,
            response,
            is_read_only: false,
            error: None,
        }
    }
}

/// Writes the trail of a VPC during an archive, in milliseconds since the epoch.
pub(super) fn trail(
    vpc: &Vpc,
    planted: Option<&fault::Planted>,
    archive: &Range<u64>,
    random: &mut Random,
) -> Trail {
    let mut trail = Trail::default();
    let mut events = Vec::new();
    for call in calls::of_rules(vpc, planted, archive, random) {
        let (id, at) = (event_id(random), call.at);
        if let Some(planted) = planted {
            if at == planted.during.start {
                trail.began_by.push(id.clone());
            } else if at == planted.during.end {
                trail.ended_by.push(id.clone());
            }
        }
        events.push((at, event(&call, &id, random)));
    }
    for call in noise::calls(vpc, planted, archive, random) {
        let id = event_id(random);
        events.push((call.at, event(&call, &id, random)));
    }
    trail.files = files(events, random);
    trail
}

/// A UUID that is no other.
fn event_id(random: &mut Random) -> String {
    let mut part = |bits: u32| random.below(1 << bits);
    format!(
        "{:08x}-{:04x}-4{:03x}-9{:03x}-{:06x}{:06x}",
        part(32),
        part(16),
        part(12),
        part(12),
        part(24),
        part(24)
    )
}

fn event(call: &Call, id: &str, random: &mut Random) -> Value {
    let (identity, source) = caller(call, random);
    let at = i64::try_from(call.at / 1000).unwrap_or(0);
    let at = Timestamp::from_second(at).unwrap_or_default();
    let mut event = json!({
        "eventVersion": "1.10",
        "userIdentity": identity,
        "eventTime": at.to_string(),
        "eventSource": format!("{}.amazonaws.com", call.service),
        "eventName": call.name,
        "awsRegion": REGION,
        "sourceIPAddress": source,
        "userAgent": "aws-cli/2.15.30",
        "requestParameters": call.request,
        "responseElements": call.response,
        "requestID": event_id(random),
        "eventID": id,
        "readOnly": call.is_read_only,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    });
    if let Some(code) = call.error {
        event["errorCode"] = json!(code);
        event["errorMessage"] = json!("the call was not carried out");
        event["responseElements"] = Value::Null;
    }
    event
}

/// Who calls, and from where.
fn caller(call: &Call, random: &mut Random) -> (Value, String) {
    let role = |role: &str, session: &str| {
        json!({
            "type": "AssumedRole",
            "principalId": format!("AROAEXAMPLE:{session}"),
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"),
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {
                "type": "Role",
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
                "userName": role,
            }},
        })
    };
    let by_service = matches!(call.service, "autoscaling" | "ecs") || call.name == "RunInstances";
    if by_service {
        let service = "autoscaling.amazonaws.com";
        let mut identity = role("AWSServiceRoleForAutoScaling", "AutoScaling");
        identity["invokedBy"] = json!(service);
        return (identity, service.to_owned());
    }
    match random.below(3) {
        0 => (
            json!({"type": "IAMUser", "userName": "bob", "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:user/bob")}),
            "198.51.100.23".to_owned(),
        ),
        1 => (role("ops-admin", "alice"), "198.51.100.7".to_owned()),
        _ => (role("deploy", "pipeline-4711"), "203.0.113.40".to_owned()),
    }
}

/// Divides events into the files in which they are delivered.
fn files(events: Vec<(u64, Value)>, random: &mut Random) -> Vec<(String, String)> {
    let mut slots: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for (at, event) in events {
        let mut deliver = |random: &mut Random| {
            let slot = (at + random.below(2 * SLOT_MS)) / SLOT_MS;
            let own = slots.entry(slot).or_default();
            // In no order.
            let place = random.below(own.len() as u64 + 1);
            own.insert(usize::try_from(place).unwrap_or(0), event.clone());
        };
        deliver(random);
        if random.percent(6) {
            deliver(random);
        }
    }
    let files = slots.into_iter().map(|(slot, events)| {
        let end_s = i64::try_from((slot + 1) * SLOT_MS / 1000).unwrap_or(0);
        let end = Timestamp::from_second(end_s).unwrap_or_default();
        let day = end.strftime("%Y/%m/%d");
        let stamp = end.strftime("%Y%m%dT%H%MZ");
        let path = format!(
            "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{day}/{ACCOUNT}_CloudTrail_{REGION}_{stamp}_{:016x}.json.gz",
            slot.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        );
        (path, json!({"Records": events}).to_string())
    });
    files.collect()
}

/// Packs a file as CloudTrail does.
pub(super) fn gzip(text: &str) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes())?;
    packed.finish()
}
