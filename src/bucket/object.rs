//! An object of a bucket, and its bytes from front to back.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use opendal::Operator;

use super::ahead::{FetchAhead, SMALL_MAX};
use super::client::{received, wait};
use super::wording::worded;

/// How many bytes of a large object a request asks for.
const PART_LEN: usize = 8 << 20;

/// How many parts of one object are on their way at once.
const PARTS_AT_ONCE: usize = 3;

/// A bucket whose objects are read.
pub(super) struct ReadBucket {
    pub(super) name: String,
    pub(super) client: Operator,
    ahead: FetchAhead,
}

/// An object of a bucket.
#[derive(Clone)]
pub(crate) struct Object {
    bucket: Arc<ReadBucket>,
    pub(super) key: String,
    pub(super) len: u64,
}

impl ReadBucket {
    pub(super) fn new(name: &str, client: Operator) -> Self {
        Self {
            name: name.to_owned(),
            client,
            ahead: FetchAhead::default(),
        }
    }
}

impl Object {
    pub(super) fn new(bucket: &Arc<ReadBucket>, key: String, len: u64) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            key,
            len,
        }
    }

    /// Whether both are objects of one bucket that was listed.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bucket, &other.bucket)
    }

    pub(super) fn ahead(&self) -> &FetchAhead {
        &self.bucket.ahead
    }

    /// Begins to read the object.
    ///
    /// # Errors
    /// The server refuses, also after several attempts.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let client = &self.bucket.client;
        if self.len <= SMALL_MAX {
            let whole = self.bucket.ahead.take(client, &self.key)?;
            return Ok(Box::new(Cursor::new(whole)));
        }
        let parts = wait(async {
            let reader = client.reader_with(&self.key);
            let reader = reader.chunk(PART_LEN).concurrent(PARTS_AT_ONCE).await?;
            reader.into_bytes_stream(0..self.len).await
        })?;
        let mut reader = ObjectReader {
            parts: Box::pin(parts.map_err(|error| worded(&error))?),
            part: Bytes::new(),
        };
        // A refusal is known when the first bytes are requested.
        reader.fill()?;
        Ok(Box::new(reader))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.name, self.key)
    }
}

impl Eq for Object {}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        (&self.bucket.name, &self.key) == (&other.bucket.name, &other.key)
    }
}

/// The parts of a large object, one after the other.
struct ObjectReader {
    parts: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    part: Bytes,
}

impl ObjectReader {
    /// Waits for more bytes if there are none.
    fn fill(&mut self) -> io::Result<()> {
        while self.part.is_empty() {
            let Some(part) = wait(self.parts.next())? else {
                return Ok(());
            };
            let in_words = |error: io::Error| {
                let of_client = error.get_ref().and_then(|inner| inner.downcast_ref());
                of_client.map_or_else(|| io::Error::other(error.to_string()), worded)
            };
            self.part = part.map_err(in_words)?;
            received(self.part.len());
        }
        Ok(())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let len = into.len().min(self.part.len());
        into[..len].copy_from_slice(&self.part.split_to(len));
        Ok(len)
    }
}
