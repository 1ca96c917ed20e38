//! The tool `changes`: who changed what, from CloudTrail.

use clap::Args;
use flow2pcap::filter::Bound;
use flow2pcap::pipeline::{self, ChangesRead, LoggedCall, Request};
use flow2pcap::time::SECOND_NS;

use super::arguments::schema;
use super::facts::{AnswerFacts, Fact, instant};
use super::inspect::files;
use super::tools::{AgentTool, ToolRun};
use crate::cli::narrowing::Narrowing;

/// The options that are arguments. The others of an archive are about records.
const OPTIONS: [&str; 3] = ["from", "to", "about"];

pub(super) const TOOL: AgentTool = AgentTool {
    name: "changes",
    title: "List changes",
    description: "API calls in CloudTrail that may have changed which packets pass (security groups, network \
        ACLs, routes, interfaces and more), the latest first: who, when, from where, what. Give to as the time \
        of the first failure to see what was changed before it. That a change came before a failure does not \
        make it the cause: diagnose says which are tied to a finding.",
    schema: || schema::<ChangeArgs>(&OPTIONS, &[]),
    writes: false,
    run,
};

/// The arguments of the tool.
#[derive(Debug, Args)]
struct ChangeArgs {
    /// Only changes that name this text: an ID such as sg-0a1b, a caller, an action
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,

    #[command(flatten)]
    narrowing: Narrowing,
}

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    let args: ChangeArgs = call.parse(&OPTIONS, &[])?;
    let filter = args.narrowing.filter()?;
    let to_ns = match filter.to {
        Some(Bound::At(ns)) => Some(ns),
        _ => None,
    };
    let request = call.within(Request::new(Vec::new()).filter(filter))?;
    let read = pipeline::changes(&request, call.meter)?;
    Ok(Box::new(
        facts(&read, args.about.as_deref(), to_ns).into_iter(),
    ))
}

fn facts(read: &ChangesRead, about: Option<&str>, to_ns: Option<i64>) -> Vec<Fact> {
    let names = |logged: &&LoggedCall| about.is_none_or(|about| is_about(logged, about));
    let calls: Vec<&LoggedCall> = read.calls.iter().rev().filter(names).collect();
    let mut facts = vec![
        Fact::new("changes")
            .observed("api_calls", read.api_calls)
            .observed("changes", calls.len())
            .observed(
                "not_kept_for_lack_of_room",
                Some(read.left_out).filter(|n| *n > 0),
            )
            .deduced(
                "advice",
                (read.left_out > 0)
                    .then_some("earlier changes are not kept; give an earlier to for them"),
            )
            .observed("from", read.requested_ns.0.map(instant))
            .observed("to", read.requested_ns.1.map(instant)),
    ];
    facts.extend(calls.iter().map(|logged| of_call(logged, to_ns)));
    facts.push(files(&read.input));
    facts
}

fn is_about(logged: &LoggedCall, about: &str) -> bool {
    let texts = [&logged.what, &logged.caller, &logged.event, &logged.source];
    texts.iter().any(|text| text.contains(about))
}

fn of_call(logged: &LoggedCall, to_ns: Option<i64>) -> Fact {
    let before = to_ns.map(|to_ns| to_ns.saturating_sub(logged.instant_ns) / SECOND_NS);
    Fact::new("change")
        .observed("time", instant(logged.instant_ns))
        .observed("caller", logged.caller.as_str())
        .observed(
            "source",
            Some(&*logged.source).filter(|source| !source.is_empty()),
        )
        .observed("what", logged.what.as_str())
        .observed("event", logged.event.as_str())
        .observed("changed_nothing", Some(true).filter(|_| logged.is_attempt))
        .observed("seconds_before_to", before)
        .records([&logged.record])
}
