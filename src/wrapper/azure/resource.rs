//! The resource that an Azure flow log is of: a network security group, a virtual network, a subnet, or
//! a network interface.

use super::NamedValues;
use crate::wrapper::json::Json;

/// Returns what the id of a resource says of the interface: the subscription as its account, the virtual
/// network as its VPC, the subnet, the name of the interface as its tag, and the name of the resource
/// itself. The id is a path of types and names, in any case:
/// `/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NAME/subnets/NAME`.
pub(super) fn resource_values(id: &str) -> NamedValues<'static> {
    let mut values: NamedValues<'static> = Vec::new();
    let mut parts = id.split('/').skip_while(|part| part.is_empty());
    let mut last = None;
    while let (Some(kind), Some(name)) = (parts.next(), parts.next()) {
        if name.is_empty() {
            continue;
        }
        last = Some(name);
        let column = match &*kind.to_ascii_lowercase() {
            "subscriptions" => "account-id",
            "virtualnetworks" => "vpc-id",
            "subnets" => "subnet-id",
            "networkinterfaces" => "interface-tag",
            _ => continue,
        };
        values.push((column, Some(Json::word(name))));
    }
    values.extend(last.map(|name| ("resource-id", Some(Json::word(name)))));
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrapper::batch::joined;

    #[track_caller]
    fn check(id: &str, expected: &[&str]) {
        let values = resource_values(id);
        let texts = joined(&values);
        let pairs = values
            .iter()
            .map(|(column, _)| *column)
            .zip(texts.split(' '));
        let pairs: Vec<String> = pairs
            .map(|(column, text)| format!("{column}={text}"))
            .collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn id_names_the_account_the_network_and_the_resource() {
        let network =
            "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/prod";
        check(
            network,
            &["account-id=S", "vpc-id=prod", "resource-id=prod"],
        );
        check(
            &format!("{network}/subnets/web"),
            &[
                "account-id=S",
                "vpc-id=prod",
                "subnet-id=web",
                "resource-id=web",
            ],
        );
        check(
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB-NSG",
            &["account-id=S", "resource-id=WEB-NSG"],
        );
        check(
            "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/networkInterfaces/web-nic",
            &[
                "account-id=S",
                "interface-tag=web-nic",
                "resource-id=web-nic",
            ],
        );
    }

    #[test]
    fn text_that_is_no_id_says_nothing() {
        check("", &[]);
        check("x", &[]);
        check("//", &[]);
    }
}
