//! The configuration of the VPC at one moment, as commands of the AWS CLI answer.
//!
//! Each file has the name of its command. Members that decide nothing are left out. Sources: the
//! output sections of the AWS CLI reference for `ec2 describe-*` and `elbv2 describe-*`.

mod balancers;
mod filters;
mod paths;

use serde_json::{Value, json};

use super::build::Vpc;
use super::log::VPC_ID;
use super::network::{Net, VPC};

/// Name and JSON of each file. `at` is in milliseconds since the epoch.
pub(super) fn files(vpc: &Vpc, at: u64) -> Vec<(String, String)> {
    let network = &vpc.network;
    let mut files = vec![
        file("describe-network-interfaces", &paths::interfaces(vpc)),
        file("describe-security-groups", &filters::groups(network, at)),
        file("describe-network-acls", &filters::acls(network, at)),
        file("describe-route-tables", &paths::route_tables(network, at)),
        file("describe-nat-gateways", &paths::nat_gateways(network, at)),
        file("describe-subnets", &paths::subnets(network)),
        file("describe-vpcs", &vpcs()),
    ];
    let balancers = balancers::answers(vpc, at).into_iter();
    files.extend(balancers.map(|(name, answer)| file(&name, &answer)));
    files
}

fn file(name: &str, answer: &Value) -> (String, String) {
    (format!("{name}.json"), format!("{answer:#}\n"))
}

fn vpcs() -> Value {
    json!({"Vpcs": [{
        "VpcId": VPC_ID,
        "CidrBlock": VPC.to_string(),
        "CidrBlockAssociationSet": [{
            "AssociationId": "vpc-cidr-assoc-0a1b2c3d4e5f60718",
            "CidrBlock": VPC.to_string(),
            "CidrBlockState": {"State": "associated"},
        }],
        "InstanceTenancy": "default",
        "IsDefault": false,
        "State": "available",
        "Tags": name_tag("shop"),
    }]})
}

fn name_tag(name: &str) -> Value {
    json!([{"Key": "Name", "Value": name}])
}

/// An id that AWS might have given to number `n` of its kind.
pub(super) fn id(kind: &str, n: usize) -> String {
    format!("{kind}-0b7c1{n:012x}")
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address(0), self.bits())
    }
}
