//! `flow2pcap metrics`: sums over time, for alarms, tables and charts.

mod cloudwatch;
mod csv;
mod form;
mod json;
mod openmetrics;
mod table;

use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::metrics::{Dimension, Every, Measure, Question, Subject};
use flow2pcap::pipeline::{self, Answers, Metrics};
use flow2pcap::record::Layout;

use self::form::FormatChoice;
pub(crate) use self::form::{Form, names};
use super::advice::refusal;
use super::message::Message;
use super::narrowing::Narrowing;
use super::page::{count, wide};
use super::partial::PartialArgs;
use super::reading::{FormatOption as _, ReadingArgs, give, note_silence};
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap metrics AWSLogs/
      Show what was rejected and when: rejected TCP packets, and rejected packets by protocol, every
      15 minutes. These are the two sums that network teams set alarms on.

  flow2pcap metrics AWSLogs/ --action reject --by srcaddr,dstport --top 10 --every 1h
      Show the ten most rejected sources and ports, per hour.

  flow2pcap metrics AWSLogs/ --by action,eni --measure packets,bytes --from -2h
      Show accepted and rejected traffic of each ENI in the last two hours of the archive.

  flow2pcap metrics AWSLogs/ --by outcome --measure connections --every 5m
      Show when connections began to fail, and how.

  flow2pcap metrics AWSLogs/ --by status --every 5m
      Show how many requests load balancers answered with which status, every five minutes. The same
      works for DNS queries (--by rcode), API calls (--by event-name) and firewall alerts (--by
      signature): the logs in which they are must be among the inputs.

  flow2pcap metrics AWSLogs/ --by target,answered-by --measure requests,mean-time,max-time
      Show how long the requests to each target took, and whether the target answered.

  flow2pcap metrics AWSLogs/ --measure changes --by event-name,caller --every 1h
      Show who made API calls that may have changed which packets pass.

  flow2pcap metrics AWSLogs/ --format csv >metrics.csv
      Write CSV: start, metric, one column for each --by, value. A name that a spreadsheet would run
      as a formula (it begins with =, +, - or @) is prefixed with '; numbers stay numbers.

  flow2pcap metrics AWSLogs/ --format openmetrics >metrics.txt
  promtool tsdb create-blocks-from openmetrics metrics.txt
      Import the sums into Prometheus.

  flow2pcap metrics AWSLogs/ --format cloudwatch --namespace Network/Rejects |
    while IFS= read -r request; do
      aws cloudwatch put-metric-data --cli-input-json file:///dev/stdin <<<\"$request\"
    done
      Send the sums to CloudWatch, for an alarm. Each line is a request of at most 1,000 values;
      CloudWatch rejects values older than two weeks.

  flow2pcap metrics AWSLogs/ --by srcaddr --shard 1/2 --partial part-1.json
  flow2pcap metrics AWSLogs/ --by srcaddr --shard 2/2 --partial part-2.json
  flow2pcap merge part-*.json --json
      Share the work of `flow2pcap metrics AWSLogs/ --by srcaddr --json` between two machines.

Records are counted as often as they are in the archive, as a CloudWatch metric filter counts them. A
packet that two ENIs logged counts twice, and so does a record that was delivered twice. --once counts
each packet once, as convert writes it. With --once, filters keep whole connections, as in convert;
without it, they keep single records, as in inspect. --by outcome and --measure connections need
connections, so they imply --once.

The packets and bytes of a record that spans several time buckets are divided among them in proportion;
the parts add up to the record. Records and connections count in the bucket in which they begin.
Zeros are printed, except in per-ENI, per-address and per-port series.

With --shard and --partial, each run reads some of the files. --once, --by vpc, subnet, srcsubnet,
dstsubnet, direction or outcome, and --measure connections need the records of all files: each run
reads all, and counts some of the connections.

Events of other logs count at the instant that their log gives, each API call once. Times are in
microseconds. Requests without a time, such as WebSockets, do not count in means and maxima. --by took
has classes of times, from which percentiles can be read. The filters --from, --to, --host and --port
narrow events too; something that a log does not have matches none of its events.

Exit status:
  0    success
  1    success, but --strict found a record that cannot be parsed or a damaged file
  2    error
  3    nothing matches the filter";

/// Sum packets, connections, requests and other events over time
///
/// By default: rejected TCP packets, and rejected packets by protocol, every 15 minutes.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs<FormatChoice>,

    /// Column order of files without a header line, if --format gives the output format; repeat it
    /// for several orders
    #[arg(long, value_name = "FORMAT", value_parser = Layout::parse)]
    columns: Vec<Layout>,

    /// The same as --format json
    #[arg(long)]
    json: bool,

    /// Length of a time bucket, aligned to the hour (UTC): 30s, 1m, 15m, 1h, 6h, 1d
    #[arg(long, value_name = "TIME", default_value_t)]
    every: Every,

    /// Group by: protocol, action, eni, vpc, subnet, srcaddr, dstaddr, dstport, srcsubnet, dstsubnet,
    /// direction, outcome, reject-reason, tag, instance-tag, interface-tag, asg-tag; of other logs:
    /// status, balancer, target, rcode, event-name, caller, signature and more
    ///
    /// Separate several with commas. Addresses are those of the packet, where records have them. VPC
    /// and subnet are those of the ENI. srcsubnet and dstsubnet are those of the addresses: if no
    /// ENI's records name the subnet, the /24 (IPv6: /64) of a private address, or internet. A
    /// value that no record has is called unknown. tag is the first tag that a record has. The second
    /// columns are instance-tag-2, interface-tag-2 and asg-tag-2.
    ///
    /// Requests to load balancers have log, balancer, status, status-class, target-status, answered-by,
    /// target, target-group, method, host, took (classes of times) and srcaddr (the client). Client
    /// connections have log, balancer, host, tls, srcaddr and dstport. DNS queries have rcode,
    /// query-type, query-name, region, account, vpc, protocol and srcaddr. API calls and changes have
    /// event-name, service, caller, result (done, failed, dry-run), error-code, region, account and
    /// srcaddr. Alerts have signature, firewall, host, action, protocol, srcaddr, dstaddr and dstport.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    by: Vec<Dimension>,

    /// What to sum: packets, bytes, records, connections; of other logs: requests, mean-time, max-time,
    /// queries, calls, changes, alerts and more [default: what --by describes]
    ///
    /// Separate several with commas; the first one ranks the groups. Requests to load balancers also
    /// have received-bytes, sent-bytes, mean-target-time and max-target-time. client-connections are
    /// those in NLB access logs and ALB connection logs. changes are the API calls that may have
    /// changed which packets pass.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    measure: Vec<Measure>,

    /// Show only the N largest groups over the whole time, and sum the rest as other
    ///
    /// A value that is itself called other is printed in quotes: "other".
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,

    /// Count each packet once, as convert writes it
    ///
    /// Skips records that were delivered twice, and uses one ENI where several logged a connection.
    #[arg(long)]
    once: bool,

    /// CloudWatch namespace
    #[arg(long, value_name = "NAME", default_value = "flow2pcap")]
    namespace: String,

    #[command(flatten)]
    partial: PartialArgs,

    #[command(flatten)]
    room: RoomArgs,

    // Last: in the help, all options that follow would come under its heading.
    #[command(flatten)]
    narrowing: Narrowing,
}

impl Args {
    /// Returns what is asked.
    ///
    /// # Errors
    /// Options contradict each other.
    pub(crate) fn request(&self) -> anyhow::Result<Metrics> {
        let orders = self
            .reading
            .format
            .iter()
            .filter_map(|choice| match choice {
                FormatChoice::Columns(layout) => Some(layout),
                FormatChoice::As(_) => None,
            });
        let orders = orders.chain(&self.columns).cloned().collect();
        let layout = Layout::any_of(orders);
        let request = self
            .reading
            .request(layout.as_ref(), &self.room, &self.narrowing)?;
        Ok(Metrics::new(request, self.every, self.questions()?).once(self.once))
    }

    fn questions(&self) -> anyhow::Result<Vec<Question>> {
        let mut questions = if self.by.is_empty() && self.measure.is_empty() {
            Question::alarms().to_vec()
        } else {
            let asked = Question::asked(&distinct(&self.by), &distinct(&self.measure));
            asked.map_err(|mismatch| {
                refusal(
                    mismatch.to_string(),
                    format!("leave out {} or {}", mismatch.dimension, mismatch.other),
                )
            })?
        };
        let mut subjects = questions.iter().map(Question::subject);
        if self.once && subjects.all(|subject| subject != Subject::Packets) {
            return Err(refusal(
                "--once counts packets, and no question is about packets",
                "leave it out",
            ));
        }
        let top = self.top.and_then(|top| usize::try_from(top).ok());
        questions.iter_mut().for_each(|question| question.top = top);
        Ok(questions)
    }

    /// Returns the output forms that `--format` names.
    fn forms(&self) -> impl Iterator<Item = Form> {
        self.reading
            .format
            .iter()
            .filter_map(|choice| match choice {
                FormatChoice::As(form) => Some(*form),
                FormatChoice::Columns(_) => None,
            })
    }

    /// Returns the option for how the sums are printed, if one was given.
    fn printing(&self) -> Option<&'static str> {
        match (self.json, self.forms().next()) {
            (true, _) => Some("--json"),
            (false, Some(_)) => Some("--format"),
            (false, None) => None,
        }
    }

    fn form(&self, streams: &Streams<'_>) -> Form {
        form(self.json, self.forms().next(), streams)
    }
}

/// Returns the form in which sums are printed: `given`, JSON, or what standard output is for.
pub(crate) fn form(json: bool, given: Option<Form>, streams: &Streams<'_>) -> Form {
    match given {
        Some(form) => form,
        None if json => Form::Json,
        None if streams.is_out_terminal() => Form::Table,
        None => Form::Csv,
    }
}

/// Returns the items without repetitions.
fn distinct<T: Copy + PartialEq>(typed: &[T]) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in typed {
        if !distinct.contains(item) {
            distinct.push(*item);
        }
    }
    distinct
}

/// Sums the records and prints the result.
///
/// # Errors
/// Fails if inputs cannot be read or hold no flow log, or if there are too many time buckets.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let mut forms = args.forms();
    let first = forms.next();
    anyhow::ensure!(
        forms.all(|form| Some(form) == first),
        "--format names two output formats; leave one of them out"
    );
    let is_other_form = first.is_some_and(|form| form != Form::Json);
    anyhow::ensure!(
        !(args.json && is_other_form),
        "--json is --format json, and --format asks for another form; leave one of them out"
    );
    let request = args.request()?;
    if let Some(file) = args.partial.file(args.printing())? {
        let reading = (&args.reading, &request.request.inputs[..]);
        return args
            .partial
            .write(file, reading, streams, |shard, output, meter| {
                pipeline::metrics_partial(&request, shard, output, meter)
            });
    }
    let answers = args
        .reading
        .run(streams, |meter| pipeline::metrics(&request, meter))??;
    let printed = MetricsPrinted {
        form: args.form(streams),
        namespace: &args.namespace,
        quiet: args.reading.quiet,
    };
    printed.print(&answers, args.every, streams)?;
    if args.reading.is_strict() && answers.events.skipped() > 0 {
        return Ok(ExitCode::FAILURE);
    }
    Ok(args.reading.exit_code(&answers.records, &answers.input))
}

/// How sums are printed.
pub(crate) struct MetricsPrinted<'a> {
    pub(crate) form: Form,
    /// The namespace for CloudWatch.
    pub(crate) namespace: &'a str,
    pub(crate) quiet: bool,
}

impl MetricsPrinted<'_> {
    /// Prints answers with time buckets of this length, after warnings about what they leave out.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn print(
        &self,
        answers: &Answers,
        every: Every,
        streams: &mut Streams<'_>,
    ) -> anyhow::Result<()> {
        let tables = &answers.tables[..];
        let mut notes = notes(answers);
        let text = match self.form {
            Form::Table => table::text(answers, every, streams.out_page()),
            Form::Csv => csv::text(tables)?,
            Form::Json => json::text(answers, every)?,
            Form::Openmetrics => openmetrics::text(tables, every),
            Form::Cloudwatch => {
                let now = jiff::Timestamp::now();
                notes.extend(cloudwatch::refused(tables, now));
                cloudwatch::text(tables, every, self.namespace)?
            }
        };
        if !self.quiet {
            for note in notes {
                streams.report(&Message::warning(note));
            }
        }
        note_silence(self.quiet, streams, &answers.records);
        give(streams, &text)
    }
}

/// Returns warnings about what the sums leave out.
pub(crate) fn notes(answers: &Answers) -> Vec<String> {
    let mut notes = Vec::new();
    let records = &answers.records;
    let (skipped, damaged) = (records.skipped.total(), answers.input.damaged.total());
    if skipped + damaged > 0 {
        notes.push(format!(
            "{} that could not be parsed and the unreadable part of {} were not counted; run `inspect` for \
             details",
            count(skipped, "line"),
            count(damaged, "damaged file"),
        ));
    }
    if answers.events.skipped() > 0 {
        notes.push(format!(
            "{} of other logs could not be parsed and were not counted; run `inspect` for details",
            count(answers.events.skipped(), "line"),
        ));
    }
    if records.skip_data > 0 && answers.is_of_packets {
        notes.push(format!(
            "AWS dropped records in {} (SKIPDATA), so the sums are too small; run `inspect` for details",
            count(records.skip_data, "interval"),
        ));
    }
    for table in &answers.tables {
        let metric = table.question.metric(table.question.measures[0]);
        if table.is_cut {
            notes.push(format!(
                "{metric}: the {} smallest sums over the whole time are added up as other, because at \
                 most {} are kept; use --top, fewer dimensions in --by, a longer --every or a filter",
                wide(table.folded.into()),
                wide(table.question.cells_max() as u128),
            ));
        }
        if table.wants_zeros() && !table.is_full && !table.series.is_empty() {
            notes.push(format!(
                "{metric}: zeros are left out, because there would be too many from the first to the last \
                 record; use a longer --every, or --from and --to",
            ));
        }
    }
    notes
}
