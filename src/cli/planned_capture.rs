//! What is said before a capture is written: how many packets it will have, and how to have others.

use flow2pcap::pipeline::PlannedCapture;
use flow2pcap::printable::number::grouped;
use flow2pcap::summary::WIRESHARK_PACKETS;

use super::advice::suggestion;
use super::message::{Message, Tip};

/// Returns the messages about a capture.
pub(crate) fn messages(planned: &PlannedCapture) -> Vec<Message> {
    [merging(planned), narrowing(planned)]
        .into_iter()
        .flatten()
        .collect()
}

/// Says what `--detail auto` merges.
fn merging(planned: &PlannedCapture) -> Option<Message> {
    let budget = planned.detail.packets_budget?;
    let written = match (planned.detail.name, planned.detail.max_per_record) {
        ("exact", _) => return None,
        (_, Some(most)) => format!("merging to at most {most} a record"),
        _ => "writing handshakes, teardowns and one data segment a record".to_owned(),
    };
    let aim = match planned.packets <= budget {
        true => format!(" to stay within {}", grouped(budget)),
        false => String::new(),
    };
    let exact = match planned.packets_exact < planned.packets_logged {
        true => grouped(planned.packets_exact).to_string(),
        false => "all".to_owned(),
    };
    Some(Message::note(format!(
        "{} packets are logged; {written}{aim}; --detail exact writes {exact}",
        grouped(planned.packets_logged)
    )))
}

/// Says how to write fewer packets, if there are many.
fn narrowing(planned: &PlannedCapture) -> Option<Message> {
    let most = planned.detail.packets_budget.unwrap_or(WIRESHARK_PACKETS);
    if planned.packets <= most {
        return None;
    }
    let filters = planned.suggested_filters.iter();
    let commands = filters.filter_map(|s| suggestion(&s.filter, s.packets));
    let commands: Vec<String> = commands.collect();
    let packets = grouped(planned.packets);
    let text = if planned.packets > WIRESHARK_PACKETS {
        let slow = grouped(WIRESHARK_PACKETS);
        format!(
            "the capture will have about {packets} packets, and Wireshark is slow with more than about {slow}"
        )
    } else {
        let most = grouped(most);
        format!("the capture will have about {packets} packets, more than {most}")
    };
    let mut tips: Vec<Tip> = Vec::new();
    if !commands.is_empty() {
        let text = "write fewer packets with a filter:".into();
        tips.push(Tip { text, commands });
    }
    tips.push("choose a time range with --from and --to".into());
    Some(Message::warning(text).tips(tips))
}
