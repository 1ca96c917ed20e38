//! Suggests a format to complete, for lines in an unknown order.
//!
//! Some values identify their column: an `eni-…`, an action, a time in seconds. These columns are
//! named. The others become `?`, to be completed by someone who knows the flow log. Numbers between
//! the addresses and the times are also named if they can be the ports, protocol and counters that
//! are almost always together there.

use super::order::fits;
use crate::record::{
    Field, Separator,
    cells::{LineCells, is_absent},
};

/// Returns a format for `records`, or `None` if no column can be identified.
pub(super) fn suggest(records: &[&[u8]], separator: Separator) -> Option<String> {
    let lines: Vec<Vec<_>> = records
        .iter()
        .map(|line| {
            LineCells::new(line, separator)
                .map(|cell| cell.text)
                .collect()
        })
        .collect();
    let column_count = lines.first()?.len();
    let same: Vec<_> = lines
        .iter()
        .filter(|cells| cells.len() == column_count)
        .collect();
    let mut names: Vec<Option<Field>> = Vec::with_capacity(column_count);
    for index in 0..column_count {
        let texts = same.iter().map(|cells| cells[index]);
        let values: Vec<_> = texts.filter(|text| !is_absent(text)).collect();
        let free = GIVEAWAYS
            .iter()
            .filter(|(field, _)| !names.contains(&Some(*field)));
        let mut candidates = free.filter(|_| !values.is_empty());
        let found = candidates.find(|(field, gives_away)| {
            values
                .iter()
                .all(|text| gives_away(text) && fits(*field, text))
        });
        names.push(found.map(|(field, _)| *field));
    }
    name_counters(&mut names, &same);
    let known = names.iter().flatten().count();
    let spelt = names.iter().map(|name| match name {
        Some(field) => format!("${{{field}}}"),
        None => "?".to_owned(),
    });
    (known >= 2).then(|| spelt.collect::<Vec<_>>().join(" "))
}

/// Names five consecutive numbers, if they can be ports, protocol and counters.
fn name_counters(names: &mut [Option<Field>], lines: &[&Vec<&[u8]>]) {
    let run = [
        Field::SrcPort,
        Field::DstPort,
        Field::Protocol,
        Field::Packets,
        Field::Bytes,
    ];
    let fitting = |start: &usize| {
        names[*start..start + run.len()].iter().all(Option::is_none)
            && lines.iter().all(|cells| {
                run.iter().zip(&cells[*start..]).all(|(field, text)| {
                    fits(*field, text)
                        && text
                            .iter()
                            .all(|byte| byte.is_ascii_digit() || *byte == b'-')
                })
            })
    };
    let start = (0..(names.len() + 1).saturating_sub(run.len())).find(fitting);
    if let Some(start) = start {
        for (name, field) in names[start..].iter_mut().zip(run) {
            *name = Some(field);
        }
    }
}

/// Whether a value that fits its field also identifies it.
type Giveaway = fn(&[u8]) -> bool;

/// Fields identified by their values, in their usual order.
const GIVEAWAYS: &[(Field, Giveaway)] = &[
    (Field::InterfaceId, always),
    (Field::SrcAddr, always),
    (Field::DstAddr, always),
    (Field::PktSrcAddr, always),
    (Field::PktDstAddr, always),
    (Field::Start, is_recent),
    (Field::End, is_recent),
    (Field::Action, always),
    (Field::LogStatus, always),
    (Field::VpcId, always),
    (Field::SubnetId, always),
    (Field::InstanceId, always),
    (Field::Type, always),
    (Field::FlowDirection, always),
    (Field::AzId, |text| {
        memchr::memmem::find(text, b"-az").is_some()
    }),
    (Field::Region, |text| {
        memchr::memmem::find(text, b"-az").is_none()
    }),
    (Field::AccountId, |text| {
        text.len() == 12 && text.iter().all(u8::is_ascii_digit)
    }),
    (Field::TgwAttachmentId, always),
    (Field::TgwPairAttachmentId, always),
    (Field::TgwId, always),
    (Field::ResourceType, always),
];

fn always(_: &[u8]) -> bool {
    true
}

/// Whether `text` can be a time in seconds after flow logs were introduced (June 2015).
pub(super) fn is_recent(text: &[u8]) -> bool {
    let seconds = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    seconds.is_some_and(|seconds: u64| (1_400_000_000..4_000_000_000).contains(&seconds))
}
