//! The JSON of a resource -> the resource.

mod network;
mod rules;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Configuration;
use super::json::Node;

/// A kind of resource, as the list in an answer of the AWS CLI names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Interface,
    SecurityGroup,
    SecurityGroupRule,
    Acl,
    RouteTable,
    Subnet,
    Vpc,
    Reservation,
    Instance,
    NatGateway,
    Endpoint,
    PrefixList,
    PrefixListEntries,
    LoadBalancer,
    TargetGroup,
    TargetHealth,
}

impl Kind {
    /// Returns the kind of the resources in a list of an answer; `None` if they are not used.
    pub(super) fn of_list(name: &str) -> Option<Self> {
        Some(match name {
            "NetworkInterfaces" => Self::Interface,
            "SecurityGroups" => Self::SecurityGroup,
            "SecurityGroupRules" => Self::SecurityGroupRule,
            "NetworkAcls" => Self::Acl,
            "RouteTables" => Self::RouteTable,
            "Subnets" => Self::Subnet,
            "Vpcs" => Self::Vpc,
            "Reservations" => Self::Reservation,
            "NatGateways" => Self::NatGateway,
            "VpcEndpoints" => Self::Endpoint,
            "ManagedPrefixLists" | "PrefixLists" => Self::PrefixList,
            "LoadBalancers" => Self::LoadBalancer,
            "TargetGroups" => Self::TargetGroup,
            "LoadBalancerTargetHealth" => Self::TargetHealth,
            _ => return None,
        })
    }

    /// Returns the kind of an item of AWS Config; `None` if it is not used.
    fn of_item(resource_type: &str) -> Option<Self> {
        Some(match resource_type {
            "AWS::EC2::NetworkInterface" => Self::Interface,
            "AWS::EC2::SecurityGroup" => Self::SecurityGroup,
            "AWS::EC2::NetworkAcl" => Self::Acl,
            "AWS::EC2::RouteTable" => Self::RouteTable,
            "AWS::EC2::Subnet" => Self::Subnet,
            "AWS::EC2::VPC" => Self::Vpc,
            "AWS::EC2::Instance" => Self::Instance,
            "AWS::EC2::NatGateway" => Self::NatGateway,
            "AWS::EC2::VPCEndpoint" => Self::Endpoint,
            "AWS::EC2::PrefixList" => Self::PrefixList,
            "AWS::ElasticLoadBalancingV2::LoadBalancer" => Self::LoadBalancer,
            "AWS::ElasticLoadBalancingV2::TargetGroup" => Self::TargetGroup,
            _ => return None,
        })
    }
}

/// Where and when a resource was captured.
#[derive(Clone, Copy, Default)]
pub(super) struct Capture<'v> {
    /// Nanoseconds since the Unix epoch, if the file says so.
    captured_ns: Option<i64>,
    /// The Name tag that AWS Config has beside the resource.
    name: &'v str,
}

/// Adds a resource. Returns how many there were in it.
///
/// # Errors
/// Returns what was found and what was expected.
pub(super) fn resource(
    all: &mut Configuration,
    kind: Kind,
    node: Node<'_>,
    capture: Option<Capture<'_>>,
) -> Result<u64, String> {
    let capture = capture.unwrap_or_default();
    match kind {
        Kind::Interface => network::interface(all, node, capture)?,
        Kind::SecurityGroup => rules::security_group(all, node, capture)?,
        Kind::SecurityGroupRule => rules::security_group_rule(all, node)?,
        Kind::Acl => rules::acl(all, node, capture)?,
        Kind::RouteTable => network::route_table(all, node, capture)?,
        Kind::Subnet => network::subnet(all, node, capture)?,
        Kind::Vpc => network::vpc(all, node, capture)?,
        Kind::Reservation => {
            let mut count = 0;
            for instance in node.list("Instances") {
                network::instance(all, instance, capture)?;
                count += 1;
            }
            return Ok(count);
        }
        Kind::Instance => network::instance(all, node, capture)?,
        Kind::NatGateway => network::nat_gateway(all, node, capture)?,
        Kind::Endpoint => network::endpoint(all, node, capture)?,
        Kind::PrefixList => network::prefix_list(all, node, capture)?,
        Kind::PrefixListEntries => network::prefix_list_entries(all, node)?,
        Kind::LoadBalancer => network::load_balancer(all, node, capture)?,
        Kind::TargetGroup => network::target_group(all, node, capture)?,
        Kind::TargetHealth => network::target_health(all, node),
    }
    Ok(1)
}

/// Adds an item of AWS Config. Items of kinds that are not used count as none.
///
/// # Errors
/// Returns what was found and what was expected.
pub(super) fn item(all: &mut Configuration, item: Node<'_>) -> Result<u64, String> {
    let Some(kind) = Kind::of_item(item.str("resourceType")) else {
        return Ok(0);
    };
    let id = item.str("resourceId");
    let captured_ns = captured(item.get("configurationItemCaptureTime"))
        .map_err(|found| format!("{id}: expected an instant, found {found}"))?;
    let name = item.get("tags").map_or("", |tags| tags.str("Name"));
    let capture = Capture { captured_ns, name };
    if item
        .str("configurationItemStatus")
        .starts_with("ResourceDeleted")
    {
        gone(all, kind, id, captured_ns);
        return Ok(1);
    }
    let Some(configuration) = item.get("configuration") else {
        return Err(format!("{id}: the item has no configuration"));
    };
    match configuration.0.as_str() {
        Some(text) => {
            let value: Value = serde_json::from_str(text)
                .map_err(|error| format!("{id}: the configuration is not JSON: {error}"))?;
            resource(all, kind, Node(&value), Some(capture))
        }
        None => resource(all, kind, configuration, Some(capture)),
    }
}

/// Notes that a resource was gone at an instant.
fn gone(all: &mut Configuration, kind: Kind, id: &str, captured_ns: Option<i64>) {
    let id = id.to_owned();
    match kind {
        Kind::Interface => all.interfaces.add(id, captured_ns, None),
        Kind::SecurityGroup => all.security_groups.add(id, captured_ns, None),
        Kind::Acl => all.acls.add(id, captured_ns, None),
        Kind::RouteTable => all.route_tables.add(id, captured_ns, None),
        Kind::Subnet => all.subnets.add(id, captured_ns, None),
        Kind::NatGateway => all.nat_gateways.add(id, captured_ns, None),
        // Only what decides about packets needs its end.
        _ => {}
    }
}

/// Returns an instant in nanoseconds; an error is the text that is none.
fn captured(node: Option<Node<'_>>) -> Result<Option<i64>, String> {
    let Some(Node(value)) = node else {
        return Ok(None);
    };
    let instant = match value {
        Value::String(text) => text.parse::<Timestamp>().ok(),
        // The AWS CLI writes seconds since the Unix epoch, with a fraction.
        Value::Number(number) => number
            .as_f64()
            .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
            .and_then(|since| Timestamp::from_duration(since).ok()),
        _ => None,
    };
    let ns = instant.and_then(|instant| i64::try_from(instant.as_nanosecond()).ok());
    ns.map(Some).ok_or_else(|| value.to_string())
}

/// Returns the id of a resource.
///
/// # Errors
/// Returns an error if it has none.
fn id(node: Node<'_>, name: &str) -> Result<String, String> {
    match node.text(name) {
        id if id.is_empty() => Err(format!("expected {name}, found none")),
        id => Ok(id),
    }
}

/// Returns a value of a resource that is written as text.
///
/// # Errors
/// Returns what was found.
fn parsed<T: std::str::FromStr>(id: &str, text: &str, expected: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{id}: expected {expected}, found {text:?}"))
}

/// The Name tag of a resource, or the one that AWS Config has beside it.
fn name_tag(node: Node<'_>, capture: Capture<'_>) -> String {
    match node.name_tag() {
        name if name.is_empty() => capture.name.to_owned(),
        name => name,
    }
}

/// What an address range must be.
const RANGE: &str = "an address range";

impl Configuration {
    /// Notes the subnets of the associations of a route table or a network ACL.
    fn add_associations(&mut self, node: Node<'_>, id: &str) {
        for own in node.list("Associations") {
            let (id, subnet) = (own.text(id), own.text("SubnetId"));
            if !id.is_empty() && !subnet.is_empty() {
                self.associations.insert(id, subnet);
            }
        }
    }
}
