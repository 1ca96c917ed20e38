//! Policies that allow AWS to write the log, in IAM's own terms.
//!
//! Every policy has the conditions that AWS recommends: without them the flow log of another
//! account could be made to write here (the "confused deputy" problem).

use serde_json::{Value, json};

use super::Partitions;

/// The version of the policy language: IAM user guide, "IAM JSON policy elements: Version".
const VERSION: &str = "2012-10-17";

/// The place that a policy applies to: literal values, or variables that a shell or CloudFormation
/// fills in.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub partition: String,
    pub region: String,
    pub account: String,
}

impl Terms {
    /// Returns an ARN in this place.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let Self {
            partition,
            region,
            account,
        } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Returns an ARN of S3, which has no account.
    pub(super) fn s3_arn(&self, resource: &str) -> String {
        format!("arn:{}:s3:::{resource}", self.partition)
    }

    /// Returns the condition that AWS acts for this account, and for the resource `source`.
    fn on_behalf_of(&self, source: &str) -> Value {
        json!({
            "StringEquals": { "aws:SourceAccount": self.account },
            "ArnLike": { "aws:SourceArn": source },
        })
    }

    /// Allows the flow logs service to assume a role.
    ///
    /// VPC user guide, "IAM role for publishing flow logs to CloudWatch Logs":
    /// docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    pub(super) fn trust(&self) -> Value {
        json!({
            "Version": VERSION,
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "vpc-flow-logs.amazonaws.com" },
                "Action": "sts:AssumeRole",
                // The log's own name is not known before it is created.
                "Condition": self.on_behalf_of(&self.arn("ec2", "vpc-flow-log/*")),
            }],
        })
    }

    /// Allows a role to write to one log group. The actions are those of the same page, which
    /// allows them for every group.
    pub(super) fn publish(&self, group: &str) -> Value {
        let group = self.arn("logs", &format!("log-group:{group}"));
        json!({
            "Version": VERSION,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:PutLogEvents",
                        "logs:DescribeLogStreams",
                    ],
                    "Resource": [group, format!("{group}:*")],
                },
                { "Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*" },
            ],
        })
    }

    /// Allows the log delivery service to write to a bucket.
    ///
    /// VPC user guide, "Amazon S3 bucket permissions for flow logs":
    /// docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    pub(super) fn deliver(&self, bucket: &str, folder: &str, partitions: Partitions) -> Value {
        let source = self.arn("logs", "*");
        let mut write = self.on_behalf_of(&source);
        write["StringEquals"]["s3:x-amz-acl"] = json!("bucket-owner-full-control");
        let account = if partitions.hive {
            format!("aws-account-id={}", self.account)
        } else {
            self.account.clone()
        };
        let objects = format!("{}AWSLogs/{account}/*", below(bucket, folder));
        json!({
            "Version": VERSION,
            "Statement": [
                {
                    "Sid": "AWSLogDeliveryWrite",
                    "Effect": "Allow",
                    "Principal": { "Service": "delivery.logs.amazonaws.com" },
                    "Action": "s3:PutObject",
                    "Resource": self.s3_arn(&objects),
                    "Condition": write,
                },
                {
                    "Sid": "AWSLogDeliveryAclCheck",
                    "Effect": "Allow",
                    "Principal": { "Service": "delivery.logs.amazonaws.com" },
                    "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
                    "Resource": self.s3_arn(bucket),
                    "Condition": self.on_behalf_of(&source),
                },
            ],
        })
    }
}

/// Returns a folder of a bucket, followed by a slash.
pub(super) fn below(bucket: &str, folder: &str) -> String {
    if folder.is_empty() {
        format!("{bucket}/")
    } else {
        format!("{bucket}/{folder}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            partition: "aws-cn".into(),
            region: "cn-north-1".into(),
            account: "123456789012".into(),
        }
    }

    #[test]
    fn every_service_is_restricted_to_account_and_source() {
        let deliver = terms().deliver("logs", "", Partitions::default());
        for policy in [terms().trust(), deliver] {
            for statement in policy["Statement"].as_array().unwrap() {
                let condition = &statement["Condition"];
                assert_eq!(
                    condition["StringEquals"]["aws:SourceAccount"],
                    "123456789012"
                );
                let source = condition["ArnLike"]["aws:SourceArn"].as_str().unwrap();
                assert!(source.starts_with("arn:aws-cn:"), "{source}");
                assert!(source.contains(":cn-north-1:123456789012:"), "{source}");
            }
        }
    }

    #[test]
    fn delivery_is_allowed_only_to_the_folder_of_the_account() {
        let resource = |folder, hive| {
            let partitions = Partitions {
                hive,
                hourly: false,
            };
            terms().deliver("logs", folder, partitions)["Statement"][0]["Resource"].clone()
        };
        assert_eq!(
            resource("", false),
            "arn:aws-cn:s3:::logs/AWSLogs/123456789012/*"
        );
        assert_eq!(
            resource("a/b", true),
            "arn:aws-cn:s3:::logs/a/b/AWSLogs/aws-account-id=123456789012/*"
        );
    }
}
