//! The types that expressions have by themselves.

use sqlparser::ast::{BinaryOperator, Expr as Sql, Ident, UnaryOperator, Value};

use super::literal::cast_type;
use super::lower::ExpressionLowering;
use super::typed::{clip, field};
use super::{InputColumn, NameScope};
use merganser_core::property::PropertyType;

impl ExpressionLowering<'_> {
    /// The type that an expression has by itself; `None` for what takes its type from its use.
    pub(super) fn type_hint(&self, sql: &Sql) -> Option<PropertyType> {
        match sql {
            Sql::Nested(inner) => self.type_hint(inner),
            Sql::Value(value) => match &value.value {
                Value::Number(..) => Some(PropertyType::Number),
                Value::Boolean(_) => Some(PropertyType::Boolean),
                Value::SingleQuotedString(_) => Some(PropertyType::Text),
                _ => None,
            },
            Sql::Identifier(name) => self.name_type(std::slice::from_ref(name)),
            Sql::CompoundIdentifier(names) => self.name_type(names),
            Sql::UnaryOp { op: UnaryOperator::Not, .. } => Some(PropertyType::Boolean),
            Sql::UnaryOp { .. } | Sql::Ceil { .. } | Sql::Floor { .. } | Sql::Extract { .. } => {
                Some(PropertyType::Number)
            }
            Sql::BinaryOp { op, .. } => Some(match op {
                BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo => PropertyType::Number,
                BinaryOperator::StringConcat => PropertyType::Text,
                _ => PropertyType::Boolean,
            }),
            Sql::Substring { .. } | Sql::Trim { .. } => Some(PropertyType::Text),
            Sql::Cast { data_type, .. } => cast_type(data_type).ok(),
            Sql::Function(function) => self.function_hint(function),
            Sql::Case { conditions, else_result, .. } => conditions
                .iter()
                .find_map(|when| self.type_hint(&when.result))
                .or_else(|| else_result.as_deref().and_then(|e| self.type_hint(e))),
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
            | Sql::ILike { .. } => Some(PropertyType::Boolean),
            _ => None,
        }
    }

    /// The type on which values that are compared meet.
    pub(super) fn common_type<'s>(
        &self,
        all: impl IntoIterator<Item = &'s Sql>,
    ) -> Option<PropertyType> {
        let hints: Vec<PropertyType> =
            all.into_iter().filter_map(|sql| self.type_hint(sql)).collect();
        // A time beside text means that the text is a time.
        hints.iter().find(|ty| **ty == PropertyType::Time).or(hints.first()).copied()
    }

    pub(super) fn name_type(&self, names: &[Ident]) -> Option<PropertyType> {
        match &self.scope {
            NameScope::Event => field(names).map(|name| InputColumn::Field(name).ty()),
            NameScope::Columns { columns, .. } => {
                let name = names.first()?;
                columns.iter().find(|(column, _)| *column == name.value).map(|(_, ty)| *ty)
            }
        }
    }
}

impl ExpressionLowering<'_> {
    /// Of an operand whose type is not the one that is needed.
    pub(super) fn mismatch_hint(&self, sql: &Sql, ty: PropertyType, want: PropertyType) -> String {
        let NameScope::Columns { .. } = self.scope else { return String::new() };
        match (sql, ty, want) {
            (Sql::Value(value), PropertyType::Boolean, PropertyType::Text) => match &value.value {
                Value::Boolean(value) => format!("; texts are compared with texts: '{value}'"),
                _ => String::new(),
            },
            (Sql::Identifier(_), PropertyType::Text, PropertyType::Boolean) => {
                format!("; `{} = 'true'` is one", clip(sql))
            }
            (Sql::Identifier(_), PropertyType::Number, PropertyType::Boolean) => {
                format!("; `{} > 0` is one", clip(sql))
            }
            _ => String::new(),
        }
    }
}
