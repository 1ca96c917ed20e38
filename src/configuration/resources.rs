//! The resources of a VPC, as far as they decide which packets pass.

use std::fmt;
use std::net::IpAddr;

use super::cidr::Cidr;
use super::role::InterfaceRole;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Its id.
    pub id: String,
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// The ids of its security groups.
    pub groups: Vec<String>,
    /// Its own addresses in the VPC.
    pub addresses: Vec<IpAddr>,
    /// The public addresses of these.
    pub public: Vec<IpAddr>,
    /// The instance that it belongs to; empty if none.
    pub instance: String,
    /// What it belongs to.
    pub role: InterfaceRole,
    /// The id of what it belongs to: `nat-...`, `vpce-...`, `tgw-attach-...`, or
    /// `loadbalancer/app/NAME/ID` as in the ARN of a load balancer; empty if unknown.
    pub owner: String,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its name.
    pub name: String,
    /// Rules for inbound traffic.
    pub inbound: Vec<GroupRule>,
    /// Rules for outbound traffic.
    pub outbound: Vec<GroupRule>,
}

/// A rule of a security group. It allows; there are no rules that deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// The id of the rule; empty if the file does not have it.
    pub id: String,
    /// The protocol and ports.
    pub service: RuleService,
    /// The other end.
    pub peer: RulePeer,
    /// What its author says of it; empty if nothing.
    pub description: String,
}

/// The other end that a rule of a security group allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePeer {
    /// Addresses.
    Range(Cidr),
    /// The ENIs of a security group.
    Group(String),
    /// The ranges of a prefix list.
    PrefixList(String),
}

/// The protocol, and the ports or the ICMP types, of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleService {
    /// IANA protocol number; `None` for all protocols.
    pub protocol: Option<u8>,
    /// First and last destination port. All ports for protocols that have none.
    pub ports: (u16, u16),
    /// Whether it fits all ICMP types; `true` for other protocols.
    pub has_all_types: bool,
}

/// A network ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Whether it is for the subnets of its VPC that have no other.
    pub is_default: bool,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its entries in order of their numbers.
    pub entries: Vec<AclEntry>,
}

/// An entry of a network ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry {
    /// Its number; 32767 is the last one of every ACL, which AWS shows as `*`.
    pub number: u32,
    /// Whether it is for outbound traffic.
    pub is_egress: bool,
    /// Whether it allows.
    pub allows: bool,
    /// The protocol and ports.
    pub service: RuleService,
    /// The addresses of the other end.
    pub range: Cidr,
}

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Whether it is for the subnets of its VPC that have no other.
    pub is_main: bool,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The destinations.
    pub destination: RouteDestination,
    /// The gateway or interface: `local`, `igw-...`, `nat-...`, `tgw-...`, `pcx-...`, `vgw-...`,
    /// `eni-...`.
    pub target: String,
    /// Whether the target is gone.
    pub is_blackhole: bool,
}

/// The destinations of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteDestination {
    /// Addresses.
    Range(Cidr),
    /// The ranges of a prefix list.
    PrefixList(String),
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Its addresses.
    pub ranges: Vec<Cidr>,
}

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpc {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its addresses.
    pub ranges: Vec<Cidr>,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its state, such as `running`.
    pub state: String,
}

/// A NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatGateway {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Its subnet; empty for a regional one.
    pub subnet: String,
    /// Its state, such as `available`.
    pub state: String,
    /// Whether it has public addresses.
    pub is_public: bool,
}

/// A VPC endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// Its Name tag; empty if it has none.
    pub name: String,
    /// The service, such as `com.amazonaws.eu-west-1.s3`.
    pub service: String,
}

/// A prefix list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrefixList {
    /// Its name.
    pub name: String,
    /// Its ranges; `None` where the file does not have them.
    pub ranges: Option<Vec<Cidr>>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// Its type, such as `application`.
    pub kind: String,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// The port of its targets.
    pub port: u16,
}

/// The health of the targets of a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// Its targets.
    pub targets: Vec<TargetState>,
}

/// The health of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetState {
    /// The instance or the address of the target.
    pub id: String,
    /// Its port.
    pub port: u16,
    /// Its state, such as `unhealthy`.
    pub state: String,
    /// Why; empty where AWS does not say.
    pub reason: String,
}

impl RuleService {
    /// Every protocol and port.
    pub(super) const ALL: Self = Self {
        protocol: None,
        ports: (0, u16::MAX),
        has_all_types: true,
    };
}

impl fmt::Display for RuleService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.protocol {
            None => return f.write_str("all traffic"),
            Some(6) => "TCP",
            Some(17) => "UDP",
            Some(1 | 58) => return f.write_str("ICMP"),
            Some(number) => return write!(f, "protocol {number}"),
        };
        match self.ports {
            (0, u16::MAX) => write!(f, "{name}, all ports"),
            (first, last) if first == last => write!(f, "{name} {first}"),
            (first, last) => write!(f, "{name} {first}-{last}"),
        }
    }
}

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            LAST_ENTRY => f.write_str("entry *")?,
            number => write!(f, "entry {number}")?,
        }
        let verb = if self.allows { "allows" } else { "denies" };
        let way = if self.is_egress { "to" } else { "from" };
        write!(f, " {verb} {} {way} {}", self.service, self.range)
    }
}

/// The number of the entry that ends every ACL, which denies everything.
pub(super) const LAST_ENTRY: u32 = 32_767;
