//! Streams that do not block, read and written as if they did.
//!
//! Standard input and output come from whoever started the process, and may be pipes that it has
//! set not to block (`O_NONBLOCK`), as some runtimes and remote shells do. Then the system answers
//! EAGAIN where there is nothing to read yet, or no room to write. That is no failure: more comes,
//! or room does. Nothing else is done here; other errors go to the caller.

use std::io::{self, ErrorKind, Read, Write};
use std::thread::sleep;
use std::time::Duration;

/// How long to wait before trying again: long enough to cost nothing, and soon enough for a pipe.
const PAUSE: Duration = Duration::from_millis(2);

/// A stream whose reads and writes wait until there is something to read, or room to write.
#[derive(Debug)]
pub struct Blocking<T>(pub T);

fn patiently<R>(mut attempt: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE),
            done => return done,
        }
    }
}

impl<T: Read> Read for Blocking<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        patiently(|| self.0.read(buffer))
    }
}

impl<T: Write> Write for Blocking<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        patiently(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        patiently(|| self.0.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves one byte at every second try.
    struct Hesitant(Vec<u8>, bool);

    impl Hesitant {
        fn is_ready(&mut self) -> io::Result<()> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(())
        }
    }

    impl Read for Hesitant {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_ready()?;
            let Some(byte) = self.0.pop() else {
                return Ok(0);
            };
            buffer[0] = byte;
            Ok(1)
        }
    }

    impl Write for Hesitant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.is_ready()?;
            self.0.push(bytes[0]);
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.is_ready()
        }
    }

    #[test]
    fn nothing_is_lost_while_a_stream_would_block() {
        let mut read = Vec::new();
        let source = Hesitant(b"cba".to_vec(), false);
        Blocking(source).read_to_end(&mut read).unwrap();
        assert_eq!(read, b"abc");
        let mut written = Blocking(Hesitant(Vec::new(), false));
        written.write_all(b"abc").unwrap();
        written.flush().unwrap();
        assert_eq!(written.0.0, b"abc");
    }

    #[test]
    fn other_errors_are_the_callers() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
        }
        let error = Blocking(Broken).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}
