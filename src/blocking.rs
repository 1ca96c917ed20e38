//! Reads and writes nonblocking streams as if they were blocking.
//!
//! Standard input and output are inherited from the parent process, and may be pipes that it has
//! set to nonblocking mode (`O_NONBLOCK`), as some runtimes and remote shells do. The system then
//! returns EAGAIN if there is nothing to read yet, or no space to write. That is not a failure:
//! data or space becomes available later. Nothing else is handled here; other errors are returned
//! to the caller.

use std::io::{self, ErrorKind, Read, Write};
use std::thread::sleep;
use std::time::Duration;

/// Time to wait before trying again: long enough to use almost no CPU, and short enough for a pipe.
const PAUSE: Duration = Duration::from_millis(2);

/// A stream whose reads and writes wait until there is data to read, or space to write.
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

    /// Transfers one byte on every second attempt.
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
    fn no_bytes_are_lost_while_a_stream_would_block() {
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
    fn other_errors_are_returned_to_the_caller() {
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
