//! SQL over logs: Athena's dialect and functions, on the engine DataFusion.
//!
//! An [`Engine`] has one table for each kind of log, with the names and columns of `table`. It runs
//! statements one after the other and passes their rows on in batches. Only the feature `sql` has this
//! module, because the engine takes longer to build than the rest of the crate.
//!
//! ```text
//! statements   a text -> statements           dialect       Athena's SQL -> the engine's
//! engine       statements -> rows             functions     functions that the engine lacks
//! tables       the tables of the inputs       named         queries that have names
//! provider     an archive -> rows             order         the order of a result
//! form         rows -> text and Parquet       suggestions   names that were probably meant
//! overflow     numbers that get too large     fault         what went wrong
//! ```
//!
//! # Invariants
//! * The same query and input give the same bytes, with any number of threads (`order`).
//! * No message of the engine reaches the user as it is.

mod dialect;
mod engine;
mod fault;
mod form;
mod functions;
mod named;
mod order;
mod overflow;
mod provider;
mod statements;
mod suggestions;
mod tables;
#[cfg(test)]
mod tests;

pub use self::engine::{Engine, EngineRoom, RowSink};
pub use self::fault::QueryFault;
pub use self::form::{QueryForm, RowWriter, TakeBytes};
pub use self::named::{NamedQuery, named_queries};
pub use self::provider::Unread;
pub use self::statements::{SqlStatement, StatementKind, statements};

/// The values of `:name` in queries, by name.
pub type Parameters = std::collections::BTreeMap<String, String>;
