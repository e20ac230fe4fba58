//! Lowered expressions with their types, and how one is refused.

use arrow::datatypes::DataType;
use datafusion_expr::{BinaryExpr, Cast, Expr, Operator};
use merganser_core::property::PropertyType;
use merganser_core::text::excerpt;
use sqlparser::ast::{Expr as Sql, Ident};

use super::ExpressionError;

pub(super) type Result<T> = std::result::Result<T, ExpressionError>;

/// A lowered expression and its type; a number is either a value of 9 places or `wide`.
#[derive(Clone, Debug)]
pub(super) struct TypedExpr {
    pub(super) expr: Expr,
    pub(super) ty: PropertyType,
    pub(super) wide: bool,
}

impl TypedExpr {
    pub(super) fn new(expr: Expr, ty: PropertyType) -> Self {
        Self { expr, ty, wide: false }
    }

    pub(super) fn wide(expr: Expr) -> Self {
        Self { expr, ty: PropertyType::Number, wide: true }
    }
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(ExpressionError(message.into()))
}

/// The start of an expression's text, for a message.
pub(super) fn clip(sql: &Sql) -> String {
    excerpt(&sql.to_string()).into_owned()
}

pub(super) fn field(names: &[Ident]) -> Option<&'static str> {
    match names {
        [name] => ["id", "event", "time", "subject"].into_iter().find(|f| *f == name.value),
        _ => None,
    }
}

pub(super) fn boolean(expr: Expr) -> TypedExpr {
    TypedExpr::new(expr, PropertyType::Boolean)
}

pub(super) fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
}

pub(super) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}
