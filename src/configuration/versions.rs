//! Resources by their id, each as it was at one or several instants.
//!
//! A command of the AWS CLI shows a resource as it is, without saying when. AWS Config says when,
//! and its history has one version after another.

use std::collections::BTreeMap;

/// The instant of a version that does not say when it was captured: before any other.
const UNDATED: i64 = i64::MIN;

/// Resources of one kind by their id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources<T>(BTreeMap<String, BTreeMap<i64, Option<T>>>);

/// A resource as it was at an instant.
#[derive(Debug)]
pub struct Captured<'a, T> {
    /// The resource.
    pub value: &'a T,
    /// When it was captured, nanoseconds since the Unix epoch, if the file says so.
    pub captured_ns: Option<i64>,
}

impl<T> Clone for Captured<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Captured<'_, T> {}

impl<T> Default for Resources<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Resources<T> {
    /// Adds a version; `None` for the end of a resource. Of two versions of one instant the later
    /// one is kept.
    pub(super) fn add(&mut self, id: String, captured_ns: Option<i64>, value: Option<T>) {
        let versions = self.0.entry(id).or_default();
        versions.insert(captured_ns.unwrap_or(UNDATED), value);
    }

    /// Adds the resources of a later file.
    pub(super) fn append(&mut self, later: Self) {
        for (id, versions) in later.0 {
            self.0.entry(id).or_default().extend(versions);
        }
    }

    /// Adds those of other resources that are not known at all.
    pub(super) fn fill(&mut self, others: Self) {
        for (id, versions) in others.0 {
            self.0.entry(id).or_insert(versions);
        }
    }

    /// Returns every version of every resource.
    pub(super) fn all_versions(&self) -> impl Iterator<Item = &T> {
        let versions = self.0.values().flat_map(BTreeMap::values);
        versions.flatten()
    }

    /// Returns every version of one resource.
    pub(super) fn versions(&self, id: &str) -> impl Iterator<Item = &T> {
        let versions = self.0.get(id).into_iter();
        versions.flat_map(BTreeMap::values).flatten()
    }

    /// The same, to change them.
    pub(super) fn versions_of(&mut self, id: &str) -> impl Iterator<Item = &mut T> {
        let versions = self.0.get_mut(id).into_iter();
        versions.flat_map(BTreeMap::values_mut).flatten()
    }

    /// Returns the number of resources.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a resource as it was last captured before an instant, or else as it was first
    /// captured after it; `None` if it is unknown or was gone.
    pub fn at(&self, id: &str, ns: i64) -> Option<Captured<'_, T>> {
        chosen(self.0.get(id)?, ns)
    }

    /// Returns all resources as they were at an instant, in order of their ids.
    pub fn all_at(&self, ns: i64) -> impl Iterator<Item = (&str, Captured<'_, T>)> {
        let all = self.0.iter();
        all.filter_map(move |(id, versions)| Some((id.as_str(), chosen(versions, ns)?)))
    }
}

fn chosen<T>(versions: &BTreeMap<i64, Option<T>>, ns: i64) -> Option<Captured<'_, T>> {
    let before = versions.range(..=ns).next_back();
    let (captured_ns, value) = before.or_else(|| versions.first_key_value())?;
    Some(Captured {
        value: value.as_ref()?,
        captured_ns: Some(*captured_ns).filter(|ns| *ns != UNDATED),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_of_an_instant_is_the_last_one_before_it() {
        let mut all = Resources::default();
        all.add("sg-1".to_owned(), Some(10), Some("first"));
        all.add("sg-1".to_owned(), Some(20), Some("second"));
        all.add("sg-1".to_owned(), Some(30), None);
        let at = |ns| {
            all.at("sg-1", ns)
                .map(|found| (*found.value, found.captured_ns))
        };
        assert_eq!(at(5), Some(("first", Some(10))));
        assert_eq!(at(19), Some(("first", Some(10))));
        assert_eq!(at(20), Some(("second", Some(20))));
        assert_eq!(at(31), None);
        assert!(all.at("sg-2", 5).is_none());
    }

    #[test]
    fn version_without_a_time_serves_any_instant() {
        let mut all = Resources::default();
        all.add("sg-1".to_owned(), None, Some("now"));
        let found = all.at("sg-1", -5).unwrap();
        assert_eq!((*found.value, found.captured_ns), ("now", None));
    }
}
