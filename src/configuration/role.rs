//! What a network interface belongs to: a NAT gateway, a load balancer, a database.
//!
//! `InterfaceType` says it for some services. The others have the type `interface`, and a
//! description that AWS writes (observed in `describe-network-interfaces`; AWS documents the ones of
//! load balancers under "Find the IP addresses of your load balancer").

use std::fmt;

/// What a network interface belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceRole {
    /// An instance, or nothing that is known.
    Plain,
    /// A NAT gateway, with its id.
    NatGateway(String),
    /// An Application Load Balancer, with its name.
    ApplicationLoadBalancer(String),
    /// A Network Load Balancer, with its name.
    NetworkLoadBalancer(String),
    /// A Gateway Load Balancer, with its name.
    GatewayLoadBalancer(String),
    /// A Classic Load Balancer, with its name.
    ClassicLoadBalancer(String),
    /// A VPC endpoint, with its id.
    Endpoint(String),
    /// An endpoint of a Gateway Load Balancer, with its id.
    GatewayLoadBalancerEndpoint(String),
    /// An attachment of a Transit Gateway, with its id.
    TransitGatewayAttachment(String),
    /// A Lambda function, with its name.
    Lambda(String),
    /// An RDS database.
    Rds,
    /// An ElastiCache node, with its name.
    ElastiCache(String),
    /// An EFS mount target, with the id of the file system.
    Efs(String),
    /// The control plane of an EKS cluster, with its name.
    Eks(String),
}

impl InterfaceRole {
    /// Finds out the role from `InterfaceType`, `Description` and `RequesterId`.
    pub(super) fn of(kind: &str, description: &str, requester: &str) -> Self {
        let after = |prefix: &str| description.strip_prefix(prefix).map(str::trim);
        let id = |prefix: &str| after(prefix).unwrap_or_default().to_owned();
        let endpoint = || id("VPC Endpoint Interface ");
        if let Some(balancer) = after("ELB ") {
            return load_balancer(balancer);
        }
        match kind {
            "nat_gateway" => return Self::NatGateway(id("Interface for NAT Gateway ")),
            "network_load_balancer" => return Self::NetworkLoadBalancer(String::new()),
            "gateway_load_balancer" => return Self::GatewayLoadBalancer(String::new()),
            "vpc_endpoint" => return Self::Endpoint(endpoint()),
            "gateway_load_balancer_endpoint" => {
                return Self::GatewayLoadBalancerEndpoint(endpoint());
            }
            "transit_gateway" => return Self::TransitGatewayAttachment(id(ATTACHMENT)),
            "lambda" => return Self::Lambda(id(LAMBDA)),
            _ => {}
        }
        if let Some(nat) = after("Interface for NAT Gateway ") {
            Self::NatGateway(nat.to_owned())
        } else if let Some(attachment) = after(ATTACHMENT) {
            Self::TransitGatewayAttachment(attachment.to_owned())
        } else if let Some(endpoint) = after("VPC Endpoint Interface ") {
            Self::Endpoint(endpoint.to_owned())
        } else if let Some(function) = after(LAMBDA) {
            Self::Lambda(function.to_owned())
        } else if after("EFS mount target for ").is_some() {
            Self::Efs(word(&id("EFS mount target for ")))
        } else if after("Amazon EKS ").is_some() {
            Self::Eks(id("Amazon EKS "))
        } else if description == "RDSNetworkInterface" || requester == "amazon-rds" {
            Self::Rds
        } else if after("ElastiCache ").is_some() || requester == "amazon-elasticache" {
            Self::ElastiCache(id("ElastiCache "))
        } else {
            Self::Plain
        }
    }

    /// Whether interfaces of this kind never have security groups, so that only a network ACL
    /// filters at them (AWS: "Control subnet traffic with network access control lists"; NAT
    /// gateways: "You can't associate a security group with a NAT gateway").
    pub fn is_without_groups(&self) -> bool {
        matches!(
            self,
            Self::NatGateway(_)
                | Self::TransitGatewayAttachment(_)
                | Self::GatewayLoadBalancer(_)
                | Self::GatewayLoadBalancerEndpoint(_)
        )
    }
}

impl fmt::Display for InterfaceRole {
    /// Writes what it belongs to with its name; nothing for a plain interface.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::Plain => return Ok(()),
            Self::NatGateway(name) => ("NAT gateway", name.as_str()),
            Self::ApplicationLoadBalancer(name) => ("ALB", name.as_str()),
            Self::NetworkLoadBalancer(name) => ("NLB", name.as_str()),
            Self::GatewayLoadBalancer(name) => ("GWLB", name.as_str()),
            Self::ClassicLoadBalancer(name) => ("Classic Load Balancer", name.as_str()),
            Self::Endpoint(name) => ("VPC endpoint", name.as_str()),
            Self::GatewayLoadBalancerEndpoint(name) => ("GWLB endpoint", name.as_str()),
            Self::TransitGatewayAttachment(name) => ("Transit Gateway attachment", name.as_str()),
            Self::Lambda(name) => ("Lambda function", name.as_str()),
            Self::Rds => ("RDS database", ""),
            Self::ElastiCache(name) => ("ElastiCache", name.as_str()),
            Self::Efs(name) => ("EFS mount target", name.as_str()),
            Self::Eks(name) => ("EKS cluster", name.as_str()),
        };
        f.write_str(kind)?;
        if name.is_empty() {
            return Ok(());
        }
        write!(f, " {name}")
    }
}

/// Returns the id of what an interface belongs to, from its description; empty if it has none.
pub(super) fn owner(description: &str) -> String {
    if let Some(balancer) = description.strip_prefix("ELB ") {
        return format!("loadbalancer/{}", word(balancer));
    }
    let ids = [
        "Interface for NAT Gateway ",
        "VPC Endpoint Interface ",
        ATTACHMENT,
    ];
    let mut ids = ids.iter();
    let id = ids.find_map(|prefix| description.strip_prefix(prefix));
    id.map(word).unwrap_or_default()
}

/// Returns the kind and the name of a load balancer from `app/my-alb/50dc6c495c0c9188`.
fn load_balancer(text: &str) -> InterfaceRole {
    let mut parts = text.split('/');
    let (kind, name) = (parts.next().unwrap_or_default(), parts.next());
    let Some(name) = name.map(str::to_owned) else {
        return InterfaceRole::ClassicLoadBalancer(word(kind));
    };
    match kind {
        "net" => InterfaceRole::NetworkLoadBalancer(name),
        "gwy" => InterfaceRole::GatewayLoadBalancer(name),
        _ => InterfaceRole::ApplicationLoadBalancer(name),
    }
}

fn word(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.to_owned()
}

/// What AWS writes before the id of an attachment.
const ATTACHMENT: &str = "Network Interface for Transit Gateway Attachment ";

/// What AWS writes before the name of a function.
const LAMBDA: &str = "AWS Lambda VPC ENI-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_found_from_type_or_description() {
        for (kind, description, requester, expected) in [
            (
                "interface",
                "ELB app/shop/50dc6c495c0c9188",
                "amazon-elb",
                "ALB shop",
            ),
            (
                "network_load_balancer",
                "ELB net/edge/725b996cb6be8fba",
                "",
                "NLB edge",
            ),
            (
                "interface",
                "ELB old-shop",
                "amazon-elb",
                "Classic Load Balancer old-shop",
            ),
            (
                "nat_gateway",
                "Interface for NAT Gateway nat-0a1",
                "",
                "NAT gateway nat-0a1",
            ),
            (
                "interface",
                "RDSNetworkInterface",
                "amazon-rds",
                "RDS database",
            ),
            (
                "lambda",
                "AWS Lambda VPC ENI-orders",
                "",
                "Lambda function orders",
            ),
            (
                "transit_gateway",
                "Network Interface for Transit Gateway Attachment tgw-attach-01",
                "",
                "Transit Gateway attachment tgw-attach-01",
            ),
            (
                "vpc_endpoint",
                "VPC Endpoint Interface vpce-01",
                "",
                "VPC endpoint vpce-01",
            ),
            ("interface", "Primary network interface", "", ""),
        ] {
            let role = InterfaceRole::of(kind, description, requester);
            assert_eq!(role.to_string(), expected);
        }
    }

    #[test]
    fn owner_is_the_id_in_the_description() {
        for (description, expected) in [
            (
                "ELB app/shop/50dc6c495c0c9188",
                "loadbalancer/app/shop/50dc6c495c0c9188",
            ),
            ("ELB old-shop", "loadbalancer/old-shop"),
            ("Interface for NAT Gateway nat-0a1", "nat-0a1"),
            ("VPC Endpoint Interface vpce-01", "vpce-01"),
            ("RDSNetworkInterface", ""),
            ("Primary network interface", ""),
        ] {
            assert_eq!(owner(description), expected);
        }
    }
}
