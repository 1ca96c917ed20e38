//! Finds the header for a file without one, in a file next to it.
//!
//! A log that was cut into parts has its header only in the first part. The header of a neighbor is
//! not applied but proposed, since nothing proves that both are from the same log.

use crate::archive::{self, Enclosure, File, Opened};
use crate::error::NeighborHeader;
use crate::read::files::HEAD_LEN;
use crate::record::{Column, Evidence, Layout, Unrecognized, recognize};

/// Returns the header of the closest neighbor of `file` that fits its lines.
pub(crate) fn header_beside(
    file: &File,
    inputs: &[File],
    within: Option<&Enclosure>,
    lines: &Unrecognized,
) -> Option<NeighborHeader> {
    archive::neighbors(file, inputs, within)
        .iter()
        .find_map(|other| {
            let Opened::Content(mut content) = archive::open(other).ok()? else {
                return None;
            };
            let found = recognize(content.head(HEAD_LEN), None).ok()?;
            let fits = found.evidence == Evidence::Header && lines.can_have(&found.layout);
            fits.then(|| NeighborHeader {
                file: other.name.clone(),
                format: spelt(&found.layout),
            })
        })
}

/// Returns a layout as a format.
fn spelt(layout: &Layout) -> String {
    let columns = layout.columns().iter().map(|column| match column {
        Column::Known(field) => format!("${{{field}}}"),
        Column::Unknown(_) => "?".to_owned(),
    });
    columns.collect::<Vec<_>>().join(" ")
}
