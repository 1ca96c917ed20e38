//! Which name an address has, and which addresses have one.

use super::*;
use crate::flow::{ConnectionKey, FiveTuple, NameKind};

/// Interfaces of two VPCs whose networks overlap.
const CONFIGURATION: &str = r#"{"NetworkInterfaces": [
 {"NetworkInterfaceId": "eni-a", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.1",
  "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.1"}, {"PrivateIpAddress": "10.0.0.11"}]},
 {"NetworkInterfaceId": "eni-alb", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.3",
  "Association": {"PublicIp": "203.0.113.3"}, "Description": "ELB app/shop/50dc6c495c0c9188"},
 {"NetworkInterfaceId": "eni-b", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.4",
  "Attachment": {"InstanceId": "i-b"}},
 {"NetworkInterfaceId": "eni-c", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.5"},
 {"NetworkInterfaceId": "eni-d", "VpcId": "vpc-2", "PrivateIpAddress": "10.0.0.5"},
 {"NetworkInterfaceId": "eni-e", "VpcId": "vpc-2", "PrivateIpAddress": "10.0.0.6"},
 {"NetworkInterfaceId": "eni-f", "VpcId": "vpc-3", "PrivateIpAddress": "10.0.0.6"},
 {"NetworkInterfaceId": "eni-g", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.99"}]}"#;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two ENIs of vpc-1, of which records with a direction show the addresses.
fn enis() -> Enis {
    let mut enis = Enis::default();
    for (name, instance, address) in [("eni-a", "i-a", "10.0.0.1"), ("eni-z", "", "10.0.0.9")] {
        let index = enis.enter(name.as_bytes());
        let eni = enis.get_mut(index);
        eni.instance = instance.to_owned();
        eni.vpc = "vpc-1".to_owned();
        eni.has(ip(address));
    }
    enis
}

/// A connection between two addresses.
fn key(addresses: [&str; 2]) -> ConnectionKey {
    let [source, destination] = addresses.map(|address| crate::flow::Endpoint {
        address: ip(address),
        port: 443,
    });
    let tuple = FiveTuple {
        source,
        destination,
        protocol: 6,
    };
    tuple.key().0
}

/// Names the addresses of connections with the configuration and these names in records.
#[track_caller]
fn check(
    enis: &Enis,
    met: &[(&str, NameKind, &str)],
    connections: &[[&str; 2]],
    expected: [&[(&str, &str)]; 2],
) {
    let mut configuration = Configuration::default();
    assert_eq!(configuration.read(CONFIGURATION.as_bytes()).unused, 0);
    configuration.complete();
    let mut names = AddressNames::default();
    for (address, kind, name) in met {
        names.meet(ip(address), *kind, name.as_bytes());
    }
    let mut naming = AddressNaming::of(enis, &configuration, &names, 0);
    let keys = connections.iter().map(|ends| key(*ends));
    keys.for_each(|key| naming.seen.meet(&key));
    for (found, expected) in [naming.before_answers(), naming.after_answers()]
        .iter()
        .zip(expected)
    {
        let expected = expected.iter().map(|(a, name)| (ip(a), (*name).to_owned()));
        assert_eq!(*found, expected.collect::<Names>());
    }
}

#[test]
fn addresses_of_the_configuration_that_are_in_packets_have_names() {
    check(
        &enis(),
        &[],
        &[
            ["10.0.0.1", "203.0.113.3"],
            ["10.0.0.11", "10.0.0.3"],
            ["10.0.0.4", "10.0.0.77"],
        ],
        [
            &[
                ("10.0.0.1", "i-a"),
                ("10.0.0.9", "eni-z"),
                ("10.0.0.1", "i-a"),
                ("10.0.0.3", "ALB shop"),
                ("10.0.0.4", "i-b"),
                ("10.0.0.11", "i-a"),
                ("203.0.113.3", "ALB shop"),
            ],
            &[],
        ],
    );
}

#[test]
fn address_of_several_interfaces_is_named_only_if_one_is_in_a_vpc_of_the_log() {
    check(
        &enis(),
        &[],
        &[["10.0.0.5", "10.0.0.6"]],
        [
            &[
                ("10.0.0.1", "i-a"),
                ("10.0.0.9", "eni-z"),
                ("10.0.0.5", "eni-c"),
            ],
            &[],
        ],
    );
}

#[test]
fn pods_come_before_enis_and_services_last() {
    check(
        &enis(),
        &[
            ("10.0.0.1", NameKind::Pod, "shop/cart"),
            ("198.51.100.1", NameKind::AwsService, "S3"),
            ("198.51.100.2", NameKind::AwsService, "S3"),
        ],
        &[["10.0.0.1", "198.51.100.1"]],
        [
            &[
                ("10.0.0.1", "shop/cart"),
                ("10.0.0.1", "i-a"),
                ("10.0.0.9", "eni-z"),
                ("10.0.0.1", "i-a"),
            ],
            &[("198.51.100.1", "S3 198.51.100.1")],
        ],
    );
}

#[test]
fn service_without_room_for_the_address_is_named_alone() {
    let long = "2001:db8:1111:2222:3333:4444:5555:6666";
    let service = "ROUTE53_HEALTHCHECKS_PUBLISHING";
    assert_eq!(service_name(service, ip(long)), service);
    assert_eq!(service_name("S3", ip(long)), format!("S3 {long}"));
}

#[test]
fn address_in_all_records_of_an_eni_is_its_own() {
    let mut enis = Enis::default();
    let records = [
        ("eni-a", "10.0.0.1", "10.0.0.2"),
        ("eni-a", "10.0.0.3", "10.0.0.1"),
        ("", "10.0.0.7", "10.0.0.8"),
        ("", "10.0.0.7", "10.0.0.9"),
        // 10.0.0.20 is the other end of both.
        ("eni-b", "10.0.0.21", "10.0.0.20"),
        ("eni-b", "10.0.0.22", "10.0.0.20"),
        ("eni-c", "10.0.0.23", "10.0.0.20"),
        ("eni-c", "10.0.0.24", "10.0.0.20"),
        // This one has another address.
        ("eni-d", "203.0.113.1", "10.0.0.30"),
    ];
    for (name, source, destination) in records {
        let index = enis.enter(name.as_bytes());
        enis.get_mut(index).shared.meet(ip(source), ip(destination));
    }
    let known = enis.find(b"eni-d").unwrap();
    enis.get_mut(known).has(ip("10.0.0.31"));
    let expected = [("10.0.0.1", "eni-a"), ("10.0.0.31", "eni-d")];
    check(&enis, &[], &[], [&expected, &[]]);
}

#[test]
fn gateways_do_not_have_the_addresses_of_the_hosts_whose_packets_they_pass_on() {
    let mut enis = Enis::default();
    for (name, kind) in [("tgw-attach-1", ""), ("tunnel-1", "VPN_TUNNEL")] {
        let index = enis.enter(name.as_bytes());
        enis.get_mut(index).has(ip("10.0.0.1"));
        enis.get_mut(index).kind = kind.to_owned();
    }
    check(&enis, &[], &[], [&[], &[]]);
}
