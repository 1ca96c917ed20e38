//! Recognizes JSON logs next to flow logs by the names of their keys.
//!
//! Firewalls, load balancers and audit services write JSON with addresses, ports and times, so a
//! search for flow log records could mistake it for one. Each kind has names that no flow log has.

use super::foreign::Foreign;

/// Kinds of JSON, each with names that one of its objects has together.
const KINDS: &[(Foreign, &[&str])] = &[
    // S3 event notifications have the names of CloudTrail events.
    (Foreign::Json, &["eventName", "eventTime", "s3"]),
    // The details have the names of an event.
    (Foreign::CloudTrailInsight, &["insightDetails"]),
    // Kinesis events have a name and a source, but no time.
    (
        Foreign::CloudTrail,
        &["eventName", "eventSource", "eventTime"],
    ),
    (Foreign::CloudTrail, &["CloudTrailEvent", "EventName"]),
    (Foreign::CloudTrailDigest, &["digestStartTime", "logFiles"]),
    (Foreign::Config, &["configurationItems"]),
    (Foreign::Config, &["configurationItem"]),
    (Foreign::Config, &["configurationItemCaptureTime"]),
    (Foreign::SecurityHub, &["ProductArn", "SchemaVersion"]),
    (Foreign::GuardDuty, &["schemaVersion", "service"]),
    (Foreign::GuardDuty, &["SchemaVersion", "Service"]),
    (Foreign::Waf, &["webaclId", "terminatingRuleId"]),
    (
        Foreign::NetworkFirewall,
        &["firewall_name", "event_timestamp"],
    ),
    (Foreign::Suricata, &["event_type", "flow_id"]),
    (Foreign::Suricata, &["event_type", "stats"]),
    (Foreign::ResolverQuery, &["query_name", "query_type"]),
    (Foreign::Lattice, &["sourceIpPort", "sourceVpcArn"]),
    // Load balancers log JSON through CloudWatch, under the names of their fields.
    (Foreign::AlbAccess, &["elb", "target_status_code"]),
    (Foreign::AlbAccess, &["elb", "target_group_arn"]),
    (Foreign::NlbAccess, &["elb", "tls_handshake_time"]),
    (Foreign::ClbAccess, &["elb", "backend_status_code"]),
    (
        Foreign::AlbConnection,
        &["tls_handshake_latency", "conn_trace_id"],
    ),
    (Foreign::CloudFront, &["x-edge-location"]),
    (Foreign::CloudFront, &["x-edge-result-type"]),
    (Foreign::GcpFirewall, &["rule_details", "connection"]),
    (Foreign::GcpNat, &["gateway_identifiers", "connection"]),
    (Foreign::GcpNat, &["allocation_status", "connection"]),
    // Last, since findings of other services have lists with these names.
    (Foreign::Configuration, &["NetworkInterfaces"]),
    (Foreign::Configuration, &["SecurityGroups"]),
    (Foreign::Configuration, &["SecurityGroupRules"]),
    (Foreign::Configuration, &["NetworkAcls"]),
    (Foreign::Configuration, &["RouteTables"]),
    (Foreign::Configuration, &["Subnets"]),
    (Foreign::Configuration, &["Vpcs"]),
    (Foreign::Configuration, &["Reservations"]),
    (Foreign::Configuration, &["NatGateways"]),
    (Foreign::Configuration, &["VpcEndpoints"]),
    (Foreign::Configuration, &["ManagedPrefixLists"]),
    (Foreign::Configuration, &["PrefixListId", "Entries"]),
    (Foreign::Configuration, &["TargetGroups"]),
    (Foreign::Configuration, &["TargetHealthDescriptions"]),
];

/// Kinds of which some names are enough in a text without any flow log record.
const TEXT_KINDS: &[(Foreign, &[&str])] = &[
    (Foreign::CloudTrail, &["eventSource"]),
    (Foreign::CloudTrail, &["eventVersion"]),
    (Foreign::CloudTrail, &["CloudTrailEvent"]),
    (Foreign::CloudTrail, &["userIdentity"]),
    (Foreign::OtherOcsf, &["class_uid", "metadata"]),
    (Foreign::OtherGcp, &["logName", "insertId"]),
];

impl Foreign {
    /// Returns the kind of log that an object with some names belongs to, if it is a known kind
    /// that is not a flow log. `has` says whether the object has a name.
    pub fn of_names(has: impl Fn(&str) -> bool) -> Option<Self> {
        let kind = KINDS
            .iter()
            .find(|(_, keys)| keys.iter().all(|key| has(key)));
        kind.map(|(kind, _)| *kind)
    }

    /// Returns the kind of a JSON text without any flow log record, from its first bytes.
    pub(super) fn of_json(head: &[u8]) -> Self {
        let front = &head[..head.len().min(FRONT_LEN)];
        let holds = |key: &&str| {
            let quoted = format!("\"{key}\"");
            memchr::memmem::find(front, quoted.as_bytes()).is_some()
        };
        let mut kinds = KINDS.iter().chain(TEXT_KINDS);
        let kind = kinds.find(|(_, keys)| keys.iter().all(holds));
        kind.map_or(Self::Json, |(kind, _)| *kind)
    }
}

/// Number of bytes of a JSON text in which its keys are searched.
const FRONT_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_is_of_a_kind_if_it_has_all_names() {
        let of = |names: &[&str]| Foreign::of_names(|name| names.contains(&name));
        assert_eq!(
            of(&["eventSource", "eventTime", "eventName", "x"]),
            Some(Foreign::CloudTrail)
        );
        assert_eq!(of(&["eventSource", "eventName", "kinesis"]), None);
        assert_eq!(of(&["connection", "reporter", "packets_sent"]), None);
        assert_eq!(of(&["srcaddr", "dstaddr", "version", "region"]), None);
    }

    #[test]
    fn text_is_of_the_kind_of_its_keys() {
        for (text, expected) in [
            (
                r#"{"fileVersion":"1.0","configurationItems":[]}"#,
                Foreign::Config,
            ),
            (
                r#"[{"class_uid":3002,"metadata":{"version":"1.1"}}]"#,
                Foreign::OtherOcsf,
            ),
            (
                r#"{"logName":"projects/p/logs/x","insertId":"1"}"#,
                Foreign::OtherGcp,
            ),
            (r#"{"service":"vpc","message":"2"}"#, Foreign::Json),
        ] {
            assert_eq!(Foreign::of_json(text.as_bytes()), expected, "{text}");
        }
    }
}
