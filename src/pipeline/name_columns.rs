//! The columns of records that name an address, and not the ENI.

use std::net::IpAddr;

use crate::flow::{AddressNames, NameKind, is_private};
use crate::read::Found;
use crate::record::{Field, Layout};

/// The fields of AWS among them.
pub(super) const SERVICES: [Field; 2] = [Field::PktSrcAwsService, Field::PktDstAwsService];

/// The columns that logs of GCP have for it, at the source and at the destination.
const HOSTS: [(NameKind, [&str; 2]); 3] = [
    (NameKind::Pod, ["src-pod", "dst-pod"]),
    (NameKind::Workload, ["src-workload", "dst-workload"]),
    (NameKind::Machine, ["src-machine", "dst-machine"]),
];

/// The columns with names in one layout.
#[derive(Debug, Default)]
pub(super) struct NameColumns {
    /// The AWS services of source and destination.
    services: Vec<NameColumn>,
    hosts: Vec<NameColumn>,
}

#[derive(Debug)]
struct NameColumn {
    index: usize,
    is_source: bool,
    kind: NameKind,
}

impl NameColumns {
    /// Finds the columns of `layout`.
    pub(super) fn of(layout: &Layout) -> Self {
        let column = |index: Option<usize>, is_source, kind| {
            index.map(|index| NameColumn {
                index,
                is_source,
                kind,
            })
        };
        let services = SERVICES.iter().map(|field| {
            let is_source = *field == Field::PktSrcAwsService;
            column(layout.index_of(*field), is_source, NameKind::AwsService)
        });
        let hosts = HOSTS.iter().flat_map(|(kind, names)| {
            let both = names.iter().zip([true, false]);
            both.map(|(name, is_source)| column(layout.index_of_name(name), is_source, *kind))
        });
        Self {
            services: services.flatten().collect(),
            hosts: hosts.flatten().collect(),
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.services.is_empty() && self.hosts.is_empty()
    }

    /// Adds the names in a record.
    pub(super) fn note(&self, found: &Found<'_>, names: &mut AddressNames) {
        let record = found.record;
        let ends = [
            record.pkt_destination.or(record.destination),
            record.pkt_source.or(record.source),
        ];
        // Services have public addresses, and most records have only private ones.
        let may_be_service = |end: Option<IpAddr>| end.is_some_and(|address| !is_private(address));
        if ends.into_iter().any(may_be_service) {
            note_columns(&self.services, found, ends, names);
        }
        note_columns(&self.hosts, found, ends, names);
    }
}

fn note_columns(
    columns: &[NameColumn],
    found: &Found<'_>,
    ends: [Option<IpAddr>; 2],
    names: &mut AddressNames,
) {
    // One walk through the line for all of them.
    let indices = || columns.iter().map(|column| column.index);
    let (Some(first), Some(last)) = (indices().min(), indices().max()) else {
        return;
    };
    let record = found.record;
    record.each_text_of(found.layout, first..last + 1, |index, text| {
        let Some(name) = text else { return };
        for column in columns.iter().filter(|column| column.index == index) {
            if let Some(address) = ends[usize::from(column.is_source)] {
                names.meet(address, column.kind, name);
            }
        }
    });
}
