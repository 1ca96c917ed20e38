//! A text as a cell of CSV that a spreadsheet does not run.

use std::borrow::Cow;

/// What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"): the signs, their
/// full-width forms, which a Japanese Excel takes for the same, and white space in front of them.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// `text` with `'` before whatever would be a formula, as OWASP advises.
///
/// Only for text from outside: a number of our own stays a number. Where the system's list separator
/// is `;`, a spreadsheet begins a cell there too, so what follows one is seen to as well.
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
    fn formulas_become_text_and_text_stays() {
        for text in ["=1+1", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(inert(text), format!("'{text}"));
        }
        for text in ["eni-0a1b", "10.0.0.1", "a=b", "a;b", ""] {
            assert_eq!(inert(text), text);
        }
        assert_eq!(inert("x;=1"), "x;'=1");
    }
}
