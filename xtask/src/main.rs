//! Tasks of the repository, run with `cargo xtask`.
//!
//! `cargo xtask dist` builds the release for this machine into `dist/`.

mod binary;
mod dist;
mod notices;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;

use self::dist::Dist;

const HELP: &str = "\
Usage: cargo xtask dist [--skip-build [BINARY]] [--output FOLDER]

Builds a release of flow2pcap for this machine: a folder with the program, its manual pages, completions
for shells and licenses, an archive of that folder, and SHA256SUMS.

Options:
  --skip-build [BINARY]  Pack BINARY, or the result of an earlier release build, instead of building.
                         The names are those of the target that would be built
  --output FOLDER        The folder to write to [default: dist]

Example:
  cargo xtask dist
  (cd dist && sha256sum --check SHA256SUMS)";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> anyhow::Result<()> {
    let mut arguments = arguments.into_iter().peekable();
    match arguments.next().as_deref() {
        Some("dist") => {}
        None | Some("help" | "-h" | "--help") => {
            println!("{HELP}");
            return Ok(());
        }
        Some(other) => anyhow::bail!("{other:?} is not a task\n\n{HELP}"),
    }
    let mut dist = Dist::default();
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--skip-build" => {
                dist.skip_build = true;
                dist.binary = arguments
                    .next_if(|next| !next.starts_with('-'))
                    .map(PathBuf::from);
            }
            "--output" => {
                let folder = arguments.next();
                let folder = folder.ok_or_else(|| anyhow::anyhow!("--output needs a folder"))?;
                dist.output = PathBuf::from(folder);
            }
            "-h" | "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            other => anyhow::bail!("{other:?} is not an option\n\n{HELP}"),
        }
    }
    dist.run()
}
