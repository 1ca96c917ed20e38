//! `cargo xtask dist`: a release, as a folder and as an archive with its checksum.

#[cfg(all(test, unix))]
mod tests;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::binary::Linking;
use crate::notices::Metadata;
use crate::tool::{output, top};

/// Shells that the program writes completions for, and the names that the shells look for.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "flow2pcap.bash"),
    ("zsh", "_flow2pcap"),
    ("fish", "flow2pcap.fish"),
    ("elvish", "flow2pcap.elv"),
    ("powershell", "flow2pcap.ps1"),
];

/// Files of the repository that are part of a release.
const DOCUMENTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// The options of the task.
pub(crate) struct Dist {
    /// Whether to pack a binary that is already built.
    pub(crate) skip_build: bool,
    /// That binary, if it is not the one of an earlier release build.
    pub(crate) binary: Option<PathBuf>,
    /// The folder to write to, from the top of the repository.
    pub(crate) output: PathBuf,
}

impl Default for Dist {
    fn default() -> Self {
        Self {
            skip_build: false,
            binary: None,
            output: PathBuf::from("dist"),
        }
    }
}

impl Dist {
    /// Builds and packs a release.
    ///
    /// # Errors
    /// A build that fails, a binary that does not run, and files that cannot be read or written.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let output = top().join(&self.output);
        fs::create_dir_all(&output).with_context(|| output.display().to_string())?;
        let scratch = output.join("scratch");
        fs::create_dir_all(&scratch)?;
        let linking = Linking::choose(&scratch)?;
        fs::remove_dir_all(&scratch)?;
        let metadata = Metadata::of(&linking.target)?;
        let binary = match &self.binary {
            Some(binary) => top().join(binary),
            None => linking.binary(metadata.target_folder()),
        };
        if !self.skip_build {
            println!("target: {}, {}", linking.target, linking.description);
            linking.build()?;
        }
        let name = format!("flow2pcap-{}-{}", metadata.version()?, linking.target);
        let folder = output.join(&name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fill(&folder, &binary)?;
        write(
            &folder.join("THIRD-PARTY-LICENSES.txt"),
            metadata.notices(linking.c_library)?,
        )?;
        let archive = output.join(format!("{name}.tar.gz"));
        pack(&folder, &name, &archive)?;
        write(&output.join("SHA256SUMS"), sums(&output)?)?;
        println!("{}", archive.display());
        Ok(())
    }
}

/// Writes the program, its documents, manual pages and completions into `folder`.
fn fill(folder: &Path, binary: &Path) -> anyhow::Result<()> {
    for part in ["man", "completions"] {
        fs::create_dir_all(folder.join(part)).with_context(|| folder.display().to_string())?;
    }
    let program = folder.join(format!("flow2pcap{}", std::env::consts::EXE_SUFFIX));
    fs::copy(binary, &program).with_context(|| format!("cannot copy {}", binary.display()))?;
    for document in DOCUMENTS {
        let from = top().join(document);
        if from.exists() {
            fs::copy(&from, folder.join(document)).with_context(|| from.display().to_string())?;
        }
    }
    let print = |arguments: &[&str]| output(Command::new(&program).args(arguments));
    for (shell, name) in COMPLETIONS {
        let script = print(&["completions", shell])?;
        write(&folder.join("completions").join(name), script)?;
    }
    let page = print(&["man"])?;
    for subcommand in subcommands(&page) {
        let name = format!("flow2pcap-{subcommand}.1");
        write(&folder.join("man").join(name), print(&["man", subcommand])?)?;
    }
    write(&folder.join("man/flow2pcap.1"), page)
}

/// The subcommands whose pages the page of the program refers to.
fn subcommands(page: &str) -> Vec<&str> {
    let lines = page.lines();
    let names = lines.filter_map(|line| line.strip_prefix("flow2pcap\\-")?.strip_suffix("(1)"));
    names.collect()
}

/// Packs `folder` into a compressed tar archive, the same bytes for the same files.
fn pack(folder: &Path, name: &str, archive: &Path) -> anyhow::Result<()> {
    let file = File::create(archive).with_context(|| archive.display().to_string())?;
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    tar.mode(tar::HeaderMode::Deterministic);
    for path in files_below(folder)? {
        let inside = Path::new(name).join(path.strip_prefix(folder)?);
        tar.append_path_with_name(&path, inside)
            .with_context(|| path.display().to_string())?;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

/// All files below `folder`, in the order of their paths.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The checksums of all archives in `output`, in the format of sha256sum.
fn sums(output: &Path) -> anyhow::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(output).with_context(|| output.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".tar.gz") {
            names.push(name);
        }
    }
    names.sort();
    let mut sums = String::new();
    for name in names {
        let digest = Sha256::digest(fs::read(output.join(&name))?);
        for byte in digest {
            write!(sums, "{byte:02x}")?;
        }
        writeln!(sums, "  {name}")?;
    }
    Ok(sums)
}

fn write(path: &Path, text: String) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
