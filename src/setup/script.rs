//! The bash script: the commands that a person would type, with an explanation of each.
//!
//! Account, region and partition are shell variables, so that the script works wherever it is run.
//! All commands are in one function that the last line calls, so that nothing runs if only part of
//! the script arrives through a broken pipe.

use std::fmt::Write as _;

use serde_json::Value;

use super::place::PARTITIONS;
use super::policy::{Terms, below};
use super::{Destination, INTERVAL_S, Partitions, Setup};
use crate::printable::shell::quoted;

/// Returns the script for `setup`.
pub(super) fn script(setup: &Setup) -> String {
    let mut script = head(setup);
    script += &place(setup);
    let (resource, terms) = (setup.resource.to_string(), terms());
    match &setup.destination {
        Destination::CloudWatch { group } => {
            script += &cloud_watch(&resource, &terms, group);
        }
        Destination::S3 {
            bucket,
            folder,
            partitions,
        } => {
            let policy = terms.deliver(bucket, folder, *partitions);
            script += &s3(&policy, bucket);
        }
        Destination::Firehose { .. } => script += FIREHOSE,
    }
    script += &create(setup, &terms);
    script += &fetch(setup);
    script + "}\n\nmain\n"
}

/// Returns the place of the policies as variables for the shell to fill in.
fn terms() -> Terms {
    Terms {
        partition: "${PARTITION}".into(),
        region: "${REGION}".into(),
        account: "${ACCOUNT}".into(),
    }
}

/// Returns a shell variable whose value is JSON, in which the shell fills in other variables.
fn json_variable(name: &str, json: &Value) -> String {
    format!("    {name}=$(cat <<JSON\n{json:#}\nJSON\n    )\n")
}

fn head(setup: &Setup) -> String {
    let Setup {
        resource,
        destination,
        ..
    } = setup;
    format!(
        r#"#!/usr/bin/env bash
# Creates a flow log of {resource} to {destination},
# with the columns and the interval that suit `flow2pcap convert` best.
# Needs the AWS CLI with credentials. Read it, then pipe it into bash.
set -euo pipefail

fail() {{
    echo "flow log not created: $*" >&2
    exit 1
}}

main() {{
"#
    )
}

/// Returns the commands that determine account and region.
fn place(setup: &Setup) -> String {
    let mut text = String::new();
    let there = "aws sts get-caller-identity --query Account --output text";
    // Writing to a string cannot fail.
    let _ = match &setup.account {
        Some(account) => writeln!(
            text,
            "    # The account, and no other that the credentials may be of.\n    \
             ACCOUNT={account}\n    there=$({there})\n    \
             [[ $there == \"$ACCOUNT\" ]] || fail \"the credentials belong to account $there, not $ACCOUNT\""
        ),
        None => writeln!(
            text,
            "    # The account that the credentials belong to.\n    ACCOUNT=$({there})"
        ),
    };
    let _ = match &setup.region {
        Some(region) => writeln!(text, "    REGION={region}"),
        None => writeln!(
            text,
            "    # The region that the AWS CLI is set to.\n    \
             REGION=${{AWS_REGION:-${{AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}}\n    \
             [[ -n $REGION ]] || fail 'no region is set; run it with AWS_REGION=... in front'"
        ),
    };
    text += "    export AWS_REGION=\"$REGION\" AWS_DEFAULT_REGION=\"$REGION\" AWS_PAGER=''\n    \
             case $REGION in\n";
    for (prefix, partition) in PARTITIONS {
        let _ = writeln!(text, "        {prefix}*) PARTITION={partition} ;;");
    }
    text + "        *) PARTITION=aws ;;\n    esac\n"
}

fn cloud_watch(resource: &str, terms: &Terms, group: &str) -> String {
    let trust = json_variable("trust", &terms.trust());
    let publish = json_variable("publish", &terms.publish(group));
    // Each resource has its own role name, so that two logs do not change each other's permissions.
    // The group is in one word with its option, because it may begin with a dash.
    format!(
        r#"
    # Creates the log group unless it exists; others may have the same prefix.
    GROUP={group}
    groups=$(aws logs describe-log-groups --log-group-name-prefix="$GROUP" \
        --query 'logGroups[].logGroupName' --output text)
    groups=$'\t'${{groups//$'\n'/$'\t'}}$'\t'
    if [[ $groups != *$'\t'"$GROUP"$'\t'* ]]; then
        aws logs create-log-group --log-group-name="$GROUP"
    fi

    # The role that AWS uses to write to it: who may assume it, for whom,
{trust}    # and which actions it allows.
{publish}    ROLE=flow2pcap-{resource}
    if aws iam get-role --role-name "$ROLE" >/dev/null 2>&1; then
        aws iam update-assume-role-policy --role-name "$ROLE" --policy-document "$trust"
    else
        aws iam create-role --role-name "$ROLE" --assume-role-policy-document "$trust" >/dev/null
        made_role=1
    fi
    aws iam put-role-policy --role-name "$ROLE" --policy-name write-flow-log \
        --policy-document "$publish"
    if [[ -n ${{made_role:-}} ]]; then
        # A new role takes a while to reach all of AWS.
        aws iam wait role-exists --role-name "$ROLE"
        sleep 15
    fi
"#,
        group = quoted(group),
    )
}

fn s3(policy: &Value, bucket: &str) -> String {
    let policy = json_variable("policy", policy);
    format!(
        r#"
    # Creates the bucket unless it exists.
    BUCKET={bucket}
    if ! aws s3api head-bucket --bucket "$BUCKET" >/dev/null 2>&1; then
        aws s3 mb "s3://$BUCKET"
    fi

    # The policy that allows AWS to deliver to it, only on behalf of this account. If you encrypt
    # the bucket with your own KMS key, the policy of the key needs the same statements.
{policy}    # An existing policy is not replaced.
    if ! there=$(aws s3api get-bucket-policy --bucket "$BUCKET" --query Policy --output text 2>&1); then
        [[ $there == *NoSuchBucketPolicy* ]] || fail "$there"
        aws s3api put-bucket-policy --bucket "$BUCKET" --policy "$policy"
    elif [[ $there != *delivery.logs.amazonaws.com* ]]; then
        fail "$BUCKET has a policy; add these statements to it and run this again:
$policy"
    fi
"#,
        bucket = quoted(bucket),
    )
}

const FIREHOSE: &str = "
    # The stream is there already, and AWS makes the role that it needs by itself.
";

fn create(setup: &Setup, terms: &Terms) -> String {
    let kind = setup.resource.kind();
    let mut options = vec![format!(
        "--resource-type {} --resource-ids {}",
        kind.name(),
        quoted(&setup.resource.to_string())
    )];
    if !kind.is_transit_gateway() {
        options.push("--traffic-type ALL".into());
    }
    options.push(format!("--max-aggregation-interval {INTERVAL_S}"));
    options.push(format!(
        "--log-destination-type {}",
        setup.destination.type_name()
    ));
    match &setup.destination {
        Destination::CloudWatch { .. } => options.push(format!(
            "--log-group-name=\"$GROUP\" \\\n            \
             --deliver-logs-permission-arn \"arn:{}:iam::{}:role/$ROLE\"",
            terms.partition, terms.account
        )),
        Destination::S3 {
            bucket,
            folder,
            partitions: Partitions { hive, hourly },
        } => {
            let arn = terms.s3_arn(&below(bucket, folder));
            options.push(format!("--log-destination \"{arn}\""));
            options.push(format!(
                "--destination-options \
                 FileFormat=plain-text,HiveCompatiblePartitions={hive},PerHourPartition={hourly}"
            ));
        }
        Destination::Firehose { arn } => {
            options.push(format!("--log-destination {}", quoted(arn)));
        }
    }
    options.push(format!("--log-format {}", quoted(&setup.format())));
    format!(
        r#"
    # The flow log. If AWS refuses it, the answer has the reason, and the status is still 0.
    answer=$(
        aws ec2 create-flow-logs \
            {} \
            --query '[FlowLogIds[0], Unsuccessful[0].Error.Message]' --output text
    )
    read -r log refused <<<"$answer"
    [[ $log == fl-* ]] || fail "$refused"
    echo "Created $log. The first records arrive in about ten minutes."
"#,
        options.join(" \\\n            ")
    )
}

/// Returns instructions for making a capture from the log.
fn fetch(setup: &Setup) -> String {
    let steps = match &setup.destination {
        Destination::S3 { bucket, folder, .. } => format!(
            "aws s3 sync s3://{}AWSLogs/ AWSLogs/\nflow2pcap convert AWSLogs/ -o out.pcapng",
            below(bucket, folder)
        ),
        // CloudWatch returns lines without a header line, so the columns are named.
        Destination::CloudWatch { group } => format!(
            "# The last hour. For more than a few hundred MB: aws logs create-export-task\n\
             aws logs filter-log-events --log-group-name={} \\\n    \
             --start-time \"$(($(date +%s) - 3600))000\" --output json >events.json\n\
             flow2pcap convert events.json -o out.pcapng \\\n    --format {}",
            quoted(group),
            quoted(&setup.format())
        ),
        Destination::Firehose { .. } => format!(
            "# Fetch what the stream delivers, then\n\
             flow2pcap convert FOLDER -o out.pcapng \\\n    --format {}",
            quoted(&setup.format())
        ),
    };
    // Quoted, so that the shell prints it unchanged.
    format!("    cat <<'NEXT'\n\nThen:\n{steps}\nNEXT\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resource: &str, destination: &str) -> String {
        script(&Setup {
            resource: resource.parse().unwrap(),
            destination: destination.parse().unwrap(),
            account: None,
            region: None,
        })
    }

    #[test]
    fn transit_gateway_has_no_traffic_type() {
        let gateway = of("tgw-0c5e8a7d2b914f630", "s3://logs");
        assert!(gateway.contains("--resource-type TransitGateway "));
        assert!(!gateway.contains("--traffic-type"));
        assert!(of("vpc-0c5e8a7d2b914f630", "s3://logs").contains("--traffic-type ALL"));
    }

    #[test]
    fn last_line_calls_the_function() {
        let script = of("eni-0c5e8a7d2b914f630", "cloudwatch:/vpc/it");
        assert!(script.ends_with("\n}\n\nmain\n"));
        assert!(script.contains("GROUP='/vpc/it'\n"));
    }
}
