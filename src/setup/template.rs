//! The CloudFormation template, as JSON, which CloudFormation accepts like YAML.
//!
//! AWS CloudFormation user guide, `AWS::EC2::FlowLog`, `AWS::IAM::Role`, `AWS::S3::BucketPolicy`.

use serde_json::{Map, Value, json};

use super::policy::{Terms, below};
use super::{Destination, INTERVAL_S, Setup};

/// The prefix of values that CloudFormation fills in.
const PSEUDO: &str = "${AWS::";

/// Returns the template for `setup`.
pub(super) fn template(setup: &Setup) -> Value {
    let terms = terms(setup);
    let kind = setup.resource.kind();
    let mut log = json!({
        "ResourceType": kind.name(),
        "ResourceId": setup.resource.to_string(),
        "MaxAggregationInterval": INTERVAL_S,
        "LogDestinationType": setup.destination.type_name(),
        "LogFormat": setup.format(),
    });
    if !kind.is_transit_gateway() {
        log["TrafficType"] = json!("ALL");
    }
    let mut resources = Map::new();
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!(
            "Flow log of {} to {}, for flow2pcap. Deploy with --capabilities CAPABILITY_IAM.",
            setup.resource, setup.destination
        ),
        "Outputs": { "FlowLogId": { "Value": { "Ref": "FlowLog" } } },
    });
    let mut depends_on = "";
    match &setup.destination {
        Destination::CloudWatch { group } => {
            log["LogGroupName"] = json!(group);
            log["DeliverLogsPermissionArn"] = json!({ "Fn::GetAtt": ["Role", "Arn"] });
            depends_on = "LogGroup";
            add_choice(&mut template, "CreateLogGroup", "no, if it exists already");
            resources.insert("LogGroup".into(), log_group(group));
            resources.insert("Role".into(), role(&terms, group));
        }
        Destination::S3 {
            bucket,
            folder,
            partitions,
        } => {
            log["LogDestination"] = json!(terms.s3_arn(&below(bucket, folder)));
            log["DestinationOptions"] = json!({
                "FileFormat": "plain-text",
                "HiveCompatiblePartitions": partitions.hive,
                "PerHourPartition": partitions.hourly,
            });
            depends_on = "BucketPolicy";
            let advice = "no, if it exists already; its policy must then allow AWS to deliver";
            add_choice(&mut template, "CreateBucket", advice);
            resources.insert("Bucket".into(), self::bucket(bucket));
            let policy = terms.deliver(bucket, folder, *partitions);
            resources.insert("BucketPolicy".into(), bucket_policy(bucket, &policy));
        }
        Destination::Firehose { arn } => log["LogDestination"] = json!(arn),
    }
    let mut log = json!({ "Type": "AWS::EC2::FlowLog", "Properties": log });
    if !depends_on.is_empty() {
        log["DependsOn"] = json!(depends_on);
    }
    resources.insert("FlowLog".into(), log);
    template["Resources"] = filled_in(Value::Object(resources));
    template
}

/// Returns the known parts of the place, and CloudFormation's names for the others.
fn terms(setup: &Setup) -> Terms {
    let region = setup.region.as_ref();
    Terms {
        partition: region.map_or_else(|| "${AWS::Partition}".into(), |r| r.partition().into()),
        region: region.map_or_else(|| "${AWS::Region}".into(), ToString::to_string),
        account: setup
            .account
            .as_ref()
            .map_or_else(|| "${AWS::AccountId}".into(), ToString::to_string),
    }
}

/// Adds a parameter that asks whether to create the destination; it may exist already.
fn add_choice(template: &mut Value, name: &str, advice: &str) {
    template["Parameters"] = json!({
        name: {
            "Type": "String",
            "AllowedValues": ["yes", "no"],
            "Default": "yes",
            "Description": advice,
        },
    });
    template["Conditions"] = json!({ "IsNew": { "Fn::Equals": [{ "Ref": name }, "yes"] } });
}

fn log_group(group: &str) -> Value {
    json!({
        "Type": "AWS::Logs::LogGroup",
        "Condition": "IsNew",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": { "LogGroupName": group },
    })
}

fn role(terms: &Terms, group: &str) -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": terms.trust(),
            "Policies": [{
                "PolicyName": "write-flow-log",
                "PolicyDocument": terms.publish(group),
            }],
        },
    })
}

fn bucket(bucket: &str) -> Value {
    json!({
        "Type": "AWS::S3::Bucket",
        "Condition": "IsNew",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": { "BucketName": bucket },
    })
}

/// Returns the bucket policy. It is created only together with the bucket, because it would replace
/// the policy of an existing bucket.
fn bucket_policy(bucket: &str, policy: &Value) -> Value {
    json!({
        "Type": "AWS::S3::BucketPolicy",
        "Condition": "IsNew",
        "DependsOn": "Bucket",
        "Properties": { "Bucket": bucket, "PolicyDocument": policy },
    })
}

/// Wraps every text with values for CloudFormation to fill in in `Fn::Sub`.
///
/// The log format keeps its `${srcaddr}`, which has no meaning to CloudFormation.
fn filled_in(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(PSEUDO) => json!({ "Fn::Sub": text }),
        Value::Array(values) => values.into_iter().map(filled_in).collect(),
        Value::Object(entries) => {
            let filled = entries.into_iter().map(|(name, v)| (name, filled_in(v)));
            Value::Object(filled.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(resource: &str, destination: &str, region: Option<&str>) -> Value {
        template(&Setup {
            resource: resource.parse().unwrap(),
            destination: destination.parse().unwrap(),
            account: None,
            region: region.map(|region| region.parse().unwrap()),
        })
    }

    const VPC: &str = "vpc-0c5e8a7d2b914f630";

    /// Collects every name that is referred to.
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(entries) => {
                for (name, value) in entries {
                    match (&**name, value) {
                        ("Ref" | "DependsOn", Value::String(to)) => found.push(to),
                        ("Fn::GetAtt", Value::Array(path)) => found.extend(path[0].as_str()),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_referenced_name_exists() {
        for destination in ["cloudwatch:/vpc/logs", "s3://logs/a"] {
            let template = of(VPC, destination, None);
            let mut found = Vec::new();
            references(&template, &mut found);
            assert!(found.len() >= 3, "{found:?}");
            for name in found {
                let there = |section: &str| template[section].get(name).is_some();
                assert!(there("Resources") || there("Parameters"), "{name}");
            }
        }
    }

    #[test]
    fn only_values_for_cloudformation_to_fill_in_are_marked() {
        let text = of(VPC, "s3://logs/a", None)["Resources"].to_string();
        let marked = text.matches(r#"{"Fn::Sub":""#).count();
        let filled = text.split('"').filter(|word| word.contains(PSEUDO)).count();
        assert_eq!(marked, filled);
        assert!(text.contains(r#""LogFormat":"${version} "#), "{text}");
        let known = of(VPC, "s3://logs/a", Some("cn-north-1")).to_string();
        assert!(known.contains("arn:aws-cn:s3:::logs/a/"), "{known}");
        assert!(!known.contains("AWS::Region"), "{known}");
    }

    #[test]
    fn transit_gateway_has_no_traffic_type() {
        let gateway = of("tgw-0c5e8a7d2b914f630", "s3://logs", None);
        let log = &gateway["Resources"]["FlowLog"]["Properties"];
        assert_eq!(log["TrafficType"], Value::Null);
        assert_eq!(log["MaxAggregationInterval"], 60);
        let vpc = of(VPC, "s3://logs", None);
        assert_eq!(
            vpc["Resources"]["FlowLog"]["Properties"]["TrafficType"],
            "ALL"
        );
    }
}
