//! Events in order, one after another: in memory while they fit, otherwise in a temporary file.

use std::sync::{Mutex, PoisonError};

use super::event_codec::{EVENT_HEAD_LEN, EventHead};
use super::kept_event::KeptEvent;
use crate::error::Result;
use crate::pipeline::spilling::sorted_runs::RunHead as _;
use crate::pipeline::spilling::temporary::{SpillFile, SpillFolder};

/// Events in order.
pub(super) enum EventTape<'a> {
    Memory(Vec<u8>),
    File(Mutex<SpillFile<'a>>, u64),
}

impl<'a> EventTape<'a> {
    pub(super) fn in_memory() -> Self {
        Self::Memory(Vec::new())
    }

    pub(super) fn in_file(folder: &'a SpillFolder) -> Self {
        Self::File(Mutex::new(SpillFile::new(folder)), 0)
    }

    /// Appends an event, with its head. Returns where it is.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub(super) fn append(&mut self, item: &[u8]) -> Result<u64> {
        match self {
            Self::Memory(bytes) => {
                let at = bytes.len() as u64;
                bytes.extend_from_slice(item);
                Ok(at)
            }
            Self::File(file, end) => {
                let at = *end;
                *end += item.len() as u64;
                let file = file.get_mut().unwrap_or_else(PoisonError::into_inner);
                file.append(item)?;
                Ok(at)
            }
        }
    }

    /// Writes everything to the file, so that it can be read.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub(super) fn complete(&mut self) -> Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file, _) => file
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .flush(),
        }
    }

    fn end(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, end) => *end,
        }
    }

    /// Reads the event at an offset.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn read(&self, at: u64) -> Result<(EventHead, KeptEvent)> {
        match self {
            Self::Memory(bytes) => {
                let rest = &bytes[usize::try_from(at).expect("it is in memory")..];
                let head = EventHead::read(rest);
                Ok((
                    head,
                    KeptEvent::decode(&rest[EVENT_HEAD_LEN..head.item_len()]),
                ))
            }
            Self::File(file, _) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = [0; EVENT_HEAD_LEN];
                file.read(at, &mut bytes)?;
                let head = EventHead::read(&bytes);
                let mut body = vec![0; head.len as usize];
                file.read(at + EVENT_HEAD_LEN as u64, &mut body)?;
                Ok((head, KeptEvent::decode(&body)))
            }
        }
    }

    /// Passes on all events in order.
    ///
    /// # Errors
    /// The temporary file cannot be read, or `each` fails.
    pub(super) fn each(
        &self,
        mut each: impl FnMut(u64, EventHead, KeptEvent) -> Result<()>,
    ) -> Result<()> {
        let mut at = 0;
        while at < self.end() {
            let (head, event) = self.read(at)?;
            let next = at + head.item_len() as u64;
            each(at, head, event)?;
            at = next;
        }
        Ok(())
    }
}
