//! What can go wrong in a fold.

use crate::expression::ExpressionError;
use crate::measure::StateError;
use crate::table::TableError;

/// A fold that cannot go on. Expressions are total, so this is a fault of the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An expression cannot be evaluated over the columns that it was planned for.
    #[error("an expression failed: {0}")]
    Expression(#[from] ExpressionError),
    /// The groups cannot be kept.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A property was not extracted.
    #[error("the property `{0}` was not extracted")]
    Missing(String),
}

impl From<StateError> for FoldError {
    fn from(error: StateError) -> Self {
        Self::Table(error.into())
    }
}

impl From<arrow::error::ArrowError> for FoldError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Expression(ExpressionError(error.to_string()))
    }
}
