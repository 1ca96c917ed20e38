//! The options with which a run writes a partial result instead of an answer, and how it does so.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flow2pcap::error::Result;
use flow2pcap::flow::Shard;
use flow2pcap::output::Output;
use flow2pcap::pipeline::{Meter, PartialWritten};
use flow2pcap::printable::shown;

use super::advice::refusal;
use super::page::{PrintedLine, count};
use super::reading::{FormatOption, ReadingArgs};
use super::shard::ShardArgs;
use super::streams::Streams;

#[derive(Debug, Args)]
pub(crate) struct PartialArgs {
    /// Write a partial result to this file instead of the answer; - for standard output
    ///
    /// `flow2pcap merge` adds up the partial results of all parts, for the answer of one run.
    #[arg(long, value_name = "FILE")]
    partial: Option<PathBuf>,

    #[command(flatten)]
    shard: ShardArgs,
}

impl PartialArgs {
    /// Returns the file for a partial result, if one is wanted; `printing` is the option for how an answer is
    /// printed that was given too.
    ///
    /// # Errors
    /// The options contradict each other.
    pub(crate) fn file(&self, printing: Option<&str>) -> anyhow::Result<Option<&Path>> {
        let file = self.partial.as_deref();
        match (file, printing) {
            (None, _) if self.shard.shard != Shard::WHOLE => Err(refusal(
                "--shard needs --partial: the answer of one part is not an answer",
                "name the file for the partial result with --partial, and add up all with \
                 `flow2pcap merge`",
            )),
            (Some(_), Some(option)) => Err(refusal(
                format!("{option} prints an answer, and --partial writes none"),
                format!("leave it out, and give {option} to `flow2pcap merge`"),
            )),
            (file, _) => Ok(file),
        }
    }

    /// Lets `work` write the partial result to `file`, and says how much is in it.
    ///
    /// # Errors
    /// Fails as `work` does, or if the file cannot be written.
    pub(crate) fn write<F: FormatOption>(
        &self,
        file: &Path,
        (reading, inputs): (&ReadingArgs<F>, &[PathBuf]),
        streams: &mut Streams<'_>,
        work: impl FnOnce(Shard, &mut Output, &Meter) -> Result<PartialWritten> + Send,
    ) -> anyhow::Result<ExitCode> {
        let shard = self.shard.shard;
        let mut output = Output::create(file, "part-1.json", inputs)?;
        let written = reading.run(streams, |meter| work(shard, &mut output, meter))??;
        output.finish()?;
        if !reading.quiet {
            let page = streams.err_page();
            let text = PrintedLine::whole(shown(file).to_string());
            let text = text.and(format!(
                ", {} of {}, part {} of {}",
                count(written.records.lines, "line"),
                count(written.input.files, "file"),
                shard.number(),
                shard.of()
            ));
            let row = std::fmt::from_fn(|f| page.row(f, "partial", text.clone())).to_string();
            streams.print_err(&row);
        }
        if reading.is_strict() && written.events.skipped() > 0 {
            return Ok(ExitCode::FAILURE);
        }
        Ok(reading.exit_code(&written.records, &written.input))
    }
}
