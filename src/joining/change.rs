//! The resources that an API call names.
//!
//! Only the parameters are searched, for identifiers in the form that EC2 gives them, whatever the
//! names of the members: each action has its own. What the call changed about them is not read here.

use crate::event::cloudtrail::ApiCall;

/// Most resources of one call.
pub const RESOURCES_MAX: usize = 32;

/// The beginnings of the identifiers of network interfaces, instances, subnets, VPCs, security groups
/// and network ACLs.
const PREFIXES: [&str; 6] = ["eni-", "i-", "subnet-", "vpc-", "sg-", "acl-"];

/// Letters of an identifier after its prefix: AWS gives 17 or 8.
const ID_LEN_MAX: usize = 32;

/// Whether a call may have changed something: it did not fail, and is not one that only reads.
pub fn is_change(call: &ApiCall<'_>) -> bool {
    let reads = ["Describe", "Get", "List"];
    let only_reads = call
        .read_only
        .unwrap_or_else(|| reads.iter().any(|word| call.name.starts_with(word)));
    !only_reads && !call.has_failed()
}

/// Returns the resources that the parameters of a call name, in their order, each once.
pub fn changed_resources<'a>(call: &ApiCall<'a>) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    // Identifiers are strings of their own, and have no escapes.
    for text in call.request.unwrap_or_default().split('"') {
        if is_identifier(text) && !found.contains(&text) {
            found.push(text);
            if found.len() == RESOURCES_MAX {
                break;
            }
        }
    }
    found
}

fn is_identifier(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
            (1..=ID_LEN_MAX).contains(&rest.len()) && rest.bytes().all(is_letter)
        })
    })
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
        for_each_in_json(&text, None, &mut |_, event| {
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
