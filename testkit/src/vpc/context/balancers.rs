//! Load balancers, their target groups, and the health of the targets.

use serde_json::{Value, json};

use super::id;
use crate::vpc::build::{Edge, Vpc};
use crate::vpc::log::{ACCOUNT, REGION, VPC_ID};
use crate::vpc::network::{Behavior, Role, TCP};

/// Name and answer of each command.
pub(super) fn answers(vpc: &Vpc, at: u64) -> Vec<(String, Value)> {
    let edges = vpc.edges.iter();
    let forwarding = edges.filter(|edge| matches!(edge.name, "application" | "feed"));
    let (mut balancers, mut groups, mut health) = (Vec::new(), Vec::new(), Vec::new());
    for (n, edge) in forwarding.enumerate() {
        let is_network = edge.name == "feed";
        let (kind, name) = if is_network {
            ("network", "net/feed/725b996cb6be8fba")
        } else {
            ("application", "app/web/50dc6c495c0c9188")
        };
        let balancer = arn(&format!("loadbalancer/{name}"));
        let group = arn(&format!("targetgroup/{}/73e2d6bc24d8a06{n}", edge.name));
        balancers.push(json!({
            "LoadBalancerArn": balancer,
            "LoadBalancerName": name.split('/').nth(1),
            "Type": kind,
            "VpcId": VPC_ID,
            "State": {"Code": "active"},
            "SecurityGroups": groups_of(vpc, edge),
        }));
        groups.push(json!({
            "TargetGroupArn": group,
            "TargetGroupName": edge.name,
            "Protocol": if is_network { "TCP" } else { "HTTP" },
            "Port": edge.port,
            "TargetType": "instance",
            "VpcId": VPC_ID,
            "LoadBalancerArns": [balancer],
        }));
        health.push(json!({
            "TargetGroupArn": group,
            "TargetHealthDescriptions": targets(vpc, edge, at),
        }));
    }
    let mut answers = vec![
        (
            "describe-load-balancers".to_owned(),
            json!({"LoadBalancers": balancers}),
        ),
        (
            "describe-target-groups".to_owned(),
            json!({"TargetGroups": groups}),
        ),
    ];
    // One command for each target group. Its answer does not name the group.
    answers.extend(
        (0..)
            .zip(health)
            .map(|(n, health): (usize, Value)| (format!("describe-target-health-{n}"), health)),
    );
    answers
}

fn arn(resource: &str) -> String {
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{resource}")
}

/// The security groups of a load balancer, which sends what this edge has.
fn groups_of(vpc: &Vpc, edge: &Edge) -> Vec<String> {
    let network = &vpc.network;
    let is_balanced = edge.name == "application";
    let balancer = edge.initiating().into_iter().find(|_| is_balanced);
    let groups = balancer.map_or(&[][..], |eni| &network.enis[eni].groups);
    groups.iter().map(|group| id("sg", *group)).collect()
}

fn targets(vpc: &Vpc, edge: &Edge, at: u64) -> Vec<Value> {
    let network = &vpc.network;
    let responding = edge.responding();
    let of_balancer = responding
        .iter()
        .filter(|eni| network.enis[**eni].role == Role::NetworkLoadBalancer);
    let mut targets: Vec<usize> = of_balancer
        .flat_map(|eni| network.enis[*eni].targets.clone())
        .collect();
    if targets.is_empty() {
        targets = responding;
    }
    let described = targets.into_iter().filter_map(|eni| {
        let instance = network.enis[eni].instance.clone()?;
        let health = match network.behavior(eni, TCP, edge.port, at) {
            Behavior::Answers => json!({"State": "healthy"}),
            Behavior::Stopped => json!({"State": "unused", "Reason": "Target.InvalidState"}),
            Behavior::Refuses | Behavior::Resets => {
                json!({"State": "unhealthy", "Reason": "Target.FailedHealthChecks"})
            }
            Behavior::Drops => json!({"State": "unhealthy", "Reason": "Target.Timeout"}),
        };
        Some(json!({
            "Target": {"Id": instance, "Port": edge.port},
            "HealthCheckPort": edge.port.to_string(),
            "TargetHealth": health,
        }))
    });
    described.collect()
}
