//! `flow2pcap metrics`: sums over time, for alarms and for a look.

mod cloudwatch;
mod csv;
mod form;
mod json;
mod openmetrics;
mod table;

use std::process::ExitCode;

use clap::Args as ClapArgs;
use flow2pcap::metrics::{CELLS_MAX, Dimension, Every, Measure, Question};
use flow2pcap::pipeline::{self, Answers, Metrics};
use flow2pcap::record::Layout;

use self::form::{Form, FormatChoice};
use super::narrowing::Narrowing;
use super::page::{count, wide};
use super::reading::{FormatOption as _, ReadingArgs};
use super::room::RoomArgs;
use super::streams::Streams;

const EXAMPLES: &str = "\
Examples:
  flow2pcap metrics AWSLogs/
      Was anything blocked, and when? Rejected TCP packets, and rejected packets of each protocol,
      in every quarter of an hour: the two sums that network teams set alarms on.

  flow2pcap metrics AWSLogs/ --action reject --by srcaddr,dstport --top 10 --every 1h
      Who is blocked most, and on which ports?

  flow2pcap metrics AWSLogs/ --by action,eni --measure packets,bytes --from -2h
      How much passed at each ENI in the two hours before the newest record, and how much did not?

  flow2pcap metrics AWSLogs/ --by outcome --measure connections --every 5m
      When did connections begin to fail, and how?

  flow2pcap metrics AWSLogs/ --format csv >metrics.csv
      For a spreadsheet or a database: start, metric, what it is by, value. A name that a spreadsheet
      would take for a formula (=, +, - or @ in front) gets a ' in front; numbers stay numbers.

  flow2pcap metrics AWSLogs/ --format openmetrics >metrics.txt
  promtool tsdb create-blocks-from openmetrics metrics.txt
      For Prometheus and what reads it.

  flow2pcap metrics AWSLogs/ --format cloudwatch --namespace Network/Rejects |
    while IFS= read -r request; do
      aws cloudwatch put-metric-data --cli-input-json file:///dev/stdin <<<\"$request\"
    done
      For an alarm in CloudWatch. A line is a request of at most 1,000 values; CloudWatch takes none
      that are older than two weeks.

What is counted: each record as often as it is in the archive, as a metric filter of CloudWatch counts
it. A packet that two ENIs logged counts twice, and so does a record that was delivered twice; --once
counts each packet once, as convert writes it. Narrowing then keeps connections whole, as in convert,
and in single records otherwise, as in inspect. --by outcome and --measure connections need
connections, so they count once too.

A record that spans several stretches of time is shared out over them in proportion, and all parts
together are what it counts. Records and connections count where they begin. Where nothing was
counted between the first and the last stretch a zero is told, but not of every ENI, address and port.

Exit status: 0 done; 1 done, but --strict found records that do not parse or a damaged file; 2 failed;
3 nothing matches the filter.";

/// Adds up packets, bytes, records or connections over time
///
/// Without --by and --measure: rejected TCP packets, and rejected packets by protocol, every 15
/// minutes.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    reading: ReadingArgs<FormatChoice>,

    /// The same column order, where --format says how to print
    #[arg(long, value_name = "FORMAT", value_parser = Layout::parse)]
    columns: Option<Layout>,

    /// The same as --format json
    #[arg(long)]
    json: bool,

    /// How long a stretch of time is, from the full hour on (UTC): 30s, 1m, 15m, 1h, 6h, 1d
    #[arg(long, value_name = "TIME", default_value_t)]
    every: Every,

    /// A sum for each: protocol, action, eni, vpc, subnet, srcaddr, dstaddr, dstport, srcsubnet, dstsubnet,
    /// direction, outcome
    ///
    /// Several with commas. Addresses are those of the packet, where records have them. VPC and
    /// subnet are those of the ENI; srcsubnet and dstsubnet those of the addresses: where no ENI's
    /// record names the subnet, the /24 (IPv6: /64) of a private address, and internet. What no
    /// record tells is called unknown.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    by: Vec<Dimension>,

    /// What to add up: packets, bytes, records, connections [default: packets]
    ///
    /// Several with commas; the first says which are the largest.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    measure: Vec<Measure>,

    /// Only the N largest over the whole time; the rest is added up as other
    ///
    /// A value that is itself called other is printed in quotes: "other".
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,

    /// Count each packet once, as convert writes it
    ///
    /// Not what was delivered twice, and from one ENI only where several saw a connection.
    #[arg(long)]
    once: bool,

    /// The namespace in CloudWatch
    #[arg(long, value_name = "NAME", default_value = "flow2pcap")]
    namespace: String,

    #[command(flatten)]
    room: RoomArgs,

    // Last, for what follows would stand below its heading in the help.
    #[command(flatten)]
    narrowing: Narrowing,
}

impl Args {
    fn request(&self) -> anyhow::Result<Metrics> {
        let layout = match &self.reading.format {
            Some(FormatChoice::Columns(layout)) => Some(layout),
            _ => self.columns.as_ref(),
        };
        let request = self.reading.request(layout, &self.room, &self.narrowing)?;
        Ok(Metrics::new(request, self.every, self.questions()).once(self.once))
    }

    fn questions(&self) -> Vec<Question> {
        let mut questions = if self.by.is_empty() && self.measure.is_empty() {
            Question::alarms().to_vec()
        } else {
            vec![Question::of(distinct(&self.by), self.measures())]
        };
        let top = self.top.and_then(|top| usize::try_from(top).ok());
        questions.iter_mut().for_each(|question| question.top = top);
        questions
    }

    fn measures(&self) -> Vec<Measure> {
        if self.measure.is_empty() {
            return vec![Measure::Packets];
        }
        distinct(&self.measure)
    }

    fn form(&self, streams: &Streams<'_>) -> Form {
        match self.reading.format {
            Some(FormatChoice::As(form)) => form,
            _ if self.json => Form::Json,
            _ if streams.is_out_terminal() => Form::Table,
            _ => Form::Csv,
        }
    }
}

/// These without those that stand there before.
fn distinct<T: Copy + PartialEq>(typed: &[T]) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in typed {
        if !distinct.contains(item) {
            distinct.push(*item);
        }
    }
    distinct
}

/// Adds up what was typed and prints it.
///
/// # Errors
/// Inputs that cannot be read, or hold no flow log, and more stretches of time than there is room for.
pub(crate) fn run(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<ExitCode> {
    let is_other_form =
        matches!(args.reading.format, Some(FormatChoice::As(form)) if form != Form::Json);
    anyhow::ensure!(
        !(args.json && is_other_form),
        "--json is --format json, and --format asks for another form; leave one of them out"
    );
    let request = args.request()?;
    let answers = args
        .reading
        .run(streams, |meter| pipeline::metrics(&request, meter))??;
    let (tables, every) = (&answers.tables[..], args.every);
    let mut notes = notes(&answers);
    let told = match args.form(streams) {
        Form::Table => table::text(&answers, every, streams.out_page()),
        Form::Csv => csv::text(tables)?,
        Form::Json => json::text(&answers, every)?,
        Form::Openmetrics => openmetrics::text(tables, every),
        Form::Cloudwatch => {
            let now = jiff::Timestamp::now();
            notes.extend(cloudwatch::refused(tables, now));
            cloudwatch::text(tables, every, &args.namespace)?
        }
    };
    if !args.reading.quiet {
        for note in notes {
            streams.tell(&format!("flow2pcap: {note}\n"));
        }
    }
    args.reading.note_silence(streams, &answers.records);
    args.reading
        .give(streams, &told, &answers.records, &answers.input)
}

/// What a reader has to know of the sums besides.
fn notes(answers: &Answers) -> Vec<String> {
    let mut notes = Vec::new();
    let records = &answers.records;
    let (skipped, damaged) = (records.skipped.total(), answers.input.damaged.total());
    if skipped + damaged > 0 {
        notes.push(format!(
            "not counted: {} that no record could be read from, and what is lost of {}; inspect tells which",
            count(skipped, "line"),
            count(damaged, "damaged file"),
        ));
    }
    if records.skip_data > 0 {
        notes.push(format!(
            "AWS dropped records in {} (SKIPDATA): there was more than is counted; inspect tells where",
            count(records.skip_data, "interval"),
        ));
    }
    for table in &answers.tables {
        let metric = table.question.metric(table.question.measures[0]);
        if table.is_cut {
            notes.push(format!(
                "{metric}: the {} smallest sums over the whole time are added up as other, for there \
                 is room for {}; --top, fewer --by, a longer --every or a filter make fewer",
                wide(table.folded.into()),
                wide(CELLS_MAX as u128),
            ));
        }
        if table.wants_zeros() && !table.is_full && !table.series.is_empty() {
            notes.push(format!(
                "{metric}: no zeros are told, for from the first to the last record there would be too \
                 many; a longer --every, or --from and --to make fewer",
            ));
        }
    }
    notes
}
