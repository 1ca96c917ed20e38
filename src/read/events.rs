//! Reads the events of other AWS logs, if they are wanted, and passes them to the sink.
//!
//! Lines arrive in blocks as those of flow logs do. JSON is split and unwrapped as that of flow logs
//! is, and each value that may hold events is searched for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::archive::s3_path::S3Name;
use crate::archive::{Block, Content, File};
use crate::error::Result;
use crate::event::{
    Event, EventFault, EventKind, OriginalFields, for_each_in_json, for_each_in_line,
};
use crate::filter::RecordFacts;
use crate::flow::Place;
use crate::read::block::{BlockReader, BlockYield, LineFaults, OVERLONG};
use crate::read::files::{FileOffset, FileYield, Files, note_damage};
use crate::read::mmap;
use crate::read::sink::{FoundEvent, Sink};
use crate::record::{Layout, Unrecognized};
use crate::summary::{EXAMPLES_MAX, Example};
use crate::survey::EventLogs;
use crate::wrapper::KeptValue;

/// What the lines of a file are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LinesOf {
    /// Records of flow logs in this order of columns.
    Records(Arc<Layout>),
    /// Lines of another log.
    Events(EventKind),
}

/// The events of some consecutive lines, without what the sink keeps of them.
#[derive(Default)]
pub(crate) struct EventYield {
    /// Number of lines of text, blank ones too.
    pub lines: u64,
    logs: EventLogs,
    faults: BTreeMap<(EventKind, &'static str), LineFaults>,
}

impl EventYield {
    fn fault(&mut self, kind: EventKind, line: u64, fault: &EventFault) {
        self.logs.of(kind).lines += 1;
        let faults = self.faults.entry((kind, fault.kind())).or_default();
        faults.note(line, || fault.to_string());
    }

    /// Adds the events of the lines after these.
    pub(crate) fn append(&mut self, later: Self) {
        for (key, faults) in later.faults {
            self.faults.entry(key).or_default().add(faults, self.lines);
        }
        self.lines += later.lines;
        self.logs.add(later.logs);
    }

    /// Counts one file for each kind.
    pub(crate) fn count_file(&mut self) {
        self.logs = std::mem::take(&mut self.logs).of_file();
    }

    /// Moves the faults to the reasons for skipped lines, with the name of their file.
    pub(crate) fn name_faults(&mut self, file: &str) {
        for ((kind, reason), faults) in std::mem::take(&mut self.faults) {
            let examples = faults.first.into_iter().map(|(line, found)| Example {
                place: format!("{file}:{line}"),
                found,
            });
            let skipped = &mut self.logs.of(kind).skipped;
            skipped.count_many(reason, faults.count, examples);
        }
    }

    /// Returns the counts, after the faults were named.
    pub(crate) fn into_logs(self) -> EventLogs {
        self.logs
    }
}

/// Returns the kind of events in a file that is not a flow log.
pub(crate) fn kind_of_file(unrecognized: &Unrecognized) -> Option<EventKind> {
    EventKind::of(unrecognized.foreign()).filter(|_| !unrecognized.is_ambiguous())
}

/// Reads a file of lines of another log.
pub(crate) fn read_lines<S: Sink>(
    files: &Files<'_, S>,
    at: FileOffset,
    file: &File,
    content: Content,
    kind: EventKind,
) -> Result<FileYield<S::Part>> {
    let mut yielded = FileYield::default();
    let reader = files.block_reader(at, file);
    let lines = LinesOf::Events(kind);
    let (block, damage) = match content {
        Content::Mapped(mapping) => mmap::read_mapped(files, &mapping, &reader, lines)?,
        Content::Stream(stream) => {
            let (block, _, damage) = files.read_stream(stream, at, &reader, lines)?;
            (block, damage)
        }
    };
    yielded.block = block;
    if let Some(damage) = damage {
        note_damage(&mut yielded.input, file, &damage);
    }
    yielded.block.events.count_file();
    yielded.block.events.name_faults(&file.name);
    Ok(yielded)
}

impl<S: Sink> BlockReader<'_, S> {
    /// Reads the lines of a block as events.
    pub(super) fn read_event_lines(
        &self,
        block: &Block<'_>,
        kind: EventKind,
    ) -> BlockYield<S::Part> {
        let mut read = BlockYield::default();
        for _ in 0..block.overlong_count {
            read.events.lines += 1;
            let fault = EventFault::described(OVERLONG, "expected at most 1 MiB");
            read.events.fault(kind, read.events.lines, &fault);
        }
        let ends = memchr::memchr_iter(b'\n', block.bytes).map(|at| at + 1);
        let mut start = 0;
        for end in ends.chain([block.bytes.len()]) {
            let line = &block.bytes[start..end];
            start = end;
            if line.is_empty() {
                continue; // after the last line end
            }
            read.events.lines += 1;
            let number = read.events.lines;
            let text = String::from_utf8_lossy(line);
            let balancer = self.balancer.as_ref();
            let found = for_each_in_line(kind, &text, balancer, &mut |kind, event, fields| {
                self.event(&mut read, number, kind, (event, fields));
            });
            if found == 0 {
                let log = read.events.logs.of(kind);
                log.lines += 1;
                log.blank += 1;
            }
        }
        read
    }

    fn event(
        &self,
        read: &mut BlockYield<S::Part>,
        line: u64,
        kind: EventKind,
        (event, fields): (
            std::result::Result<Event<'_>, EventFault>,
            OriginalFields<'_>,
        ),
    ) {
        let event = match event {
            Ok(event) => event,
            Err(fault) => return read.events.fault(kind, line, &fault),
        };
        read.events.logs.of(event.kind()).lines += 1;
        let of_name = || {
            self.balancer.map(|file| S3Name {
                account: file.account,
                region: file.region,
                flow_log: None,
                slot_s: None,
                filed_s: None,
            })
        };
        let facts = RecordFacts {
            line: None,
            event: Some(&event),
            path: self.path.or_else(of_name),
        };
        let found = FoundEvent {
            event: &event,
            fields,
            place: Place {
                file: self.file,
                line,
            },
            matches: self.filter.verdict(&facts),
        };
        self.sink.event(&mut read.part, &found);
    }
}

/// The events in the JSON values of one file, as long as it is not known whether the file is a flow
/// log.
pub(crate) struct JsonEvents<P> {
    block: BlockYield<P>,
    /// The kind of the first event.
    kind: Option<EventKind>,
    /// Values without an event, which are faults if the file is not a flow log.
    others: Vec<(u64, EventFault)>,
    others_count: u64,
}

impl<P: Default> Default for JsonEvents<P> {
    fn default() -> Self {
        Self {
            block: BlockYield::default(),
            kind: None,
            others: Vec::new(),
            others_count: 0,
        }
    }
}

impl<P: Default + Send> JsonEvents<P> {
    /// Whether there is an event.
    pub(crate) fn has_events(&self) -> bool {
        self.kind.is_some()
    }

    /// Searches values, which come after those before.
    pub(crate) fn read<S: Sink<Part = P>>(
        &mut self,
        files: &Files<'_, S>,
        reader: &BlockReader<'_, S>,
        values: &[KeptValue],
        at: FileOffset,
    ) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let mut read = BlockYield::default();
        let base = self.block.events.lines;
        for value in values {
            let text = match value {
                KeptValue::Text(text) => text,
                KeptValue::Broken(kind, found) => {
                    read.events.lines += 1;
                    let fault = EventFault::described(kind, found);
                    self.other(base + read.events.lines, fault);
                    continue;
                }
            };
            let text = String::from_utf8_lossy(text);
            let kind = &mut self.kind;
            let found =
                for_each_in_json(&text, reader.balancer.as_ref(), &mut |of, event, fields| {
                    read.events.lines += 1;
                    let number = read.events.lines;
                    kind.get_or_insert(of);
                    reader.event(&mut read, number, of, (event, fields));
                });
            if found == 0 {
                read.events.lines += 1;
                self.other(base + read.events.lines, EventFault::no_event(&text));
            }
        }
        files
            .sink
            .complete(&mut read.part, at.lines_before + base)?;
        self.block.append(read, files.sink);
        Ok(())
    }

    fn other(&mut self, number: u64, fault: EventFault) {
        self.others_count += 1;
        if self.others.len() < EXAMPLES_MAX {
            self.others.push((number, fault));
        }
    }

    /// Returns the events of the file. In a flow log, the values without an event are its records.
    pub(crate) fn of_file(mut self, file: &File, is_flow_log: bool) -> BlockYield<P> {
        let mut events = std::mem::take(&mut self.block.events);
        if let Some(kind) = self.kind.filter(|_| !is_flow_log) {
            let rest = self.others_count - self.others.len() as u64;
            let last = self.others.last().map(|(_, fault)| fault.kind());
            for (number, fault) in &self.others {
                events.fault(kind, *number, fault);
            }
            if let Some(reason) = last {
                events.logs.of(kind).lines += rest;
                events.faults.entry((kind, reason)).or_default().count += rest;
            }
        }
        events.count_file();
        events.name_faults(&file.name);
        self.block.events = events;
        self.block
    }
}
