//! A small VPC that writes the flow logs AWS would have written.
//!
//! ```text
//! build    a VPC in which all is well, and who talks to whom   (network: its parts)
//! fault    one thing in it goes wrong
//! traffic  conversations and, beside them, noise               (dialogue: what two ends do)
//! wire     each packet on its way, past guards and middle boxes (guard: rules and memory)
//! log      what each ENI's flow log says of it                 (layout: in which columns)
//! ```
//!
//! Nothing here knows how flow logs are read. The same seed gives the same text. Left out: IPv6,
//! transit gateways, flow logs of a part of the VPC, and capture windows that several flows share.

mod build;
mod dialogue;
mod fault;
mod fault_paths;
mod fault_rules;
mod guard;
mod layout;
mod log;
mod network;
mod noise;
mod traffic;
mod wire;

pub use self::fault::Fault;
pub use self::layout::Choice;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use self::build::Vpc;
use self::dialogue::{Dialogue, Outcome};
use self::fault::Planter;
use self::guard::Why;
use self::layout::Layout;
use self::log::{Log, Rejection};
use self::network::Network;
use self::traffic::{Planner, exchange};
use self::wire::{IDLE_TIMEOUT_MS, Wire};
use crate::random::Random;

/// 2026-03-14 09:10 UTC; an archive begins up to a day later.
const EPOCH_S: u64 = 1_773_479_400;

/// A fault that shows in fewer conversations than that is planted anew.
const FAILED_MIN: usize = 3;

/// Flow logs, and what they tell of.
pub struct Scenario {
    /// What it was made from.
    pub seed: u64,
    /// Columns of the log.
    pub choice: Choice,
    /// Aggregation interval in seconds.
    pub interval_s: u64,
    /// What is delivered, in seconds since the epoch.
    pub archive: Range<u64>,
    /// Path below the folder, as S3 delivery names it, and text.
    pub files: Vec<(String, String)>,
    /// What is wrong, if something is.
    pub planted: Option<Planted>,
}

/// What is wrong, and what must be said of it.
pub struct Planted {
    /// What was done to the VPC.
    pub fault: Fault,
    /// Causes of which the first finding must name one; the most exact first.
    pub causes: Vec<&'static str>,
    /// What suffers, in a word.
    pub edge: &'static str,
    /// ENIs of which one must be named.
    pub enis: Vec<String>,
    /// Subnets of these ENIs.
    pub subnets: Vec<String>,
    /// The responders' ports, of which one must be named; none if there are many.
    pub ports: Vec<u16>,
    /// Addresses of those who answer badly; of others nothing is planted.
    pub targets: Vec<String>,
    /// Conversations that failed by it.
    pub failed: usize,
}

impl Scenario {
    /// The fault that the seed decides.
    pub fn fault_of(seed: u64) -> Fault {
        let [others @ .., newest] = &Fault::ALL;
        // Each seed but one in so many keeps the fault that it had before the newest was there.
        let count = Fault::ALL.len() as u64;
        if seed % count == count - 1 {
            *newest
        } else {
            Random::new(seed).of(others)
        }
    }

    /// A VPC with this fault or none. Columns are what the seed decides, if they are left to it.
    pub fn new(seed: u64, fault: Option<Fault>, columns: Option<Choice>) -> Self {
        // Not every VPC has a place for every fault, and not every fault hurts.
        (0..)
            .find_map(|attempt| Self::attempt(seed, attempt, fault, columns))
            .expect("of many VPCs one has a place for the fault")
    }

    fn attempt(
        seed: u64,
        attempt: u64,
        fault: Option<Fault>,
        columns: Option<Choice>,
    ) -> Option<Self> {
        let mut random = Random::new(seed ^ attempt << 40);
        let mut vpc = Vpc::new(&mut random);
        let any = Choice::any(&mut random);
        let needs_reasons = matches!(fault, Some(Fault::PublicAccessBlock | Fault::Unencrypted));
        let choice = columns.unwrap_or(if needs_reasons { Choice::Eight } else { any });
        let (archive, interval_s) = span(&mut random, fault == Some(Fault::IdleTimeout));
        let archive_ms = archive.start * 1000..archive.end * 1000;

        if random.percent(60) {
            noise::restart(&mut vpc, &archive_ms, &mut random);
        }
        let mut planter = Planter {
            vpc: &mut vpc,
            random: &mut random,
            archive: archive_ms.clone(),
        };
        let place = match fault {
            Some(fault) => Some((fault, planter.plant(fault)?)),
            None => None,
        };
        let log = Log::new(&vpc.network, interval_s, archive.clone());
        let mut wire = Wire::new(&vpc.network, log, random.small(1024, 60_000));
        let failed = run(&mut wire, &vpc, place.as_ref(), archive_ms, &mut random);
        if fault.is_some() && failed < FAILED_MIN {
            return None;
        }
        let written = wire.log.write(&Layout::new(choice), &mut random);
        let planted = place.map(|(fault, place)| {
            Planted::new(
                fault,
                place,
                failed,
                (interval_s, choice),
                &vpc.network,
                &written.rejections,
            )
        });
        Some(Self {
            seed,
            choice,
            interval_s,
            archive,
            files: written.files,
            planted,
        })
    }

    /// Writes the files below this folder.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for (path, text) in &self.files {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(())
    }
}

/// When the archive begins and ends, and the aggregation interval, in seconds.
fn span(random: &mut Random, is_long: bool) -> (Range<u64>, u64) {
    let interval_s = random.of(&[60, 60, 600]);
    let least = if is_long { 40 } else { 10 };
    let minutes = if interval_s == 60 {
        random.between(least, 60)
    } else {
        random.between(least.max(20), 180)
    };
    let begin = EPOCH_S + random.below(86_400);
    (begin..begin + minutes * 60, interval_s)
}

/// Lets everybody talk. Returns how many conversations failed where the fault is.
fn run(
    wire: &mut Wire,
    vpc: &Vpc,
    place: Option<&(Fault, fault::Planted)>,
    archive: Range<u64>,
    random: &mut Random,
) -> usize {
    let mut planner = Planner::new(&vpc.network, random, archive.clone());
    let count = planner.random.of(&[60, 100, 150, 220]);
    let mut dialogues = planner.healthy(vpc, count);
    let victims = place.map_or(Vec::new(), |(fault, place)| {
        suffering(&mut planner, *fault, place)
    });
    dialogues.extend(noise::scanners(&mut planner));

    let mut complete = Vec::new();
    for dialogue in &dialogues {
        if dialogue.run(wire, random) == Outcome::Complete {
            complete.push(dialogue);
        }
    }
    noise::late_packets(wire, &complete, random);
    noise::vanishing(wire, vpc, &archive, random);
    let fails = |dialogue: &&Dialogue| dialogue.run(wire, random) != Outcome::Complete;
    victims.iter().filter(fails).count()
}

/// Conversations where the fault is, so that it is met often enough.
fn suffering(planner: &mut Planner, fault: Fault, place: &fault::Planted) -> Vec<Dialogue> {
    let archive = planner.archive.clone();
    let begin = place.during.start.max(archive.start);
    let end = place.during.end.min(archive.end);
    let mut victims = Vec::new();
    for _ in 0..planner.random.between(8, 40) {
        let at = planner.random.between(begin, end - 1);
        victims.push(planner.on(&place.edge, at));
    }
    match fault {
        Fault::Scan => victims = search(planner, place),
        Fault::IdleTimeout => {
            victims.truncate(8);
            for victim in &mut victims {
                let silence = planner.random.between(IDLE_TIMEOUT_MS + 5_000, 1_000_000);
                victim.at = planner.random.between(begin, end - silence - 60_000);
                victim.exchanges = vec![exchange(100, 300, 900), exchange(silence, 200, 500)];
            }
        }
        _ => {}
    }
    victims
}

/// Many ports of few hosts, or few ports of all.
fn search(planner: &mut Planner, place: &fault::Planted) -> Vec<Dialogue> {
    let source = place.edge.initiators[0];
    let network = planner.network;
    let mut hosts: Vec<usize> = match source.eni() {
        None => noise::public_enis(network),
        Some(_) => place.edge.responding(),
    };
    let ports: Vec<u16> = if planner.random.percent(50) {
        hosts.truncate(planner.random.of(&[1, 2]));
        let first = planner.random.small(20, 3_000);
        (first..first + planner.random.small(40, 150)).collect()
    } else {
        noise::SEARCHED.to_vec()
    };
    let begin = planner.instant().max(planner.archive.start);
    let room = planner.archive.end - begin;
    let probes = (hosts.len() * ports.len()) as u64;
    let pace = planner.random.between(20, 2_000).min(room / (probes + 1));
    let mut victims = Vec::new();
    for host in hosts.into_iter().filter(|host| source.eni() != Some(*host)) {
        for port in &ports {
            let at = begin + pace * victims.len() as u64;
            let to = network.enis[host].address;
            victims.push(noise::probe(planner, source, to, *port, at));
        }
    }
    victims
}

impl Planted {
    fn new(
        fault: Fault,
        place: fault::Planted,
        failed: usize,
        (interval_s, choice): (u64, Choice),
        network: &Network,
        rejections: &BTreeSet<Rejection>,
    ) -> Self {
        let requests = barred(rejections, Why::Acl, false);
        let answers = barred(rejections, Why::Acl, true);
        let mut causes = place.causes;
        match fault {
            Fault::AclInbound | Fault::AclOutbound => {
                // A whole subnet, whatever its groups: no group explains that.
                let groups = requests
                    .iter()
                    .map(|at| network.enis[at.eni].groups.first());
                if groups.collect::<BTreeSet<_>>().len() < 2 {
                    causes.push(if fault == Fault::AclInbound {
                        "inbound-blocked"
                    } else {
                        "outbound-blocked"
                    });
                }
                if !answers.is_empty() {
                    causes.push("acl-blocks-reply");
                }
            }
            // The silence is within a record.
            Fault::IdleTimeout if interval_s == 600 => causes.push("reset"),
            // The packet's own addresses are not told.
            Fault::ReplyElsewhere if choice == Choice::Thrifty => causes.push("no-reply"),
            _ => {}
        }
        let shows = where_it_shows(fault, rejections);
        let (enis, ports): (BTreeSet<usize>, BTreeSet<u16>) = if shows.is_empty() {
            let (enis, ports) = (place.enis.into_iter(), place.ports.into_iter());
            (enis.collect(), ports.collect())
        } else {
            shows
                .iter()
                .map(|rejection| (rejection.eni, rejection.port))
                .unzip()
        };
        let subnets: BTreeSet<&String> =
            enis.iter().map(|eni| &network.subnet_of(*eni).id).collect();
        Self {
            fault,
            causes,
            edge: place.edge.name,
            enis: enis
                .iter()
                .map(|eni| network.enis[*eni].id.clone())
                .collect(),
            subnets: subnets.into_iter().cloned().collect(),
            ports: ports.into_iter().collect(),
            targets: place
                .edge
                .responders
                .iter()
                .map(|end| end.address(network).to_string())
                .collect(),
            failed,
        }
    }
}

/// What this guard lets not pass: requests, or answers.
fn barred(rejections: &BTreeSet<Rejection>, why: Why, answers: bool) -> Vec<&Rejection> {
    let all = rejections.iter();
    all.filter(|rejection| (rejection.why, rejection.answers) == (why, answers))
        .collect()
}

/// What is rejected by this fault; nothing, if it is none that rejects.
fn where_it_shows(fault: Fault, rejections: &BTreeSet<Rejection>) -> Vec<&Rejection> {
    match fault {
        Fault::AclBlocksReply => barred(rejections, Why::Acl, true),
        Fault::AclInbound | Fault::AclOutbound => barred(rejections, Why::Acl, false),
        Fault::PublicAccessBlock => barred(rejections, Why::PublicAccessBlock, false),
        Fault::Unencrypted => {
            let both = [false, true].map(|answers| barred(rejections, Why::Unencrypted, answers));
            both.concat()
        }
        _ => Vec::new(),
    }
}

/// All that is known of it, for a person.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = (self.archive.end - self.archive.start) / 60;
        writeln!(
            f,
            "seed {}: {minutes} minutes from {}, interval {} s, columns {:?}, {} files",
            self.seed,
            self.archive.start,
            self.interval_s,
            self.choice,
            self.files.len(),
        )?;
        let Some(planted) = &self.planted else {
            return writeln!(f, "nothing is wrong");
        };
        writeln!(
            f,
            "{:?} for {} ({} conversations fail)\ncauses: {}\nports: {:?}\nenis: {}\nsubnets: {}\ntargets: {}",
            planted.fault,
            planted.edge,
            planted.failed,
            planted.causes.join(", "),
            planted.ports,
            planted.enis.join(" "),
            planted.subnets.join(" "),
            planted.targets.join(" "),
        )
    }
}
