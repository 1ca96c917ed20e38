//! Lists the objects below a key, without the folders in which nothing can match.
//!
//! AWS's keys are folders of account, service, region, year, month, day and often hour. They are listed level
//! by level, many folders at once, so a run for one hour lists one day. Where everything can match, all
//! keys are listed in one go, a thousand with each request.

use std::io;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use opendal::{EntryMode, ErrorKind, Operator};

use super::client::{client, wait};
use super::location::Location;
use super::object::{Object, ReadBucket};
use super::wording::worded;

/// How many folders are listed at once.
const AT_ONCE: usize = 16;

/// What an input in a bucket is.
pub(crate) enum FoundInBucket {
    /// One object, which the input names.
    Object(Object, u64),
    /// The objects in a folder: their keys below the folder, and their lengths in bytes.
    Folder(Vec<(String, Object, u64)>),
}

/// One level of a folder, or all below it: folders and objects.
type FolderLevel = (Vec<String>, Vec<(String, u64)>);

/// Lists what an input names. `may_match` says whether something in a folder can match, whose key it is given; without
/// it everything can.
///
/// # Errors
/// The server refuses, also after several attempts.
pub(crate) fn list(
    at: &Location,
    may_match: Option<&dyn Fn(&str) -> bool>,
) -> io::Result<FoundInBucket> {
    let client = client(&at.bucket)?;
    let bucket = Arc::new(ReadBucket::new(&at.bucket, client.clone()));
    let mut refusal = None;
    if !at.key.is_empty() && !at.key.ends_with('/') {
        match wait(async { client.stat(&at.key).await })? {
            Ok(object) if object.mode() == EntryMode::FILE => {
                let len = object.content_length();
                return Ok(FoundInBucket::Object(
                    Object::new(&bucket, at.key.clone(), len),
                    len,
                ));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // The answer has no body, and so no reason. That of the list has.
            Err(error) => refusal = Some(worded(&error)),
        }
    }
    let mut objects = Vec::new();
    let mut folders = vec![at.folder()];
    while !folders.is_empty() {
        let levels = wait(levels(&client, folders, may_match.is_none()))??;
        folders = Vec::new();
        for (below, found) in levels {
            folders.extend(
                below
                    .into_iter()
                    .filter(|folder| may_match.is_none_or(|may| may(folder))),
            );
            objects.extend(found);
        }
    }
    if let (Some(refusal), true) = (refusal, objects.is_empty()) {
        return Err(refusal);
    }
    let skip = at.folder().len();
    let objects = objects.into_iter().map(|(key, len)| {
        let below = key.get(skip..).unwrap_or_default().to_owned();
        (below, Object::new(&bucket, key, len), len)
    });
    Ok(FoundInBucket::Folder(objects.collect()))
}

/// Lists several folders at once, each one level deep or wholly.
async fn levels(
    client: &Operator,
    folders: Vec<String>,
    is_whole: bool,
) -> io::Result<Vec<FolderLevel>> {
    let each = folders
        .into_iter()
        .map(|folder| level(client, folder, is_whole));
    let mut under_way = stream::iter(each).buffered(AT_ONCE);
    let mut found = Vec::new();
    while let Some(level) = under_way.next().await {
        found.push(level.map_err(|error| worded(&error))?);
    }
    Ok(found)
}

async fn level(client: &Operator, folder: String, is_whole: bool) -> opendal::Result<FolderLevel> {
    let (mut folders, mut objects) = FolderLevel::default();
    let mut entries = client.lister_with(&folder).recursive(is_whole).await?;
    while let Some(entry) = entries.next().await {
        let (key, metadata) = entry?.into_parts();
        match metadata.mode() {
            EntryMode::FILE => objects.push((key, metadata.content_length())),
            EntryMode::DIR if !is_whole && key != folder => folders.push(key),
            _ => {}
        }
    }
    Ok((folders, objects))
}
