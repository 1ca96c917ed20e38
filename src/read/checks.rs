//! What a reading is checked for when all of it is done, by one run or by several that each read a part.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::filter::{Expression, FilterWatch};
use crate::read::account::Account;

/// What a reading is checked for when all of it is done, by one run or by several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveChecks {
    /// Whether there must be records of flow logs.
    pub needs_records: bool,
    /// The time that the paths of all files give, nanoseconds since the Unix epoch.
    pub filed_ns: Option<(i64, i64)>,
}

impl ArchiveChecks {
    /// Checks the account of a whole archive that was read with this condition.
    ///
    /// # Errors
    /// There was nothing to read, or a name in the condition is not one of the archive.
    pub(crate) fn check(&self, account: &Account, condition: Option<&Expression>) -> Result<()> {
        account.check_names(&FilterWatch::new(condition))?;
        account.check(self.needs_records, || self.filed_ns)
    }
}
