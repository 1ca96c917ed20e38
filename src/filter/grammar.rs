//! The grammar of `--filter`.
//!
//! ```text
//! filter     = operand *( ( "and" / "&&" / "or" / "||" ) operand )
//! operand    = ( "not" / "!" ) operand / "(" filter ")" / primitive
//! primitive  = [ protocol ] [ side ] [ "host" / "net" / "port" / "portrange" ] value
//!            / protocol / "proto" value / "accept" / "reject" / "ingress" / "egress"
//!            / "flags" flag *( "," flag ) / ( "packets" / "bytes" ) comparison number
//!            / "between" end [ "and" ] end
//!            / ( "eni" / "account" / "region" / "vpc" / "subnet" / "instance" ) name
//!            / ( "tag" / "instance-tag" / "interface-tag" / "asg-tag" / … ) [ ":" / "=" ] tag
//! tag        = name / quote *char quote
//! side       = "src" / "dst" / "src or dst" / "src and dst"
//! ```
//!
//! Words and rules follow pcap-filter(7) where it has them, including the surprising ones: `and`
//! and `or` have equal precedence, left to right, and a value without a keyword takes the keyword
//! of the previous value, so that `port 80 or 443` works as expected. Keywords ignore case; names
//! do not.

use std::str::FromStr;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, multispace0};
use nom::combinator::{all_consuming, opt, value};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::expression::{Comparison, CountField, EndpointSide, Expression, Name, Peer, Term};
use super::fault::FilterError;
use super::peers::AN_END;
use super::words::{
    Qualifier, action, action_meant, counter, family_or_protocol, leaving, net, peer, qualifier,
};

/// Maximum nesting of parentheses: more than a person writes, and few enough for the stack.
const DEPTH_MAX: usize = 50;

/// Maximum changes between `and` and `or` without parentheses, for the same reason.
const CHANGES_MAX: usize = 10;

const A_CONDITION: &str = "a condition, such as host 10.0.0.5, net 10.0.0.0/8, src port 443, \
                           tcp, reject, flags syn, egress, eni eni-0a1b or bytes > 1000";

const A_VALUE_ALONE: &str =
    "the value of a tag without its key, because flow logs do not have the key: tag web-1";

impl Qualifier {
    /// Parses the value `text` of this keyword into a condition.
    ///
    /// # Errors
    /// Returns [`FilterError`] if `text` is not such a value, or is more than one.
    pub fn parse(self, text: &str) -> Result<Expression, FilterError> {
        let condition = |input| self.condition(input);
        let whole = all_consuming(delimited(multispace0, condition, multispace0)).parse(text);
        whole
            .map(|(_, expression)| expression)
            .map_err(|error| fault(text, error))
    }

    fn condition(self, input: &str) -> ParseResult<'_, Expression> {
        let (rest, word) = word(input).map_err(|_| expected(input, self.wants()))?;
        let term = self
            .term(word)
            .ok_or_else(|| expected(input, self.wants_instead_of(word)))?;
        Ok((rest, Expression::Term(term)))
    }
}

impl FromStr for Expression {
    type Err = FilterError;

    /// Parses the value of `--filter`.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::filter::Expression;
    ///
    /// let filter: Expression = "host 10.0.0.5 and (reject or flags syn)".parse()?;
    /// let error = "port https and prot tcp".parse::<Expression>().unwrap_err();
    /// assert_eq!(error.offset(), 15);
    /// # Ok::<(), flow2pcap::filter::FilterError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut reader = ConditionReader { last: None };
        let (rest, expression) = reader.chain(0, text).map_err(|e| fault(text, e))?;
        if rest.trim_start().is_empty() {
            return Ok(expression);
        }
        let wanted = match rest.trim_start().chars().next() {
            Some('[') => "words: flow logs have no packet contents to match; write flags syn",
            Some(')') => "the end, because no parenthesis is open",
            _ => "and, or, or the end",
        };
        Err(FilterError::new(text, rest, wanted))
    }
}

type ParseResult<'a, T> = IResult<&'a str, T, Expected<'a>>;

/// The position where the grammar stopped, and what it expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected<'a> {
    rest: &'a str,
    what: &'static str,
}

impl<'a> ParseError<&'a str> for Expected<'a> {
    fn from_error_kind(rest: &'a str, kind: ErrorKind) -> Self {
        let what = match kind {
            ErrorKind::Eof => "the end",
            _ => A_CONDITION,
        };
        Self { rest, what }
    }

    fn append(_: &'a str, _: ErrorKind, first: Self) -> Self {
        first
    }
}

fn expected<'a>(rest: &'a str, what: &'static str) -> nom::Err<Expected<'a>> {
    nom::Err::Failure(Expected { rest, what })
}

fn fault(text: &str, error: nom::Err<Expected<'_>>) -> FilterError {
    match error {
        nom::Err::Error(e) | nom::Err::Failure(e) => FilterError::new(text, e.rest, e.what),
        nom::Err::Incomplete(_) => FilterError::new(text, "", A_CONDITION),
    }
}

/// A word that joins two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    And,
    Or,
}

/// Reads conditions from left to right, without backtracking.
struct ConditionReader {
    /// The keyword of the previous value.
    last: Option<Qualifier>,
}

impl ConditionReader {
    fn chain<'a>(&mut self, depth: usize, input: &'a str) -> ParseResult<'a, Expression> {
        let (mut rest, mut whole) = self.operand(depth, input)?;
        let (mut last, mut changes) = (None, 0);
        while let (after, Some(joint)) = opt(joint).parse(rest)? {
            if last.is_some_and(|last| last != joint) {
                changes += 1;
            }
            if changes > CHANGES_MAX {
                return Err(expected(rest, "parentheses to group the conditions"));
            }
            let (after, next) = self.operand(depth, after)?;
            // A parenthesis in front stays one operand.
            whole = match (joint, last) {
                (Joint::And, Some(_)) => whole.and(next),
                (Joint::Or, Some(_)) => whole.or(next),
                (Joint::And, None) => Expression::All(vec![whole, next]),
                (Joint::Or, None) => Expression::Any(vec![whole, next]),
            };
            (rest, last) = (after, Some(joint));
        }
        Ok((rest, whole))
    }

    fn operand<'a>(&mut self, depth: usize, input: &'a str) -> ParseResult<'a, Expression> {
        if depth >= DEPTH_MAX {
            return Err(expected(input, "fewer nested parentheses"));
        }
        if let (rest, Some(())) = opt(negation).parse(input)? {
            let (rest, inner) = self.operand(depth + 1, rest)?;
            return Ok((rest, Expression::Not(Box::new(inner))));
        }
        if let (rest, Some(_)) = opt(symbol('(')).parse(input)? {
            let (rest, inner) = self.chain(depth + 1, rest)?;
            return match symbol(')').parse(rest) {
                Ok((rest, _)) => Ok((rest, inner)),
                Err(_) => Err(expected(rest, "and, or, or a closing parenthesis")),
            };
        }
        self.primitive(input)
    }

    fn primitive<'a>(&mut self, input: &'a str) -> ParseResult<'a, Expression> {
        let (rest, found) = word(input).map_err(|_| expected(input, A_CONDITION))?;
        if let Some((name, value)) = tag_word(input, rest) {
            return self.tag(name, value);
        }
        let lower = found.to_ascii_lowercase();
        if let Some(term) = family_or_protocol(&lower) {
            let family = Expression::Term(term);
            return match word(rest) {
                Ok((_, next)) if takes_a_protocol(&next.to_ascii_lowercase()) => {
                    let (rest, inner) = self.primitive(rest)?;
                    Ok((rest, Expression::All(vec![family, inner])))
                }
                _ => Ok((rest, family)),
            };
        }
        if let Some(action) = action(&lower) {
            return Ok((rest, Expression::Term(Term::Action(action))));
        }
        if let Some(leaving) = leaving(&lower) {
            return Ok((rest, Expression::Term(Term::Leaving(leaving))));
        }
        if let Some(counter) = counter(&lower) {
            return count(counter, rest);
        }
        if let Some(qualifier) = qualifier(&lower, EndpointSide::Either) {
            return self.qualified(qualifier, rest);
        }
        if matches!(&*lower, "src" | "dst") {
            return self.sided(&lower, rest);
        }
        if lower == "between" {
            return between(rest);
        }
        if let Some(meant) = action_meant(&lower) {
            return Err(expected(input, meant));
        }
        // A value without a keyword takes the keyword of the previous value, or is an address.
        let guess = self
            .last
            .or(net(found).map(|_| Qualifier::Host(EndpointSide::Either)));
        let is_joint = matches!(&*lower, "and" | "or" | "not");
        match guess.filter(|_| !is_joint) {
            Some(Qualifier::Named(name)) if name.is_tag() => self.tag(name, input),
            Some(qualifier) => match qualifier.term(found) {
                Some(term) => Ok((rest, Expression::Term(term))),
                None => Err(expected(input, A_CONDITION)),
            },
            None => Err(expected(input, A_CONDITION)),
        }
    }

    /// Parses the value of a tag.
    fn tag<'a>(&mut self, name: Name, input: &'a str) -> ParseResult<'a, Expression> {
        let qualifier = Qualifier::Named(name);
        let (rest, text) = match quoted(input)? {
            Some((rest, text)) => {
                self.last = Some(qualifier);
                return Ok((rest, Expression::Term(Term::Is(name, text))));
            }
            None => word(input).map_err(|_| expected(input, qualifier.wants()))?,
        };
        if rest.starts_with('=') {
            return Err(expected(input, A_VALUE_ALONE));
        }
        self.last = Some(qualifier);
        Ok((rest, Expression::Term(Term::Begins(name, text.to_owned()))))
    }

    /// Parses the rest of a condition after `src` or `dst`.
    fn sided<'a>(&mut self, first: &str, input: &'a str) -> ParseResult<'a, Expression> {
        let other = if first == "src" { "dst" } else { "src" };
        let mut rest = input;
        let mut side = if first == "src" {
            EndpointSide::Source
        } else {
            EndpointSide::Destination
        };
        if let Ok((after, joint)) = joint(rest)
            && let Ok((after, next)) = word(after)
        {
            if !next.eq_ignore_ascii_case(other) {
                return Err(expected(rest, Qualifier::Host(side).wants()));
            }
            side = match joint {
                Joint::And => EndpointSide::Both,
                Joint::Or => EndpointSide::Either,
            };
            rest = after;
        }
        let sided = |name: &str| match name {
            "host" | "net" | "port" | "portrange" => qualifier(name, side),
            _ => None,
        };
        match word(rest) {
            Ok((after, name)) => match sided(&name.to_ascii_lowercase()) {
                Some(qualifier) => self.qualified(qualifier, after),
                None => self.qualified(Qualifier::Host(side), rest),
            },
            Err(_) => self.qualified(Qualifier::Host(side), rest),
        }
    }

    fn qualified<'a>(
        &mut self,
        qualifier: Qualifier,
        input: &'a str,
    ) -> ParseResult<'a, Expression> {
        self.last = Some(qualifier);
        qualifier.condition(input)
    }
}

/// Returns the kind of tag that the first word of `input` names, and the text from its value on.
/// `rest` follows that word.
fn tag_word<'a>(input: &'a str, rest: &'a str) -> Option<(Name, &'a str)> {
    let input = input.trim_start();
    let found = &input[..input.len() - rest.len()];
    let (word, value) = match found.find(':') {
        Some(colon) => (&found[..colon], &input[colon + 1..]),
        None => {
            let value = rest.trim_start().strip_prefix('=');
            (found, value.unwrap_or(rest))
        }
    };
    match qualifier(&word.to_ascii_lowercase(), EndpointSide::Either)? {
        Qualifier::Named(name) if name.is_tag() => Some((name, value)),
        _ => None,
    }
}

/// Parses a value in double or single quotes, in which a backslash keeps the next character. Returns
/// `None` if there is no quote.
fn quoted(input: &str) -> Result<Option<(&str, String)>, nom::Err<Expected<'_>>> {
    let text = input.trim_start();
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return Ok(None);
    };
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            c if c == quote => return Ok(Some((&text[at + 1..], value))),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    Err(expected(&text[text.len()..], "a closing quote"))
}

/// Whether a protocol before this word belongs to it: `tcp port 80`.
fn takes_a_protocol(word: &str) -> bool {
    let of_packets = ["src", "dst", "host", "net", "port", "portrange", "proto"];
    of_packets.contains(&word)
}

/// Parses the two ends after `between`.
fn between(input: &str) -> ParseResult<'_, Expression> {
    let (rest, one) = end(input)?;
    let rest = match joint(rest) {
        Ok((after, Joint::And)) => after,
        _ => rest,
    };
    let (rest, other) = end(rest)?;
    Ok((rest, Expression::between(one, other)))
}

/// An address or network with its port; that of IPv6 is in brackets, which no other word has.
fn end(input: &str) -> ParseResult<'_, Peer> {
    let belongs = |c: char| !c.is_whitespace() && !"()!&|<>=".contains(c);
    let text: ParseResult<'_, &str> = preceded(multispace0, take_while1(belongs)).parse(input);
    let (rest, text) = text.map_err(|_| expected(input, AN_END))?;
    let peer = peer(text).ok_or_else(|| expected(input, AN_END))?;
    Ok((rest, peer))
}

fn count(counter: CountField, input: &str) -> ParseResult<'_, Expression> {
    let wrong = |rest| expected(rest, "a comparison, such as > 1000");
    let (rest, comparison) = comparison(input).map_err(|_| wrong(input))?;
    let number = |text: &str| text.parse::<u64>().ok();
    let (after, text) = word(rest).map_err(|_| expected(rest, "a number"))?;
    let number = number(text).ok_or_else(|| expected(rest, "a number"))?;
    let term = Term::Count(counter, comparison, number);
    Ok((after, Expression::Term(term)))
}

fn comparison(input: &str) -> ParseResult<'_, Comparison> {
    // The longer signs come first, because `>` is a prefix of `>=`.
    let signs = alt((
        value(Comparison::AtMost, tag("<=")),
        value(Comparison::AtLeast, tag(">=")),
        value(Comparison::Different, tag("!=")),
        value(Comparison::Equal, tag("==")),
        value(Comparison::Equal, tag("=")),
        value(Comparison::Less, tag("<")),
        value(Comparison::More, tag(">")),
    ));
    preceded(multispace0, signs).parse(input)
}

fn joint(input: &str) -> ParseResult<'_, Joint> {
    let signs = alt((value(Joint::And, tag("&&")), value(Joint::Or, tag("||"))));
    let found: ParseResult<'_, Joint> = preceded(multispace0, signs).parse(input);
    if found.is_ok() {
        return found;
    }
    let (rest, found) = word(input)?;
    match &*found.to_ascii_lowercase() {
        "and" => Ok((rest, Joint::And)),
        "or" => Ok((rest, Joint::Or)),
        _ => Err(mismatch(input)),
    }
}

fn negation(input: &str) -> ParseResult<'_, ()> {
    if let Ok((rest, _)) = symbol('!').parse(input) {
        return Ok((rest, ()));
    }
    let (rest, found) = word(input)?;
    if found.eq_ignore_ascii_case("not") {
        Ok((rest, ()))
    } else {
        Err(mismatch(input))
    }
}

fn mismatch(rest: &str) -> nom::Err<Expected<'_>> {
    nom::Err::Error(Expected::from_error_kind(rest, ErrorKind::Tag))
}

fn symbol<'a>(symbol: char) -> impl Parser<&'a str, Output = char, Error = Expected<'a>> {
    preceded(multispace0, char(symbol))
}

/// Parses a word, a name, an address or a number.
fn word(input: &str) -> ParseResult<'_, &str> {
    let belongs = |c: char| !c.is_whitespace() && !"()[]!&|<>=".contains(c);
    preceded(multispace0, take_while1(belongs)).parse(input)
}

#[cfg(test)]
mod tests;
