//! Which fields a flow log was created with.

use crate::random::Random;

/// Fields 1 to 14, what a flow log has that was created without a choice.
const DEFAULT: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];

/// Fields 15 to 29, with which versions 3, 4 and 5 came.
const ADDED: [&str; 15] = [
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
];

/// Fields 30 to 40, with which versions 7 and 8 came.
const CONTAINERS: [&str; 11] = [
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-container-instance-arn",
    "ecs-container-instance-id",
    "ecs-container-id",
    "ecs-second-container-id",
    "ecs-service-name",
    "ecs-task-definition-arn",
    "ecs-task-arn",
    "ecs-task-id",
    "reject-reason",
];

/// What a thrifty person chooses who has heard of `tcp-flags`.
const THRIFTY: [&str; 17] = [
    "interface-id",
    "subnet-id",
    "az-id",
    "flow-direction",
    "srcaddr",
    "srcport",
    "dstaddr",
    "dstport",
    "protocol",
    "tcp-flags",
    "action",
    "packets",
    "bytes",
    "start",
    "end",
    "log-status",
    "instance-id",
];

/// A choice of fields that AWS offers or people make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Version 2: neither flags nor directions, so less can be proved.
    Default,
    /// All fields up to version 5.
    Five,
    /// All fields up to version 8, which tells some reasons for a REJECT.
    Eight,
    /// Version 5 as the console orders them when all are selected.
    Alphabetical,
    /// Few fields, the packet's addresses not among them.
    Thrifty,
}

impl Choice {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Default,
        Self::Five,
        Self::Eight,
        Self::Alphabetical,
        Self::Thrifty,
    ];

    /// As common as among people who look for faults: mostly all fields.
    pub(super) fn any(random: &mut Random) -> Self {
        if random.percent(85) {
            Self::Five
        } else {
            random.of(&Self::ALL[3..])
        }
    }
}

/// The columns of a log.
pub(super) struct Layout {
    fields: Vec<&'static str>,
    version: &'static str,
}

impl Layout {
    pub(super) fn new(choice: Choice) -> Self {
        let mut fields: Vec<&'static str> = match choice {
            Choice::Default => DEFAULT.to_vec(),
            Choice::Thrifty => THRIFTY.to_vec(),
            Choice::Five | Choice::Alphabetical => [&DEFAULT[..], &ADDED].concat(),
            Choice::Eight => [&DEFAULT[..], &ADDED, &CONTAINERS].concat(),
        };
        if choice == Choice::Alphabetical {
            fields.sort_unstable();
        }
        let version = match choice {
            Choice::Default => "2",
            Choice::Eight => "8",
            Choice::Five | Choice::Alphabetical | Choice::Thrifty => "5",
        };
        Self { fields, version }
    }

    pub(super) fn header(&self) -> String {
        self.fields.join(" ") + "\n"
    }

    /// A line with what `cell` says for each field.
    pub(super) fn line(&self, cell: impl Fn(&str) -> String) -> String {
        let cells = self.fields.iter().map(|field| match *field {
            "version" => self.version.to_owned(),
            field => cell(field),
        });
        cells.collect::<Vec<String>>().join(" ") + "\n"
    }
}
