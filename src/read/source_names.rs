//! What comments call the place that a record stands at, and what is known of it besides.
//!
//! A place is a file of the list and a line in it. Zip and tar archives are one
//! file of the list; their lines are counted through all members, and the member
//! is found again here.

use std::collections::HashMap;

use crate::archive::File;
use crate::flow::{Losses, Place};

/// The names of files and of the members in them.
pub(crate) struct SourceNames {
    /// By file, then by the line behind which each begins.
    names: Vec<Vec<(u64, String)>>,
    /// In order of place.
    losses: Vec<(Place, Losses)>,
}

/// Records whose losses are kept for their comments: 12 MiB of them. All are counted.
pub(crate) const LOSSES_MAX: usize = 1 << 18;

/// A member of a file: the lines of the file that stand before it, and its name.
pub(crate) type Member = (u64, String);

impl SourceNames {
    /// Names `files`, of which some have members; `losses` are in order of place.
    ///
    /// Each is called by its own name where no other has it, else by its path. AWS
    /// gives each file a name of its own, and the folders around it say nothing
    /// that the name does not.
    pub(crate) fn new(
        files: &[File],
        members: Vec<Vec<Member>>,
        losses: Vec<(Place, Losses)>,
    ) -> Self {
        let files = files.iter().map(|file| file.name.clone());
        Self {
            losses,
            ..Self::of_names(files, members)
        }
    }

    fn of_names(files: impl Iterator<Item = String>, members: Vec<Vec<Member>>) -> Self {
        let mut names = members;
        for (index, file) in files.enumerate() {
            if names.len() <= index {
                names.push(Vec::new());
            }
            if names[index].is_empty() {
                names[index].push((0, file));
            }
        }
        let own = |name: &'_ str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (_, name) in names.iter().flatten() {
            *counts.entry(own(name)).or_default() += 1;
        }
        for (_, name) in names.iter_mut().flatten() {
            let short = own(name);
            if counts[&short] == 1 {
                *name = short;
            }
        }
        let losses = Vec::new();
        Self { names, losses }
    }

    /// What a Transit Gateway lost of the packets of the record at `place`, if it says.
    pub(crate) fn losses(&self, place: Place) -> Option<&Losses> {
        let index = self.losses.binary_search_by_key(&place, |(at, _)| *at);
        Some(&self.losses[index.ok()?].1)
    }

    /// The name of the file or member at `place`, and the line in it.
    pub(crate) fn of(&self, place: Place) -> (&str, u64) {
        let names = &self.names[place.file as usize];
        let index = names.partition_point(|(before, _)| *before < place.line);
        let (before, name) = &names[index.saturating_sub(1)];
        (name, place.line - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_is_found_by_its_lines() {
        let members = vec![
            (0, "b.zip/x".into()),
            (0, "b.zip/empty".into()),
            (3, "b.zip/a".into()),
        ];
        let places = SourceNames::of_names(
            ["d/a".into(), "b.zip".into()].into_iter(),
            vec![vec![], members],
        );
        let of = |file, line| places.of(Place { file, line });
        assert_eq!(of(0, 7), ("d/a", 7));
        assert_eq!(of(1, 3), ("empty", 3));
        assert_eq!(of(1, 4), ("b.zip/a", 1));
    }
}
