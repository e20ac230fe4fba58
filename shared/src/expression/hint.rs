//! The types that expressions have by themselves.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr as Sql, Ident, UnaryOperator, Value};

use super::literal::cast_type;
use super::lower::{Lowering, field};
use super::{Input, Scope, Type};

impl Lowering<'_> {
    /// The type that an expression has by itself; `None` for what takes its type from its use.
    pub(super) fn hint(&self, sql: &Sql) -> Option<Type> {
        match sql {
            Sql::Nested(inner) => self.hint(inner),
            Sql::Value(value) => match &value.value {
                Value::Number(..) => Some(Type::Number),
                Value::Boolean(_) => Some(Type::Boolean),
                Value::SingleQuotedString(_) => Some(Type::Text),
                _ => None,
            },
            Sql::Identifier(name) => self.name_type(std::slice::from_ref(name)),
            Sql::CompoundIdentifier(names) => self.name_type(names),
            Sql::UnaryOp { op: UnaryOperator::Not, .. } => Some(Type::Boolean),
            Sql::UnaryOp { .. } | Sql::Ceil { .. } | Sql::Floor { .. } | Sql::Extract { .. } => {
                Some(Type::Number)
            }
            Sql::BinaryOp { op, .. } => Some(match op {
                BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo => Type::Number,
                BinaryOperator::StringConcat => Type::Text,
                _ => Type::Boolean,
            }),
            Sql::Substring { .. } | Sql::Trim { .. } => Some(Type::Text),
            Sql::Cast { data_type, .. } => cast_type(data_type).ok(),
            Sql::Function(function) => self.function_hint(function),
            Sql::Case { conditions, else_result, .. } => conditions
                .iter()
                .find_map(|when| self.hint(&when.result))
                .or_else(|| else_result.as_deref().and_then(|e| self.hint(e))),
            Sql::IsNull(_)
            | Sql::IsNotNull(_)
            | Sql::IsTrue(_)
            | Sql::IsNotTrue(_)
            | Sql::IsFalse(_)
            | Sql::IsNotFalse(_)
            | Sql::IsDistinctFrom(..)
            | Sql::IsNotDistinctFrom(..)
            | Sql::InList { .. }
            | Sql::Between { .. }
            | Sql::Like { .. }
            | Sql::ILike { .. } => Some(Type::Boolean),
            _ => None,
        }
    }

    /// The type on which values that are compared meet.
    pub(super) fn common_type<'s>(&self, all: impl IntoIterator<Item = &'s Sql>) -> Option<Type> {
        let hints: Vec<Type> = all.into_iter().filter_map(|sql| self.hint(sql)).collect();
        // A time beside text means that the text is a time.
        hints.iter().find(|ty| **ty == Type::Time).or(hints.first()).copied()
    }

    pub(super) fn name_type(&self, names: &[Ident]) -> Option<Type> {
        match &self.scope {
            Scope::Event => field(names).map(|name| Input::Field(name).ty()),
            Scope::Columns { columns, .. } => {
                let name = names.first()?;
                columns.iter().find(|(column, _)| *column == name.value).map(|(_, ty)| *ty)
            }
        }
    }
}
