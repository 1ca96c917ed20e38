//! What AWS would write of it: sightings of packets summed up to records, and records to files.
//!
//! One record for each ENI, five-tuple, direction and verdict in an aggregation interval. Flags are
//! those of all its packets together, an ACK alone is 0, and times are whole seconds of its first
//! and last packet. An interval in which an ENI saw nothing is a NODATA line, and now and then
//! one is lost, a SKIPDATA line. A file holds what ended within five minutes, in no order. Sources: "Flow log records" and "Flow log files" in the
//! AWS VPC user guide.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::ops::Range;

use jiff::Timestamp;

use super::guard::Why;
use super::layout::Layout;
use super::network::{Net, Network};
use super::noise::SCANNERS;
use super::wire::{ACK, FIN, Packet, RST, SYN, is_internet};
use crate::random::Random;

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "eu-central-1";
pub(super) const VPC_ID: &str = "vpc-0a1b2c3d4e5f60718";

/// A file covers so many seconds.
const SLOT_S: u64 = 300;

/// So many archives in a hundred lack one interval of one ENI.
const SKIPPED_PERCENT: u64 = 10;

/// One passage of packets through an ENI.
pub(super) struct Sighting {
    pub(super) eni: usize,
    pub(super) ingress: bool,
    /// What the log shows as the ENI's side, whatever the packet says.
    pub(super) own: Ipv4Addr,
    pub(super) packet: Packet,
    /// The column traffic-path.
    pub(super) path: Option<u8>,
    /// Why it was rejected, if it was.
    pub(super) why: Option<Why>,
}

/// What one record is the sum of. Its order is only there to have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    eni: usize,
    interval: u64,
    ingress: bool,
    own: Ipv4Addr,
    source: (Ipv4Addr, u16),
    destination: (Ipv4Addr, u16),
    protocol: u8,
    path: Option<u8>,
    /// Of rejections only Block Public Access and Encryption Controls are told from others.
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Verdict {
    Accept,
    Reject,
    PublicAccessBlock,
    Unencrypted,
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    packets: u64,
    bytes: u64,
    first_s: u64,
    last_s: u64,
    flags: u8,
}

/// That something was rejected that no scanner sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rejection {
    pub(super) eni: usize,
    pub(super) why: Why,
    /// Whether it answered something.
    pub(super) answers: bool,
    /// The service's.
    pub(super) port: u16,
}

/// The flow log of a VPC.
pub(super) struct Log<'a> {
    network: &'a Network,
    interval_s: u64,
    /// What is delivered, in seconds since the epoch.
    archive: Range<u64>,
    tallies: HashMap<Key, Tally>,
    rejections: BTreeSet<Rejection>,
}

impl<'a> Log<'a> {
    pub(super) fn new(network: &'a Network, interval_s: u64, archive: Range<u64>) -> Self {
        Self {
            network,
            interval_s,
            archive,
            tallies: HashMap::new(),
            rejections: BTreeSet::new(),
        }
    }

    /// Intervals of an ENI begin when it likes.
    fn phase(&self, eni: usize) -> u64 {
        (eni as u64 * 17) % self.interval_s
    }

    pub(super) fn see(&mut self, sighting: Sighting) {
        let packet = sighting.packet;
        let at_s = packet.at / 1000;
        if !self.archive.contains(&at_s) {
            return;
        }
        if let Some(why) = sighting.why
            && !SCANNERS.contains(*packet.source.ip())
        {
            // Services have the lower ports.
            let answers = !packet.asks() && packet.source.port() < packet.destination.port();
            let service = if answers {
                packet.source
            } else {
                packet.destination
            };
            self.rejections.insert(Rejection {
                eni: sighting.eni,
                why,
                answers,
                port: service.port(),
            });
        }
        let key = Key {
            eni: sighting.eni,
            interval: (at_s + self.phase(sighting.eni)) / self.interval_s,
            ingress: sighting.ingress,
            own: sighting.own,
            source: (*packet.source.ip(), packet.source.port()),
            destination: (*packet.destination.ip(), packet.destination.port()),
            protocol: packet.protocol,
            path: sighting.path,
            verdict: match sighting.why {
                None => Verdict::Accept,
                Some(Why::PublicAccessBlock) => Verdict::PublicAccessBlock,
                Some(Why::Unencrypted) => Verdict::Unencrypted,
                Some(Why::Group | Why::Acl | Why::Unknown) => Verdict::Reject,
            },
        };
        let tally = self.tallies.entry(key).or_insert(Tally {
            packets: 0,
            bytes: 0,
            first_s: at_s,
            last_s: at_s,
            flags: 0,
        });
        tally.packets += packet.packets;
        tally.bytes += packet.bytes;
        tally.first_s = tally.first_s.min(at_s);
        tally.last_s = tally.last_s.max(at_s);
        tally.flags |= observed(packet.flags);
    }

    /// The files, by path, and what was rejected where.
    pub(super) fn write(self, layout: &Layout, random: &mut Random) -> Written {
        let mut by_slot: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let mut add = |end_s: u64, line: String| {
            by_slot.entry(end_s / SLOT_S).or_default().push(line);
        };
        let mut keys: Vec<&Key> = self.tallies.keys().collect();
        keys.sort_unstable();
        let places: Vec<(usize, u64)> = keys.iter().map(|key| (key.eni, key.interval)).collect();
        let lively: BTreeSet<(usize, u64)> = places.iter().copied().collect();
        let skipped = random.percent(SKIPPED_PERCENT).then(|| random.of(&places));
        for key in keys {
            if skipped == Some((key.eni, key.interval)) {
                continue;
            }
            let tally = self.tallies[key];
            add(
                tally.last_s,
                layout.line(|field| self.cell(field, key, &tally)),
            );
        }
        for (eni, interval) in self.intervals() {
            let status = if skipped == Some((eni, interval)) {
                "SKIPDATA"
            } else if lively.contains(&(eni, interval)) {
                continue;
            } else {
                "NODATA"
            };
            let start_s = (interval * self.interval_s).saturating_sub(self.phase(eni));
            let end_s = (start_s + self.interval_s).min(self.archive.end) - 1;
            let start_s = start_s.max(self.archive.start);
            add(
                end_s,
                layout.line(|field| self.no_records(field, eni, (start_s, end_s), status)),
            );
        }
        let files = by_slot.into_iter().map(|(slot, mut lines)| {
            shuffle(&mut lines, random);
            let hash = random.below(1 << 32);
            let text = std::iter::once(layout.header()).chain(lines).collect();
            (path(slot * SLOT_S, hash), text)
        });
        Written {
            files: files.collect(),
            rejections: self.rejections,
        }
    }

    /// Every interval of every ENI.
    fn intervals(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        (0..self.network.enis.len()).flat_map(|eni| {
            let phase = self.phase(eni);
            let first = (self.archive.start + phase) / self.interval_s;
            let last = (self.archive.end - 1 + phase) / self.interval_s;
            (first..=last).map(move |interval| (eni, interval))
        })
    }

    /// What a line says in this column whether or not there was traffic.
    fn identity(&self, field: &str, eni: usize) -> Option<String> {
        let interface = &self.network.enis[eni];
        let subnet = self.network.subnet_of(eni);
        Some(match field {
            "account-id" => ACCOUNT.to_owned(),
            "interface-id" => interface.id.clone(),
            "vpc-id" => VPC_ID.to_owned(),
            "subnet-id" => subnet.id.clone(),
            "instance-id" => interface.instance.clone().unwrap_or_else(|| "-".to_owned()),
            "region" => REGION.to_owned(),
            "az-id" => subnet.zone_name(),
            _ => return None,
        })
    }

    fn no_records(
        &self,
        field: &str,
        eni: usize,
        (start_s, end_s): (u64, u64),
        status: &str,
    ) -> String {
        match field {
            "start" => start_s.to_string(),
            "end" => end_s.to_string(),
            "log-status" => status.to_owned(),
            _ => self.identity(field, eni).unwrap_or_else(|| "-".to_owned()),
        }
    }

    fn cell(&self, field: &str, key: &Key, tally: &Tally) -> String {
        let own = |ours: bool, packet: Ipv4Addr| if ours { key.own } else { packet }.to_string();
        let ((source, sport), (destination, dport)) = (key.source, key.destination);
        match field {
            "srcaddr" => own(!key.ingress, source),
            "dstaddr" => own(key.ingress, destination),
            "pkt-srcaddr" => source.to_string(),
            "pkt-dstaddr" => destination.to_string(),
            "srcport" => sport.to_string(),
            "dstport" => dport.to_string(),
            "protocol" => key.protocol.to_string(),
            "packets" => tally.packets.to_string(),
            // "Flow log limitations": none for what Block Public Access rejects.
            "bytes" if key.verdict == Verdict::PublicAccessBlock => "-".to_owned(),
            "bytes" => tally.bytes.to_string(),
            "start" => tally.first_s.to_string(),
            "end" => tally.last_s.to_string(),
            "action" if key.verdict == Verdict::Accept => "ACCEPT".to_owned(),
            "action" => "REJECT".to_owned(),
            "log-status" => "OK".to_owned(),
            "tcp-flags" => tally.flags.to_string(),
            "type" => "IPv4".to_owned(),
            "pkt-src-aws-service" => aws_service(source).to_owned(),
            "pkt-dst-aws-service" => aws_service(destination).to_owned(),
            "flow-direction" if key.ingress => "ingress".to_owned(),
            "flow-direction" => "egress".to_owned(),
            "traffic-path" => key.path.map_or("-".to_owned(), |path| path.to_string()),
            "reject-reason" if key.verdict == Verdict::PublicAccessBlock => "BPA".to_owned(),
            "reject-reason" if key.verdict == Verdict::Unencrypted => "EC".to_owned(),
            _ => self
                .identity(field, key.eni)
                .unwrap_or_else(|| "-".to_owned()),
        }
    }
}

pub(super) struct Written {
    /// Path as S3 delivery names it, and text.
    pub(super) files: Vec<(String, String)>,
    pub(super) rejections: BTreeSet<Rejection>,
}

/// Flags as flow logs know them: a SYN-ACK is 18, and otherwise an ACK is nothing.
fn observed(flags: u8) -> u8 {
    if flags & SYN != 0 {
        flags & (SYN | ACK | FIN | RST)
    } else {
        flags & (FIN | RST)
    }
}

/// The set of ip-ranges.json that holds the address.
fn aws_service(address: Ipv4Addr) -> &'static str {
    const S3: Net = Net::new(52, 219, 168, 0, 22);
    if !is_internet(address) {
        "-"
    } else if S3.contains(address) {
        "S3"
    } else {
        "-"
    }
}

fn shuffle(lines: &mut [String], random: &mut Random) {
    let places: Vec<usize> = (0..lines.len()).collect();
    for last in (1..lines.len()).rev() {
        lines.swap(last, random.of(&places[..=last]));
    }
}

/// How S3 delivery names the file of the slot that begins then.
fn path(slot_s: u64, hash: u64) -> String {
    let begin = Timestamp::from_second(slot_s as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    let (day, minute) = (begin.strftime("%Y/%m/%d"), begin.strftime("%Y%m%dT%H%MZ"));
    format!(
        "AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{day}/{ACCOUNT}_vpcflowlogs_{REGION}_fl-0f1e2d3c4b5a69788_{minute}_{hash:08x}.log"
    )
}
