//! The ids and addresses that a call names, wherever they are.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::node::CallValue;

/// The most ids kept of one call.
const IDS_MAX: usize = 64;

/// The longest id, in bytes. The names of load balancers and target groups are the longest.
const ID_LEN_MAX: usize = 120;

/// What ids of resources on a network path begin with, before the `-`.
const KINDS: [&str; 26] = [
    "eni", "sg", "sgr", "acl", "aclassoc", "rtb", "rtbassoc", "subnet", "vpc", "igw", "eigw",
    "nat", "tgw", "vpce", "pcx", "pl", "i", "vgw", "vpn", "cgw", "eipalloc", "eipassoc", "fl",
    "lgw", "cagw", "vpcbpa",
];

/// Returns the ids and the addresses in these values, the first ones if there are many.
pub(super) fn named_in(values: [CallValue<'_>; 2]) -> (BTreeSet<String>, BTreeSet<IpAddr>) {
    let (mut ids, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for value in values {
        value.for_each_scalar("", &mut |_, text| {
            if let Some(id) = id(&text)
                && ids.len() < IDS_MAX
            {
                ids.insert(id.to_owned());
            }
            if let Ok(address) = text.parse()
                && addresses.len() < IDS_MAX
            {
                addresses.insert(address);
            }
        });
    }
    (ids, addresses)
}

/// Returns the id that a text is, or that the ARN in it ends with. Ids of masked logs have other
/// letters than hexadecimal digits, so any letters and digits are accepted.
pub(super) fn id(text: &str) -> Option<&str> {
    if text.len() > 2 * ID_LEN_MAX {
        return None;
    }
    if text.starts_with("arn:") {
        let resource = text.splitn(6, ':').nth(5)?;
        let is_balancer = ["loadbalancer/", "targetgroup/"]
            .iter()
            .any(|kind| resource.starts_with(kind));
        return match is_balancer {
            true => Some(resource).filter(|resource| resource.len() <= ID_LEN_MAX),
            false => id(resource.rsplit('/').next()?),
        };
    }
    let (kind, number) = text.rsplit_once('-')?;
    // `tgw-attach-…` and `tgw-rtb-…` have two parts.
    let first = kind.split('-').next()?;
    let is_kind = KINDS.iter().any(|known| {
        known.eq_ignore_ascii_case(if kind.starts_with("tgw") { first } else { kind })
    });
    let is_number = !number.is_empty()
        && number.len() <= 32
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && number.bytes().any(|byte| byte.is_ascii_digit());
    (is_kind && is_number).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::node::{CallValue, parse};
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_are() {
        let request = parse(Some(
            r#"{"NatGatewayId":"nat-0a1b","x":[{"y":{"content":"tgw-attach-0c2d","tag":1}}],
            "targetGroupArn":"arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/web/73e2d6bc",
            "targets":[{"id":"10.0.1.5","port":80}]}"#,
        ));
        let response = parse(Some(
            r#"{"arn":"arn:aws:ec2:eu-central-1:1:security-group/sg-0a1b","name":"my-sg","i":"i-web"}"#,
        ));
        let (ids, addresses) = named_in([CallValue::new(&request), CallValue::new(&response)]);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(
            ids,
            [
                "nat-0a1b",
                "sg-0a1b",
                "targetgroup/web/73e2d6bc",
                "tgw-attach-0c2d"
            ]
        );
        assert_eq!(addresses, BTreeSet::from(["10.0.1.5".parse().unwrap()]));
    }

    #[test]
    fn of_many_ids_the_first_are_kept() {
        let many: Vec<String> = (0..1_000).map(|n| format!("\"i-{n:08}\"")).collect();
        let value = parse(Some(&format!("[{}]", many.join(","))));
        let (ids, _) = named_in([CallValue::new(&value); 2]);
        assert_eq!(ids.len(), IDS_MAX);
        assert_eq!(ids.last().map(String::as_str), Some("i-00000063"));
    }
}
