//! The tools: what each is called, what it takes, and how a call of it is answered.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use flow2pcap::pipeline::{Meter, Request};
use flow2pcap::printable::{cut, printable_lines};
use flow2pcap::record::Layout;
use serde_json::{Map, Value, json};

use super::arguments::{self, ToolArguments};
use super::facts::AnswerFacts;
use super::paging::{self, ToolAnswer};
use super::roots::ReadableRoots;
use super::{capture, changes, diagnose, explain, inspect, metrics};
use crate::cli::advice;
use crate::cli::narrowing::Narrowing;
use crate::cli::page::Page;

/// The longest message of a failed call, in characters.
const MESSAGE_MAX: usize = 4_000;

/// The longest word of one, in characters: a path, or a value that was given.
const WORD_MAX: usize = 500;

/// Where and within which limits calls work.
pub(super) struct Workplace {
    pub(super) roots: ReadableRoots,
    /// The folder in which captures are written, canonical; `None` if nothing may be written.
    pub(super) write: Option<PathBuf>,
    /// The column order of files without a header line.
    pub(super) format: Option<Layout>,
    /// Approximate memory of a call, in bytes.
    pub(super) memory: u64,
    pub(super) temp_dir: PathBuf,
    pub(super) time_limit: Duration,
    pub(super) pool: rayon::ThreadPool,
}

/// One tool.
pub(super) struct AgentTool {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Returns the JSON Schema of its arguments.
    pub(super) schema: fn() -> Value,
    /// Whether it writes files.
    pub(super) writes: bool,
    pub(super) run: for<'a> fn(&ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>>,
}

/// One run of a tool.
pub(super) struct ToolRun<'a> {
    pub(super) place: &'a Workplace,
    pub(super) arguments: &'a ToolArguments,
    pub(super) meter: &'a Arc<Meter>,
}

impl ToolRun<'_> {
    /// Parses the arguments, which are those of `taken`. `words` of a command line come after them.
    ///
    /// # Errors
    /// An argument is unknown, or has a value that it cannot have.
    pub(super) fn parse<A: Args>(&self, taken: &[&str], words: &[&str]) -> anyhow::Result<A> {
        self.arguments.parse(taken, words)
    }

    /// Returns the request of a tool that only narrows the archive.
    ///
    /// # Errors
    /// An argument is unknown or wrong, or a path is not within the roots.
    pub(super) fn narrowed(&self) -> anyhow::Result<Request> {
        let narrowing: Narrowing = self.parse(&arguments::NARROWING, &[])?;
        self.within(Request::new(Vec::new()).filter(narrowing.filter()?))
    }

    /// Returns the request with the inputs of the call, and the limits of the server.
    ///
    /// # Errors
    /// A path is not within the roots.
    pub(super) fn within(&self, mut request: Request) -> anyhow::Result<Request> {
        let place = self.place;
        request.inputs = place.roots.inputs(&self.arguments.paths)?;
        Ok(request
            .format(place.format.clone())
            .memory(place.memory)
            .temp_dir(place.temp_dir.clone())
            .within(Some(place.roots.enclosure())))
    }
}

/// The tools of a server.
pub(super) struct Toolbox {
    place: Workplace,
    tools: Vec<AgentTool>,
    /// The latest answer and its question, for the next page.
    latest: Mutex<Option<(String, Arc<ToolAnswer>)>>,
}

impl Toolbox {
    /// Lists the tools that work here.
    pub(super) fn new(place: Workplace) -> Self {
        let mut tools = vec![
            inspect::TOOL,
            diagnose::TOOL,
            explain::TOOL,
            metrics::TOOL,
            changes::TOOL,
        ];
        #[cfg(feature = "sql")]
        tools.push(super::query::TOOL);
        if place.write.is_some() {
            tools.push(capture::TOOL);
        }
        Self {
            place,
            tools,
            latest: Mutex::default(),
        }
    }

    /// How long a call may take.
    pub(super) fn time_limit(&self) -> Duration {
        self.place.time_limit
    }

    /// Returns the name of a tool, if there is one of this name.
    pub(super) fn find(&self, name: &str) -> Option<&'static str> {
        let mut names = self.tools.iter().map(|tool| tool.name);
        names.find(|known| *known == name)
    }

    /// Returns the result of `tools/list`.
    pub(super) fn list(&self, structured: bool) -> Value {
        let output = paging::schema();
        let tools = self.tools.iter().map(|tool| {
            let mut listed = json!({
                "name": tool.name,
                "description": tool.description,
                "inputSchema": (tool.schema)(),
                "annotations": annotations(tool, structured),
            });
            if let (true, Value::Object(listed)) = (structured, &mut listed) {
                listed.insert("title".into(), tool.title.into());
                listed.insert("outputSchema".into(), output.clone());
            }
            listed
        });
        json!({ "tools": tools.collect::<Vec<Value>>() })
    }

    /// Runs a tool. Returns a page of its facts.
    ///
    /// # Errors
    /// The message says what went wrong, for the model to read.
    pub(super) fn call(
        &self,
        name: &str,
        given: Map<String, Value>,
        meter: &Arc<Meter>,
    ) -> Result<Value, String> {
        let worked = self.place.pool.install(|| self.answer(name, given, meter));
        worked.map_err(|error| worded(&error))
    }

    fn answer(
        &self,
        name: &str,
        given: Map<String, Value>,
        meter: &Arc<Meter>,
    ) -> anyhow::Result<Value> {
        let arguments = ToolArguments::of(given)?;
        let question = format!("{name} {}", arguments.question());
        let cursor = arguments.cursor.as_deref();
        let kept = cursor.and_then(|_| self.kept(&question));
        let answer = match kept {
            Some(answer) => answer,
            None => {
                let found = self.tools.iter().find(|tool| tool.name == name);
                let tool = found.ok_or_else(|| anyhow::anyhow!("there is no such tool"))?;
                // A capture is written once; its cursor could only write it again.
                if tool.writes && cursor.is_some() {
                    anyhow::bail!("{name} takes no cursor");
                }
                let facts = (tool.run)(&ToolRun {
                    place: &self.place,
                    arguments: &arguments,
                    meter,
                })?;
                self.keep(&question, ToolAnswer::new(&question, facts, meter)?)
            }
        };
        answer.page(cursor).map_err(|text| anyhow::anyhow!(text))
    }

    fn kept(&self, question: &str) -> Option<Arc<ToolAnswer>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, answer) = latest.as_ref()?;
        (known == question).then(|| Arc::clone(answer))
    }

    fn keep(&self, question: &str, answer: ToolAnswer) -> Arc<ToolAnswer> {
        let answer = Arc::new(answer);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((question.to_owned(), Arc::clone(&answer)));
        answer
    }
}

/// Returns what a client may know of a tool before it calls it. A hint that is not there has its default
/// (MCP 2025-06-18, `ToolAnnotations`), and does not matter for a tool that only reads.
fn annotations(tool: &AgentTool, structured: bool) -> Value {
    let mut hints = json!({ "readOnlyHint": !tool.writes, "openWorldHint": false });
    if let Value::Object(hints) = &mut hints {
        if tool.writes {
            hints.insert("destructiveHint".into(), false.into());
        }
        // Newer versions have the title elsewhere.
        if !structured {
            hints.insert("title".into(), tool.title.into());
        }
    }
    hints
}

/// Returns the message of a failure, with the advice that the command line gives; its options are
/// arguments here, so they have no dashes.
fn worded(error: &anyhow::Error) -> String {
    let text = advice::message(error).on(Page::PLAIN).to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.strip_prefix("--").unwrap_or(text);
    let text = printable_lines(text.trim_end()).replace(" --", " ");
    // A value of thousands of characters would leave no room for what is wrong with it.
    let words = text.split_inclusive(char::is_whitespace);
    let text: String = words.map(|word| cut(word, WORD_MAX)).collect();
    cut(&text, MESSAGE_MAX).into_owned()
}
