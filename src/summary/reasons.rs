//! Problems of the input, counted by reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most examples kept for each reason.
pub(crate) const EXAMPLES_MAX: usize = 3;

/// Counts by reason, with the first examples of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons(pub BTreeMap<String, Reason>);

/// The count of one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reason {
    /// Number of cases.
    pub count: u64,
    /// The first examples.
    pub examples: Vec<Example>,
}

/// A place in the input, and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Example {
    /// A file, or a line of it: `FILE:LINE`.
    pub place: String,
    /// The content; empty if the reason is enough.
    pub found: String,
}

impl Reasons {
    /// Counts one case; `example` is called only if there are few examples so far.
    pub fn count(&mut self, reason: &str, example: impl FnOnce() -> Example) {
        let entry = self.0.entry(reason.to_owned()).or_default();
        entry.count += 1;
        if entry.examples.len() < EXAMPLES_MAX {
            entry.examples.push(example());
        }
    }

    /// Counts `count` cases with these examples.
    pub fn count_many(
        &mut self,
        reason: &str,
        count: u64,
        examples: impl IntoIterator<Item = Example>,
    ) {
        let entry = self.0.entry(reason.to_owned()).or_default();
        entry.count += count;
        entry.examples.extend(examples);
        entry.examples.truncate(EXAMPLES_MAX);
    }

    /// Returns the number of all cases.
    pub fn total(&self) -> u64 {
        self.0
            .values()
            .fold(0, |sum, reason| sum.saturating_add(reason.count))
    }

    /// Adds cases that come later.
    pub fn add(&mut self, later: Self) {
        for (name, reason) in later.0 {
            let entry = self.0.entry(name).or_default();
            entry.count = entry.count.saturating_add(reason.count);
            entry.examples.extend(reason.examples);
            entry.examples.truncate(EXAMPLES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(place: &str) -> Example {
        Example {
            place: place.into(),
            found: String::new(),
        }
    }

    #[test]
    fn reasons_keep_the_first_examples_in_order() {
        let (mut first, mut later) = (Reasons::default(), Reasons::default());
        first.count("torn", || example("a:1"));
        for line in 1..9 {
            later.count("torn", || example(&format!("b:{line}")));
        }
        first.add(later);
        let torn = &first.0["torn"];
        let places: Vec<&str> = torn.examples.iter().map(|e| &*e.place).collect();
        assert_eq!((torn.count, places), (9, vec!["a:1", "b:1", "b:2"]));
    }
}
