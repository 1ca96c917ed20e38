//! The release binary: for which target, and how static.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::tool::{cargo, output, rustc};

const MUSL: &str = "x86_64-unknown-linux-musl";

/// Flags of the compiler that link the C library into the program.
const STATIC: &str = "-C target-feature=+crt-static";

/// A way to link the program.
#[derive(Debug)]
pub(crate) struct Linking {
    /// The target triple.
    pub(crate) target: String,
    /// Flags of the compiler.
    flags: &'static str,
    /// The description that the task prints.
    pub(crate) description: &'static str,
    /// The license of the C library, where it is part of the program.
    pub(crate) c_library: Option<&'static str>,
}

impl Linking {
    /// The most static way that works on this machine.
    ///
    /// Tried on an empty program: a release build takes minutes.
    ///
    /// # Errors
    /// A compiler that does not run.
    pub(crate) fn choose(scratch: &Path) -> anyhow::Result<Self> {
        let version = output(rustc().arg("-vV"))?;
        let mut lines = version.lines();
        let host = lines.find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc -vV names no host")?;
        let is_x86_64 = host.starts_with("x86_64-") && host.contains("-linux-");
        let ways = [
            // C code, such as that of zstd, needs the headers of musl and not those of the host.
            (is_x86_64 && runs("musl-gcc")).then(|| Self {
                target: MUSL.to_owned(),
                flags: "",
                description: "static, with musl",
                c_library: Some("musl: MIT"),
            }),
            host.contains("-linux-gnu").then(|| Self {
                target: host.to_owned(),
                flags: STATIC,
                description: "static, with glibc",
                c_library: Some("glibc: LGPL-2.1-or-later"),
            }),
        ];
        let mut ways = ways.into_iter().flatten();
        let way = ways.find(|way| way.links_and_runs(scratch));
        Ok(way.unwrap_or_else(|| Self {
            target: host.to_owned(),
            flags: "",
            description: "with the libraries of the system",
            c_library: None,
        }))
    }

    /// Whether an empty program links in this way, and runs here.
    fn links_and_runs(&self, scratch: &Path) -> bool {
        let (source, program) = (scratch.join("empty.rs"), scratch.join("empty"));
        if std::fs::write(&source, "fn main() {}\n").is_err() {
            return false;
        }
        let mut compile = rustc();
        compile.args(self.flags.split_whitespace());
        compile.args(["--target", &self.target, "-o"]);
        succeeds(compile.arg(&program).arg(&source)) && succeeds(&mut Command::new(program))
    }

    /// The place of the binary in the target folder of cargo.
    pub(crate) fn binary(&self, target_folder: &Path) -> PathBuf {
        let folder = target_folder.join(&self.target).join("dist");
        folder.join(format!("flow2pcap{}", std::env::consts::EXE_SUFFIX))
    }

    /// Builds the binary. The profile strips it.
    ///
    /// # Errors
    /// A build that fails.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        // With --target the flags stay away from build scripts and macros, which cannot be static.
        let mut cargo = cargo();
        cargo.args([
            "build",
            "--profile",
            "dist",
            "--locked",
            "--bin",
            "flow2pcap",
        ]);
        cargo.args(["--package", "flow2pcap", "--target", &self.target]);
        if !self.flags.is_empty() {
            let given = std::env::var("RUSTFLAGS").unwrap_or_default();
            cargo.env("RUSTFLAGS", format!("{given} {}", self.flags).trim());
        }
        let status = cargo.status().context("cannot run cargo")?;
        anyhow::ensure!(status.success(), "cargo build failed, {status}");
        Ok(())
    }
}

fn runs(program: &str) -> bool {
    succeeds(Command::new(program).arg("--version"))
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
