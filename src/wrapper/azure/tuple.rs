//! One Azure flow tuple: values separated by commas.
//!
//! The columns of NSG flow logs are time, two addresses, two ports, protocol, direction and decision
//! (`A` or `D`), since version 2 also state (`B`, `C` or `E`) and four counts. Virtual network flow
//! logs have the state in place of the decision (`B`, `C`, `E`, or `D` for denied), then the
//! encryption (`X`, `NX` or `NX_` and a reason), and four counts. A text is a tuple only if all of
//! its values fit, so a tuple is recognized wherever it is.

use std::net::IpAddr;

/// The columns of a tuple, of either kind of log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tuple<'t> {
    /// The time of logging, in seconds or milliseconds since the Unix epoch.
    pub(super) time: &'t str,
    /// Source and destination address, source and destination port. The source is the initiator.
    pub(super) ends: [&'t str; 4],
    /// The IANA number of the protocol.
    pub(super) protocol: u8,
    /// Whether the connection leaves the network interface.
    pub(super) is_outbound: bool,
    pub(super) is_denied: bool,
    /// `None` in the first version, which has no states.
    pub(super) state: Option<State>,
    /// Packets and bytes sent, then packets and bytes received. Empty if not counted.
    pub(super) counts: [&'t str; 4],
}

/// What a tuple says about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Begun,
    Continues,
    Ended,
}

/// Number of columns of tuples with counts.
const COLUMNS: usize = 13;

/// Number of columns of tuples of the first version.
const COLUMNS_LEAST: usize = 8;

impl<'t> Tuple<'t> {
    /// Parses a tuple that fills all of `text`.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        if !begins_like_one(text) {
            return None;
        }
        let cells: Vec<&str> = text.split(',').map(str::trim).collect();
        Self::of(&cells)
    }

    fn of(cells: &[&'t str]) -> Option<Self> {
        let &[
            time,
            source,
            destination,
            from,
            to,
            protocol,
            way,
            decision,
            ref more @ ..,
        ] = cells
        else {
            return None;
        };
        let is_time = time.len() >= 9 && time.bytes().all(|byte| byte.is_ascii_digit());
        let are_addresses = [source, destination]
            .iter()
            .all(|text| text.parse::<IpAddr>().is_ok());
        let are_ports = [from, to]
            .iter()
            .all(|text| text.is_empty() || text.parse::<u16>().is_ok());
        if !(is_time && are_addresses && are_ports) || cells.len() > COLUMNS {
            return None;
        }
        let (is_denied, state) = match (decision, more.first().copied()) {
            ("A" | "D", None | Some("")) => (decision == "D", None),
            ("A" | "D", Some(state)) if State::of(state).is_some() => {
                (decision == "D", State::of(state))
            }
            ("D", Some(encryption)) if is_word(encryption) => (true, None),
            ("B" | "C" | "E", encryption) if encryption.is_none_or(is_word) => {
                (false, State::of(decision))
            }
            _ => return None,
        };
        let count = |index: usize| more.get(index).copied().unwrap_or("");
        let counts = [1, 2, 3, 4].map(count);
        let are_digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !counts.iter().all(are_digits) {
            return None;
        }
        Some(Self {
            time,
            ends: [source, destination, from, to],
            protocol: match protocol {
                "T" => 6,
                "U" => 17,
                number => number.parse().ok()?,
            },
            is_outbound: match way {
                "O" => true,
                "I" => false,
                _ => return None,
            },
            is_denied,
            state,
            counts,
        })
    }

    /// Whether it says more than the first version, so that it cannot be anything else.
    pub(super) fn has_state(&self) -> bool {
        self.state.is_some() || self.counts.iter().any(|count| !count.is_empty())
    }

    /// Returns what all tuples of its connection have in common.
    pub(super) fn connection(&self) -> String {
        let [source, destination, from, to] = self.ends;
        format!("{source},{destination},{from},{to},{}", self.protocol)
    }
}

impl State {
    fn of(text: &str) -> Option<Self> {
        match text {
            "B" => Some(Self::Begun),
            "C" => Some(Self::Continues),
            "E" => Some(Self::Ended),
            _ => None,
        }
    }
}

/// Whether `text` is one of the words for encryption, such as `NX_HW_NOT_SUPPORTED`, or one that may
/// be added.
fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the first value could be the time of a tuple. Few other texts begin like this.
fn begins_like_one(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits >= 9 && text.as_bytes().get(digits) == Some(&b',')
}

/// Calls `each` with the tuples in `text`, if it consists only of tuples: one, or several in the
/// notation of a list. Returns whether it does.
pub(super) fn for_each(text: &str, mut each: impl FnMut(&Tuple<'_>)) -> bool {
    let is_end = |c: char| c.is_whitespace() || "[]\"';|".contains(c);
    let pieces = || {
        let pieces = text
            .split(is_end)
            .map(|piece| piece.trim_start_matches(','));
        pieces.filter(|piece| !piece.is_empty())
    };
    if !pieces().next().is_some_and(begins_like_one) {
        return false;
    }
    let is_tuple = |piece: &str| chunks(piece).is_some_and(|tuples| !tuples.is_empty());
    if !pieces().all(is_tuple) {
        return false;
    }
    pieces()
        .filter_map(chunks)
        .flatten()
        .for_each(|tuple| each(&tuple));
    true
}

/// Returns the tuples in `piece`: one, or several that are joined by commas.
fn chunks(piece: &str) -> Option<Vec<Tuple<'_>>> {
    let one = Tuple::parse(piece).or_else(|| Tuple::parse(piece.strip_suffix(',')?));
    if let Some(tuple) = one {
        return Some(vec![tuple]);
    }
    let cells: Vec<&str> = piece
        .trim_end_matches(',')
        .split(',')
        .map(str::trim)
        .collect();
    let is_whole = cells.len().is_multiple_of(COLUMNS);
    let tuples = is_whole.then(|| cells.chunks(COLUMNS).map(Tuple::of).collect());
    tuples.flatten()
}

/// Returns the tuple whose columns are these texts, if they are one.
pub(super) fn joined(cells: &[&str]) -> Option<String> {
    let is_one = cells.len() >= COLUMNS_LEAST && Tuple::of(cells).is_some();
    is_one.then(|| cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        let mut count = 0;
        let is_all = for_each(text, |_| count += 1);
        assert_eq!(is_all, count > 0);
        count
    }

    #[test]
    fn each_version_is_recognized_with_its_state_and_decision() {
        for (text, is_denied, state) in [
            ("1487282421,192.0.2.95,10.1.0.4,51529,53,T,I,D", true, None),
            (
                "1493763938,192.0.2.95,10.2.0.4,35370,23,T,I,A,B,,,,",
                false,
                Some(State::Begun),
            ),
            (
                "1493763938,192.0.2.95,10.2.0.4,35370,23,17,I,D,B,,,,",
                true,
                Some(State::Begun),
            ),
            (
                "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,E,X,3,767,2,1580",
                false,
                Some(State::Ended),
            ),
            (
                "1663146003607,192.0.2.1,10.0.0.6,0,0,1,I,D,NX_HW_NOT_SUPPORTED,0,0,0,0",
                true,
                None,
            ),
            (
                "1663146003607,2001:db8::1,2001:db8::2,9,9,U,I,C,NX,1,2,3,4",
                false,
                Some(State::Continues),
            ),
        ] {
            let tuple = Tuple::parse(text).expect(text);
            assert_eq!((tuple.is_denied, tuple.state), (is_denied, state), "{text}");
        }
    }

    #[test]
    fn text_with_one_impossible_value_is_not_a_tuple() {
        for text in [
            "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O",
            "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,Z,NX,0,0,0,0",
            "1663146003599,10.0.0.6,192.0.2,23956,443,6,O,B,NX,0,0,0,0",
            "1663146003599,10.0.0.6,192.0.2.180,23956,99443,6,O,B,NX,0,0,0,0",
            "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,X,B,NX,0,0,0,0",
            "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,B,NX,0,0,0,many",
            "soon,10.0.0.6,192.0.2.180,23956,443,6,O,B,NX,0,0,0,0",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn list_of_tuples_in_one_text_is_recognized_only_as_a_whole() {
        let one = "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,B,NX,0,0,0,0";
        let two = "1493763938,192.0.2.95,10.2.0.4,35370,23,T,I,A,B,,,,";
        assert_eq!(count(&format!("[\"{one}\",\"{two}\"]")), 2);
        assert_eq!(count(&format!("['{one}', '{two}']")), 2);
        assert_eq!(count(&format!("{one};{one}\n{two}")), 3);
        assert_eq!(count(&format!("{one},{one}")), 2);
        assert_eq!(count(&format!("{one} and {one}")), 0);
        assert_eq!(count(""), 0);
    }
}
