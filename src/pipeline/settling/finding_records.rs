//! Which records of an archive belong to one finding of its diagnosis.

use crate::diagnosis::{FindingMembers, Visibility, attempts_with_places};
use crate::flow::{Candidate, Enis, Place, duplicates};
use crate::pipeline::settling::selection::Selection;

/// The records of one finding.
pub(crate) struct FindingRecords {
    /// The attempts that it explains.
    pub members: FindingMembers,
    /// When silence proves something.
    pub visibility: Visibility,
}

/// Marks them among the records of an archive.
pub(crate) struct FindingMarker<'a> {
    finding: &'a FindingRecords,
    /// What the diagnosis looked at; all if there was no filter.
    selection: Option<Selection>,
    enis: &'a Enis,
}

impl<'a> FindingMarker<'a> {
    /// Returns the marker of a finding, if there is one, and what the conversion then keeps.
    pub(crate) fn of(
        finding: Option<&'a FindingRecords>,
        selection: Option<Selection>,
        enis: &'a Enis,
    ) -> (Option<Self>, Option<Selection>) {
        let marker = finding.map(|finding| Self {
            finding,
            selection,
            enis,
        });
        // Without a filter, what is marked is kept, whenever it was.
        let marked = marker.is_some().then(Selection::of_any_time);
        (marker, selection.or(marked))
    }

    /// Lets exactly those records of a conversation match that belong to the finding.
    pub(crate) fn mark(&self, conversation: &mut [Candidate]) {
        // As the diagnosis has them: without those that the filter excludes, and each once.
        let mut records = conversation.to_vec();
        if let Some(selection) = self.selection {
            let selection = Selection {
                only_matching: false,
                ..selection
            };
            let _ = selection.sift(&mut records);
        }
        duplicates::remove(&mut records);
        let found = attempts_with_places(&mut records).into_iter();
        let (members, visibility) = (&self.finding.members, &self.finding.visibility);
        let found = found
            .filter(|(attempt, _)| attempt.matched && members.has(attempt, visibility, self.enis));
        let mut places: Vec<Place> = found.flat_map(|(_, places)| places).collect();
        places.sort_unstable();
        for record in conversation {
            record.matched = places.binary_search(&record.place).is_ok();
        }
    }
}
