//! Names for the places of records in comments and findings.
//!
//! A place is a file of the list and a line in it. A zip or tar archive is one file of the list.
//! Its lines are counted through all members, and the member is looked up here.

use std::collections::HashMap;

use crate::archive::File;
use crate::flow::Place;

/// The names of files and of the members in them.
#[derive(Clone, Debug)]
pub struct SourceNames {
    /// Members by file, then by line.
    names: Vec<Vec<ArchiveMember>>,
}

/// A member of a zip or tar archive.
#[derive(Clone, Debug)]
pub(crate) struct ArchiveMember {
    /// Number of lines of the archive before this member.
    pub lines_before: u64,
    /// Its name, preceded by the name of its archive.
    pub name: String,
}

impl SourceNames {
    /// Names `files`, some of which may have members.
    ///
    /// Each file is identified by its own name if no other file has that name, and otherwise by its
    /// path. AWS gives each file a unique name, and the folders that contain it add nothing to it.
    pub(crate) fn new(files: &[File], members: Vec<Vec<ArchiveMember>>) -> Self {
        Self::of_names(files.iter().map(|file| file.name.clone()), members)
    }

    fn of_names(files: impl Iterator<Item = String>, members: Vec<Vec<ArchiveMember>>) -> Self {
        let mut names = members;
        for (index, file) in files.enumerate() {
            if names.len() <= index {
                names.push(Vec::new());
            }
            if names[index].is_empty() {
                names[index].push(ArchiveMember {
                    lines_before: 0,
                    name: file,
                });
            }
        }
        let own = |name: &'_ str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let mut counts: HashMap<String, u32> = HashMap::new();
        for member in names.iter().flatten() {
            *counts.entry(own(&member.name)).or_default() += 1;
        }
        for member in names.iter_mut().flatten() {
            let short = own(&member.name);
            if counts[&short] == 1 {
                member.name = short;
            }
        }
        Self { names }
    }

    /// Returns the name of the file or member at `place`, and the line in it.
    pub fn of(&self, place: Place) -> (&str, u64) {
        let names = &self.names[place.file as usize];
        let index = names.partition_point(|member| member.lines_before < place.line);
        let member = &names[index.saturating_sub(1)];
        (&member.name, place.line - member.lines_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_is_found_by_its_lines() {
        let member = |lines_before, name: &str| ArchiveMember {
            lines_before,
            name: name.to_owned(),
        };
        let members = vec![
            member(0, "b.zip/x"),
            member(0, "b.zip/empty"),
            member(3, "b.zip/a"),
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
