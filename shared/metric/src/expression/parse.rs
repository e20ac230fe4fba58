//! Expressions as text, parsed within bounds of length and depth.

use sqlparser::ast::Expr as Sql;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::ExpressionError;
use super::dialect::{ExpressionDialect, ExpressionTokens, KeywordMode, tokens};
use super::typed::{Result, refuse};

const TEXT_MAX: usize = 4096;
pub(super) const DEPTH_MAX: usize = 64;
/// As many as a text has bytes: only operands that are used more than once can come to more.
pub(super) const OPERATIONS_MAX: usize = 4096;

/// What is said of an expression that is nested too deep.
pub(super) fn too_deep() -> ExpressionError {
    ExpressionError(format!("it is nested deeper than the limit of {DEPTH_MAX} levels"))
}

/// What is said of an expression whose operands, used more than once, multiply.
pub(super) fn too_large() -> ExpressionError {
    ExpressionError(format!(
        "it comes to more than the limit of {OPERATIONS_MAX} operations; COALESCE, NULLIF, BETWEEN \
         and CASE with an operand use that more than once, and should not be nested in it"
    ))
}

/// Reads an expression that is all of `text`.
pub(super) fn parse(text: &str) -> Result<Sql> {
    if text.trim().is_empty() {
        return refuse("the expression is empty");
    }
    if text.len() > TEXT_MAX {
        return refuse(format!("it has {} bytes, over the limit of {TEXT_MAX}", text.len()));
    }
    let tokens = tokens(text).map_err(|error| ExpressionError(unreadable(text, error)))?;
    let (parsed, is_exhausted) = parse_as(KeywordMode::MayBeNames, &tokens);
    parsed.map_err(|error| match error {
        _ if is_exhausted => too_intricate(),
        ParserError::RecursionLimitExceeded => too_deep(),
        // At its limit the parser goes back and takes a keyword for a name, and then fails at
        // whatever follows that.
        _ if is_too_deep(&tokens) => too_deep(),
        error if tokens.has_query_words => ExpressionError(format!(
            "a query is not something that can be used here, and a name that reads like one is \
             written in \"quotes\": {}",
            message(&tokens, error)
        )),
        error => ExpressionError(message(&tokens, error)),
    })
}

/// What is said of a text that has no tokens: most often a quote that is not closed.
fn unreadable(text: &str, error: ParserError) -> String {
    let (mut open, mut begin) = (None, 0);
    for (at, c) in text.char_indices() {
        if open == Some(c) {
            open = None;
        } else if open.is_none() && ['\'', '"'].contains(&c) {
            (open, begin) = (Some(c), at);
        }
    }
    match (open, error) {
        (Some(quote), _) => {
            let begun: String = text[begin..].chars().take(20).collect();
            format!("the quote that begins at {begun} is not closed; {quote} is missing at its end")
        }
        (None, error) => said(error),
    }
}

/// What the parser says; of a text that is not finished, where it ends and what is missing.
fn message(tokens: &ExpressionTokens, error: ParserError) -> String {
    let message = said(error);
    let Some((expected, _)) = message.split_once(", found: EOF") else { return message };
    let expected = expected.rsplit_once("Expected: ").map_or(expected, |(_, what)| what);
    let expected = match expected {
        "an expression" => "a name, a number or a 'text'".to_owned(),
        sign if sign.len() == 1 => format!("`{sign}`"),
        other => other.to_owned(),
    };
    let last = tokens.all.iter().rev().map(|token| &token.token);
    let mut last = last.filter(|token| !matches!(token, Token::Whitespace(_) | Token::EOF));
    match last.next() {
        Some(last) => {
            let last: String = last.to_string().chars().take(60).collect();
            format!("it is not finished: behind `{last}`, where it ends, {expected} is missing")
        }
        None => format!("it is not finished: {expected} is missing"),
    }
}

fn said(error: ParserError) -> String {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => too_deep().0,
    }
}

/// What is said of a text that can be taken in very many ways, all of them wrong.
fn too_intricate() -> ExpressionError {
    ExpressionError(
        "it is wrong somewhere, and too intricate to say where; try parts of it".to_owned(),
    )
}

fn is_too_deep(tokens: &ExpressionTokens) -> bool {
    let (parsed, is_exhausted) = parse_as(KeywordMode::AreKeywords, tokens);
    matches!(parsed, Err(ParserError::RecursionLimitExceeded)) && !is_exhausted
}

/// Also returns whether the bound of what reading may take was reached.
fn parse_as(
    keywords: KeywordMode,
    tokens: &ExpressionTokens,
) -> (std::result::Result<Sql, ParserError>, bool) {
    let dialect = ExpressionDialect::new(keywords);
    let parser = Parser::new(&dialect).with_recursion_limit(DEPTH_MAX);
    let parsed = parse_whole(parser.with_tokens_with_locations(tokens.all.clone()));
    (parsed, dialect.is_exhausted())
}

fn parse_whole(mut parser: Parser<'_>) -> std::result::Result<Sql, ParserError> {
    let sql = parser.parse_expr()?;
    match parser.next_token().token {
        Token::EOF => Ok(sql),
        other => {
            let hint = match &other {
                Token::Word(word) if word.quote_style.is_none() => {
                    "; AND or OR joins conditions, and a text is written in single quotes"
                }
                Token::SingleQuotedString(_) | Token::Number(..) => {
                    "; an operator before it is missing"
                }
                _ => "",
            };
            let message = format!("`{other}` stands behind the end of the expression{hint}");
            Err(ParserError::ParserError(message))
        }
    }
}
