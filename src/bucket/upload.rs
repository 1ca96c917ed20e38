//! Writes an object, which is visible when all of it has arrived.
//!
//! Its bytes are in a file first. A large one is sent in parts, as S3 wants it. The server puts them together at the
//! end, and a run that fails before leaves no object.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use opendal::{ErrorKind, Operator, Writer};

use super::client::{client, wait};
use super::location::Location;
use super::wording::worded;

/// How many bytes a part has. S3 takes 10,000 parts, so an object can have 156 GiB.
const PART_LEN: usize = 16 << 20;

/// How many parts are sent at once.
const PARTS_AT_ONCE: usize = 4;

/// An object to be written.
#[derive(Debug)]
pub(crate) struct Upload {
    client: Operator,
    key: String,
}

impl Upload {
    /// Prepares to write the object at `location`.
    ///
    /// # Errors
    /// There is no such bucket, or its server does not answer or does not accept the credentials. Whether they allow to
    /// write is only known at the end.
    pub(crate) fn new(location: &Location) -> io::Result<Self> {
        let client = client(&location.bucket)?;
        let folder = location
            .key
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let found = wait(async { client.list_with(&format!("{folder}/")).limit(1).await })?;
        match found.map_err(|error| (error.kind(), worded(&error))) {
            // Who may write need not be allowed to list.
            Ok(_) | Err((ErrorKind::PermissionDenied, _)) => Ok(Self {
                client,
                key: location.key.clone(),
            }),
            Err((_, error)) => Err(error),
        }
    }

    /// Writes the object with the bytes of `file`, from its beginning.
    ///
    /// # Errors
    /// The file cannot be read, or the server refuses, also after several attempts.
    pub(crate) fn send(&self, mut file: File) -> io::Result<()> {
        file.rewind()?;
        wait(async {
            let writer = self.client.writer_with(&self.key);
            let writer = writer.chunk(PART_LEN).concurrent(PARTS_AT_ONCE).await;
            let mut writer = writer.map_err(|error| worded(&error))?;
            let sent = send_all(&mut writer, file).await;
            if sent.is_err() {
                // The parts that have arrived are of no use. If this fails too, the first error matters.
                let _ = writer.abort().await;
            }
            sent
        })?
    }
}

async fn send_all(writer: &mut Writer, mut file: File) -> io::Result<()> {
    loop {
        let mut part = Vec::with_capacity(PART_LEN);
        file.by_ref().take(PART_LEN as u64).read_to_end(&mut part)?;
        if part.is_empty() {
            break;
        }
        writer.write(part).await.map_err(|error| worded(&error))?;
    }
    writer.close().await.map_err(|error| worded(&error))?;
    Ok(())
}
