//! A text as statements: several are separated by `;`, and those that set up tables in Athena do
//! nothing here.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::dialect;
use super::fault::QueryFault;

/// One statement.
#[derive(Clone, Debug)]
pub struct SqlStatement {
    pub(super) tokens: Vec<TokenWithSpan>,
    kind: StatementKind,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementKind {
    /// It has rows.
    Rows,
    /// It makes a view, which the statements after it may use.
    View,
    /// It would set up tables. The note says why nothing is done, for the user.
    NotNeeded {
        /// The note.
        note: String,
        /// A name for a table that it makes, and the table that is the same here.
        alias: Option<(String, &'static str)>,
    },
}

impl SqlStatement {
    /// Returns what it does.
    pub fn kind(&self) -> &StatementKind {
        &self.kind
    }
}

/// Splits a text into statements.
///
/// # Errors
/// A quote is not closed, or a statement would change something.
pub fn statements(text: &str) -> Result<Vec<SqlStatement>, QueryFault> {
    let tokens = dialect::tokens(text).map_err(|error| QueryFault::from_tokenizer(&error))?;
    let parts = tokens.split(|token| token.token == Token::SemiColon);
    let parts = parts.filter(|part| !part.is_empty());
    parts
        .map(|part| {
            Ok(SqlStatement {
                tokens: part.to_vec(),
                kind: kind(part)?,
            })
        })
        .collect()
}

fn kind(tokens: &[TokenWithSpan]) -> Result<StatementKind, QueryFault> {
    let words: Vec<String> = tokens.iter().map_while(word).take(8).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let not_needed = |what: &str, why: &str| StatementKind::NotNeeded {
        note: format!("{what} does nothing here: {why}"),
        alias: None,
    };
    Ok(match &words[..] {
        ["create", "or", "replace", "view", ..] | ["create", "view", ..] => StatementKind::View,
        ["create", "external", "table", ..] => made_table(tokens),
        ["create", "table", ..] if tokens.iter().any(is_select) => {
            return Err(QueryFault::OnlyReads("CREATE TABLE AS".into()));
        }
        ["create", "table", ..] => made_table(tokens),
        ["create", "database" | "schema", ..] => {
            not_needed("CREATE DATABASE", "all tables are in one place")
        }
        ["alter", "table", ..] => {
            not_needed("ALTER TABLE", "the paths of the files are the partitions")
        }
        ["msck", ..] | ["repair", ..] => not_needed(
            "MSCK REPAIR TABLE",
            "the paths of the files are the partitions",
        ),
        ["use", ..] => not_needed("USE", "all tables are in one place"),
        ["drop", what, ..] => not_needed(
            &format!("DROP {}", what.to_uppercase()),
            "there are only the tables of the inputs",
        ),
        [
            verb @ ("insert" | "update" | "delete" | "merge" | "unload" | "truncate" | "copy"
            | "grant" | "revoke" | "optimize" | "vacuum"),
            ..,
        ] => {
            return Err(QueryFault::OnlyReads(verb.to_uppercase()));
        }
        _ => StatementKind::Rows,
    })
}

fn word(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    }
}

fn is_select(token: &TokenWithSpan) -> bool {
    word(token).is_some_and(|word| word == "select")
}

/// Makes the statement of a CREATE TABLE: its name becomes another one of the table that has such
/// columns.
fn made_table(tokens: &[TokenWithSpan]) -> StatementKind {
    let open = tokens.iter().position(|token| token.token == Token::LParen);
    let name = open
        .and_then(|open| open.checked_sub(1))
        .and_then(|at| word(&tokens[at]));
    let words: Vec<String> = tokens.iter().filter_map(word).collect();
    let has = |name: &str| words.iter().any(|word| word == name);
    // Columns that only one of AWS's tables has, the more special tables first.
    let table = if has("useridentity") {
        "cloudtrail_logs"
    } else if has("conn_trace_id") && has("leaf_client_cert_subject") {
        "alb_connection_logs"
    } else if has("target_group_arn") || has("elb_status_code") {
        "alb_access_logs"
    } else if has("tls_handshake_time_ms") {
        "nlb_tls_logs"
    } else if has("backend_response_code") || has("backend_processing_time") {
        "elb_logs"
    } else if has("srcaddr") || has("sourceaddress") {
        "vpc_flow_logs"
    } else {
        return StatementKind::NotNeeded {
            note: "CREATE TABLE does nothing here: the tables are those of the inputs".into(),
            alias: None,
        };
    };
    let shown = name.as_deref().unwrap_or("it");
    let shown = crate::printable::printable(shown);
    StatementKind::NotNeeded {
        note: format!(
            "CREATE TABLE needs no files here: {shown} is read from the inputs, as {table}"
        ),
        alias: name.map(|name| (name, table)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<StatementKind> {
        let statements = statements(text).unwrap().into_iter();
        statements.map(|statement| statement.kind).collect()
    }

    #[test]
    fn statements_of_a_guide_are_split_and_sorted_out() {
        let guide = "-- a guide\n\
            CREATE EXTERNAL TABLE IF NOT EXISTS `my_flows` (version int, srcaddr string, `end` bigint)\n\
            PARTITIONED BY (`date` date) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' '\n\
            LOCATION 's3://b/;x/' TBLPROPERTIES (\"skip.header.line.count\"=\"1\");\n\
            ALTER TABLE my_flows ADD PARTITION (`date`='2020-05-04') location 's3://b/2020/05/04';\n\
            MSCK REPAIR TABLE my_flows;\n\
            SELECT 1; ;\n";
        let kinds = kinds(guide);
        assert_eq!(kinds.len(), 4);
        match &kinds[0] {
            StatementKind::NotNeeded { alias, .. } => {
                assert_eq!(alias, &Some(("my_flows".to_owned(), "vpc_flow_logs")));
            }
            other => panic!("{other:?}"),
        }
        assert!(
            matches!(&kinds[1], StatementKind::NotNeeded { note, .. } if note.contains("ALTER TABLE"))
        );
        assert!(
            matches!(&kinds[2], StatementKind::NotNeeded { note, .. } if note.contains("MSCK"))
        );
        assert_eq!(kinds[3], StatementKind::Rows);
    }

    #[test]
    fn what_would_change_something_is_refused() {
        for text in [
            "INSERT INTO t VALUES (1)",
            "CREATE TABLE x AS SELECT 1",
            "unload (select 1) to 'x'",
        ] {
            assert!(
                matches!(statements(text), Err(QueryFault::OnlyReads(_))),
                "{text}"
            );
        }
        assert!(statements("SELECT 'x").is_err());
        assert!(statements(" -- nothing\n;;").unwrap().is_empty());
    }
}
