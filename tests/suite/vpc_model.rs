//! What the VPC model writes is a flow log, and what goes wrong in it shows as AWS would show it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::flow_log::{self, Record};
use testkit::pcapng::packet::Tuple;
use testkit::vpc::{Choice, Fault, Scenario};

use crate::support::{Converted, convert};
use crate::vpc_marks::{
    SYN, SYN_ACK, Told, eni, has, is_accepted, is_ingress, is_marked, is_refused, is_scanner,
    is_syn, searched,
};

/// Seeds for each fault.
const MARK_SEEDS: u64 = 8;

#[test]
fn every_fault_leaves_its_mark() {
    let mut unmarked = Vec::new();
    for fault in Fault::ALL {
        for seed in 0..MARK_SEEDS {
            let told = Told::new(seed, Some(fault));
            let hides = match fault {
                // In records of ten minutes the silence before an idle time-out does not show.
                Fault::IdleTimeout => told.scenario.interval_s == 600,
                // All of a flood may be in an interval that is not delivered.
                Fault::SynFlood => told.has_gap(),
                _ => false,
            };
            if !hides && !is_marked(&told, fault) {
                unmarked.push(format!("{fault:?} {seed}"));
            }
        }
    }
    assert!(unmarked.is_empty(), "{unmarked:?}");
}

#[test]
fn healthy_vpc_shows_no_mark_of_block_or_scan() {
    for seed in 0..20 {
        let told = Told::new(seed, None);
        assert!(searched(&told) < 30, "{seed}");
        let reasons = told
            .records
            .iter()
            .filter(|record| record.get("reject-reason").is_some());
        assert_eq!(reasons.count(), 0, "{seed}");
    }
}

#[test]
fn healthy_vpc_rejects_scanners_and_late_packets_only() {
    let (mut scanners, mut late) = (0, 0);
    for seed in 0..25 {
        let told = Told::new(seed, None);
        for record in told.records.iter().filter(|record| !is_accepted(record)) {
            if is_scanner(record) {
                scanners += 1;
            } else {
                let flags = record.number("tcp-flags");
                assert_eq!(flags & SYN, 0, "{seed}: {record:?}");
                late += 1;
            }
        }
    }
    assert!(
        scanners > 200 && (25..300).contains(&late),
        "{scanners} {late}"
    );
}

#[test]
fn healthy_vpc_answers_all_but_scanners() {
    let mut refused = 0;
    for told in (0..20).map(|seed| Told::new(seed, None)) {
        if told.has_gap() {
            continue;
        }
        let requests = told
            .records
            .iter()
            .filter(|record| is_syn(record) && !is_scanner(record));
        for request in requests.filter(|request| told.is_early(request)) {
            let replies = told.replies(request);
            if is_refused(&told, request) {
                refused += 1;
            } else {
                assert!(has(replies, SYN_ACK), "{}: {request:?}", told.scenario);
            }
        }
    }
    // Services restart, and it shows at both ENIs.
    assert!((2..60).contains(&refused), "{refused}");
}

#[test]
fn security_group_that_lets_a_request_pass_lets_its_reply_pass() {
    for (fault, seed) in [Fault::GroupInbound, Fault::GroupOutbound]
        .into_iter()
        .flat_map(|fault| (0..8).map(move |seed| (fault, seed)))
    {
        let told = Told::new(seed, Some(fault));
        for record in told.records.iter().filter(|record| !is_accepted(record)) {
            let flags = record.number("tcp-flags");
            // Late packets have no SYN-ACK among them, and neither has what is rejected here.
            assert_ne!(flags & SYN_ACK, SYN_ACK, "{fault:?} {seed}: {record:?}");
        }
    }
}

#[test]
fn network_acl_is_not_met_within_a_subnet() {
    let mut within = 0;
    for seed in 0..25 {
        let told = Told::new(seed, Some(Fault::AclBlocksReply));
        for record in told.records.iter().filter(|record| !is_accepted(record)) {
            // The second byte pair of an address tells its subnet.
            let net = |name| {
                record
                    .get(name)
                    .unwrap()
                    .rsplit_once('.')
                    .unwrap()
                    .0
                    .to_owned()
            };
            if net("srcaddr") == net("dstaddr") {
                within += 1;
                assert_eq!(record.number("tcp-flags") & SYN, 0, "{seed}: {record:?}");
            }
        }
    }
    // Late packets are rejected there by security groups.
    assert!(within < 25, "{within}");
}

#[test]
fn nat_gateway_writes_each_way_twice() {
    let told = Told::new(3, None);
    let forwarded: Vec<&Record> = told
        .records
        .iter()
        .filter(|record| is_ingress(record) && record.get("dstaddr") != record.get("pkt-dstaddr"))
        .collect();
    assert!(!forwarded.is_empty());
    for record in forwarded {
        let own = record.get("dstaddr");
        let onward = told.records.iter().any(|other| {
            let own_source = other.get("srcaddr") == own && other.get("pkt-srcaddr") == own;
            own_source
                && !is_ingress(other)
                && other.tuple().destination == record.tuple().destination
        });
        let back = told
            .replies(record)
            .any(|other| other.get("srcaddr") == own);
        assert!(onward && back, "{record:?}");
    }
}

/// Every five-tuple, at every ENI that saw it.
fn places(told: &Told) -> BTreeSet<(Tuple, String)> {
    let places = told
        .records
        .iter()
        .map(|record| (record.tuple(), eni(record)));
    places.collect()
}

#[test]
fn one_record_for_each_eni_tuple_verdict_and_interval() {
    for seed in 0..10 {
        let told = Told::new(seed, Some(Scenario::fault_of(seed)));
        let interval_s = told.scenario.interval_s;
        for (tuple, place) in places(&told) {
            let accepted = told.of(tuple).filter(|record| eni(record) == place);
            let mut accepted: Vec<&Record> =
                accepted.filter(|record| is_accepted(record)).collect();
            accepted.sort_by_key(|record| record.number("start"));
            for pair in accepted.windows(2) {
                assert!(pair[0].number("end") < pair[1].number("start"), "{pair:?}");
            }
            for record in accepted {
                let length_s = record.number("end") - record.number("start");
                assert!(length_s < interval_s, "{record:?}");
            }
        }
    }
}

#[test]
fn file_holds_what_ended_in_its_five_minutes() {
    let scenario = Scenario::new(5, None, None);
    for (path, text) in &scenario.files {
        let ends = flow_log::records(text)
            .into_iter()
            .map(|record| record.number("end") / 300);
        let slots: BTreeSet<u64> = ends.collect();
        assert!(slots.len() <= 1, "{path}: {slots:?}");
    }
}

#[test]
fn same_seed_gives_the_same_text_and_another_seed_another() {
    let texts = |seed| Scenario::new(seed, Some(Fault::Silent), None).files;
    assert_eq!(texts(8), texts(8));
    let different: BTreeSet<Vec<(String, String)>> = (0..30).map(texts).collect();
    assert_eq!(different.len(), 30);
}

#[test]
fn thousand_seeds_plant_every_fault_and_fit_into_memory() {
    let mut counts = BTreeMap::<String, u64>::new();
    for seed in 0..1000 {
        *counts
            .entry(format!("{:?}", Scenario::fault_of(seed)))
            .or_default() += 1;
    }
    assert_eq!(counts.len(), Fault::ALL.len());
    assert!(counts.values().all(|count| *count >= 20), "{counts:?}");
    for seed in 0..100 {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        let lines: usize = scenario
            .files
            .iter()
            .map(|(_, text)| text.lines().count())
            .sum();
        assert!((200..6_000).contains(&lines), "{lines} lines in {scenario}");
    }
}

/// Converts it as a user would, with an error for every line that is no record.
fn converted(scenario: &Scenario) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    scenario.write_to(folder.path()).unwrap();
    convert(&[folder.path()], &["--strict", "--vantage", "all"])
}

#[test]
fn every_line_is_a_record_whatever_the_columns() {
    for (seed, fault) in (0..).zip(Fault::ALL) {
        let packets = Choice::ALL.map(|columns| {
            let scenario = Scenario::new(seed, Some(fault), Some(columns));
            let converted = converted(&scenario);
            assert_eq!(converted.skipped(), 0, "{scenario}");
            converted.assert_lines_add_up();
            converted.count("/packets/logged")
        });
        // The columns are chosen after the packets are sent.
        assert!(
            packets
                .iter()
                .all(|count| *count == packets[0] && *count > 0),
            "{packets:?}"
        );
    }
}

/// A row is an event, its client's connection is in the flow log, and so is what it asks a target for.
#[test]
fn requests_and_queries_are_events_and_requests_have_their_connections() {
    let mut sums = [0; 3];
    for (seed, fault) in (0..).zip([None, Some(Fault::Refused), Some(Fault::AclInbound)]) {
        let scenario = Scenario::with_requests(seed, fault, None);
        let folder = tempfile::tempdir().unwrap();
        scenario.write_to(folder.path()).unwrap();
        scenario.write_requests_to(folder.path()).unwrap();
        scenario.write_queries_to(folder.path()).unwrap();
        let converted = convert(&[folder.path()], &["--strict", "--events", "frames"]);
        let count = |files: &[(String, String)]| {
            let lines = files.iter().map(|(_, text)| text.lines().count() as u64);
            lines.sum::<u64>()
        };
        let requests = converted.count("/events/alb_access/events");
        assert_eq!(requests, count(&scenario.requests), "{scenario}");
        let queries = converted.count("/events/resolver_query/events");
        assert_eq!(queries, count(&scenario.queries), "{scenario}");
        assert!(queries > 0, "{scenario}");
        let joined = ["joined", "anchored"].map(|what| {
            let pointer = format!("/events/alb_access/{what}");
            converted.count(&pointer)
        });
        sums = [sums[0] + requests, sums[1] + joined[0], sums[2] + joined[1]];
    }
    let [requests, joined, anchored] = sums;
    println!("{joined} of {requests} joined, {anchored} anchored");
    assert!(requests > 100);
    assert!(joined * 100 >= requests * 95, "{joined} of {requests}");
    assert!(anchored * 100 >= requests * 80, "{anchored} of {requests}");
}

#[test]
fn access_log_changes_neither_the_archive_nor_who_changed_what() {
    for seed in 0..4 {
        let fault = Some(Scenario::fault_of(seed));
        let (plain, logging) = (
            Scenario::new(seed, fault, None),
            Scenario::with_requests(seed, fault, None),
        );
        assert!(plain.requests.is_empty() && !logging.requests.is_empty());
        assert_eq!(plain.archive, logging.archive);
        assert_eq!(plain.trail, logging.trail);
    }
}

#[test]
fn healthy_vpc_becomes_complete_connections() {
    for seed in 0..5 {
        let converted = converted(&Scenario::new(seed, None, Some(Choice::Five)));
        let outcome = |name: &str| converted.count(&format!("/connections/by_outcome/{name}"));
        let others = outcome("half-open") + outcome("reset");
        assert!(
            outcome("complete") > 40.max(3 * others),
            "{}",
            converted.summary()["connections"]
        );
    }
}

#[test]
fn configuration_has_the_fault_and_names_what_the_log_names() {
    let list = |scenario: &Scenario, name: &str, list: &str| -> Vec<Value> {
        let file = format!("describe-{name}.json");
        let (_, text) = scenario
            .context
            .iter()
            .find(|(own, _)| *own == file)
            .unwrap();
        let answer: Value = serde_json::from_str(text).unwrap();
        answer[list].as_array().unwrap().clone()
    };
    for seed in 0..10 {
        let healthy = Scenario::new(seed, None, None);
        let enis = list(&healthy, "network-interfaces", "NetworkInterfaces");
        let known: BTreeSet<&str> = enis
            .iter()
            .map(|eni| eni["NetworkInterfaceId"].as_str().unwrap())
            .collect();
        for (_, text) in &healthy.files {
            for record in flow_log::records(text) {
                assert!(known.contains(&*eni(&record)), "{record:?}");
            }
        }

        let without = Scenario::new(seed, Some(Fault::SubnetWithoutRoute), None);
        let planted = without.planted.as_ref().unwrap();
        let tables = list(&without, "route-tables", "RouteTables");
        for table in tables {
            let subnet = table["Associations"][0]["SubnetId"].as_str().unwrap();
            let routes = table["Routes"].as_array().unwrap();
            let has_default = routes
                .iter()
                .any(|route| route["DestinationCidrBlock"] == "0.0.0.0/0");
            let is_planted = planted.subnets.iter().any(|own| own == subnet);
            assert_eq!(has_default, !is_planted, "{seed} {subnet}");
        }

        let shared = Scenario::new(seed, Some(Fault::AclShared), None);
        let acls = list(&shared, "network-acls", "NetworkAcls");
        let entries = acls
            .iter()
            .flat_map(|acl| acl["Entries"].as_array().unwrap());
        let denied =
            entries.filter(|entry| entry["RuleAction"] == "deny" && entry["RuleNumber"] != 32_767);
        assert_eq!(denied.count(), 1, "{seed}");
    }
}

#[test]
fn configuration_lacks_the_rule_that_was_removed_unless_it_came_back() {
    let (mut gone, mut back) = (0, 0);
    for seed in 0..12 {
        let rules = |fault| {
            let scenario = Scenario::new(seed, Some(fault), Some(Choice::Five));
            let (_, text) = scenario
                .context
                .iter()
                .find(|(name, _)| name == "describe-security-groups.json")
                .unwrap();
            let change = scenario.planted.as_ref().unwrap().change;
            (text.matches("\"IpProtocol\"").count(), change)
        };
        // The same seed has the same VPC as long as the fault has a place in the first.
        let (revoked, change) = rules(Fault::GroupRevoked);
        let (whole, _) = rules(Fault::Refused);
        if change.unwrap().ends_s.is_some() {
            back += usize::from(revoked == whole);
        } else {
            gone += usize::from(revoked < whole);
        }
    }
    assert!(gone >= 3 && back >= 2, "{gone} {back}");
}
