//! An archive on disk: one file, the folders of S3 delivery, or very many small files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::traffic::network::{ACCOUNTS, REGION};
use crate::traffic::{Line, Settings, Traffic, Version};

/// When there is enough; header lines do not count.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// So many of them.
    Lines(u64),
    /// Of text, however it is compressed.
    Bytes(u64),
}

/// How the lines lie on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All in one.
    OneFile,
    /// As S3 delivery: `AWSLogs/`, and a file for each account and five minutes of `end`.
    Tree,
    /// The same folders, but this many files, filled one after the other.
    Files(u64),
}

/// What an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Header lines do not count.
    pub lines: u64,
    /// Bytes of these lines, however they are compressed.
    pub text_len: u64,
    /// The sum of `packets` over all lines.
    pub packets: u64,
    /// The sum of `bytes` over all lines.
    pub bytes: u64,
    /// How many files were written.
    pub files: u64,
}

/// Makes the archive at `path`.
///
/// # Errors
/// A file that cannot be written.
pub fn generate(
    settings: Settings,
    goal: Goal,
    shape: Shape,
    gzip: bool,
    path: &Path,
) -> io::Result<Made> {
    let mut archive = Archive {
        path: path.to_owned(),
        version: settings.version,
        shape,
        gzip,
        open: BTreeMap::new(),
        made: Made::default(),
    };
    let ended = Traffic::new(settings).write(|line| {
        if let Err(error) = archive.add(goal, line) {
            return ControlFlow::Break(Err(error));
        }
        if archive.parts_done(goal, 1) < 1 {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(Ok(()))
    });
    if let ControlFlow::Break(result) = ended {
        result?;
    }
    archive.close_before(u64::MAX)?;
    Ok(archive.made)
}

/// An archive that is being written.
struct Archive {
    path: PathBuf,
    version: Version,
    shape: Shape,
    gzip: bool,
    /// By five minutes and account, or by number where files are filled in turn.
    open: BTreeMap<(u64, usize), Output>,
    made: Made,
}

impl Archive {
    fn add(&mut self, goal: Goal, line: Line<'_>) -> io::Result<()> {
        let slot_s = line.end_s / SLOT_S * SLOT_S;
        let key = match self.shape {
            Shape::OneFile => (0, 0),
            Shape::Tree => (slot_s, line.account),
            Shape::Files(count) => (self.parts_done(goal, count), 0),
        };
        let output = match self.open.entry(key) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let path = match self.shape {
                    Shape::OneFile => self.path.clone(),
                    _ => self.path.join(name(slot_s, line.account, key.0, self.gzip)),
                };
                self.made.files += 1;
                place.insert(Output::create(&path, self.gzip, self.version)?)
            }
        };
        output.write_all(line.text)?;
        self.made.lines += 1;
        self.made.text_len += line.text.len() as u64;
        self.made.packets += line.packets;
        self.made.bytes += line.bytes;
        match self.shape {
            Shape::OneFile => Ok(()),
            // A window reaches back over one end of five minutes, never over two.
            Shape::Tree => self.close_before(slot_s.saturating_sub(SLOT_S)),
            Shape::Files(_) => self.close_before(key.0),
        }
    }

    /// How many of `count` equal parts of the goal are reached.
    fn parts_done(&self, goal: Goal, count: u64) -> u64 {
        let (done, all) = match goal {
            Goal::Lines(lines) => (self.made.lines, lines),
            Goal::Bytes(bytes) => (self.made.text_len, bytes),
        };
        let parts = u128::from(done) * u128::from(count) / u128::from(all.max(1));
        u64::try_from(parts).unwrap_or(u64::MAX)
    }

    fn close_before(&mut self, first: u64) -> io::Result<()> {
        while let Some(entry) = self.open.first_entry() {
            if entry.key().0 >= first {
                break;
            }
            entry.remove().finish()?;
        }
        Ok(())
    }
}

/// A file that is being written.
enum Output {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Output {
    fn create(path: &Path, gzip: bool, version: Version) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = BufWriter::with_capacity(64 << 10, File::create(path)?);
        let mut output = if gzip {
            Self::Gzip(Box::new(GzEncoder::new(file, Compression::default())))
        } else {
            Self::Plain(file)
        };
        output.write_all(version.header().as_bytes())?;
        output.write_all(b"\n")?;
        Ok(output)
    }

    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(text),
            Self::Gzip(encoder) => encoder.write_all(text),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(encoder) => encoder.finish()?.flush(),
        }
    }
}

/// Where AWS puts a file; `number` tells files of the same five minutes apart.
fn name(slot_s: u64, account: usize, number: u64, gzip: bool) -> String {
    let seconds = i64::try_from(slot_s).unwrap_or(0);
    let slot = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let day = slot.strftime("%Y/%m/%d");
    let instant = slot.strftime("%Y%m%dT%H%MZ");
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let flow_log = (account as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f) >> 4;
    let account = ACCOUNTS[account];
    let ending = if gzip { ".gz" } else { "" };
    format!(
        "AWSLogs/{account}/vpcflowlogs/{REGION}/{day}/\
         {account}_vpcflowlogs_{REGION}_fl-0{flow_log:016x}_{instant}_{hash:08x}.log{ending}"
    )
}

/// Seconds whose records share a file.
const SLOT_S: u64 = 300;
