//! What tells the parts of a capture apart, as typed.

use flow2pcap::pipeline::Split;

use crate::cli::size;

/// What `--split` takes.
///
/// # Errors
/// What was expected.
pub(crate) fn parse(text: &str) -> Result<Split, String> {
    let expected = || "eni, hour, size=SIZE (size=256MB) or connections=N".to_owned();
    match text.split_once('=') {
        None if text == "eni" => Ok(Split::Eni),
        None if text == "hour" => Ok(Split::Hour),
        Some(("size", size)) => match size::parse(size)? {
            0 => Err("a part cannot be empty; give a size such as size=256MB".into()),
            size => Ok(Split::Size(size)),
        },
        Some(("connections", count)) => match count.parse() {
            Ok(0) | Err(_) => Err("a number from 1, such as connections=1000".into()),
            Ok(count) => Ok(Split::Connections(count)),
        },
        _ => Err(expected()),
    }
}
