//! Reads files of AWS configuration that lie beside the logs.
//!
//! They are read one at a time, since each is held in memory as a whole.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use crate::archive::{File, Stream};
use crate::configuration::{Configuration, FILE_LEN_MAX, Reading, is_configuration};
use crate::read::files::{FileYield, note_damage};
use crate::summary::Input;

/// What becomes of files that hold configuration.
#[derive(Clone, Debug)]
pub(crate) struct ConfigurationWish {
    kind: WishKind,
    /// Held while a file is in memory.
    turn: Arc<Mutex<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WishKind {
    Nothing,
    BesideLogs,
    Everything,
}

impl ConfigurationWish {
    fn of(kind: WishKind) -> Self {
        Self {
            kind,
            turn: Arc::default(),
        }
    }

    /// Configuration is left out, as all that is no flow log.
    pub(crate) fn nothing() -> Self {
        Self::of(WishKind::Nothing)
    }

    /// Configuration is kept, and logs are read.
    pub(crate) fn beside_logs() -> Self {
        Self::of(WishKind::BesideLogs)
    }

    /// Only configuration is read.
    pub(crate) fn of_everything() -> Self {
        Self::of(WishKind::Everything)
    }

    /// Whether nothing but configuration is wanted.
    pub(crate) fn is_all_wanted(&self) -> bool {
        self.kind == WishKind::Everything
    }

    /// Whether a file that begins with `head` is read as configuration, and not as a log.
    pub(crate) fn wants(&self, head: &[u8]) -> bool {
        match self.kind {
            WishKind::Nothing => false,
            WishKind::BesideLogs => is_configuration(head),
            WishKind::Everything => true,
        }
    }

    /// Reads a file of configuration.
    pub(crate) fn read<P: Default>(&self, file: &File, stream: Stream) -> FileYield<P> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut yielded = FileYield::default();
        let mut text = Vec::new();
        let read = stream.take(FILE_LEN_MAX + 1).read_to_end(&mut text);
        let problem = match read {
            Err(error) => Some(error.to_string()),
            Ok(_) if text.len() as u64 > FILE_LEN_MAX => Some(format!(
                "configuration of more than {FILE_LEN_MAX} bytes; none of it is used"
            )),
            Ok(_) => in_words(yielded.configuration.read(&text)),
        };
        if let Some(problem) = problem {
            note_damage(&mut yielded.input, file, &problem);
        }
        yielded
    }
}

/// Says what is wrong with a file of configuration; `None` if nothing is.
fn in_words(reading: Reading) -> Option<String> {
    let Reading { used, unused, .. } = reading;
    let problem = reading.problem?;
    Some(match (used, unused) {
        (0, 1) => problem,
        _ => format!(
            "{unused} of {} resources are not used; {problem}",
            used + unused
        ),
    })
}

/// Adds the configuration of a later file, and notes if there is no room for it.
pub(crate) fn append(
    known: &mut Configuration,
    later: Configuration,
    input: &mut Input,
    file: &File,
) {
    if !known.append(later) {
        let problem = "no room for more configuration; it is not used";
        note_damage(input, file, &problem);
    }
}
