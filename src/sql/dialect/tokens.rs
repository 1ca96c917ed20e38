//! What is changed before parsing: the case of quoted names, and types that the grammar lacks.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{
    Token, TokenWithSpan, Tokenizer, TokenizerError, Word,
};

use super::AthenaDialect;

/// Splits a text into tokens, without white space and comments.
///
/// Names are in lower case, because Athena's have none, in double quotes too. `ARRAY(x)` as a type
/// becomes `ARRAY<x>`.
///
/// # Errors
/// A quote or a comment is not closed.
pub(in super::super) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    let tokens = Tokenizer::new(&AthenaDialect, text).tokenize_with_location()?;
    let tokens = tokens.into_iter();
    let mut tokens: Vec<TokenWithSpan> = tokens
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .collect();
    for token in &mut tokens {
        if let Token::Word(word) = &mut token.token
            && word.quote_style.is_some()
        {
            word.value = word.value.to_lowercase();
            word.quote_style = Some('"');
        }
    }
    angle_types(&mut tokens);
    Ok(tokens)
}

fn angle_types(tokens: &mut [TokenWithSpan]) {
    let is_word = |token: Option<&TokenWithSpan>, keyword| matches!(token.map(|token| &token.token), Some(Token::Word(Word { keyword: found, .. })) if *found == keyword);
    for at in 0..tokens.len() {
        let is_type = at.checked_sub(1).is_some_and(|before| {
            is_word(tokens.get(before), Keyword::AS) || tokens[before].token == Token::Lt
        });
        let is_open = tokens
            .get(at + 1)
            .is_some_and(|next| next.token == Token::LParen);
        if !is_type || !is_open || !is_word(tokens.get(at), Keyword::ARRAY) {
            continue;
        }
        let mut depth = 0_usize;
        for end in at + 1..tokens.len() {
            match tokens[end].token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => {
                    tokens[at + 1].token = Token::Lt;
                    tokens[end].token = Token::Gt;
                    break;
                }
                Token::RParen => depth -= 1,
                _ => {}
            }
        }
    }
}
