//! The resources that an API call names.
//!
//! Only the parameters are searched, for identifiers in the form that EC2 gives them, whatever the
//! names of the members: each action has its own. What the call changed about them is not read here.

use crate::event::cloudtrail::ApiCall;

/// Most resources of one call.
pub const RESOURCES_MAX: usize = 32;

/// The beginnings of the identifiers of what decides about packets: network interfaces, instances,
/// subnets, VPCs, security groups, network ACLs and route tables with their associations, and the
/// gateways that routes lead to.
const PREFIXES: [&str; 16] = [
    "eni-",
    "i-",
    "subnet-",
    "vpc-",
    "sg-",
    "acl-",
    "aclassoc-",
    "rtb-",
    "rtbassoc-",
    "nat-",
    "igw-",
    "eigw-",
    "tgw-",
    "pcx-",
    "vgw-",
    "vpce-",
];

/// What the identifier of a load balancer begins with in its ARN.
const BALANCER: &str = ":loadbalancer/";

/// Letters of an identifier after its prefix: AWS gives 17 or 8.
const ID_LEN_MAX: usize = 32;

/// Letters of the identifier of a load balancer, with its name.
const BALANCER_LEN_MAX: usize = 120;

/// Whether a call may have changed something: it did not fail, and is not one that only reads.
pub fn is_change(call: &ApiCall<'_>) -> bool {
    let reads = ["Describe", "Get", "List"];
    let only_reads = call
        .read_only
        .unwrap_or_else(|| reads.iter().any(|word| call.name.starts_with(word)));
    !only_reads && !call.has_failed()
}

/// Returns the resources that the parameters of a call name, in their order, each once. A load balancer
/// is `loadbalancer/app/NAME/ID`, as in its ARN.
pub fn changed_resources<'a>(call: &ApiCall<'a>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    // Identifiers are strings of their own, and have no escapes.
    for text in call.request.unwrap_or_default().split('"') {
        if let Some(id) = identifier(text).filter(|id| !found.contains(id)) {
            found.push(id);
            if found.len() == RESOURCES_MAX {
                break;
            }
        }
    }
    found
}

fn identifier(text: &str) -> Option<&str> {
    if text.starts_with("arn:") {
        let balancer = &text[text.find(BALANCER)? + 1..];
        return Some(balancer).filter(|id| id.len() <= BALANCER_LEN_MAX);
    }
    let is_resource = PREFIXES.iter().any(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
            (1..=ID_LEN_MAX).contains(&rest.len()) && rest.bytes().all(is_letter)
        })
    });
    is_resource.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventDetail, for_each_in_json};

    fn resources(name: &str, more: &str) -> (bool, Vec<String>) {
        let text = format!(
            r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"{name}","eventID":"1"{more}}}"#
        );
        let mut found = None;
        for_each_in_json(&text, None, &mut |_, event, _| {
            if let Ok(EventDetail::ApiCall(call)) = event.map(|event| event.detail) {
                let named = changed_resources(&call);
                found = Some((
                    is_change(&call),
                    named.into_iter().map(str::to_owned).collect(),
                ));
            }
        });
        found.unwrap()
    }

    #[test]
    fn resources_are_found_in_both_encodings() {
        let classic = r#","requestParameters":{"groupId":"sg-0a1b","ipPermissions":{"items":[{"groups":{"items":[{"groupId":"sg-2"},{"groupId":"sg-0a1b"}]}}]},"description":"not sg-3 but text"}"#;
        let expected = vec!["sg-0a1b".to_owned(), "sg-2".to_owned()];
        assert_eq!(
            resources("RevokeSecurityGroupIngress", classic),
            (true, expected)
        );
        let newer = r#","requestParameters":{"CreateNetworkInterfaceRequest":{"SubnetId":"subnet-0a","tag":1}}"#;
        let expected = vec!["subnet-0a".to_owned()];
        assert_eq!(resources("CreateNetworkInterface", newer), (true, expected));
        assert_eq!(resources("CreateVpc", ""), (true, vec![]));
    }

    #[test]
    fn lists_gateways_and_load_balancers_are_resources() {
        let association =
            r#","requestParameters":{"associationId":"aclassoc-1","networkAclId":"acl-2"}"#;
        let expected = vec!["aclassoc-1".to_owned(), "acl-2".to_owned()];
        assert_eq!(
            resources("ReplaceNetworkAclAssociation", association),
            (true, expected)
        );
        let gateway =
            r#","requestParameters":{"DeleteNatGatewayRequest":{"NatGatewayId":"nat-1"}}"#;
        let expected = vec!["nat-1".to_owned()];
        assert_eq!(resources("DeleteNatGateway", gateway), (true, expected));
        let balancer = r#","requestParameters":{"securityGroups":["sg-1"],"loadBalancerArn":"arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/50dc"}"#;
        let expected = vec!["sg-1".to_owned(), "loadbalancer/app/web/50dc".to_owned()];
        assert_eq!(resources("SetSecurityGroups", balancer), (true, expected));
    }

    #[test]
    fn call_that_reads_or_failed_is_no_change() {
        assert!(!resources("DescribeSecurityGroups", "").0);
        assert!(!resources("SearchSomething", r#","readOnly":true"#).0);
        assert!(!resources("DeleteVpc", r#","errorCode":"Client.DryRunOperation""#).0);
        assert!(resources("ModifyVpcAttribute", r#","readOnly":false"#).0);
    }

    #[test]
    fn long_list_is_cut() {
        let ids: Vec<String> = (0..1_000).map(|n| format!(r#""eni-{n}""#)).collect();
        let more = format!(r#","requestParameters":{{"a":[{}]}}"#, ids.join(","));
        assert_eq!(resources("X", &more).1.len(), RESOURCES_MAX);
    }
}
