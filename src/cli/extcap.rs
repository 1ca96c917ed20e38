//! The program as an extcap: flow2pcap in Wireshark's list of capture interfaces.
//!
//! Wireshark starts every program in its extcap folder to ask for interfaces, link types and the fields of a
//! dialog, and then to capture (Wireshark Developer's Guide, "Adding Capture Interfaces And Log Sources Using
//! Extcap"; `extcap_example.py` in Wireshark's source). It never names a subcommand. What it asks is therefore
//! recognized by the first word, and parsed apart from the options of the program: its help, manual and
//! completions stay free of options that nobody types. The file in the folder is a link to the program. A script
//! would put a shell between the dialog and the program.
//!
//! A capture is [`convert`](super::convert) into the pipe that Wireshark reads. The values of the dialog become
//! the options of the same name, and are checked there. Two things differ. Wireshark shows what an extcap writes
//! to standard error as a failure, so only failures are written, in few words and without tips: the dialog does
//! not have the options that tips are about. And Stop, which is a signal or a pipe without a reader, is a good end.
//!
//! On Windows the pipe is not a file that can be opened twice, and nothing is installed there.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use flow2pcap::capture::{Encoder, Format, LinkType, Section};
use flow2pcap::error::{Error, ErrorKind};
use flow2pcap::filter::Expression;
use flow2pcap::printable::{cut, printable, printable_lines, shown};

use super::advice::refusal;
use super::streams::Streams;
use super::{advice, nothing_kept, refused};

/// The name of the interface, which the preferences of its dialog have too.
const INTERFACE: &str = "flow2pcap";

/// Characters of a failure. Wireshark 4.0 shows 1,024 bytes.
const FAILURE_MAX: usize = 500;

/// The fields of the dialog. There is no type for folders, and the field for files cannot be typed in.
const DIALOG: &str = "\
arg {number=0}{call=--archive}{display=Archive}{type=string}{required=true}\
{placeholder=/home/ada/AWSLogs}{tooltip=A folder, which is read recursively, or one file}
arg {number=1}{call=--from}{display=From}{type=string}{placeholder=the oldest record}\
{tooltip=2026-03-14T02:15:00Z, 2026-03-14, a Unix time, or -2h (before the newest record)}
arg {number=2}{call=--to}{display=To}{type=string}{placeholder=the newest record}\
{tooltip=Exclusive, with the same formats as From}
arg {number=3}{call=--filter}{display=Filter}{type=string}{placeholder=host 10.0.0.5 and port 443 and reject}\
{tooltip=Keeps whole connections of which one record matches, in the syntax of tcpdump}
arg {number=4}{call=--detail}{display=Detail}{type=selector}{tooltip=How many of the logged packets to write}
value {arg=4}{value=auto}{display=auto: every logged packet up to a million, else merged}{default=true}
value {arg=4}{value=exact}{display=exact: every logged packet}{default=false}
value {arg=4}{value=compact}{display=compact: at most 64 packets a record}{default=false}
value {arg=4}{value=control}{display=control: handshake, teardown and one data segment}{default=false}
arg {number=5}{call=--vantage}{display=Vantage}{type=string}{default=auto}\
{tooltip=Which ENI's records to use when several logged a connection: auto, all, or an ENI}
";

/// What Wireshark asks.
#[derive(Debug, Parser)]
#[command(
    bin_name = "flow2pcap",
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true
)]
struct Call {
    /// The version of Wireshark. An extcap answers with its own.
    #[arg(long, num_args = 0..=1, require_equals = true)]
    extcap_version: Option<Option<OsString>>,

    #[arg(long)]
    extcap_interfaces: bool,

    #[arg(long)]
    extcap_dlts: bool,

    #[arg(long)]
    extcap_config: bool,

    #[arg(long)]
    capture: bool,

    #[arg(long, value_name = "NAME")]
    extcap_interface: Option<String>,

    /// The capture filter of the main window. Without `--capture`, whether it is one is the question.
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    extcap_capture_filter: Option<String>,

    #[arg(long, value_name = "PIPE")]
    fifo: Option<PathBuf>,

    /// A path. Those of clap are not empty, and a field of the dialog may be.
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    archive: Option<OsString>,

    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<OsString>,

    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<OsString>,

    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    filter: Option<OsString>,

    #[arg(long, value_name = "DETAIL", allow_hyphen_values = true)]
    detail: Option<OsString>,

    #[arg(long, value_name = "VIEW", allow_hyphen_values = true)]
    vantage: Option<OsString>,
}

/// Whether Wireshark asks, and not a person who types.
pub(super) fn is_call(typed: &[OsString]) -> bool {
    let first = typed.get(1).and_then(|word| word.to_str());
    first.is_some_and(|word| word == "--capture" || word.starts_with("--extcap-"))
}

/// Answers one call; returns the exit status.
pub(super) fn run(typed: &[OsString], streams: &mut Streams<'_>) -> ExitCode {
    let call = match Call::try_parse_from(typed) {
        Ok(call) => call,
        Err(error) => return fail(&anyhow::anyhow!(refused::in_few_words(error)), streams),
    };
    let answered = match &call.fifo {
        Some(fifo) if call.capture => capture(&call, fifo, streams),
        _ => answer(&call).and_then(|text| {
            let written = streams.print_out(&text);
            written.context("cannot write to standard output")?;
            Ok(ExitCode::SUCCESS)
        }),
    };
    answered.unwrap_or_else(|error| fail(&error, streams))
}

/// Writes what Wireshark shows as the reason.
fn fail(error: &anyhow::Error, streams: &mut Streams<'_>) -> ExitCode {
    let message = advice::message(error);
    let reason = printable_lines(message.in_few_words());
    super::await_last_words(streams);
    streams.print_err(&format!("{}\n", cut(&reason, FAILURE_MAX)));
    ExitCode::from(nothing_kept::exit_status(error))
}

/// Returns the answer to any question but a capture.
fn answer(call: &Call) -> anyhow::Result<String> {
    let version = concat!("extcap {version=", env!("CARGO_PKG_VERSION"), "}\n");
    if call.extcap_interfaces {
        return Ok(format!(
            "{version}interface {{value={INTERFACE}}}{{display=AWS VPC flow logs}}\n"
        ));
    }
    if call.extcap_version.is_some() {
        return Ok(version.to_owned());
    }
    call.check_interface()?;
    if call.extcap_dlts {
        // DLT_RAW. The capture itself has the link type of its packets.
        return Ok("dlt {number=12}{name=RAW}{display=Raw IP}\n".to_owned());
    }
    if call.extcap_config {
        return Ok(DIALOG.to_owned());
    }
    if call.capture {
        return Err(refusal("--capture needs --fifo", "name the pipe"));
    }
    let filter = call.extcap_capture_filter.as_deref().unwrap_or_default();
    Ok(match filter.parse::<Expression>() {
        Err(error) if !filter.is_empty() => format!("{}\n", printable(&error.to_string())),
        _ => String::new(), // the answer for a filter that is one
    })
}

/// Converts into the pipe `fifo`, until all is written or Wireshark stops it.
///
/// # Errors
/// Fails if the pipe cannot be opened.
fn capture(call: &Call, fifo: &Path, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    streams.expect_stop();
    let opened = File::options().write(true).open(fifo);
    let mut pipe = opened.with_context(|| format!("cannot open {}", shown(fifo)))?;
    let converted = call.convert_line(&place_of(&pipe, fifo)).and_then(|typed| {
        let convert = super::parse(&typed);
        let convert = convert.map_err(|error| anyhow::anyhow!(refused::in_few_words(error)))?;
        super::dispatch(convert, streams)
    });
    match converted {
        Err(error) if is_reader_gone(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            let status = fail(&error, streams);
            // Without a capture, if only an empty one, Wireshark shows a failure of its own before the reason.
            let empty = Encoder::new(Format::Pcapng, LinkType::Raw).preamble(&Section::default())?;
            let _ = pipe.write_all(&empty);
            Ok(status)
        }
        done => done,
    }
}

/// The path that opens the same pipe again. Wireshark may have removed its name, and a file must not take its place.
#[cfg(unix)]
fn place_of(pipe: &File, _: &Path) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/dev/fd/{}", pipe.as_raw_fd()))
}

#[cfg(not(unix))]
fn place_of(_: &File, fifo: &Path) -> PathBuf {
    fifo.to_owned()
}

fn is_reader_gone(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<Error>().map(Error::kind);
    matches!(kind, Some(ErrorKind::ReaderGone { .. }))
}

impl Call {
    fn check_interface(&self) -> anyhow::Result<()> {
        match self.extcap_interface.as_deref() {
            Some(INTERFACE) => Ok(()),
            Some(name) => Err(refusal(
                format!(
                    "there is no interface {}, only {INTERFACE}",
                    printable(name)
                ),
                "name that one",
            )),
            None => Err(refusal(
                format!("--extcap-interface is missing; it is {INTERFACE}"),
                "name it",
            )),
        }
    }

    /// Returns the command line of `convert` that does what the dialog says. It is parsed, and no shell sees it.
    ///
    /// # Errors
    /// The archive is missing, or the capture filter is none.
    fn convert_line(&self, output: &Path) -> anyhow::Result<Vec<OsString>> {
        self.check_interface()?;
        let archive = self.archive.as_deref().unwrap_or_default();
        if archive.is_empty() {
            return Err(refusal(
                "no archive is chosen; name the folder of the flow logs in the options of the interface flow2pcap",
                "the options are under the gear beside the interface",
            ));
        }
        let mut line: Vec<OsString> = ["flow2pcap", "convert", "--quiet", "--color=never"]
            .map(OsString::from)
            .to_vec();
        let filter = self.whole_filter()?;
        let options = [
            ("output", Some(output.as_os_str().to_owned())),
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("filter", filter),
            ("detail", self.detail.clone()),
            ("vantage", self.vantage.clone()),
        ];
        for (name, value) in options {
            // A field that was emptied is one that says nothing.
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let mut option = OsString::from(format!("--{name}="));
                option.push(value);
                line.push(option);
            }
        }
        line.push("--".into());
        line.push(named_file(Path::new(archive)).into_owned().into_os_string());
        Ok(line)
    }

    /// Returns the filter of the dialog and the capture filter of the main window, both of which must match.
    ///
    /// # Errors
    /// The capture filter is none. That of the dialog is checked as an option.
    fn whole_filter(&self) -> anyhow::Result<Option<OsString>> {
        let of_window = self.extcap_capture_filter.as_deref().unwrap_or_default();
        if of_window.is_empty() {
            return Ok(self.filter.clone());
        }
        let window: Expression = of_window.parse().map_err(|error| {
            refusal(
                format!("the capture filter is not one: {error}"),
                "correct it in the main window",
            )
        })?;
        let dialog = self.filter.as_deref().unwrap_or_default();
        let both = match dialog.to_str().map(str::parse::<Expression>) {
            _ if dialog.is_empty() => window,
            Some(Ok(dialog)) => Expression::All(vec![dialog, window]),
            _ => return Ok(self.filter.clone()),
        };
        Ok(Some(both.to_string().into()))
    }
}

/// A path of the dialog, in which `~/` is the home folder, as no shell replaces it, and `-` is a file.
fn named_file(typed: &Path) -> Cow<'_, Path> {
    if typed == Path::new("-") {
        return Path::new("./-").into();
    }
    match (typed.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest).into(),
        _ => typed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Call {
        Call::try_parse_from([&["flow2pcap", "--capture"], words].concat()).unwrap()
    }

    fn line(words: &[&str]) -> Vec<String> {
        let all = [&["--extcap-interface", "flow2pcap"], words].concat();
        let line = call(&all).convert_line(Path::new("/dev/fd/3")).unwrap();
        let words = line.into_iter().skip(4);
        words.map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn only_a_first_word_of_extcap_is_a_call() {
        for (words, expected) in [
            (&["flow2pcap", "--extcap-interfaces"][..], true),
            (&["flow2pcap", "--capture", "--fifo", "x"], true),
            (&["flow2pcap"], false),
            (&["flow2pcap", "convert", "--extcap-interfaces"], false),
            (&["flow2pcap", "--version"], false),
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(is_call(&words), expected, "{words:?}");
        }
    }

    #[test]
    fn values_of_the_dialog_are_words_of_their_own() {
        assert_eq!(
            line(&[
                "--archive",
                "-o; rm *",
                "--from",
                "-2h",
                "--to",
                "",
                "--filter",
                "--help",
                "--vantage",
                "$(id)"
            ]),
            [
                "--output=/dev/fd/3",
                "--from=-2h",
                "--filter=--help",
                "--vantage=$(id)",
                "--",
                "-o; rm *"
            ]
        );
        assert_eq!(line(&["--archive", "-"])[2], "./-");
    }

    #[test]
    fn both_filters_must_match() {
        let filter = |words: &[&str]| {
            let all = [&["--archive", "x"], words].concat();
            line(&all)[1].strip_prefix("--filter=").unwrap().to_owned()
        };
        let window = ["--extcap-capture-filter", "port 1 or port 2"];
        let both = filter(&[&window[..], &["--filter", "tcp or udp"]].concat());
        let whole: Expression = "(tcp or udp) and (port 1 or port 2)".parse().unwrap();
        assert_eq!(both.parse(), Ok(whole));
        assert_eq!(
            filter(&window).parse::<Expression>(),
            "port 1 or port 2".parse()
        );
        assert_eq!(
            filter(&[&window[..], &["--filter", "tcp or"]].concat()),
            "tcp or"
        );
    }

    #[test]
    fn capture_filter_is_checked_as_it_is_typed() {
        let answer_to = |filter| {
            let words = [
                "flow2pcap",
                "--extcap-capture-filter",
                filter,
                "--extcap-interface",
                "flow2pcap",
            ];
            answer(&Call::try_parse_from(words).unwrap()).unwrap()
        };
        assert_eq!(answer_to("port 443 and reject"), "");
        assert_eq!(answer_to(""), "");
        let reason = answer_to("prot 443");
        assert!(
            reason.contains("prot") && reason.lines().count() == 1,
            "{reason}"
        );
    }
}
