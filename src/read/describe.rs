//! What a file is, in words, for those who want to know what an archive holds.
//!
//! Only names what the reader found; nothing is decided here.

use crate::archive::{Content, Magic, Pack};
use crate::record::{Layout, Prefix, Separator};

/// A file of lines, and what is around them.
pub(crate) fn of_text(content: &Content, layout: &Layout) -> String {
    let packing = match content {
        Content::Mapped(_) => None,
        Content::Stream(stream) => stream.packing(),
    };
    let text = match (layout.prefix(), layout.separator()) {
        (Prefix::None, Separator::Blank) => "text",
        (Prefix::None, Separator::Comma) => "CSV",
        (Prefix::Time, _) => "text with a time in front of each line",
        (Prefix::TimeAndStream, _) => "text with a time and a stream in front of each line",
        (Prefix::Cells(_), _) => "CSV with the record in a cell",
    };
    in_packing(text, packing)
}

/// A file of JSON whose first value was this.
pub(crate) fn of_json(outermost: Option<&str>, packing: Option<Magic>) -> String {
    match outermost {
        Some(kind) => in_packing(&format!("JSON ({kind})"), packing),
        None => in_packing("JSON", packing),
    }
}

/// A table, whose rows are records or events that hold them.
pub(crate) fn of_table(is_events: bool) -> &'static str {
    if is_events {
        "Parquet (OCSF)"
    } else {
        "Parquet"
    }
}

/// What stands behind the kind of an archive's members.
pub(crate) fn of_pack(pack: &Pack) -> &'static str {
    match pack {
        Pack::Zip(_) => " in a zip archive",
        Pack::Tar(_) => " in a tar archive",
    }
}

fn in_packing(kind: &str, packing: Option<Magic>) -> String {
    packing.map_or_else(|| kind.to_owned(), |packing| format!("{kind} in {packing}"))
}
