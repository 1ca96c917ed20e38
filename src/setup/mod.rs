//! Creates instructions for a flow log that converts well: a script for the AWS CLI, or a template
//! for CloudFormation.
//!
//! Most information that a capture lacks was not logged: the default format has no `tcp-flags`, and
//! an interval of ten minutes reveals little about order. This module writes down which settings to
//! request from AWS, and how to fetch the configuration beside the logs. It calls no service and needs no network; the user runs the resulting text.
//! # Invariants
//! * User input becomes a validated type before it is put into any text, and contains only
//!   characters that have no special meaning in a shell, in JSON or in `Fn::Sub`.
//! * Policies are built as JSON values and never pasted together from strings.

mod context;
mod destination;
mod fields;
mod place;
mod policy;
mod resource;
mod script;
mod template;

pub use self::context::context_script;
pub use self::destination::{Destination, Partitions};
pub use self::place::{AccountId, Region};
pub use self::resource::{Resource, ResourceKind};

/// Length of an aggregation interval in seconds: the shortest that AWS has, and the only one for
/// Transit Gateways (AWS CLI reference, `create-flow-logs`).
const INTERVAL_S: u64 = 60;

/// The traffic to log, and the destination.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The resource whose traffic is logged.
    pub resource: Resource,
    /// The destination of records.
    pub destination: Destination,
    /// The account that owns the log; if `None`, determined when the script or template runs.
    pub account: Option<AccountId>,
    /// Its region; if `None`, determined in the same way.
    pub region: Option<Region>,
}

impl Setup {
    /// Returns the columns to log, in the syntax of AWS and of `convert --format`.
    pub fn format(&self) -> String {
        fields::format(self.resource.kind())
    }

    /// Returns a bash script that creates the flow log with the AWS CLI.
    ///
    /// It can be run again: existing resources are left as they are.
    pub fn script(&self) -> String {
        script::script(self)
    }

    /// Returns a CloudFormation template that creates the flow log, as JSON.
    pub fn template(&self) -> serde_json::Value {
        template::template(self)
    }
}

/// Invalid user input: what was found, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a valid {what}; expected {expected}")]
pub struct InvalidSetting {
    what: &'static str,
    found: String,
    expected: &'static str,
}

impl InvalidSetting {
    fn new(what: &'static str, found: &str, expected: &'static str) -> Self {
        Self {
            what,
            found: found.chars().take(80).collect(),
            expected,
        }
    }
}
