//! Descriptions of file formats, for users who want to know what an archive holds.
//!
//! This module only describes what the reader found, and makes no decisions.

use crate::archive::{Content, Magic, Pack};
use crate::record::{Layout, Prefix, Separator};

/// Describes a file of lines and the text around the records.
pub(crate) fn of_text(content: &Content, layout: &Layout) -> String {
    let packing = match content {
        Content::Mapped(_) => None,
        Content::Stream(stream) => stream.packing(),
    };
    let text = match (layout.prefix(), layout.separator()) {
        (Prefix::None, Separator::Blank | Separator::Tab) => "text",
        (Prefix::None, Separator::Comma) => "CSV",
        (Prefix::None, Separator::Semicolon) => "CSV with semicolons",
        (Prefix::None, Separator::Bar | Separator::Frame) => "printed table",
        (Prefix::Time, _) => "text with a time before each record",
        (Prefix::TimeAndStream, _) => "text with a time and a stream before each record",
        (Prefix::Cells(_), _) => "CSV with the record in one cell",
    };
    in_packing(text, packing)
}

/// Describes a JSON file with this first value.
pub(crate) fn of_json(outermost: Option<&str>, packing: Option<Magic>) -> String {
    match outermost {
        Some(kind) => in_packing(&format!("JSON ({kind})"), packing),
        None => in_packing("JSON", packing),
    }
}

/// Describes a text file with records inside other text.
pub(crate) fn of_embedded(packing: Option<Magic>) -> String {
    in_packing("text with text around each record", packing)
}

/// Describes a table, whose rows are either records or events that contain them.
pub(crate) fn of_table(is_events: bool) -> &'static str {
    if is_events {
        "Parquet (OCSF)"
    } else {
        "Parquet"
    }
}

/// Returns the text that follows the description of an archive's members.
pub(crate) fn of_pack(pack: &Pack) -> &'static str {
    match pack {
        Pack::Zip(_) => " in a zip archive",
        Pack::Tar(_) => " in a tar archive",
    }
}

fn in_packing(kind: &str, packing: Option<Magic>) -> String {
    packing.map_or_else(|| kind.to_owned(), |packing| format!("{kind} in {packing}"))
}
