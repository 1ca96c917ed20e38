//! The query log of the Route 53 Resolver: what hosts asked before they connected.
//!
//! Flow logs do not show queries to the Amazon DNS server, so nothing here is on the wire. One object a
//! line, keys in the order that AWS writes them; a look-up that leads through a CNAME has a row for its
//! target, too, with the same port. Sources: "Values that appear in VPC Resolver query logs" and
//! "Choosing where to send query logs" in the Route 53 developer guide.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use jiff::Timestamp;

use super::build::{End, Vpc};
use super::dialogue::{Course, Dialogue};
use super::log::{ACCOUNT, REGION, VPC_ID};
use super::network::ICMP;
use super::wire::Node;
use crate::random::Random;

/// A file covers so many seconds.
const SLOT_S: u64 = 300;

/// The name that leads to an address, and the one that it is an alias of.
type Names = BTreeMap<Ipv4Addr, (String, Option<String>)>;

/// A query and its answers, each with its type.
struct Query<'a> {
    at_s: u64,
    from: (Ipv4Addr, u16),
    instance: &'a str,
    name: &'a str,
    kind: &'static str,
    rcode: &'static str,
    answers: Vec<(String, &'static str)>,
}

/// The files of the query log.
pub(super) fn files(
    vpc: &Vpc,
    told: &[(Dialogue, Course)],
    archive: &Range<u64>,
    random: &mut Random,
) -> Vec<(String, String)> {
    let names = names(vpc);
    let mut slots: BTreeMap<u64, Vec<(u64, String)>> = BTreeMap::new();
    for (dialogue, _) in told {
        let Some(asked) = names.get(dialogue.to.ip()) else {
            continue;
        };
        let at = dialogue.at.saturating_sub(random.below(900));
        // Whoever has asked before knows the answer for a while.
        if !archive.contains(&at) || dialogue.protocol == ICMP || random.percent(40) {
            continue;
        }
        for query in look_up(vpc, dialogue, asked, at / 1000, random) {
            let own = slots.entry(query.at_s / SLOT_S).or_default();
            own.push((query.at_s, line(&query)));
        }
    }
    let files = slots.into_iter().map(|(slot, mut lines)| {
        lines.sort();
        let text = lines.into_iter().map(|(_, line)| line).collect();
        (path(slot * SLOT_S, random.below(1 << 32)), text)
    });
    files.collect()
}

/// What the responders of the edges are called.
fn names(vpc: &Vpc) -> Names {
    let mut names = Names::new();
    for edge in &vpc.edges {
        for (n, end) in (1..).zip(&edge.responders) {
            let name = match (edge.name, end) {
                ("database" | "cache", _) => format!("{}-{n}.shop.internal.", edge.name),
                ("outbound", End::Outside(_)) => format!("api-{n}.partner.example."),
                ("feed", _) => format!("feed-{n}.shop.internal."),
                _ => continue,
            };
            let alias = (edge.name == "database")
                .then(|| format!("shop-{n}.c9akciq32.{REGION}.rds.amazonaws.com."));
            let address = end.address(&vpc.network);
            names.entry(address).or_insert((name, alias));
        }
    }
    names
}

/// The queries of one look-up.
fn look_up<'a>(
    vpc: &'a Vpc,
    dialogue: &Dialogue,
    (name, alias): &'a (String, Option<String>),
    at_s: u64,
    random: &mut Random,
) -> Vec<Query<'a>> {
    let Node::Eni(eni) = dialogue.from.0 else {
        return Vec::new();
    };
    let host = &vpc.network.enis[eni];
    let address = dialogue.to.ip().to_string();
    let query = |name: &'a str, answers| Query {
        at_s,
        from: (host.address, 0),
        instance: host.instance.as_deref().unwrap_or_default(),
        name,
        kind: "A",
        rcode: "NOERROR",
        answers,
    };
    let mut queries = match alias {
        Some(alias) => vec![
            query(name, vec![(alias.clone(), "CNAME"), (address.clone(), "A")]),
            query(alias, vec![(address, "A")]),
        ],
        None => vec![query(name, vec![(address, "A")])],
    };
    if random.percent(50) {
        queries.push(Query {
            kind: "AAAA",
            ..query(name, Vec::new())
        });
    }
    if random.percent(5) {
        queries.push(Query {
            rcode: "NXDOMAIN",
            ..query("shop-1.eu-central-1.compute.internal.", Vec::new())
        });
    }
    let port = random.small(32_768, 60_999);
    for query in &mut queries {
        query.from.1 = port;
    }
    queries
}

fn line(query: &Query<'_>) -> String {
    let at = i64::try_from(query.at_s).unwrap_or(0);
    let at = Timestamp::from_second(at).unwrap_or_default();
    let answers = query
        .answers
        .iter()
        .map(|(data, kind)| format!(r#"{{"Rdata":"{data}","Type":"{kind}","Class":"IN"}}"#));
    let answers: Vec<String> = answers.collect();
    let (source, port) = query.from;
    let ids = match query.instance {
        "" => String::new(),
        instance => format!(r#""instance":"{instance}""#),
    };
    format!(
        concat!(
            r#"{{"version":"1.100000","account_id":"{}","region":"{}","vpc_id":"{}","#,
            r#""query_timestamp":"{}","query_name":"{}","query_type":"{}","query_class":"IN","#,
            r#""rcode":"{}","answers":[{}],"srcaddr":"{}","srcport":"{}","transport":"UDP","#,
            r#""srcids":{{{}}}}}"#,
            "\n"
        ),
        ACCOUNT,
        REGION,
        VPC_ID,
        at,
        query.name,
        query.kind,
        query.rcode,
        answers.join(","),
        source,
        port,
        ids
    )
}

fn path(begin_s: u64, hash: u64) -> String {
    let begin = i64::try_from(begin_s).unwrap_or(0);
    let begin = Timestamp::from_second(begin).unwrap_or_default();
    let (day, minute) = (begin.strftime("%Y/%m/%d"), begin.strftime("%Y%m%dT%H%MZ"));
    format!(
        "AWSLogs/{ACCOUNT}/vpcdnsquerylogs/{VPC_ID}/{day}/{VPC_ID}_vpcdnsquerylogs_{ACCOUNT}_{minute}_{hash:08x}.log.gz"
    )
}
