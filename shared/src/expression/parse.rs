//! Expressions as text, parsed within bounds of length and depth.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::Expr as Sql;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::ExpressionError;
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
    parse_as(&GenericDialect {}, text).map_err(|error| match error {
        ParserError::RecursionLimitExceeded => too_deep(),
        // At its limit the parser goes back and takes a keyword for a name, and then fails at
        // whatever follows that.
        _ if matches!(parse_as(&Strict, text), Err(ParserError::RecursionLimitExceeded)) => {
            too_deep()
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            ExpressionError(message)
        }
    })
}

fn parse_as(dialect: &dyn Dialect, text: &str) -> std::result::Result<Sql, ParserError> {
    let parser = Parser::new(dialect).with_recursion_limit(DEPTH_MAX);
    let mut parser = parser.try_with_sql(text)?;
    let sql = parser.parse_expr()?;
    match parser.next_token().token {
        Token::EOF => Ok(sql),
        other => {
            let message = format!("`{other}` stands behind the end of the expression");
            Err(ParserError::ParserError(message))
        }
    }
}

/// The generic dialect, but for keywords, which are never names. It is only asked why a text that
/// was refused is wrong.
#[derive(Debug)]
struct Strict;

impl Dialect for Strict {
    fn dialect(&self) -> TypeId {
        GenericDialect {}.dialect()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        GenericDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        GenericDialect {}.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        keyword != Keyword::NoKeyword
    }
}
