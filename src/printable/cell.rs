//! Makes a text safe as a CSV cell, so that a spreadsheet does not run it as a formula.

use std::borrow::Cow;

/// Characters that make a spreadsheet read a cell as a formula (OWASP, "CSV Injection"): the signs,
/// their full-width forms, which a Japanese Excel treats in the same way, and white space before
/// them.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Returns `text` with `'` before each part that would be a formula, as OWASP recommends.
///
/// Only for text from outside: numbers computed by this program stay numbers. Where the system's
/// list separator is `;`, a spreadsheet begins a cell there too, so the text after each `;` is also
/// checked.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.split(';').any(|cell| cell.starts_with(FORMULA)) {
        return Cow::Borrowed(text);
    }
    let cells = text.split(';').map(|cell| {
        let mark = if cell.starts_with(FORMULA) { "'" } else { "" };
        format!("{mark}{cell}")
    });
    Cow::Owned(cells.collect::<Vec<_>>().join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_other_text_is_unchanged() {
        for text in ["=1+1", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(inert(text), format!("'{text}"));
        }
        for text in ["eni-0a1b", "10.0.0.1", "a=b", "a;b", ""] {
            assert_eq!(inert(text), text);
        }
        assert_eq!(inert("x;=1"), "x;'=1");
    }
}
