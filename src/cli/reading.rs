//! The options shared by all subcommands that read an archive, and how they run their work.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args as ClapArgs;
use flow2pcap::pipeline::{Meter, Request};
use flow2pcap::record::Layout;
use flow2pcap::summary::{Input, Records};
use indicatif::ProgressBar;

use super::advice::refusal;
use super::interrupt;
use super::message::Message;
use super::narrowing::Narrowing;
use super::page;
use super::path_list::{self, TypedInputs};
use super::progress::ProgressLine;
use super::room::RoomArgs;
use super::streams::Streams;

/// The value of `--format`: a column order, or another choice that a subcommand offers.
pub(crate) trait FormatOption: Clone + Send + Sync + 'static {
    /// The help text of the option.
    const HELP: &str;

    /// Whether the subcommand needs an input in all its uses.
    const NEEDS_INPUT: bool = true;

    /// Parses the value.
    ///
    /// # Errors
    /// Returns a message that says what was expected.
    fn parse(text: &str) -> Result<Self, String>;
}

impl FormatOption for Layout {
    const HELP: &str = "Column order of files without a header line: '${srcaddr} ${dstaddr}', 'srcaddr dstaddr', or default; repeat it for several orders";

    fn parse(text: &str) -> Result<Self, String> {
        Self::from_format(text).map_err(|e| e.to_string())
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReadingArgs<F: FormatOption = Layout> {
    /// Files, folders (read recursively), or - for standard input
    #[arg(value_name = "INPUT", required_unless_present_any = needed(F::NEEDS_INPUT))]
    inputs: Vec<PathBuf>,

    /// File that lists more inputs, one path on each line, or - for standard input
    ///
    /// A list with a NUL, as `find -print0` writes it, is separated by NULs. Empty lines do not count. A
    /// path that is not there is an error, as for INPUT.
    #[arg(long, value_name = "FILE")]
    paths_from: Option<PathBuf>,

    #[arg(long, value_name = "FORMAT", help = F::HELP, value_parser = F::parse)]
    pub(crate) format: Vec<F>,

    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    /// Exit with status 1 if a record cannot be parsed or a file is damaged
    #[arg(long)]
    strict: bool,

    /// Print only errors on standard error
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[cfg(feature = "s3")]
    #[command(flatten)]
    bucket: super::bucket::BucketArgs,
}

impl ReadingArgs {
    /// Returns the column order that `--format` gives, or the several that it gives.
    pub(crate) fn layout(&self) -> Option<Layout> {
        Layout::any_of(self.format.clone())
    }
}

impl<F: FormatOption> ReadingArgs<F> {
    /// Returns what was typed to name the inputs.
    pub(crate) fn typed_inputs(&self) -> TypedInputs<'_> {
        TypedInputs {
            paths: &self.inputs,
            list: self.paths_from.as_deref(),
        }
    }

    /// Returns the inputs, those of `--paths-from` after the others. Reads standard input if the list is
    /// there, so it can be called only once.
    ///
    /// # Errors
    /// The list cannot be read, or names a path that is not there.
    pub(crate) fn inputs(&self) -> anyhow::Result<Vec<PathBuf>> {
        #[cfg(feature = "s3")]
        self.bucket.apply();
        let mut inputs = self.inputs.clone();
        let Some(list) = &self.paths_from else {
            return Ok(inputs);
        };
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let reads_twice = || {
            refusal(
                "standard input is the list of paths, so it cannot be an input too",
                "write the list to a file",
            )
        };
        if is_stdin(list) && inputs.iter().any(is_stdin) {
            return Err(reads_twice());
        }
        let listed = path_list::read(list)?;
        if is_stdin(list) && listed.iter().any(is_stdin) {
            return Err(reads_twice());
        }
        inputs.extend(listed);
        Ok(inputs)
    }

    /// Returns the request that all subcommands share. `format` is the column order of files that
    /// do not name their columns.
    ///
    /// # Errors
    /// Fails if `--temp-dir` is not a directory, or the list of `--paths-from` cannot be used.
    pub(crate) fn request(
        &self,
        format: Option<&Layout>,
        room: &RoomArgs,
        narrowing: &Narrowing,
    ) -> anyhow::Result<Request> {
        Ok(Request::new(self.inputs()?)
            .format(format.cloned())
            .filter(narrowing.filter()?)
            .memory(room.memory)
            .temp_dir(room.temp_dir()?))
    }

    /// Runs `work` on the requested number of threads, shows its progress, and lets signals end it.
    ///
    /// # Errors
    /// Fails if the system refuses threads or a signal handler.
    pub(crate) fn run<T: Send>(
        &self,
        streams: &Streams<'_>,
        work: impl FnOnce(&Meter) -> T + Send,
    ) -> anyhow::Result<T> {
        let is_shown = !self.quiet && streams.can_redraw_err();
        self.run_showing(is_shown, streams, |meter, _| work(meter))
    }

    /// Runs `work` in the same way, and shows its progress only if `is_shown`. Work that writes to the
    /// terminal suspends the bar meanwhile.
    ///
    /// # Errors
    /// Fails if the system refuses threads or a signal handler.
    pub(crate) fn run_showing<T: Send>(
        &self,
        is_shown: bool,
        streams: &Streams<'_>,
        work: impl FnOnce(&Arc<Meter>, &ProgressBar) -> T + Send,
    ) -> anyhow::Result<T> {
        let pool = pool(self.threads())?;
        let meter = Arc::new(Meter::default());
        let progress = ProgressLine::start(&meter, is_shown);
        if streams.is_process() {
            let last_words = (!streams.is_stop_expected()).then(|| streams.err_page());
            let watched = interrupt::watch(progress.bar(), last_words);
            watched.map_err(no_signals)?;
        }
        let bar = progress.bar();
        let made = interrupt::unless_caught(pool.install(|| work(&meter, &bar)));
        progress.stop();
        Ok(made)
    }

    /// Returns how many threads the run may use.
    pub(crate) fn threads(&self) -> usize {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(available, usize::from)
    }

    /// Writes `text` to standard output and returns the exit status.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
    pub(crate) fn give(
        &self,
        streams: &mut Streams<'_>,
        text: &str,
        records: &Records,
        input: &Input,
    ) -> anyhow::Result<ExitCode> {
        give(streams, text)?;
        Ok(self.exit_code(records, input))
    }

    /// Says so where the archive has only records of time without traffic.
    pub(crate) fn note_silence(&self, streams: &mut Streams<'_>, records: &Records) {
        note_silence(self.quiet, streams, records);
    }

    /// Whether a line that cannot be parsed changes the exit status.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Returns the exit status of a run that read `records` from `input`.
    pub(crate) fn exit_code(&self, records: &Records, input: &Input) -> ExitCode {
        let is_unsound = records.skipped.total() > 0 || input.damaged.total() > 0;
        ExitCode::from(u8::from(self.strict && is_unsound))
    }
}

/// Writes `text` to standard output.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(crate) fn give(streams: &mut Streams<'_>, text: &str) -> anyhow::Result<()> {
    streams
        .print_out(text)
        .context("cannot write to standard output")
}

/// Says so where an archive has only records of time without traffic, unless `quiet`.
pub(crate) fn note_silence(quiet: bool, streams: &mut Streams<'_>, records: &Records) {
    let silent = records.no_data + records.skip_data;
    let has_traffic = records.used + records.filtered + records.other_shard > 0;
    if !quiet && silent > 0 && !has_traffic {
        let kinds = match (records.no_data, records.skip_data) {
            (_, 0) => "NODATA",
            (0, _) => "SKIPDATA",
            _ => "NODATA and SKIPDATA",
        };
        streams.report(&Message::warning(format!(
            "only {kinds} records: the archive has no readable record of traffic"
        )));
    }
}

/// Returns the options without which an input is needed; a subcommand that needs none has all of them.
fn needed(needs_input: bool) -> &'static [&'static str] {
    if needs_input { &["paths_from"] } else { &[] }
}

/// Starts the threads of a run.
///
/// # Errors
/// Fails if the system refuses them; the message has their number and what to try.
pub(crate) fn pool(threads: usize) -> anyhow::Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|refused| {
        let fewer = if threads > 1 {
            "use --threads 1, or "
        } else {
            ""
        };
        refusal(
            format!(
                "cannot start {}: {refused}",
                page::count(threads as u64, "thread")
            ),
            format!(
                "{fewer}raise the limit of processes (`ulimit -u`) or of address space \
                 (`ulimit -v`)"
            ),
        )
    })
}

/// Makes the error of a process that cannot handle signals.
pub(crate) fn no_signals(error: anyhow::Error) -> anyhow::Error {
    refusal(
        format!("cannot listen for signals: {error:#}"),
        "raise the limit of processes (`ulimit -u`), of open files (`ulimit -n`) or of address space \
         (`ulimit -v`)",
    )
}
