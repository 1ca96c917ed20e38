//! The two ends of a connection, as an option or a filter names them.
//!
//! What people paste comes from this program, from Wireshark or from `ss`, so the sign between the
//! ends may be any of those, and the order of the ends does not matter.

use std::str::FromStr;

use super::expression::{Expression, Peer, Term};
use super::fault::FilterError;
use super::words::peer;

/// What is expected of one end.
pub(super) const AN_END: &str = "an address or network, with a port if wanted: 10.0.0.5, 10.0.0.0/24, 10.0.0.5:443, [2001:db8::1]:443";

/// What is expected of a connection.
const A_CONNECTION: &str = "two ends, such as 10.0.11.15:52744 > 10.0.21.40:5432";

/// Signs between two ends, the longer ones first. No address contains one of them.
const SIGNS: [&str; 8] = ["<->", "->", "=>", " and ", ">", "→", "↔", "-"];

impl FromStr for Peer {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        peer(text.trim()).ok_or_else(|| FilterError::new(text, text, AN_END))
    }
}

impl Expression {
    /// The condition that packets went between these two, in either direction.
    pub fn between(one: Peer, other: Peer) -> Self {
        Self::Term(Term::Between(one, other))
    }

    /// Reads a connection, such as `10.0.11.15:52744 > 10.0.21.40:5432`; both directions match.
    ///
    /// # Errors
    /// [`FilterError`] if there are not two ends with a sign between them.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::filter::Expression;
    ///
    /// let one = Expression::connection("10.0.0.1:40000 > 10.0.0.2:443")?;
    /// assert_eq!(one, "between 10.0.0.1:40000 and 10.0.0.2:443".parse()?);
    /// assert!(Expression::connection("10.0.0.1:40000").is_err());
    /// # Ok::<(), flow2pcap::filter::FilterError>(())
    /// ```
    pub fn connection(text: &str) -> Result<Self, FilterError> {
        let mut signs = SIGNS.iter();
        let Some((one, other)) = signs.find_map(|sign| text.split_once(sign)) else {
            return Err(FilterError::new(text, "", A_CONNECTION));
        };
        let end = |part: &str| {
            let part = part.trim();
            let at = part.as_ptr() as usize - text.as_ptr() as usize;
            peer(part).ok_or_else(|| FilterError::new(text, &text[at..], AN_END))
        };
        Ok(Self::between(end(one)?, end(other)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signs_of_other_tools_are_understood() {
        let expected: Expression = "between 10.0.0.1:40000 and 10.0.0.2:443".parse().unwrap();
        for sign in [" > ", ">", "->", " -> ", "-", " - ", "<->", " → ", " and "] {
            let text = format!("10.0.0.1:40000{sign}10.0.0.2:443");
            assert_eq!(
                Expression::connection(&text),
                Ok(expected.clone()),
                "{text}"
            );
        }
    }

    #[test]
    fn ends_may_be_ipv6_networks_or_services() {
        for (text, expected) in [
            (
                "[2001:db8::1]:443 > [2001:db8::2]:50000",
                "between [2001:db8::1]:443 and [2001:db8::2]:50000",
            ),
            (
                "2001:db8::1 - 10.0.0.0/8",
                "between 2001:db8::1 and 10.0.0.0/8",
            ),
            (
                "10.0.0.1 > 10.0.0.2:https",
                "between 10.0.0.1 and 10.0.0.2:443",
            ),
        ] {
            assert_eq!(Expression::connection(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn refusal_points_at_the_end_that_is_wrong() {
        for (text, offset) in [
            ("10.0.0.1", 8),
            ("10.0.0 > 10.0.0.2", 0),
            ("10.0.0.1 > x", 11),
            ("", 0),
        ] {
            let error = Expression::connection(text).unwrap_err();
            assert_eq!(error.offset(), offset, "{error}");
        }
        assert!("10.0.0.1:70000".parse::<Peer>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_connection_or_refused(text in "\\PC{0,40}|[0-9.:\\[\\]>/ -]{0,40}") {
            if let Err(error) = Expression::connection(&text) {
                prop_assert!(text.is_char_boundary(error.offset()));
            }
        }
    }
}
