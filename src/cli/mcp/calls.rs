//! The calls that wait for their turn, and the one that runs.
//!
//! One call runs at a time, on all cores, so its memory is that of one run. Others wait, up to a number.
//! A call that is canceled is not answered: MCP 2025-06-18, "Cancellation".

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flow2pcap::pipeline::Meter;
use serde_json::{Map, Value};

use super::message::RequestId;
use super::replies::ReplyTo;

/// The most calls that wait.
const WAITING_MAX: usize = 64;

/// A call of a tool.
#[derive(Debug)]
pub(super) struct QueuedCall {
    pub(super) reply: ReplyTo,
    /// The name of the tool, which exists.
    pub(super) tool: &'static str,
    pub(super) arguments: Map<String, Value>,
    /// Whether the response has structured content.
    pub(super) structured: bool,
}

/// A call whose turn it is.
#[derive(Debug)]
pub(super) struct StartedCall {
    pub(super) call: QueuedCall,
    /// Ends the work early if the call is canceled or takes too long.
    pub(super) meter: Arc<Meter>,
}

/// Calls on their way from the thread that reads to the one that works.
#[derive(Debug, Default)]
pub(super) struct CallQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<QueuedCall>,
    /// The call that runs, and whether it was canceled.
    running: Option<RunningCall>,
    /// Whether no more calls come.
    is_closed: bool,
}

#[derive(Debug)]
struct RunningCall {
    id: RequestId,
    meter: Arc<Meter>,
    is_canceled: bool,
}

impl CallQueue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call, or returns it if there is no room.
    pub(super) fn add(&self, call: QueuedCall) -> Result<(), QueuedCall> {
        let mut state = self.state();
        if state.waiting.len() >= WAITING_MAX {
            return Err(call);
        }
        state.waiting.push_back(call);
        self.changed.notify_all();
        Ok(())
    }

    /// Cancels a call, if it is still to be done. Returns it if it had not begun.
    pub(super) fn cancel(&self, id: &RequestId) -> Option<QueuedCall> {
        let mut state = self.state();
        if let Some(running) = state.running.as_mut().filter(|running| running.id == *id) {
            running.is_canceled = true;
            running.meter.stop();
            return None;
        }
        let place = state.waiting.iter().position(|call| call.reply.id == *id)?;
        state.waiting.remove(place)
    }

    /// Says that no more calls come.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for the next call and begins it; it may take `limit`. `None` if no more come.
    pub(super) fn begin(&self, limit: Duration) -> Option<StartedCall> {
        let mut state = self.state();
        loop {
            if let Some(call) = state.waiting.pop_front() {
                let now = Instant::now();
                let deadline = now.checked_add(limit);
                let meter = Arc::new(deadline.map_or_else(Meter::default, Meter::until));
                state.running = Some(RunningCall {
                    id: call.reply.id.clone(),
                    meter: Arc::clone(&meter),
                    is_canceled: false,
                });
                return Some(StartedCall { call, meter });
            }
            if state.is_closed {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the call that runs. Returns whether it was canceled.
    pub(super) fn end(&self) -> bool {
        let running = self.state().running.take();
        running.is_some_and(|running| running.is_canceled)
    }
}
