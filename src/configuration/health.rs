//! What the configuration says of a host: the state of its instance, and its health as a target.

use std::net::IpAddr;

use super::situation::{Situation, named};

impl Situation<'_> {
    /// Says why a host may not answer: an instance that does not run, or a target group that found
    /// it unhealthy.
    pub fn host_troubles(self, address: IpAddr) -> Vec<String> {
        let owner = self.owner(address, "");
        let instance = owner.map_or("", |eni| &eni.value.instance);
        let mut troubles = Vec::new();
        if let Some(found) = self.all.instances.at(instance, self.ns)
            && !matches!(&found.value.state[..], "running" | "")
        {
            let name = named(instance, &found.value.name);
            troubles.push(format!("the instance {name} is {}", found.value.state));
        }
        let own = address.to_string();
        for (arn, health) in self.all.target_health.all_at(self.ns) {
            let targets = health.value.targets.iter();
            let own = targets.filter(|target| {
                target.id == own || (target.id == instance && !instance.is_empty())
            });
            for target in own.filter(|target| target.state != "healthy") {
                let reason = match &target.reason[..] {
                    "" => String::new(),
                    reason => format!(" ({reason})"),
                };
                troubles.push(format!(
                    "in the target group {}, {} port {} is {}{reason}",
                    self.target_group_name(arn),
                    target.id,
                    target.port,
                    target.state
                ));
            }
        }
        troubles
    }

    /// Names a target group by its ARN.
    fn target_group_name(self, arn: &str) -> String {
        if let Some(group) = self.all.target_groups.at(arn, self.ns) {
            return group.value.name.clone();
        }
        // arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID
        let name = arn.split('/').nth(1);
        name.unwrap_or(arn).to_owned()
    }
}
