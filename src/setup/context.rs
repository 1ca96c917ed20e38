//! The script that fetches the configuration beside the logs: commands that read, and no other.
//!
//! Each answer becomes a file of its own. The AWS CLI asks for all pages by itself. Two answers do
//! not say what they are of, so that is added to them with `--query`.

use std::fmt::Write as _;

use super::{AccountId, Region};

/// The commands whose answer is complete as it is, and the file that it becomes.
const ANSWERS: [(&str, &str); 14] = [
    ("ec2 describe-network-interfaces", "network-interfaces"),
    ("ec2 describe-security-groups", "security-groups"),
    ("ec2 describe-security-group-rules", "security-group-rules"),
    ("ec2 describe-network-acls", "network-acls"),
    ("ec2 describe-route-tables", "route-tables"),
    ("ec2 describe-subnets", "subnets"),
    ("ec2 describe-vpcs", "vpcs"),
    ("ec2 describe-instances", "instances"),
    ("ec2 describe-nat-gateways", "nat-gateways"),
    ("ec2 describe-vpc-endpoints", "vpc-endpoints"),
    ("ec2 describe-managed-prefix-lists", "managed-prefix-lists"),
    ("ec2 describe-prefix-lists", "prefix-lists"),
    ("elbv2 describe-load-balancers", "load-balancers"),
    ("elbv2 describe-target-groups", "target-groups"),
];

/// Returns a bash script that fetches the configuration of a region into a folder.
///
/// With an account, the script refuses the credentials of any other.
pub fn context_script(account: Option<&AccountId>, region: Option<&Region>) -> String {
    let mut script = String::from(HEAD);
    // Writing to a string cannot fail.
    if let Some(region) = region {
        let _ = writeln!(
            script,
            "    export AWS_REGION={region} AWS_DEFAULT_REGION={region}"
        );
    }
    if let Some(account) = account {
        let _ = writeln!(
            script,
            "    there=$(aws sts get-caller-identity --query Account --output text)\n    \
             [[ $there == {account} ]] || fail \"the credentials belong to account $there\""
        );
    }
    script += "    mkdir -p \"$folder\"\n";
    for (command, name) in ANSWERS {
        let _ = writeln!(
            script,
            "    aws {command} --output json >\"$folder/{name}.json\""
        );
    }
    script + TAIL
}

const HEAD: &str = r#"#!/usr/bin/env bash
# Fetches security groups, network ACLs, routes and what belongs to them into a folder, for
# `flow2pcap diagnose LOGS --context FOLDER`. It only reads: no command changes anything.
# Needs the AWS CLI with credentials (the policy AmazonEC2ReadOnlyAccess is enough).
# Read it, then run: bash context.sh [FOLDER]
set -euo pipefail

fail() {
    echo "configuration not fetched: $*" >&2
    exit 1
}

main() {
    folder=${1:-aws-context}
    export AWS_PAGER=''
"#;

const TAIL: &str = r#"
    # The entries of prefix lists. An answer does not have the id of its list, so it is added.
    lists=$(aws ec2 describe-managed-prefix-lists \
        --query 'PrefixLists[].PrefixListId' --output text)
    for list in $lists; do
        aws ec2 get-managed-prefix-list-entries --prefix-list-id "$list" \
            --query "{PrefixListId: '$list', Entries: Entries}" \
            --output json >"$folder/entries-$list.json"
    done

    # The health of targets. An answer does not have the ARN of its target group, so it is added.
    groups=$(aws elbv2 describe-target-groups \
        --query 'TargetGroups[].TargetGroupArn' --output text)
    for group in $groups; do
        aws elbv2 describe-target-health --target-group-arn "$group" \
            --query "{TargetGroupArn: '$group', TargetHealthDescriptions: TargetHealthDescriptions}" \
            --output json >"$folder/health-${group##*/}.json"
    done
    echo "Fetched into $folder. Then: flow2pcap diagnose LOGS --context $folder"
}

main "$@"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_only_reads() {
        let script = context_script(None, None);
        let commands = script
            .match_indices("aws ec2 ")
            .chain(script.match_indices("aws elbv2 "));
        let mut count = 0;
        for (at, service) in commands {
            let action = &script[at + service.len()..];
            assert!(
                action.starts_with("describe-") || action.starts_with("get-"),
                "{action:.60}"
            );
            count += 1;
        }
        assert_eq!(count, ANSWERS.len() + 4);
    }

    #[test]
    fn account_and_region_are_those_that_the_user_names() {
        let account = "123456789012".parse().unwrap();
        let region = "eu-west-1".parse().unwrap();
        let script = context_script(Some(&account), Some(&region));
        assert!(script.contains("AWS_REGION=eu-west-1 "));
        assert!(script.contains("== 123456789012 ]]"));
    }
}
