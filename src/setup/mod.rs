//! How to create a flow log that converts well: a script for the AWS CLI, or a template for
//! CloudFormation.
//!
//! Most of what a capture lacks was not logged: the default format has no `tcp-flags`, and an
//! interval of ten minutes says little about order. So this writes down, once, what to ask
//! AWS for. It calls nothing and needs no network; whoever gets the text runs it.
//!
//! # Invariants
//! * What was typed is a validated type before it stands in any text, and of letters that
//!   mean nothing to a shell, to JSON or to `Fn::Sub`.
//! * Policies are built as JSON values and never pasted from strings.

mod destination;
mod fields;
mod place;
mod policy;
mod resource;
mod script;
mod template;

pub use self::destination::{Destination, Partitions};
pub use self::place::{AccountId, Region};
pub use self::resource::{Resource, ResourceKind};

/// Seconds in an aggregation interval: the shortest that AWS has, and for Transit Gateways the
/// only one (AWS CLI reference, `create-flow-logs`).
const INTERVAL_S: u64 = 60;

/// What is to be logged, and where to.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whose traffic.
    pub resource: Resource,
    /// Where records go.
    pub destination: Destination,
    /// The account that owns the log; found out when the text is run if not given.
    pub account: Option<AccountId>,
    /// Its region, likewise.
    pub region: Option<Region>,
}

impl Setup {
    /// The columns to be logged, as AWS and `convert --format` take them.
    pub fn format(&self) -> String {
        fields::format(self.resource.kind())
    }

    /// A script for bash that creates it with the AWS CLI.
    ///
    /// It may be run again: what is there already is left as it is.
    pub fn script(&self) -> String {
        script::script(self)
    }

    /// A CloudFormation template that creates it, as JSON.
    pub fn template(&self) -> serde_json::Value {
        template::template(self)
    }
}

/// Why something typed cannot stand in a script: what was expected, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {what}; expected {expected}")]
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
