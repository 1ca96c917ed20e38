//! Makes an archive of flow logs of any size, always the same for the same arguments.
//!
//! ```sh
//! cargo run --release --example generate -- --size 1GB -o archive.log
//! cargo run --release --example generate -- --size 1GB --tree -o archive/
//! cargo run --release --example generate -- --records 1000000 --files 100000 -o many/
//! ```

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

/// Makes an archive of flow logs
#[derive(Debug, Parser)]
struct Args {
    /// The file, or with --tree or --files the folder, to be made
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Bytes of text before compression, at least: 500MB, 10GB
    #[arg(long, value_parser = parse_size, required_unless_present = "records")]
    size: Option<u64>,

    /// Lines
    #[arg(long, conflicts_with = "size")]
    records: Option<u64>,

    /// Another seed gives another archive
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Which fields, in the order of AWS
    #[arg(long, value_enum, default_value_t = FormatChoice::V5)]
    format: FormatChoice,

    /// ENIs that write; each writes some seventy records a minute
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(4..=16_000))]
    enis: u16,

    /// A folder as S3 delivery fills it: a file for each account and five minutes
    #[arg(long)]
    tree: bool,

    /// The same folders, but this many files of about the same size
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    files: Option<u64>,

    /// Compress each file
    #[arg(long)]
    gzip: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatChoice {
    V2,
    V5,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let begun = Instant::now();
    let version = match args.format {
        FormatChoice::V2 => Version::V2,
        FormatChoice::V5 => Version::V5,
    };
    let settings = Settings {
        enis: args.enis,
        ..Settings::new(version, args.seed)
    };
    let goal = match (args.records, args.size) {
        (Some(records), _) => Goal::Lines(records),
        (None, size) => Goal::Bytes(size.unwrap_or(0)),
    };
    let shape = match (args.files, args.tree) {
        (Some(files), _) => Shape::Files(files),
        (None, true) => Shape::Tree,
        (None, false) => Shape::OneFile,
    };
    let made = generate(settings, goal, shape, args.gzip, &args.output)
        .with_context(|| args.output.display().to_string())?;
    eprintln!(
        "{} records, {} bytes of text, telling of {} packets and {} bytes; {} files in {:.1} s",
        made.lines,
        made.text_len,
        made.packets,
        made.bytes,
        made.files,
        begun.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// `500MB`, `10GB`, or bytes.
fn parse_size(typed: &str) -> Result<u64, String> {
    let digits_len = typed.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = typed.split_at(digits_len.unwrap_or(typed.len()));
    let factor = match unit.to_ascii_uppercase().as_str() {
        "" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(format!("found {unit}, expected KB, MB or GB")),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("found {typed}, expected a number and KB, MB or GB"))?;
    Ok(number * factor)
}
