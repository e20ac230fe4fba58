//! The SQL that expressions are read as: the parser's generic dialect, without queries, and within
//! a bound of what reading may take.
//!
//! Where the parser cannot read something in one way it goes back and tries another, at each level
//! of nesting. A text that is wrong at its end is so read in a number of ways that doubles
//! with each level, unless attempts are counted. The parser offers no place to count them inside
//! of queries; queries cannot be used anyway, so the words that begin them are names here.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::Expr as Sql;
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// Operands that may be read, and read again, for one text.
const READINGS_MAX: usize = 16_384;

/// Words that begin a query or a part of one.
const QUERY_WORDS: [Keyword; 9] = [
    Keyword::SELECT,
    Keyword::WITH,
    Keyword::VALUES,
    Keyword::TABLE,
    Keyword::INSERT,
    Keyword::UPDATE,
    Keyword::DELETE,
    Keyword::MERGE,
    Keyword::EXISTS,
];

/// Whether a keyword may be a name where it cannot be a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeywordMode {
    /// As the generic dialect has it.
    MayBeNames,
    /// Then the error of a wrong text points to the keyword behind which it is wrong.
    AreKeywords,
}

/// A dialect for one reading of one text.
#[derive(Debug)]
pub(super) struct ExpressionDialect {
    keywords: KeywordMode,
    readings: Cell<usize>,
}

impl ExpressionDialect {
    pub(super) fn new(keywords: KeywordMode) -> Self {
        Self { keywords, readings: Cell::new(0) }
    }

    /// Whether reading came to its bound; the parser says then that it recursed too deep.
    pub(super) fn is_exhausted(&self) -> bool {
        self.readings.get() > READINGS_MAX
    }
}

impl Dialect for ExpressionDialect {
    fn dialect(&self) -> TypeId {
        GenericDialect {}.dialect()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        GenericDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        GenericDialect {}.is_identifier_part(ch)
    }

    fn supports_extract_comma_syntax(&self) -> bool {
        GenericDialect {}.supports_extract_comma_syntax()
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        match self.keywords {
            KeywordMode::MayBeNames => GenericDialect {}.is_reserved_for_identifier(keyword),
            KeywordMode::AreKeywords => keyword != Keyword::NoKeyword,
        }
    }

    /// Called before each operand is read. No other error ends all attempts at once.
    fn parse_prefix(&self, _: &mut Parser<'_>) -> Option<Result<Sql, ParserError>> {
        self.readings.set(self.readings.get() + 1);
        self.is_exhausted().then_some(Err(ParserError::RecursionLimitExceeded))
    }
}

/// A text's words and signs.
pub(super) struct ExpressionTokens {
    pub(super) all: Vec<TokenWithSpan>,
    /// Whether there is a word that begins a query.
    pub(super) has_query_words: bool,
}

/// Finds the tokens of `text`; what begins a query is a name.
pub(super) fn tokens(text: &str) -> Result<ExpressionTokens, ParserError> {
    let mut tokens = ExpressionTokens { all: Vec::new(), has_query_words: false };
    let mut is_behind_paren = false;
    Tokenizer::new(&GenericDialect {}, text).tokenize_with_location_into_buf_with_mapper(
        &mut tokens.all,
        |mut token| {
            if let Token::Word(word) = &mut token.token {
                let is_query = QUERY_WORDS.contains(&word.keyword)
                    || (is_behind_paren && word.keyword == Keyword::FROM);
                if is_query {
                    word.keyword = Keyword::NoKeyword;
                    tokens.has_query_words = true;
                }
            }
            if !matches!(token.token, Token::Whitespace(_)) {
                is_behind_paren = token.token == Token::LParen;
            }
            token
        },
    )?;
    Ok(tokens)
}
