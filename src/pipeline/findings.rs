//! The findings of a diagnosis as rows.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use serde::Serialize;

use crate::diagnosis::Finding;
use crate::error::Result;
use crate::flow::Enis;
use crate::pipeline::diagnose::{Diagnosis, Examined, diagnose_archive};
use crate::pipeline::run::{Request, with_names};
use crate::printable::json::escaped;
use crate::read::Meter;
use crate::table::FindingRows;

/// Diagnoses an archive. Returns the findings as rows of
/// [`DerivedTable::Findings`](crate::table::DerivedTable::Findings), most important first, and the whole
/// diagnosis.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// Fails as [`diagnose`](super::diagnose()) does.
pub fn findings(request: &Request, meter: &Meter) -> Result<(RecordBatch, Diagnosis)> {
    with_names(request, |request| {
        let archive = request.archive_and_all_beside()?;
        let Examined {
            diagnosis, enis, ..
        } = diagnose_archive(request, &archive, meter)?;
        let mut rows = FindingRows::new();
        for (number, finding) in (1..).zip(&diagnosis.findings) {
            rows.put(number, &accounts(finding, &enis), &json(finding));
        }
        Ok((rows.finish(), diagnosis))
    })
}

/// Returns a value as JSON of printable characters.
fn json(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("texts, numbers and lists");
    escaped(value.to_string())
}

/// Returns the accounts of the ENIs of a finding, as a JSON list.
fn accounts(finding: &Finding, enis: &Enis) -> String {
    let indexes = finding.scope.enis.iter();
    let indexes = indexes.filter_map(|name| enis.find(name.as_bytes()));
    let accounts = indexes.map(|index| enis.get(index).account.as_str());
    let accounts: BTreeSet<&str> = accounts.filter(|account| !account.is_empty()).collect();
    json(&accounts)
}
