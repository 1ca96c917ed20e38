//! Where responses go: each on a line of its own, or those of a batch together.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::message::{RequestId, RpcFault, line, response};

/// The client, to which two threads write whole lines.
pub(super) struct ClientOutput<'a> {
    out: Mutex<&'a mut (dyn Write + Send)>,
}

/// The responses to a batch that are there so far, and how many are still to come.
#[derive(Debug, Default)]
pub(super) struct BatchReplies {
    responses: Vec<Value>,
    awaited: usize,
}

/// The batch that a request belongs to.
pub(super) type InBatch = Option<Arc<Mutex<BatchReplies>>>;

/// Where the response to a request goes.
#[derive(Clone, Debug)]
pub(super) struct ReplyTo {
    pub(super) id: RequestId,
    pub(super) batch: InBatch,
}

/// Begins a batch of which so many messages may have a response.
pub(super) fn batch_of(messages: usize) -> Arc<Mutex<BatchReplies>> {
    Arc::new(Mutex::new(BatchReplies {
        responses: Vec::new(),
        awaited: messages,
    }))
}

impl<'a> ClientOutput<'a> {
    /// Writes to this stream.
    pub(super) fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self {
            out: Mutex::new(out),
        }
    }

    /// Answers a request.
    pub(super) fn reply(&self, to: &ReplyTo, result: Result<Value, RpcFault>) {
        self.send(&to.batch, Some(response(Some(&to.id), result)));
    }

    /// Sends a response, alone or with those of its batch. Without one, the batch waits for one less.
    pub(super) fn send(&self, batch: &InBatch, response: Option<Value>) {
        let Some(batch) = batch else {
            return response.iter().for_each(|response| self.write(response));
        };
        let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.responses.extend(response);
        batch.awaited = batch.awaited.saturating_sub(1);
        if batch.awaited == 0 && !batch.responses.is_empty() {
            let responses = std::mem::take(&mut batch.responses);
            self.write(&Value::Array(responses));
        }
    }

    /// Writes a line. A client that reads no more does not matter: it ends the input too.
    fn write(&self, message: &Value) {
        let line = line(message);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}
