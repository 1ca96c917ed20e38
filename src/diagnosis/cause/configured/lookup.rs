//! What the configuration decides about the attempts of one entry.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::configuration::{
    Configuration, FarEnd, FilterVerdict, FilteredPackets, NetworkInterface, RouteFault, Situation,
};
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom};
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;

/// The configuration, and the attempts that it is compared with.
pub(super) struct Lookup<'l, 'a> {
    pub(super) attempts: &'l AttemptIndex<'a>,
    pub(super) configuration: &'l Configuration,
}

/// What the configuration says of an entry.
pub(super) enum Ruling {
    /// It proves this.
    Proved(Box<ProvingRule>),
    /// It says the opposite of the records.
    Contradicted(Vec<String>),
    /// It does not decide; what it says may be empty.
    Open(Vec<String>),
}

/// A rule, or the lack of one, that explains attempts.
#[derive(Clone, Debug)]
pub(super) struct ProvingRule {
    /// What attempts with one cause have in common.
    pub(super) key: String,
    pub(super) cause: Cause,
    /// The filter or the route table, with its name.
    pub(super) whose: String,
    /// The rule that decides, or what is missing, as a part of a sentence.
    pub(super) why: String,
    /// The rule that would nearly decide otherwise.
    pub(super) nearest: Option<String>,
    /// What the other filter does.
    pub(super) other: Option<String>,
    /// When it was captured, nanoseconds since the Unix epoch, if the file says so.
    pub(super) captured_ns: Option<i64>,
    /// The ENI, where no record shows the REJECT because it has no flow log.
    pub(super) unlogged: Option<String>,
    /// Both filters deny, so that two rules are missing.
    pub(super) is_both: bool,
}

impl ProvingRule {
    /// Whether another rule is of the same filter, or missing in the same one.
    pub(super) fn is_of_same_filter(&self, other: &Self) -> bool {
        (self.cause, &self.whose) == (other.cause, &other.whose)
    }
}

impl<'l> Lookup<'l, '_> {
    /// Compares an entry with the configuration as it was when the attempts failed. `assumed` is the
    /// cause that the records alone lead to.
    pub(super) fn ruling(&self, entry: &PathSymptom<'_>, assumed: Cause) -> Ruling {
        let situation = self.configuration.at(entry.seen.last_ns);
        let ruling = match entry.symptom {
            _ if assumed == Cause::CidrOverlap => self.kept_in_vpc(situation, entry),
            Symptom::InboundBlocked(eni) => self.blocked(situation, entry, eni, Some(false)),
            Symptom::OutboundBlocked(eni) => self.blocked(situation, entry, eni, Some(true)),
            Symptom::Blocked(eni) => self.blocked(situation, entry, eni, None),
            Symptom::ReplyBlocked { eni, leaving } => {
                self.reply_blocked(situation, entry, eni, leaving)
            }
            Symptom::NoReply | Symptom::HalfOpen | Symptom::ReplyLost { .. } => {
                self.unanswered(situation, entry)
            }
            _ => None,
        };
        let troubles = || Ruling::Open(situation.host_troubles(entry.path.target));
        ruling.unwrap_or_else(troubles)
    }

    /// Returns the configuration of an ENI of the archive.
    pub(super) fn interface(
        &self,
        situation: Situation<'l>,
        eni: EniIndex,
    ) -> Option<&'l NetworkInterface> {
        let eni = self.attempts.enis.get(eni);
        let by_name = situation.interface(&eni.name);
        let found = by_name.or_else(|| situation.owner(eni.address?, &eni.vpc))?;
        Some(found.value)
    }

    /// Whether the configuration has every ENI of the archive that is near an address, so that it does
    /// not list a part of them only.
    fn knows_all_enis_near(&self, address: IpAddr) -> bool {
        let situation = self.configuration.at(i64::MAX);
        let mut enis = self.attempts.enis.iter();
        enis.all(|eni| {
            let is_near = eni.address.is_some_and(|own| are_near(own, address));
            !is_near || situation.interface(&eni.name).is_some()
        })
    }

    /// Decides about requests that an ENI rejected.
    fn blocked(
        &self,
        situation: Situation<'l>,
        entry: &PathSymptom<'_>,
        eni: EniIndex,
        is_egress: Option<bool>,
    ) -> Option<Ruling> {
        let eni = self.interface(situation, eni)?;
        let path = entry.path;
        let is_egress = is_egress.or_else(|| {
            let is_own = |address| eni.addresses.contains(&address);
            match (path.source.is_some_and(is_own), is_own(path.target)) {
                (true, false) => Some(true),
                (false, true) => Some(false),
                _ => None,
            }
        })?;
        let packets = FilteredPackets {
            is_egress,
            protocol: path.protocol,
            far: match is_egress {
                true => FarEnd::Address(path.target),
                false => source_end(entry),
            },
            ports: (path.port, path.port),
        };
        Some(rejected_by(situation, eni, &packets))
    }

    /// Decides about replies that an ENI rejected, which only an ACL does.
    fn reply_blocked(
        &self,
        situation: Situation<'l>,
        entry: &PathSymptom<'_>,
        eni: EniIndex,
        leaving: Option<bool>,
    ) -> Option<Ruling> {
        let eni = self.interface(situation, eni)?;
        let is_egress = leaving.or_else(|| {
            let is_own = eni.addresses.contains(&entry.path.target);
            is_own.then_some(true)
        })?;
        let acl = reply_verdict(situation, entry, eni, is_egress);
        Some(if acl.denies() || acl.divides() {
            let mut rule = filter_rule(Cause::AclBlocksReply, &acl, (entry.path.protocol, 0));
            rule.key = format!("reply {}", acl.why);
            Ruling::Proved(Box::new(rule))
        } else if acl.allows() {
            contradicted(&[&acl])
        } else {
            Ruling::Open(vec![said(&acl)])
        })
    }

    /// Decides about requests that nothing answers, although an ENI let them pass.
    fn unanswered(&self, situation: Situation<'l>, entry: &PathSymptom<'_>) -> Option<Ruling> {
        let path = entry.path;
        let known = |eni: Option<EniIndex>| self.interface(situation, eni?);
        let owner = |address, vpc: &str| situation.owner(address, vpc).map(|eni| eni.value);
        let source = known(path.source_eni).filter(|eni| {
            // An ENI that forwards has routes of its own, but not the ones of the source.
            path.source
                .is_some_and(|source| eni.addresses.contains(&source))
        });
        let vpc = source.map_or("", |eni| &eni.vpc);
        let target = match path.target_eni {
            Some(eni) => known(Some(eni)).filter(|eni| eni.addresses.contains(&path.target)),
            None => owner(path.target, vpc),
        };
        let has_arrived = path.target_eni.is_some() || entry.symptom != Symptom::NoReply;
        if let Some(source) = source.filter(|_| !has_arrived)
            && let Some(fault) = situation.route_fault(source, path.target)
        {
            return Some(no_route(Cause::NoRoute, fault, false));
        }
        let Some(target) = target else {
            let source =
                source.filter(|_| !has_arrived && self.knows_all_enis_near(path.target))?;
            let fault = situation.local_dead_end(source, path.target)?;
            return Some(no_route(Cause::NoReply, fault, false));
        };
        let is_logged = self.attempts.enis.find(target.id.as_bytes()).is_some();
        if !has_arrived
            && !is_logged
            && let Some(ruling) = unlogged(situation, entry, target)
        {
            return Some(ruling);
        }
        let fault = situation.route_fault(target, path.source?)?;
        Some(no_route(Cause::NoRoute, fault, true))
    }

    /// Decides about replies that the records show to stay in the VPC, where no ENI of the archive has
    /// the initiator's address.
    fn kept_in_vpc(&self, situation: Situation<'l>, entry: &PathSymptom<'_>) -> Option<Ruling> {
        let path = entry.path;
        let target = self.interface(situation, path.target_eni?)?;
        let fault = situation.local_dead_end(target, path.source?)?;
        Some(no_route(Cause::CidrOverlap, fault, true))
    }
}

/// Whether two addresses may be of one range of a VPC, which is at most a /16 (IPv6: a /56; AWS: "VPC
/// CIDR blocks").
fn are_near(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..2] == other.octets()[..2],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.octets()[..7] == other.octets()[..7],
        _ => false,
    }
}

/// Decides which of two filters of an ENI rejected packets.
pub(super) fn rejected_by(
    situation: Situation<'_>,
    eni: &NetworkInterface,
    packets: &FilteredPackets,
) -> Ruling {
    let (group, acl) = (situation.groups(eni, packets), situation.acl(eni, packets));
    let causes = match packets.is_egress {
        true => [
            Cause::SecurityGroupOutbound,
            Cause::AclOutbound,
            Cause::OutboundBlocked,
        ],
        false => [
            Cause::SecurityGroupInbound,
            Cause::AclInbound,
            Cause::InboundBlocked,
        ],
    };
    let service = (packets.protocol, packets.ports.0);
    // One of two filters rejected them. If one lets all of them pass, it was the other one, also
    // where that does so to some of them only.
    let rejects = |verdict: &FilterVerdict| verdict.denies() || verdict.divides();
    if group.denies() && acl.denies() {
        both(causes[2], &group, &acl, service)
    } else if rejects(&group) && acl.allows() {
        of_filter(causes[0], &group, &acl, service)
    } else if rejects(&acl) && group.allows() {
        of_filter(causes[1], &acl, &group, service)
    } else if group.allows() && acl.allows() {
        contradicted(&[&group, &acl])
    } else {
        Ruling::Open(vec![said(&group), said(&acl)])
    }
}

/// Decides whether the filters of an ENI without a flow log reject the requests or their replies.
fn unlogged(
    situation: Situation<'_>,
    entry: &PathSymptom<'_>,
    target: &NetworkInterface,
) -> Option<Ruling> {
    let path = entry.path;
    let packets = FilteredPackets {
        is_egress: false,
        protocol: path.protocol,
        far: source_end(entry),
        ports: (path.port, path.port),
    };
    let group = situation.groups(target, &packets);
    let acl = situation.acl(target, &packets);
    let reply = reply_verdict(situation, entry, target, true);
    let service = (path.protocol, path.port);
    let mut rule = match (group.denies(), acl.denies(), reply.denies()) {
        (true, true, _) => return Some(both(Cause::InboundBlocked, &group, &acl, service)),
        (true, false, _) if acl.allows() => {
            filter_rule(Cause::SecurityGroupInbound, &group, service)
        }
        (false, true, _) if group.allows() => filter_rule(Cause::AclInbound, &acl, service),
        (false, false, true) if group.allows() && acl.allows() => {
            filter_rule(Cause::AclBlocksReply, &reply, service)
        }
        _ => return None,
    };
    let title = situation.title(target);
    rule.unlogged = Some(match title.is_empty() {
        true => target.id.clone(),
        false => format!("{} ({title})", target.id),
    });
    rule.key = format!("unlogged {} {}", target.id, rule.key);
    Some(Ruling::Proved(Box::new(rule)))
}

/// Decides what the ACL does with the replies to the initiator's ports. Where it treats the ports
/// differently, those of the lowest or the highest port decide.
fn reply_verdict(
    situation: Situation<'_>,
    entry: &PathSymptom<'_>,
    eni: &NetworkInterface,
    is_egress: bool,
) -> FilterVerdict {
    let (low, high) = entry.seen.ports;
    let verdict = |ports| {
        let packets = FilteredPackets {
            is_egress,
            protocol: entry.path.protocol,
            far: match is_egress {
                true => source_end(entry),
                false => FarEnd::Address(entry.path.target),
            },
            ports,
        };
        situation.acl(eni, &packets)
    };
    let all = verdict((low, high));
    if all.denies() || all.allows() {
        return all;
    }
    let mut some = [low, high].map(|port| verdict((port, port))).into_iter();
    some.find(FilterVerdict::denies).unwrap_or(all)
}

/// The other end of an entry, seen from its target.
fn source_end(entry: &PathSymptom<'_>) -> FarEnd {
    let is_v6 = entry.path.target.is_ipv6();
    let source = entry.path.source;
    source.map_or(FarEnd::Internet { is_v6 }, FarEnd::Address)
}

fn filter_rule(cause: Cause, verdict: &FilterVerdict, service: (u8, u16)) -> ProvingRule {
    // What a security group lacks is a rule for each service; what an ACL has is an entry.
    let key = match cause {
        Cause::SecurityGroupInbound | Cause::SecurityGroupOutbound => {
            format!("{cause:?} {} {service:?}", verdict.filter)
        }
        _ => format!("{cause:?} {}", verdict.why),
    };
    ProvingRule {
        key,
        cause,
        whose: verdict.filter.clone(),
        why: verdict.why.clone(),
        nearest: verdict.nearest.clone(),
        other: None,
        captured_ns: verdict.captured_ns,
        unlogged: None,
        is_both: false,
    }
}

fn of_filter(
    cause: Cause,
    denies: &FilterVerdict,
    allows: &FilterVerdict,
    service: (u8, u16),
) -> Ruling {
    let mut rule = filter_rule(cause, denies, service);
    rule.other = Some(allows.why.clone());
    Ruling::Proved(Box::new(rule))
}

fn both(cause: Cause, group: &FilterVerdict, acl: &FilterVerdict, service: (u8, u16)) -> Ruling {
    let mut rule = filter_rule(cause, group, service);
    rule.key = format!("{cause:?} {} {service:?} {}", group.filter, acl.why);
    rule.whose = format!("{} and {}", group.filter, acl.filter);
    rule.why = format!("{}, and {}", group.why, acl.why);
    rule.is_both = true;
    Ruling::Proved(Box::new(rule))
}

fn no_route(cause: Cause, fault: RouteFault, is_way_back: bool) -> Ruling {
    let way = if is_way_back { "back" } else { "there" };
    Ruling::Proved(Box::new(ProvingRule {
        key: format!("{cause:?} {way} {}", fault.table),
        cause,
        whose: fault.table,
        why: match is_way_back {
            true => format!("for the replies, {}", fault.what),
            false => fault.what,
        },
        nearest: None,
        other: None,
        captured_ns: fault.captured_ns,
        unlogged: None,
        is_both: false,
    }))
}

fn contradicted(verdicts: &[&FilterVerdict]) -> Ruling {
    let whys: Vec<&str> = verdicts.iter().map(|verdict| &verdict.why[..]).collect();
    let captured = verdicts
        .iter()
        .filter_map(|verdict| verdict.captured_ns)
        .max();
    Ruling::Contradicted(vec![format!(
        "the configuration allows what the records show as REJECT: {}. It was captured {}, and \
         changed in between",
        whys.join("; "),
        captured_in_words(captured)
    )])
}

fn said(verdict: &FilterVerdict) -> String {
    match (verdict.denies(), verdict.allows()) {
        (true, _) => format!("denies: {}", verdict.why),
        (_, true) => format!("allows: {}", verdict.why),
        _ if verdict.divides() => format!("denies some of it: {}", verdict.why),
        _ => format!("unknown: {}", verdict.why),
    }
}

/// Says when something was captured.
pub(super) fn captured_in_words(captured_ns: Option<i64>) -> String {
    let instant = captured_ns.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok());
    match instant {
        Some(instant) => format!("at {instant}"),
        None => "at another time, which its file does not have".to_owned(),
    }
}
