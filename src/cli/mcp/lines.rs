//! Lines of bounded length.

use std::io::{self, BufRead};

/// The longest line that is read, in bytes: a request has a few hundred.
pub(super) const LINE_MAX: usize = 1 << 20;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine {
    /// The line.
    Text(Vec<u8>),
    /// The line is longer than [`LINE_MAX`]; none of it is kept.
    TooLong,
}

/// Reads the next line; `None` at the end. A last line without an end counts.
///
/// # Errors
/// The input cannot be read.
pub(super) fn next(input: &mut dyn BufRead) -> io::Result<Option<InputLine>> {
    let (mut line, mut len) = (Vec::new(), 0_usize);
    loop {
        let bytes = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            return Ok((len > 0).then(|| complete(line, len)));
        }
        let end = memchr::memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        len = len.saturating_add(part.len());
        if len <= LINE_MAX {
            line.extend_from_slice(part);
        } else {
            line = Vec::new();
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Some(complete(line, len)));
        }
    }
}

fn complete(mut line: Vec<u8>, len: usize) -> InputLine {
    if len > LINE_MAX {
        return InputLine::TooLong;
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    InputLine::Text(line)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(text: &[u8], buffer: usize) -> Vec<InputLine> {
        let mut input = BufReader::with_capacity(buffer, text);
        std::iter::from_fn(|| next(&mut input).unwrap()).collect()
    }

    fn text(line: &str) -> InputLine {
        InputLine::Text(line.into())
    }

    #[test]
    fn lines_are_the_same_for_any_buffer() {
        for buffer in [1, 2, 3, 100] {
            let read = lines(b"a\r\n\nbc\nd", buffer);
            assert_eq!(read, [text("a"), text(""), text("bc"), text("d")]);
        }
        assert_eq!(lines(b"", 8), []);
    }

    #[test]
    fn line_that_is_too_long_costs_no_other() {
        let mut bytes = vec![b'x'; LINE_MAX + 1];
        bytes.extend(b"\nping\n");
        assert_eq!(lines(&bytes, 4096), [InputLine::TooLong, text("ping")]);
        bytes.remove(0);
        assert_eq!(lines(&bytes, 4096)[1], text("ping"));
        assert!(matches!(&lines(&bytes, 4096)[0], InputLine::Text(line) if line.len() == LINE_MAX));
    }
}
