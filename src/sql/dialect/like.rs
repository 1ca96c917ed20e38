//! `LIKE … ESCAPE`: the engine's escape is a backslash and always there. Athena's is any character, and
//! there is none unless the query names one.

use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan};

use crate::sql::fault::QueryFault;

/// Rewrites a pattern that is a text, and its escape.
///
/// # Errors
/// The escape is not one character, or the pattern is not a text, or it ends with the escape.
pub(super) fn escaped(
    pattern: &mut Expr,
    escape: &mut Option<ValueWithSpan>,
) -> Result<(), QueryFault> {
    let text = match pattern {
        Expr::Value(value) => match &mut value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    };
    let refused = |text: &str| Err(QueryFault::Unsupported(text.into()));
    let character = match escape.take().map(|escape| escape.value) {
        None => None,
        Some(Value::SingleQuotedString(text)) if text.chars().count() == 1 => text.chars().next(),
        Some(_) => return refused("the ESCAPE of LIKE is one character"),
    };
    match text {
        Some(text) => match with_backslashes(text, character) {
            Some(written) => {
                *text = written;
                Ok(())
            }
            None => refused("the ESCAPE of LIKE must be followed by %, _ or itself in the pattern"),
        },
        None if character.is_some_and(|character| character != '\\') => {
            refused("ESCAPE of LIKE needs a pattern that is a text in quotes")
        }
        None => Ok(()),
    }
}

/// Writes a pattern with backslashes as escapes; none if an escape is followed by what needs none.
fn with_backslashes(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 4);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            c if Some(c) == escape => {
                let next = chars.next();
                Some(next.filter(|next| matches!(next, '%' | '_') || Some(*next) == escape)?)
            }
            '\\' => Some(c),
            _ => None,
        };
        match literal {
            Some(literal @ ('%' | '_' | '\\')) => out.extend(['\\', literal]),
            Some(literal) => out.push(literal),
            None => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_character_may_be_the_escape() {
        let written = |pattern, escape| with_backslashes(pattern, escape);
        assert_eq!(written("a#_b%", Some('#')).as_deref(), Some(r"a\_b%"));
        assert_eq!(written("a##_", Some('#')).as_deref(), Some("a#_"));
        assert_eq!(written(r"a\_", Some('\\')).as_deref(), Some(r"a\_"));
        assert_eq!(written(r"a\_", None).as_deref(), Some(r"a\\_"));
        assert_eq!(written("a#b", Some('#')), None);
        assert_eq!(written("a#", Some('#')), None);
    }
}
