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
//! Beside the logs it writes the configuration of the VPC, as the AWS CLI would (context), its
//! CloudTrail (trail), what its hosts asked the DNS server (queries), and the access log of its load
//! balancer (requests).
//!
//! Nothing here knows how flow logs are read. The same seed gives the same text. Left out: IPv6, flow
//! logs of a part of the VPC, and capture windows that several flows share.

mod build;
mod context;
mod dialogue;
mod fault;
mod fault_beyond;
mod fault_changes;
mod fault_outside;
mod fault_paths;
mod fault_rules;
mod guard;
mod layout;
mod log;
mod network;
mod noise;
mod planted;
mod queries;
mod requests;
mod traffic;
mod trail;
mod victims;
mod wire;

pub use self::fault::Fault;
pub use self::layout::Choice;
pub use self::planted::{Change, Planted};
pub use self::requests::{Origin, RequestError};

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use self::build::Vpc;
use self::dialogue::{Course, Dialogue, Outcome};
use self::fault::Planter;
use self::layout::Layout;
use self::log::Log;
use self::requests::AccessLog;
use self::traffic::Planner;
use self::wire::Wire;
use crate::random::Random;

/// 2026-03-14 09:10 UTC; an archive begins up to a day later.
const EPOCH_S: u64 = 1_773_479_400;

/// Makes the numbers of the trail others than those of the VPC.
const TRAIL: u64 = 0x7261_696c;

/// The same for the queries and the requests.
const QUERIES: u64 = 0x0071_7279;
const REQUESTS: u64 = 0x0072_6571;

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
    /// The configuration of the VPC when the archive ends: the name of each file, and its JSON.
    pub context: Vec<(String, String)>,
    /// CloudTrail of the same time: path below the folder, and text, which is delivered as gzip.
    pub trail: Vec<(String, String)>,
    /// The query log of the Route 53 Resolver, in the same way.
    pub queries: Vec<(String, String)>,
    /// The access log of the load balancer, in the same way; empty if it does not log.
    pub requests: Vec<(String, String)>,
    /// The errors in it, and what lies behind them.
    pub request_errors: Vec<RequestError>,
    /// The ids of the events that began what is planted; empty if no call did.
    pub began_by: Vec<String>,
    /// The ids of the events that ended it.
    pub ended_by: Vec<String>,
    /// What is wrong, if something is.
    pub planted: Option<Planted>,
}

impl Scenario {
    /// The fault that the seed decides.
    pub fn fault_of(seed: u64) -> Fault {
        let (first, newest) = Fault::ALL.split_at(Fault::FIRST);
        let at = usize::try_from(seed % Fault::ALL.len() as u64).unwrap_or(0);
        // Other seeds keep what they had before the newest were there.
        match (at.checked_sub(first.len()), first) {
            (Some(newer), _) => newest[newer],
            (None, [.., last]) if at + 1 == first.len() => *last,
            (None, [others @ .., _]) => Random::new(seed).of(others),
            (None, []) => Fault::Silent,
        }
    }

    /// A VPC with this fault or none. Columns are what the seed decides, if they are left to it.
    pub fn new(seed: u64, fault: Option<Fault>, columns: Option<Choice>) -> Self {
        Self::of(seed, fault, columns, Balancer::Silent)
    }

    /// The same, and its load balancer writes an access log: there are clients for all that it asks
    /// its targets, in the flow logs as well.
    pub fn with_requests(seed: u64, fault: Option<Fault>, columns: Option<Choice>) -> Self {
        Self::of(seed, fault, columns, Balancer::Logs)
    }

    /// The same, and the fault is where the load balancer reaches its targets. It is one of
    /// [`Fault::AT_TARGETS`].
    pub fn at_targets(seed: u64, fault: Fault, columns: Option<Choice>) -> Self {
        assert!(
            Fault::AT_TARGETS.contains(&fault),
            "{fault:?} never is there"
        );
        Self::of(seed, Some(fault), columns, Balancer::Suffers)
    }

    fn of(seed: u64, fault: Option<Fault>, columns: Option<Choice>, balancer: Balancer) -> Self {
        // Not every VPC has a place for every fault, and not every fault hurts.
        (0..)
            .find_map(|attempt| Self::attempt(seed, attempt, (fault, columns, balancer)))
            .expect("of many VPCs one has a place for the fault")
    }

    fn attempt(
        seed: u64,
        attempt: u64,
        (fault, columns, balancer): (Option<Fault>, Option<Choice>, Balancer),
    ) -> Option<Self> {
        let mut random = Random::new(seed ^ attempt << 40);
        // Numbers of their own, so that logs are the same with and without them.
        let own = |purpose| Random::new(seed ^ attempt << 40 ^ purpose);
        let mut vpc = Vpc::new(&mut random);
        let choice = choice(fault, columns, &mut random);
        let (archive, interval_s) = span(&mut random, fault == Some(Fault::IdleTimeout));
        let archive_ms = archive.start * 1000..archive.end * 1000;

        if random.percent(60) {
            noise::restart(&mut vpc, &archive_ms, &mut random);
        }
        let place = match fault {
            Some(fault) => {
                let place = plant(&mut vpc, fault, &archive_ms, &mut random)?;
                if balancer == Balancer::Suffers && place.edge.name != "application" {
                    return None;
                }
                Some((fault, place))
            }
            None => None,
        };
        let log = Log::new(&vpc.network, interval_s, archive.clone());
        let mut wire = Wire::new(&vpc.network, log, random.small(1024, 60_000));
        let ran = run(
            &mut wire,
            (&vpc, balancer),
            place.as_ref(),
            &archive_ms,
            &mut random,
        );
        if fault.is_some() && ran.failed.len() < FAILED_MIN {
            return None;
        }
        let requests = balancer.serve(&mut wire, &vpc, &ran.told, &archive_ms, own(REQUESTS));
        let written = wire.log.write(&Layout::new(choice), &mut random);
        let context = context::files(&vpc, archive_ms.end);
        let fault = place.as_ref().map(|(_, place)| place);
        let trail = trail::trail(&vpc, fault, &archive_ms, &mut own(TRAIL));
        let planted = place.map(|(fault, place)| {
            let change = Change::new(&place.during, &archive_ms, &ran.failed);
            Planted::new(
                (fault, change),
                place,
                ran.failed.len(),
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
            context,
            trail: trail.files,
            queries: queries::files(&vpc, &ran.told, &archive_ms, &mut own(QUERIES)),
            requests: requests.files,
            request_errors: requests.errors,
            began_by: trail.began_by,
            ended_by: trail.ended_by,
            planted,
        })
    }

    /// Writes the files below this folder.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        write_files(folder, &self.files)
    }

    /// Writes CloudTrail below this folder.
    pub fn write_trail_to(&self, folder: &Path) -> io::Result<()> {
        write_packed(folder, &self.trail)
    }

    /// Writes the query log of the DNS server below this folder.
    pub fn write_queries_to(&self, folder: &Path) -> io::Result<()> {
        write_packed(folder, &self.queries)
    }

    /// Writes the access log of the load balancer below this folder.
    pub fn write_requests_to(&self, folder: &Path) -> io::Result<()> {
        write_packed(folder, &self.requests)
    }

    /// Writes the configuration of the VPC below this folder.
    pub fn write_context_to(&self, folder: &Path) -> io::Result<()> {
        write_files(folder, &self.context)
    }
}

/// Whether the load balancer writes an access log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Balancer {
    Silent,
    Logs,
    /// It does, and the fault is at its targets.
    Suffers,
}

impl Balancer {
    /// Its access log, if it writes one.
    fn serve(
        self,
        wire: &mut Wire,
        vpc: &Vpc,
        told: &[(Dialogue, Course)],
        archive: &Range<u64>,
        mut random: Random,
    ) -> AccessLog {
        match self {
            Self::Silent => AccessLog::default(),
            Self::Logs | Self::Suffers => requests::serve(wire, vpc, told, archive, &mut random),
        }
    }
}

/// The columns that are asked for, or some.
fn choice(fault: Option<Fault>, columns: Option<Choice>, random: &mut Random) -> Choice {
    let any = Choice::any(random);
    let needs_reasons = matches!(fault, Some(Fault::PublicAccessBlock | Fault::Unencrypted));
    columns.unwrap_or(if needs_reasons { Choice::Eight } else { any })
}

fn plant(
    vpc: &mut Vpc,
    fault: Fault,
    archive: &Range<u64>,
    random: &mut Random,
) -> Option<fault::Planted> {
    let mut planter = Planter {
        vpc,
        random,
        archive: archive.clone(),
    };
    planter.plant(fault)
}

fn write_packed(folder: &Path, files: &[(String, String)]) -> io::Result<()> {
    for (path, text) in files {
        write_files(folder, &[(path.clone(), trail::gzip(text)?)])?;
    }
    Ok(())
}

fn write_files(folder: &Path, files: &[(String, impl AsRef<[u8]>)]) -> io::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
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

/// What became of all conversations.
struct Ran {
    /// When those began that failed where the fault is.
    failed: Vec<u64>,
    told: Vec<(Dialogue, Course)>,
}

/// Lets everybody talk.
fn run(
    wire: &mut Wire,
    (vpc, balancer): (&Vpc, Balancer),
    place: Option<&(Fault, fault::Planted)>,
    archive: &Range<u64>,
    random: &mut Random,
) -> Ran {
    let mut planner = Planner::new(&vpc.network, random, archive.clone());
    let count = planner.random.of(&[60, 100, 150, 220]);
    let mut dialogues = planner.healthy(vpc, count);
    let mut victims = place.map_or(Vec::new(), |(fault, place)| {
        victims::suffering(&mut planner, *fault, place)
    });
    dialogues.extend(noise::scanners(&mut planner));
    if balancer != Balancer::Silent {
        requests::be_patient(vpc, &mut dialogues);
        requests::be_patient(vpc, &mut victims);
    }

    let mut told = tell(dialogues, wire, random);
    let is_complete = |(_, course): &&(Dialogue, Course)| course.outcome == Outcome::Complete;
    let complete = told.iter().filter(is_complete);
    let complete: Vec<&Dialogue> = complete.map(|(dialogue, _)| dialogue).collect();
    noise::late_packets(wire, &complete, random);
    noise::vanishing(wire, vpc, archive, random);
    let suffered = tell(victims, wire, random);
    let fails = |(_, course): &&(Dialogue, Course)| course.outcome != Outcome::Complete;
    let failed = suffered.iter().filter(fails);
    let failed = failed.map(|(victim, _)| victim.at).collect();
    told.extend(suffered);
    Ran { failed, told }
}

fn tell(dialogues: Vec<Dialogue>, wire: &mut Wire, random: &mut Random) -> Vec<(Dialogue, Course)> {
    let told = dialogues.into_iter().map(|dialogue| {
        let course = dialogue.run(wire, random);
        (dialogue, course)
    });
    told.collect()
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
        if let Some(change) = &planted.change {
            let (by, until) = (self.began_by.join(" "), self.ended_by.join(" "));
            writeln!(f, "{change:?}\nbegan by {by}\nended by {until}")?;
        }
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
