//! Athena's SQL as the engine's: the text is parsed, and what the engine lacks is written with what it
//! has.
//!
//! ```text
//! tokens     quotes of names, types in parentheses      templates   functions under another name
//! casts      CAST to types of Trino                     lenient     try(…)
//! unnest     CROSS JOIN UNNEST                          names       names of columns without one
//! earlier    columns of older table definitions         members     members of structs in lists
//! like       LIKE … ESCAPE                              intervals   interval '1' day * 2
//! catalog    SHOW TABLES, DESCRIBE                      hidden      "$path", which * does not show
//! rewrite    the walk over a statement that applies them
//! ```
//!
//! The walk is bottom-up, and what it has written is not walked again.

mod casts;
mod catalog;
mod earlier;
mod hidden;
mod intervals;
mod lenient;
mod like;
mod members;
mod names;
mod rewrite;
mod templates;
mod tokens;
mod unnest;

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{Expr, Query, Statement};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

pub(super) use self::hidden::{COLUMN as PATH_COLUMN, SCHEMA as PATH_SCHEMA};
pub(super) use self::rewrite::{Known, rewritten};
pub(super) use self::templates::template_names;
pub(super) use self::tokens::tokens;

/// How deep expressions may be nested. The parser calls itself for each level.
const DEPTH_MAX: usize = 50;

/// The grammar: the parser's most permissive one, with lambda functions.
#[derive(Debug)]
pub(super) struct AthenaDialect;

impl Dialect for AthenaDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        GenericDialect.is_delimited_identifier_start(c)
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    // `SELECT *` is written with it where a column is hidden, and that text may be parsed again.
    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }
}

/// Parses one statement.
///
/// # Errors
/// Fails if it is not one.
pub(super) fn parsed(tokens: Vec<TokenWithSpan>) -> Result<Statement, ParserError> {
    let mut parser = parser(tokens);
    let statement = parser.parse_statement()?;
    let next = parser.peek_token();
    match next.token {
        datafusion::sql::sqlparser::tokenizer::Token::EOF => Ok(statement),
        _ => parser.expected("the end of the statement", next),
    }
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    let parser = Parser::new(&AthenaDialect).with_recursion_limit(DEPTH_MAX);
    parser.with_tokens_with_locations(tokens)
}

/// Parses an expression that this program wrote.
fn expression(text: &str) -> Result<Expr, ParserError> {
    let parser = Parser::new(&AthenaDialect).with_recursion_limit(DEPTH_MAX);
    parser.try_with_sql(text)?.parse_expr()
}

/// Parses a query that this program wrote.
fn query(text: &str) -> Result<Box<Query>, ParserError> {
    let parser = Parser::new(&AthenaDialect).with_recursion_limit(DEPTH_MAX);
    parser.try_with_sql(text)?.parse_query()
}
