//! Expressions as text, parsed within bounds of length and depth.

use datafusion::sql::sqlparser::ast::Expr as Sql;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::ExpressionError;
use super::dialect::{ExpressionDialect, Keywords, Tokens, tokens};
use super::lower::{Result, refuse};

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
    let tokens = tokens(text).map_err(|error| ExpressionError(message(error)))?;
    let (parsed, is_exhausted) = parse_as(Keywords::MayBeNames, &tokens);
    parsed.map_err(|error| match error {
        _ if is_exhausted => too_intricate(),
        ParserError::RecursionLimitExceeded => too_deep(),
        // At its limit the parser goes back and takes a keyword for a name, and then fails at
        // whatever follows that.
        _ if is_too_deep(&tokens) => too_deep(),
        error if tokens.has_query_words => ExpressionError(format!(
            "a query is not something that can be used here, and a name that reads like one is \
             written in \"quotes\": {}",
            message(error)
        )),
        error => ExpressionError(message(error)),
    })
}

fn message(error: ParserError) -> String {
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

fn is_too_deep(tokens: &Tokens) -> bool {
    let (parsed, is_exhausted) = parse_as(Keywords::AreKeywords, tokens);
    matches!(parsed, Err(ParserError::RecursionLimitExceeded)) && !is_exhausted
}

/// Also returns whether the bound of what reading may take was reached.
fn parse_as(keywords: Keywords, tokens: &Tokens) -> (std::result::Result<Sql, ParserError>, bool) {
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
            let message = format!("`{other}` stands behind the end of the expression");
            Err(ParserError::ParserError(message))
        }
    }
}
