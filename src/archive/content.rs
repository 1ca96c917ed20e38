//! Opens a file and finds out what it holds: text, or other files.
//!
//! Plain regular files are held in memory whole, where several threads can share them. They are
//! mapped, or read if they are small. Zip archives are opened by their directory, and tables by
//! their footer. Everything else is streamed: compressed files, pipes, devices, and files on
//! systems that cannot map them.
//!
//! Nothing is unpacked to disk. A member of an archive is a stream like any other and is judged by
//! its own content, so compressed logs inside an archive are read too. However large a member
//! claims to be, only the current part of it is in memory. An archive inside an archive is not
//! opened.

use std::{
    fs, io,
    io::{Read as _, Seek as _},
    path::Path,
};

use super::{
    damage::Damage,
    entry::{self, MemberHeader, OpenMember},
    file::File,
    left_out::LeftOutReason,
    lookahead::ByteSource,
    magic::{Magic, without_bom},
    mapping::Mapping,
    stream::Stream,
    tarred,
    zipped::Zip,
};
use crate::blocking::Blocking;
#[cfg(feature = "s3")]
use crate::bucket::Object;
use crate::error::{Error, Result};

/// The result of opening a file.
#[derive(Debug)]
pub enum Opened {
    /// Text to read.
    Content(Content),
    /// An archive of files.
    Pack(Pack),
    /// A table (Parquet) that can be read at any offset.
    Table(fs::File),
    /// A table in a stream. It must be received completely before it can be read.
    PackedTable(Stream),
    /// A file that is not read, and the reason.
    LeftOut(LeftOutReason),
}

/// The text of a file.
#[derive(Debug)]
pub enum Content {
    /// Text that is completely in memory.
    Mapped(Mapping),
    /// Text that is read once, from front to back.
    Stream(Stream),
}

/// A file that holds other files.
#[derive(Debug)]
pub enum Pack {
    /// A zip archive whose table of contents has been read.
    Zip(Zip),
    /// A tar archive, compressed or not.
    Tar(Stream),
}

impl Content {
    /// Returns the first `len` bytes of the text, or fewer if the text is shorter.
    ///
    /// They are not consumed: the first block begins with them. A stream holds them in memory, so
    /// `len` should cover only a few lines.
    pub fn head(&mut self, len: usize) -> &[u8] {
        match self {
            Self::Mapped(mapping) => {
                let text = mapping.bytes();
                let kept_len = mapping.damage().map(|damage| damage.text_offset);
                let kept_len = kept_len.and_then(|len| usize::try_from(len).ok());
                &text[..kept_len.unwrap_or(text.len()).min(len)]
            }
            Self::Stream(stream) => stream.head(len),
        }
    }

    /// Returns the text as a stream, for readers that need no more than that.
    ///
    /// # Errors
    /// Returns the reason why there is no text any more.
    pub fn into_stream(self) -> std::result::Result<Stream, LeftOutReason> {
        match self {
            Self::Mapped(mapping) => Stream::new(mapping.into_reader()),
            Self::Stream(stream) => Ok(stream),
        }
    }

    /// Returns why less text is available than in the file that was listed with `listed_len` bytes,
    /// as far as the head of the file shows. Returns `None` if the file is whole.
    pub fn damage(&self, listed_len: u64) -> Option<Damage> {
        match self {
            Self::Mapped(mapping) => mapping
                .damage()
                .or_else(|| mapping.loss_before_opening(listed_len)),
            Self::Stream(stream) => stream.damage(),
        }
    }
}

impl Pack {
    /// Opens each member of this archive, which is `file`, in archive order.
    ///
    /// # Errors
    /// Returns the error of `each`, which ends the reading. Damage is not an error: it is returned
    /// after everything before it has been delivered.
    pub fn for_each_member(
        self,
        file: &File,
        mut each: impl FnMut(File, Opened) -> Result<()>,
    ) -> Result<Option<Damage>> {
        let each = |header: MemberHeader<'_>, open: OpenMember<'_>| {
            let path = Path::new(header.path);
            let member = file.member(path, header.len);
            let reason = header.reason.or_else(|| entry::judge_member(header.path));
            let source = reason.map_or_else(open, Err);
            each(member, source.map_or_else(Opened::LeftOut, open_member))
        };
        match self {
            Self::Zip(zip) => zip.for_each_member(each).map(|()| None),
            Self::Tar(stream) => tarred::for_each_member(stream, each),
        }
    }
}

/// Opens `file` and finds out what it is.
///
/// Waits for the first bytes of a pipe.
///
/// # Errors
/// Fails if a file named by the user cannot be opened. A file found in a folder is left out
/// instead.
pub fn open(file: &File) -> Result<Opened> {
    if file.is_stdin() {
        return Ok(open_stream(Blocking(io::stdin())));
    }
    #[cfg(feature = "s3")]
    let opened = match &file.object {
        Some(object) => open_object(object),
        None => open_path(&file.path),
    };
    #[cfg(not(feature = "s3"))]
    let opened = open_path(&file.path);
    match opened {
        Ok(opened) => Ok(opened),
        Err(source) if file.is_typed => Err(Error::io("read", &file.path, source)),
        Err(source) => Ok(Opened::LeftOut(LeftOutReason::NotReadable(
            source.to_string(),
        ))),
    }
}

fn open_path(path: &Path) -> io::Result<Opened> {
    let mut file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    // Files of length zero may still deliver data, such as files that the kernel provides.
    if metadata.is_file() && metadata.len() > 0 {
        let magic = magic_of(&mut file);
        file.rewind()?;
        match magic {
            Ok(Magic::Text) => {
                if let Ok(Some(mapping)) = Mapping::of(&mut file, metadata.len()) {
                    return Ok(Opened::Content(Content::Mapped(mapping)));
                }
                file.rewind()?;
            }
            Ok(Magic::Zip) => {
                return Ok(match Zip::open(file) {
                    Ok(zip) => Opened::Pack(Pack::Zip(zip)),
                    Err(reason) => Opened::LeftOut(reason),
                });
            }
            Ok(Magic::Parquet) => return Ok(Opened::Table(file)),
            // The stream detects this, and reports a read failure as damage.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(open_stream(file))
}

/// Opens an object of a bucket. A zip archive must be whole, so it is stored in a temporary file.
#[cfg(feature = "s3")]
fn open_object(object: &Object) -> io::Result<Opened> {
    let mut source = object.open()?;
    let mut head = Vec::with_capacity(Magic::HEAD_LEN);
    let len = Magic::HEAD_LEN as u64;
    source.by_ref().take(len).read_to_end(&mut head)?;
    let is_zip = Magic::of(without_bom(&head)) == Magic::Zip;
    let mut whole = io::Cursor::new(head).chain(source);
    if !is_zip {
        return Ok(open_stream(whole));
    }
    let mut stored = tempfile::tempfile()?;
    io::copy(&mut whole, &mut stored)?;
    stored.rewind()?;
    Ok(match Zip::open(stored) {
        Ok(zip) => Opened::Pack(Pack::Zip(zip)),
        Err(reason) => Opened::LeftOut(reason),
    })
}

/// Returns the format of `file` from its first bytes, ignoring a byte order mark.
fn magic_of(file: &mut fs::File) -> io::Result<Magic> {
    let mut head = Vec::with_capacity(Magic::HEAD_LEN);
    let len = Magic::HEAD_LEN as u64;
    file.take(len).read_to_end(&mut head)?;
    Ok(Magic::of(without_bom(&head)))
}

/// Finds out what `source` holds.
pub(super) fn open_stream(source: impl io::Read + Send + 'static) -> Opened {
    let mut stream = match Stream::new(source) {
        Ok(stream) => stream,
        Err(reason) => return Opened::LeftOut(reason),
    };
    match Magic::of(stream.head(Magic::HEAD_LEN)) {
        Magic::Tar => Opened::Pack(Pack::Tar(stream)),
        Magic::Parquet => Opened::PackedTable(stream),
        _ => Opened::Content(Content::Stream(stream)),
    }
}

/// Finds out what `source`, the bytes of a member, holds.
pub(super) fn open_member(source: ByteSource) -> Opened {
    match open_stream(source) {
        Opened::Pack(_) => Opened::LeftOut(LeftOutReason::PackInPack),
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::archive::{
        testing::{Folder, gzip},
        walk,
    };

    fn open_typed(path: PathBuf) -> Opened {
        open(&walk(&[path]).unwrap().files[0]).unwrap()
    }

    #[track_caller]
    fn content(opened: Opened) -> Content {
        match opened {
            Opened::Content(content) => content,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn reason(opened: Opened) -> LeftOutReason {
        match opened {
            Opened::LeftOut(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_is_mapped_whatever_the_file_name() {
        let folder = Folder::new();
        let path = folder.write("a.log.gz", b"\xef\xbb\xbf2 OK\n");
        let mut content = content(open_typed(path));
        assert!(matches!(content, Content::Mapped(_)));
        assert_eq!(content.head(1), b"2");
        assert_eq!(content.head(99), b"2 OK\n");
    }

    #[test]
    fn gzip_is_streamed_whatever_the_file_name() {
        let folder = Folder::new();
        let path = folder.write("a.log", &gzip(b"2 OK\n"));
        let mut content = content(open_typed(path));
        assert!(matches!(content, Content::Stream(_)));
        assert_eq!(content.head(1), b"2");
        assert_eq!(content.head(99), b"2 OK\n");
    }

    #[test]
    fn utf_16_is_streamed_as_utf_8() {
        let folder = Folder::new();
        let mut content = content(open_typed(folder.write("a.log", b"\xff\xfe2\0 \0\n\0")));
        assert_eq!(content.head(9), b"2 \n");
    }

    #[test]
    fn json_is_streamed() {
        let folder = Folder::new();
        let mut content = content(open_typed(folder.write("a.log", b"{}")));
        assert!(matches!(content, Content::Stream(_)));
        assert_eq!(content.head(9), b"{}");
    }

    #[test]
    fn table_in_a_regular_file_can_be_read_at_any_offset() {
        let folder = Folder::new();
        let path = folder.write("a.log.gz", b"PAR1....");
        assert!(matches!(open_typed(path), Opened::Table(_)));
        let path = folder.write("a.parquet", &gzip(b"PAR1...."));
        assert!(matches!(open_typed(path), Opened::PackedTable(_)));
    }

    #[test]
    fn other_formats_are_left_out() {
        let folder = Folder::new();
        let check = |bytes: &[u8], expected| {
            assert_eq!(reason(open_typed(folder.write("a.log", bytes))), expected);
        };
        check(b"", LeftOutReason::Empty);
        check(b"\xff\xfe", LeftOutReason::Empty);
        check(b"\x7fELF\x02\x01", LeftOutReason::Format(Magic::Binary));
    }

    #[cfg(unix)]
    #[test]
    fn device_is_streamed() {
        let file = File::typed(PathBuf::from("/dev/null"), None);
        assert_eq!(reason(open(&file).unwrap()), LeftOutReason::Empty);
    }

    #[cfg(unix)]
    #[test]
    fn pipe_is_streamed() {
        let folder = Folder::new();
        let path = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let writer = std::thread::spawn({
            let path = path.clone();
            move || fs::write(path, gzip(b"2 OK\n"))
        });
        let mut content = content(open_typed(path));
        assert!(matches!(content, Content::Stream(_)));
        assert_eq!(content.head(99), b"2 OK\n");
        writer.join().unwrap().unwrap();
    }

    #[test]
    fn content_can_be_sent_to_another_thread() {
        fn check<T: Send>() {}
        check::<Content>();
    }

    #[test]
    fn missing_file_is_an_error_if_typed_and_left_out_if_found() {
        let mut file = File::typed(Folder::new().join("gone.log"), None);
        let message = open(&file).unwrap_err().to_string();
        assert!(message.starts_with("cannot read ") && message.ends_with("gone.log"));
        file.is_typed = false;
        assert!(matches!(
            reason(open(&file).unwrap()),
            LeftOutReason::NotReadable(_)
        ));
    }
}
