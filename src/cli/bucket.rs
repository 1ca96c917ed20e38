//! The options for inputs in a bucket, `s3://BUCKET/PREFIX`, named as those of the AWS CLI.

use clap::Args;
use flow2pcap::bucket::{self, BucketAccess};

/// Above these options in the help. A heading of all would also be that of the options after them.
const HEADING: &str = "Buckets";

#[derive(Debug, Args)]
pub(crate) struct BucketArgs {
    /// Profile of the AWS CLI whose credentials are used for s3:// inputs [default: AWS_PROFILE]
    #[arg(long, help_heading = HEADING, value_name = "NAME")]
    profile: Option<String>,

    /// Region of the bucket [default: the server is asked]; --region selects records
    #[arg(long, help_heading = HEADING, value_name = "REGION")]
    bucket_region: Option<String>,

    /// Server other than AWS that has the bucket [default: AWS_ENDPOINT_URL]
    #[arg(long, help_heading = HEADING, value_name = "URL")]
    endpoint_url: Option<String>,

    /// Read a bucket that anyone can read, without credentials
    #[arg(long, help_heading = HEADING)]
    no_sign_request: bool,

    /// Who pays for the requests, if the owner of the bucket does not
    #[arg(long, help_heading = HEADING, value_name = "PAYER", value_parser = ["requester"], hide_possible_values = true)]
    request_payer: Option<String>,
}

impl BucketArgs {
    /// Makes these the way in which buckets are reached from now on.
    pub(crate) fn apply(&self) {
        bucket::set_access(BucketAccess {
            profile: self.profile.clone(),
            region: self.bucket_region.clone(),
            endpoint_url: self.endpoint_url.clone(),
            no_sign_request: self.no_sign_request,
            requester_pays: self.request_payer.is_some(),
        });
    }
}
