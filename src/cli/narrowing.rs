//! The filter options: which part of an archive a run uses.
//!
//! The same option given twice means either value (`--port 80 --port 443`). Different options and
//! `--filter` must all match.

use clap::Args;
use flow2pcap::filter::{Bound, EndpointSide, Expression, Filter, Name, Peer, Qualifier, Term};
use flow2pcap::printable::shell;
use flow2pcap::time::SECOND_NS;

use super::page::instant;
use super::room::parse_packets;

/// The options that select a part of the archive.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Narrowing {
    /// Start of the time range: 2026-03-14T02:15:00Z, 2026-03-14, a Unix time, or -2h (before the newest record)
    ///
    /// A time without a zone is UTC. Files whose path shows that they are outside the range are not
    /// opened, so a long-lived connection lacks its records from well before and after the range.
    #[arg(
        long,
        visible_alias = "since",
        value_name = "TIME",
        allow_hyphen_values = true
    )]
    from: Option<Bound>,

    /// End of the time range (exclusive); same formats as --from. A date means its midnight
    #[arg(
        long,
        visible_alias = "until",
        value_name = "TIME",
        allow_hyphen_values = true
    )]
    to: Option<Bound>,

    /// An ENI, or another interface ID that records have, such as a Transit Gateway attachment
    #[arg(long, value_name = "ENI", value_parser = named(Name::Eni))]
    eni: Vec<Expression>,

    /// An address or CIDR at either end: 10.0.0.5, 2001:db8::1, 10.0.0.0/24
    #[arg(long, value_name = "ADDRESS", value_parser = value(Qualifier::Host(EndpointSide::Either)))]
    host: Vec<Expression>,

    /// The source address of a record, or the network it is in
    #[arg(long, value_name = "ADDRESS", value_parser = value(Qualifier::Host(EndpointSide::Source)))]
    src: Vec<Expression>,

    /// The destination address of a record, or the network it is in
    #[arg(long, value_name = "ADDRESS", value_parser = value(Qualifier::Host(EndpointSide::Destination)))]
    dst: Vec<Expression>,

    /// Two addresses or networks, and what they sent to each other: --between 10.0.11.15 10.0.21.40
    #[arg(long, num_args = 2, value_names = ["ADDRESS", "ADDRESS"])]
    between: Vec<Peer>,

    /// One connection, both directions: '10.0.11.15:52744 > 10.0.21.40:5432'
    #[arg(long, value_name = "CONNECTION", value_parser = Expression::connection)]
    connection: Vec<Expression>,

    /// A port at either end: 443, https, 8000-8999
    #[arg(long, value_name = "PORT", value_parser = value(Qualifier::Port(EndpointSide::Either)))]
    port: Vec<Expression>,

    /// tcp, udp, icmp, another name, or the IANA number
    #[arg(long, value_name = "PROTOCOL", value_parser = value(Qualifier::Protocol))]
    protocol: Vec<Expression>,

    /// accept or reject
    #[arg(long, value_name = "ACTION", value_parser = value(Qualifier::Action))]
    action: Vec<Expression>,

    /// ingress or egress, as the ENI sees it
    #[arg(long, value_name = "DIRECTION", value_parser = value(Qualifier::Direction))]
    direction: Vec<Expression>,

    /// An AWS account, from the record or the path of its file
    #[arg(long, value_name = "ACCOUNT", value_parser = named(Name::Account))]
    account: Vec<Expression>,

    /// An AWS region, from the record or the path of its file
    #[arg(long, value_name = "REGION", value_parser = named(Name::Region))]
    region: Vec<Expression>,

    /// A VPC; only matches records with a vpc-id
    #[arg(long, value_name = "VPC", value_parser = named(Name::Vpc))]
    vpc: Vec<Expression>,

    /// A subnet; only matches records with a subnet-id
    #[arg(long, value_name = "SUBNET", value_parser = named(Name::Subnet))]
    subnet: Vec<Expression>,

    /// An instance; only matches records with an instance-id
    #[arg(long, value_name = "INSTANCE", value_parser = named(Name::Instance))]
    instance: Vec<Expression>,

    /// A filter in tcpdump's syntax: 'host 10.0.0.5 and port 443 and not accept'
    ///
    /// From pcap-filter: host, src, dst, net, port, portrange, proto, tcp, udp, icmp, icmp6, ip,
    /// ip6, and, or, not, &&, ||, !, parentheses. For flow logs: accept, reject, ingress, egress,
    /// flags syn, eni, account, region, vpc, subnet, instance, tag, packets > 10, bytes >= 1000.
    /// As in pcap-filter, `and` and `or` have the same precedence, from left to right: use
    /// parentheses. A record that lacks a field matches neither a condition on it nor its negation.
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<Expression>,
}

/// The options that say how much of the selected part becomes packets.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Keeping {
    /// Use matching records only, not the whole connections they belong to
    ///
    /// By default, one matching record keeps its whole connection: both directions, in every
    /// interval that was read.
    #[arg(long)]
    pub(crate) only_matching: bool,

    /// Refuse to write a capture of more than about N packets, and suggest filters instead
    ///
    /// Wireshark is slow beyond about a million packets. A capture is never cut short. With --detail auto,
    /// packets are merged to stay within N first.
    #[arg(long, value_name = "N", value_parser = parse_packets)]
    pub(crate) max_packets: Option<u64>,
}

impl Narrowing {
    /// Returns the filter that the options describe.
    ///
    /// # Errors
    /// Fails if the time range ends before it begins.
    pub(crate) fn filter(&self) -> anyhow::Result<Filter> {
        check_order(self.from, self.to)?;
        let options = self.options();
        let options = options.into_iter().map(|(_, values)| values);
        let given = options.filter(|values| !values.is_empty());
        let mut all: Vec<Expression> = given.map(Expression::Any).collect();
        all.extend(self.filter.clone());
        Ok(Filter {
            condition: (!all.is_empty()).then_some(Expression::All(all)),
            from: self.from,
            to: self.to,
            only_matching: false,
        })
    }
}

impl Narrowing {
    /// The conditions of each option.
    fn options(&self) -> [(&'static str, Vec<Expression>); 15] {
        let pairs = self.between.as_chunks::<2>().0.iter();
        let between = pairs.map(|[one, other]| Expression::between(*one, *other));
        [
            ("--eni", self.eni.clone()),
            ("--host", self.host.clone()),
            ("--src", self.src.clone()),
            ("--dst", self.dst.clone()),
            ("--between", between.collect()),
            ("--connection", self.connection.clone()),
            ("--port", self.port.clone()),
            ("--protocol", self.protocol.clone()),
            ("--action", self.action.clone()),
            ("--direction", self.direction.clone()),
            ("--account", self.account.clone()),
            ("--region", self.region.clone()),
            ("--vpc", self.vpc.clone()),
            ("--subnet", self.subnet.clone()),
            ("--instance", self.instance.clone()),
        ]
    }

    /// The options as words of a shell that mean the same; none if one cannot be typed.
    pub(crate) fn typed(&self) -> Option<Vec<String>> {
        let mut words = Vec::new();
        for (name, bound) in [("--from", self.from), ("--to", self.to)] {
            if let Some(bound) = bound {
                words.push(shell::option(name, &typed_bound(bound))?);
            }
        }
        for (name, values) in self.options() {
            for value in values {
                words.push(typed_value(name, &value)?);
            }
        }
        if let Some(filter) = &self.filter {
            words.push(shell::option("--filter", &filter.to_string())?);
        }
        Some(words)
    }
}

/// An instant, or a time before the newest record.
fn typed_bound(bound: Bound) -> String {
    match bound {
        Bound::At(ns) => instant(ns),
        Bound::BeforeNewest(ns) => format!("-{}s", ns / SECOND_NS),
    }
}

/// An option whose value is that condition.
fn typed_value(name: &str, condition: &Expression) -> Option<String> {
    if let Expression::Term(Term::Between(one, other)) = condition {
        return match name {
            "--between" => Some(format!(
                "{name} {} {}",
                shell::word(&one.to_string())?,
                shell::word(&other.to_string())?
            )),
            _ => shell::option(name, &format!("{one} > {other}")),
        };
    }
    // The value is the last word of a condition, such as that of "src host 10.0.0.5".
    let condition = condition.to_string();
    shell::option(name, condition.rsplit(' ').next()?)
}

/// # Errors
/// Nothing can be between these: the first is not before the second. An instant and a time before
/// the newest record can be compared when all is read.
fn check_order(from: Option<Bound>, to: Option<Bound>) -> anyhow::Result<()> {
    match (from, to) {
        (Some(Bound::At(from)), Some(Bound::At(to))) if from >= to => {
            let (from, to) = (instant(from), instant(to));
            let relation = if from == to {
                "is the same as"
            } else {
                "is after"
            };
            anyhow::bail!("--from {from} {relation} --to {to}: no time is between them")
        }
        (Some(Bound::BeforeNewest(from)), Some(Bound::BeforeNewest(to))) if from <= to => {
            anyhow::bail!(
                "--from is not before --to: both count back from the newest record, so --from needs \
                 the longer time, as in --from -2h --to -1h"
            )
        }
        _ => Ok(()),
    }
}

fn named(name: Name) -> impl Fn(&str) -> Result<Expression, String> + Clone + Send + Sync {
    value(Qualifier::Named(name))
}

fn value(
    qualifier: Qualifier,
) -> impl Fn(&str) -> Result<Expression, String> + Clone + Send + Sync {
    move |text| qualifier.parse(text).map_err(|error| error.to_string())
}
