//! Logs Insights answers: each row an array of `{"field": …, "value": …}`.

use std::borrow::Cow;

use super::json::Json;

/// Whether these are the cells of a row.
pub(super) fn is_row(cells: &[Json<'_>]) -> bool {
    let is_cell = |cell: &Json<'_>| cell.get("field").is_some_and(|name| name.text().is_some());
    !cells.is_empty() && cells.iter().all(is_cell)
}

/// The same row as an object.
pub(super) fn object<'a>(cells: &[Json<'a>]) -> Json<'a> {
    let member = |cell: &Json<'a>| -> Option<(Cow<'a, str>, Json<'a>)> {
        let Some(Json::Text(name)) = cell.get("field") else {
            return None;
        };
        let value = cell.get("value").cloned().unwrap_or(Json::Null);
        Some((name.clone(), value))
    };
    Json::Object(cells.iter().filter_map(member).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_becomes_an_object() {
        let text = br#"[{"field":"srcAddr","value":"10.0.0.1"},{"field":"@ptr"}]"#;
        let row = Json::parse(text).unwrap();
        let cells = row.elements().unwrap();
        assert!(is_row(cells));
        let expected = Json::parse(br#"{"srcAddr":"10.0.0.1","@ptr":null}"#).unwrap();
        assert_eq!(object(cells), expected);
        assert!(!is_row(&[]));
    }
}
