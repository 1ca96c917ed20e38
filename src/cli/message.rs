//! Errors and warnings, in the form that clap gives its own.
//!
//! ```text
//! error: about 5,000,000 packets, more than --max-packets 1,000,000, so nothing is written
//!
//!   tip: add a filter:
//!        --action reject                          leaves about 23 packets
//!   tip: choose a time range with --from and --to
//! ```
//!
//! Every error and warning of the program is a [`Message`], except the one about memory that cannot
//! be had (`allocation`), which must not ask for memory.

use std::fmt::{self, Display, Formatter};

use anstyle::Style;

use super::page::{Page, PrintedLine, TIP, TROUBLE_WORD, WARNING_WORD};

/// What comes before the text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The run has failed.
    Error,
    /// The run goes on, and its user should know something.
    Warning,
    /// The run goes on as it should.
    Note,
}

impl Severity {
    fn label(self) -> &'static str {
        match self {
            Self::Error => "error:",
            Self::Warning => "warning:",
            Self::Note => "note:",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Error => TROUBLE_WORD,
            Self::Warning => WARNING_WORD,
            Self::Note => TIP,
        }
    }
}

/// One thing that the user may do next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tip {
    /// What to do, in words. It is wrapped.
    pub(crate) text: String,
    /// Commands and options to copy, one on a line. They are never wrapped.
    pub(crate) commands: Vec<String>,
}

impl From<String> for Tip {
    fn from(text: String) -> Self {
        Self {
            text,
            commands: Vec::new(),
        }
    }
}

impl From<&str> for Tip {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// An error or a warning, with what to do next.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    severity: Severity,
    text: String,
    tips: Vec<Tip>,
}

impl Message {
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            text: text.into(),
            tips: Vec::new(),
        }
    }

    pub(crate) fn note(text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(text)
        }
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(text)
        }
    }

    /// Adds what to do next.
    pub(crate) fn tips(mut self, tips: Vec<Tip>) -> Self {
        self.tips.extend(tips);
        self
    }

    /// The text alone, for a place that has no room for tips.
    pub(crate) fn in_few_words(&self) -> &str {
        &self.text
    }

    /// The message as it is printed on `page`, with a line feed at its end.
    pub(crate) fn on(&self, page: Page) -> impl Display + '_ {
        fmt::from_fn(move |f| self.write(f, page))
    }

    fn write(&self, f: &mut Formatter<'_>, page: Page) -> fmt::Result {
        let label = self.severity.label();
        let mut lines = self.text.lines();
        let head = page.paint(self.severity.style(), label).and(" ");
        let head = head.and(with_commands(lines.next().unwrap_or_default()));
        page.hanging(f, head, label.len() + 1)?;
        for line in lines {
            let indent = line.len() - line.trim_start().len();
            page.hanging(f, with_commands(line), indent + 2)?;
        }
        if !self.tips.is_empty() {
            writeln!(f)?;
        }
        for tip in &self.tips {
            let head = PrintedLine::from("  ").and(page.paint(TIP, "tip:"));
            page.hanging(f, head.and(" ").and(with_commands(&tip.text)), TIP_INDENT)?;
            for command in &tip.commands {
                let indent = PrintedLine::from(" ".repeat(TIP_INDENT));
                page.hanging(f, indent.and(PrintedLine::whole(command)), 0)?;
            }
        }
        Ok(())
    }
}

/// Makes a line in which text between backticks, such as a command, is never wrapped.
fn with_commands(text: &str) -> PrintedLine {
    let parts = text.split_inclusive('`').enumerate();
    let parts = parts.map(|(index, part)| match index % 2 {
        0 => PrintedLine::from(part),
        _ => PrintedLine::whole(part),
    });
    PrintedLine::joined(parts, "")
}

/// Columns before the text of a tip.
const TIP_INDENT: usize = "  tip: ".len();

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(message: &Message) -> String {
        let page = Page {
            color: false,
            width: 40,
        };
        message.on(page).to_string()
    }

    #[test]
    fn message_is_wrapped_between_words_and_commands_stay_whole() {
        let tip = Tip {
            text: "choose a time range with --from and --to, or run:".into(),
            commands: vec!["flow2pcap inspect archive.log --from 2026-03-14T02:15".into()],
        };
        let message = Message::error(
            "no flow log; make one with `a long command`, which is\n  3 left out: empty",
        );
        assert_eq!(
            narrow(&message.tips(vec![tip])),
            "error: no flow log; make one with\n       `a long command`, which is\n  3 left out: empty\n\n  \
             tip: choose a time range with --from\n       and --to, or run:\n       \
             flow2pcap inspect archive.log --from 2026-03-14T02:15\n"
        );
    }

    #[test]
    fn labels_are_colored_as_clap_colors_its_own() {
        let page = Page {
            color: true,
            width: 80,
        };
        let text = Message::error("x\x1b").tips(vec!["y".into()]);
        assert_eq!(
            text.on(page).to_string(),
            "\x1b[1m\x1b[31merror:\x1b[0m x\\u{1b}\n\n  \x1b[32mtip:\x1b[0m y\n"
        );
        assert_eq!(
            Message::warning("x").on(page).to_string(),
            "\x1b[1m\x1b[33mwarning:\x1b[0m x\n"
        );
    }
}
