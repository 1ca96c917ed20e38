//! Layouts as text, as users write them for the format option.
//!
//! AWS has users write `${account-id} ${srcaddr}` when they create a flow log, and shows this text
//! in `LogFormat`. Messages use the same spelling. Since it is typed or pasted by hand, every
//! mistake is reported with its position.

use super::{Column, Field, Layout, layout::FormatError};

impl Layout {
    /// Returns the layout described by `text`.
    ///
    /// Accepts AWS's own spelling (`${account-id} ${srcaddr}`), bare names with hyphens or
    /// underscores, separated by commas or blanks, `?` for a column to skip, and `default`.
    ///
    /// # Errors
    /// [`FormatError`] contains the token, its position, and the name that may have been meant.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::record::Layout;
    /// let layout = Layout::from_format("srcaddr,dstaddr ? ${log-status}").unwrap();
    /// assert_eq!(layout.format(), "${srcaddr} ${dstaddr} ? ${log-status}");
    /// ```
    pub fn from_format(text: &str) -> Result<Self, FormatError> {
        if text.trim().eq_ignore_ascii_case("default") {
            return Ok(Self::default_v2());
        }
        let separators = |c: char| c.is_whitespace() || c == ',';
        let tokens = text.split(separators).filter(|token| !token.is_empty());
        let columns = tokens.enumerate().map(|(index, token)| {
            let name = token
                .strip_prefix("${")
                .and_then(|token| token.strip_suffix('}'));
            let name = name.unwrap_or(token);
            match Field::from_name(name.as_bytes()) {
                Some(field) => Ok(Column::Known(field)),
                None if name == UNNAMED => Ok(Column::Unknown(UNNAMED.to_owned())),
                None => Err(FormatError::UnknownField {
                    position: index + 1,
                    token: name.chars().take(64).collect(),
                    nearest: Field::nearest(name),
                }),
            }
        });
        Self::new(columns.collect::<Result<_, _>>()?)
    }

    /// Returns the layout in `${…}` spelling, which [`Layout::from_format`] accepts, with `?` for
    /// unknown columns.
    pub fn format(&self) -> String {
        let names = self.columns().iter().map(|column| match column {
            Column::Known(field) => format!("${{{field}}}"),
            Column::Unknown(_) => UNNAMED.to_owned(),
        });
        names.collect::<Vec<_>>().join(" ")
    }
}

/// The text for a column without a name.
const UNNAMED: &str = "?";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(layout: &Layout) -> Vec<&str> {
        layout.columns().iter().map(Column::name).collect()
    }

    #[test]
    fn format_is_accepted_in_every_spelling() {
        for text in [
            "${account-id} ${srcaddr} ${log-status}",
            "account-id srcaddr log-status",
            "account_id,srcaddr, log_status",
        ] {
            let layout = Layout::from_format(text).unwrap();
            assert_eq!(
                names(&layout),
                ["account-id", "srcaddr", "log-status"],
                "{text}"
            );
        }
        assert_eq!(Layout::from_format(" default "), Ok(Layout::default_v2()));
    }

    #[test]
    fn formatted_layout_parses_to_the_same_layout() {
        let all = Layout::of_fields(Field::ALL);
        assert_eq!(Layout::from_format(&all.format()), Ok(all));
    }

    #[test]
    fn unknown_name_in_a_format_suggests_the_nearest() {
        let error = Layout::from_format("${srcaddr} ${dst-adr}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "column 2 of the format: unknown field \"dst-adr\"; did you mean `dstaddr`?"
        );
        let error = Layout::from_format("whatever").unwrap_err();
        assert!(error.to_string().ends_with("write ? for a column to skip"));
    }

    #[test]
    fn repeated_field_in_a_format_is_an_error() {
        let error = Layout::from_format("srcaddr ? ? source").unwrap_err();
        assert_eq!(error.to_string(), "columns 1 and 4 are both `srcaddr`");
        assert_eq!(Layout::from_format(" , "), Err(FormatError::Empty));
    }
}
