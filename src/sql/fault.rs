//! What went wrong with a query, in words for the person who wrote it.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::TokenizerError;

use super::suggestions;
use crate::error::Error;
use crate::printable::printable;

/// Why a query cannot be run, or did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFault {
    /// The text is not SQL.
    #[error("the SQL cannot be read: {0}")]
    Syntax(String),
    /// There is no such table.
    #[error("there is no table {name}")]
    UnknownTable {
        /// Its name, fit to be printed.
        name: String,
        /// The name that was probably meant.
        likely: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// There is no such function.
    #[error("there is no function {name}")]
    UnknownFunction {
        /// Its name, fit to be printed.
        name: String,
        /// The name that was probably meant.
        likely: Option<String>,
        /// Whether Athena has it.
        is_athenas: bool,
    },
    /// There is no such column.
    #[error("there is no column {name}")]
    UnknownColumn {
        /// Its name, fit to be printed.
        name: String,
        /// The name that was probably meant.
        likely: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A query needs a value that was not given.
    #[error("the query needs a value for :{name}")]
    MissingParameter {
        /// The name of the value.
        name: String,
    },
    /// A statement would change something.
    #[error("{0} is not possible: the logs are only read")]
    OnlyReads(String),
    /// Something that is not supported; the text is a sentence about it.
    #[error("{0}")]
    Unsupported(String),
    /// The query needs more memory than it may use.
    #[error("the query needs more memory than it may use")]
    NoMemory,
    /// A whole number gets larger than its type; the text says which type and where.
    #[error("{0}")]
    Overflow(String),
    /// The inputs cannot be read.
    #[error("{0}")]
    Reading(#[source] Error),
    /// The result cannot be written.
    #[error("{0}")]
    Writing(#[source] Error),
    /// The query was refused when it was planned or while it ran; the text says why.
    #[error("the query cannot be run: {0}")]
    Refused(String),
}

impl QueryFault {
    /// Makes the fault of a text that does not parse.
    pub(super) fn from_parser(error: &ParserError) -> Self {
        Self::Syntax(match error {
            ParserError::RecursionLimitExceeded => {
                "expressions are nested too deeply; at most 50 levels are possible".into()
            }
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
                located(&printable(text))
            }
        })
    }

    /// Makes the fault of a text that cannot be split into words.
    pub(super) fn from_tokenizer(error: &TokenizerError) -> Self {
        let place = error.location;
        let message = printable(&error.message);
        let message = message.to_lowercase();
        Self::Syntax(format!(
            "line {}, column {}: {message}",
            place.line, place.column
        ))
    }

    /// Makes the fault of an error of the engine.
    pub(super) fn from_engine(error: DataFusionError) -> Self {
        match root(error) {
            DataFusionError::External(source) => match source.downcast::<Error>() {
                Ok(error) => Self::Reading(*error),
                Err(source) => match source.downcast::<Self>() {
                    Ok(fault) => *fault,
                    Err(source) => Self::Refused(cleaned(&source.to_string())),
                },
            },
            DataFusionError::ResourcesExhausted(_) => Self::NoMemory,
            DataFusionError::IoError(error) => {
                Self::Refused(format!("temporary data cannot be stored: {error}"))
            }
            DataFusionError::SQL(error, _) => Self::from_parser(&error),
            DataFusionError::SchemaError(error, _) => match *error {
                SchemaError::FieldNotFound {
                    field,
                    valid_fields,
                } => {
                    let known = valid_fields.iter().map(|column| column.name.clone());
                    suggestions::unknown_column(&field.name, known)
                }
                SchemaError::AmbiguousReference { field } => Self::Refused(format!(
                    "several tables have a column {}; put the table's name before it, as in t.{}",
                    printable(&field.name),
                    printable(&field.name)
                )),
                other => Self::Refused(cleaned(&other.to_string())),
            },
            other => Self::Refused(cleaned(&other.to_string())),
        }
    }
}

/// Returns the innermost error, without the engine's notes about where it occurred.
fn root(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(*inner),
        DataFusionError::Collection(mut all) if !all.is_empty() => root(all.remove(0)),
        DataFusionError::Shared(shared) => match std::sync::Arc::try_unwrap(shared) {
            Ok(inner) => root(inner),
            Err(shared) => match shared.find_root() {
                DataFusionError::ResourcesExhausted(text) => {
                    DataFusionError::ResourcesExhausted(text.clone())
                }
                DataFusionError::External(source) => shared_fault(source.as_ref()),
                other => DataFusionError::Execution(other.to_string()),
            },
        },
        DataFusionError::ArrowError(error, note) => match *error {
            datafusion::arrow::error::ArrowError::ExternalError(inner) => {
                match inner.downcast::<DataFusionError>() {
                    Ok(inner) => root(*inner),
                    Err(inner) => root_external(inner),
                }
            }
            other => DataFusionError::ArrowError(Box::new(other), note),
        },
        DataFusionError::External(inner) => match inner.downcast::<DataFusionError>() {
            Ok(inner) => root(*inner),
            Err(inner) => root_external(inner),
        },
        other => other,
    }
}

/// Copies an error that several parts of a query hold.
fn shared_fault(source: &(dyn std::error::Error + Send + Sync + 'static)) -> DataFusionError {
    match source.downcast_ref::<QueryFault>() {
        Some(QueryFault::Overflow(text)) => {
            root_external(Box::new(QueryFault::Overflow(text.clone())))
        }
        _ => DataFusionError::Execution(source.to_string()),
    }
}

fn root_external(inner: Box<dyn std::error::Error + Send + Sync>) -> DataFusionError {
    DataFusionError::External(inner)
}

/// Puts the place before what the parser says: `Expected: a, found: b at Line: 1, Column: 8`.
fn located(text: &str) -> String {
    let (said, place) = match text.rsplit_once(" at Line: ") {
        Some((said, place)) => (said, Some(place)),
        None => (text, None),
    };
    let said = said.trim_start_matches("sql parser error: ");
    let said = said
        .replacen("Expected: ", "expected ", 1)
        .replacen(", found: ", ", found ", 1);
    let said = match said.strip_suffix("found EOF") {
        Some(before) => format!("{before}found the end of the text"),
        None => said,
    };
    match place.and_then(|place| place.split_once(", Column: ")) {
        Some((line, column)) => format!("line {line}, column {column}: {said}"),
        None => said,
    }
}

/// Removes the engine's own words from a message.
fn cleaned(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default().trim();
    if let Some((before, _)) = text.split_once(" failed to match any signature") {
        let name = before
            .rsplit(' ')
            .next()
            .unwrap_or(before)
            .trim_matches('\'');
        return format!(
            "{} does not take values of this type; convert them, as in CAST(x AS bigint)",
            printable(name)
        );
    }
    // A function's own message comes after the engine's.
    let mut text = text.rsplit("coercion failed with: ").next().unwrap_or(text);
    const PREFIXES: [&str; 13] = [
        "Error during planning: ",
        "Execution error: ",
        "This feature is not implemented: ",
        "Internal error: ",
        "Schema error: ",
        "Arrow error: ",
        "Optimizer rule ",
        "Invalid argument error: ",
        "Cast error: ",
        "Parser error: ",
        "Compute error: ",
        "Arithmetic overflow: ",
        "Function ",
    ];
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest;
    }
    let end = [
        "No function matches the given name and argument types",
        ". This issue was likely caused by a bug",
        "\n",
        "Candidate functions:",
    ];
    let cut = end.iter().filter_map(|mark| text.find(mark)).min();
    let text = text[..cut.unwrap_or(text.len())].trim_end_matches([' ', '.']);
    let text = match text {
        "Divide by zero error" => "division by zero; use nullif(x, 0) or try(…)".to_owned(),
        text => lowered(text),
    };
    printable(&text).into_owned()
}

/// Makes the first letter lower case, unless the word is a name.
fn lowered(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if word.chars().skip(1).all(|c| c.is_lowercase()) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_first_and_the_engine_s_words_not_at_all() {
        let text = "sql parser error: Expected: end of statement, found: x at Line: 2, Column: 15";
        assert_eq!(
            located(text),
            "line 2, column 15: expected end of statement, found x"
        );
        assert_eq!(
            cleaned("Error during planning: Execution error: Divide by zero error"),
            "division by zero; use nullif(x, 0) or try(…)"
        );
        assert_eq!(
            cleaned("Internal error: Odd thing.\nThis issue was likely"),
            "odd thing"
        );
    }

    #[test]
    fn errors_of_the_readers_are_found_below_those_of_the_engine() {
        let inner = Error::from(crate::error::ErrorKind::TooManyFiles);
        let error = DataFusionError::External(Box::new(inner)).context("while running");
        assert!(matches!(
            QueryFault::from_engine(error),
            QueryFault::Reading(_)
        ));
        let full = DataFusionError::ResourcesExhausted("x".into()).context("sort");
        assert!(matches!(
            QueryFault::from_engine(full),
            QueryFault::NoMemory
        ));
    }
}
