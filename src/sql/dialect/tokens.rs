//! What is changed before parsing: the case of quoted names, and types that the grammar lacks.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{
    Token, TokenWithSpan, Tokenizer, TokenizerError, Word,
};

use super::AthenaDialect;

/// Splits a text into tokens, without white space and comments.
///
/// Names are in lower case, because Athena's have none, in double quotes too. `ARRAY(x)` as a type
/// becomes `ARRAY<x>`, `IPADDRESS 'x'` a cast, and `VALUES 1, 2` has parentheses.
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
    Ok(bare_values(address_literals(tokens)))
}

/// Makes a token that is not in the text, at the place of one that is.
fn made(token: Token, at: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan {
        token,
        span: at.span,
    }
}

/// Makes a cast of `IPADDRESS '10.0.0.0'`: the grammar has literals of its own types only.
fn address_literals(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let name = match &token.token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_lowercase(),
            _ => String::new(),
        };
        let is_literal = matches!(name.as_str(), "ipaddress" | "ipprefix")
            && rest
                .peek()
                .is_some_and(|next| matches!(next.token, Token::SingleQuotedString(_)));
        let Some(text) = rest.next_if(|_| is_literal) else {
            out.push(token);
            continue;
        };
        let place = token.clone();
        let word = |text: &str| made(Token::make_word(text, None), &place);
        out.extend([
            word("CAST"),
            made(Token::LParen, &place),
            text,
            word("AS"),
            token,
            made(Token::RParen, &place),
        ]);
    }
    out
}

/// Puts parentheses around the rows of `VALUES 1, 2`, which have one column.
fn bare_values(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let is_values = is_keyword(&token, Keyword::VALUES)
            && out.last().is_none_or(|before| match &before.token {
                Token::LParen | Token::SemiColon => true,
                _ => [Keyword::AS, Keyword::ALL, Keyword::UNION]
                    .iter()
                    .any(|keyword| is_keyword(before, *keyword)),
            });
        let is_bare = rest.peek().is_some_and(|next| match &next.token {
            Token::Number(..) | Token::SingleQuotedString(_) | Token::Minus => true,
            Token::Word(word) => word.keyword != Keyword::ROW,
            _ => false,
        });
        out.push(token);
        if !is_values || !is_bare {
            continue;
        }
        let mut depth = 0_usize;
        let mut row: Vec<TokenWithSpan> = Vec::new();
        while let Some(next) = rest.next_if(|next| depth > 0 || !ends_values(next)) {
            match next.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                Token::Comma if depth == 0 => {
                    put_row(&mut row, &mut out);
                    out.push(next);
                    continue;
                }
                _ => {}
            }
            row.push(next);
        }
        put_row(&mut row, &mut out);
    }
    out
}

fn put_row(row: &mut Vec<TokenWithSpan>, out: &mut Vec<TokenWithSpan>) {
    let (Some(first), Some(last)) = (row.first().cloned(), row.last().cloned()) else {
        return;
    };
    out.push(made(Token::LParen, &first));
    out.append(row);
    out.push(made(Token::RParen, &last));
}

/// Whether a token that is not in parentheses is after the rows of VALUES.
fn ends_values(token: &TokenWithSpan) -> bool {
    let words = [
        Keyword::ORDER,
        Keyword::LIMIT,
        Keyword::OFFSET,
        Keyword::FETCH,
        Keyword::UNION,
        Keyword::EXCEPT,
        Keyword::INTERSECT,
    ];
    matches!(token.token, Token::RParen | Token::SemiColon)
        || words.iter().any(|word| is_keyword(token, *word))
}

fn is_keyword(token: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&token.token, Token::Word(Word { keyword: found, quote_style: None, .. }) if *found == keyword)
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
