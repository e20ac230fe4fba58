//! From SQL text to DataFusion expressions, by way of the allow-list.
//!
//! Every `match` on the parser's tree ends in a refusal: a node that is not named here cannot be
//! used. The type that a use needs is handed down (`request_applied`), so that properties, which
//! have no type of their own, take it.

use arrow::datatypes::DataType;
use datafusion_common::{Column, ScalarValue};
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr, Operator};
use indexmap::IndexSet;
use sqlparser::ast::{self, BinaryOperator, Expr as Sql, Ident, UnaryOperator, Value};

use super::arithmetic::ScalarOperation;
use super::error_hints::{operator_hint, unknown_hint};
use super::literal::{cast_type, literal, number_literal};
use super::parse::{DEPTH_MAX, OPERATIONS_MAX, too_deep, too_large};
use super::typed::{Result, TypedExpr, binary, boolean, cast, clip, field, refuse};
use super::{InputColumn, NameScope, NumberWidth};
use merganser_core::property::PropertyColumn;
use merganser_core::property::PropertyPath;
use merganser_core::property::PropertyType;
use merganser_core::text::excerpt;

/// Lowers the expressions of one definition or query, and collects the columns that they read.
#[derive(Debug)]
pub struct ExpressionLowering<'a> {
    pub(super) scope: NameScope<'a>,
    pub(super) numbers: NumberWidth,
    inputs: IndexSet<InputColumn>,
    /// Operations that the current text has come to.
    pub(super) operations: usize,
}

impl<'a> ExpressionLowering<'a> {
    /// Names mean what `scope` says, and numbers of events have 9 places.
    #[must_use]
    pub fn new(scope: NameScope<'a>) -> Self {
        let numbers = match scope {
            NameScope::Event => NumberWidth::Short,
            NameScope::Columns { .. } => NumberWidth::Wide,
        };
        Self { scope, numbers, inputs: IndexSet::new(), operations: 0 }
    }

    /// Lowers expressions over events whose numbers have up to 18 places.
    #[must_use]
    pub fn over_wide_events() -> Self {
        Self { numbers: NumberWidth::Wide, ..Self::new(NameScope::Event) }
    }

    /// The columns that the lowered expressions read, each once.
    #[must_use]
    pub fn into_inputs(self) -> IndexSet<InputColumn> {
        self.inputs
    }

    pub(super) fn narrow(&self, number: TypedExpr) -> Expr {
        if number.wide { ScalarOperation::Narrow.call(vec![number.expr]) } else { number.expr }
    }

    pub(super) fn widen(&self, number: TypedExpr) -> Expr {
        if number.wide { number.expr } else { ScalarOperation::Widen.call(vec![number.expr]) }
    }

    pub(super) fn to_text(&self, value: TypedExpr) -> Expr {
        match value.ty {
            PropertyType::Text => value.expr,
            PropertyType::Number => ScalarOperation::NumberText.call(vec![value.expr]),
            PropertyType::Time => ScalarOperation::TimeText.call(vec![value.expr]),
            PropertyType::Boolean | PropertyType::Value => cast(value.expr, DataType::Utf8),
        }
    }

    pub(super) fn to_value(&self, value: TypedExpr) -> Expr {
        match value.ty {
            PropertyType::Value => value.expr,
            PropertyType::Number => ScalarOperation::NumberValue.call(vec![value.expr]),
            PropertyType::Boolean => ScalarOperation::BooleanValue.call(vec![value.expr]),
            PropertyType::Text | PropertyType::Time => cast(self.to_text(value), DataType::Binary),
        }
    }

    /// Lowers a text's whole expression to exactly this type.
    pub(super) fn lower_whole(&mut self, sql: &Sql, want: PropertyType) -> Result<TypedExpr> {
        self.operations = 0;
        self.lower_as(sql, want, 0)
    }

    /// Lowers to exactly this type. What uses an operand twice lowers it twice, so that it counts
    /// twice: nested in each other, copies would double with each level.
    pub(super) fn lower_as(
        &mut self,
        sql: &Sql,
        want: PropertyType,
        depth: usize,
    ) -> Result<TypedExpr> {
        let lowered = self.lower(sql, want, depth)?;
        if lowered.ty == want {
            return Ok(lowered);
        }
        if want == PropertyType::Value {
            return Ok(TypedExpr::new(self.to_value(lowered), want));
        }
        let hint = self.mismatch_hint(sql, lowered.ty, want);
        refuse(format!("`{}` is {}, where {want} is needed{hint}", clip(sql), lowered.ty))
    }

    pub(super) fn lower(
        &mut self,
        sql: &Sql,
        want: PropertyType,
        depth: usize,
    ) -> Result<TypedExpr> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        self.operations += 1;
        if self.operations > OPERATIONS_MAX {
            return Err(too_large());
        }
        let depth = depth + 1;
        match sql {
            Sql::Nested(inner) => self.lower(inner, want, depth),
            Sql::Value(value) => literal(&value.value, want, self.numbers),
            Sql::Identifier(name) => self.name(std::slice::from_ref(name), want),
            Sql::CompoundIdentifier(names) => self.name(names, want),
            Sql::UnaryOp { op, expr } => self.unary(*op, expr, depth),
            Sql::BinaryOp { left, op, right } => self.binary(sql, left, op, right, depth),
            Sql::IsNull(inner) => Ok(boolean(self.any(inner, depth)?.expr.is_null())),
            Sql::IsNotNull(inner) => Ok(boolean(self.any(inner, depth)?.expr.is_not_null())),
            Sql::IsTrue(inner) => Ok(boolean(self.yes_no(inner, depth)?.is_true())),
            Sql::IsNotTrue(inner) => Ok(boolean(self.yes_no(inner, depth)?.is_not_true())),
            Sql::IsFalse(inner) => Ok(boolean(self.yes_no(inner, depth)?.is_false())),
            Sql::IsNotFalse(inner) => Ok(boolean(self.yes_no(inner, depth)?.is_not_false())),
            Sql::IsDistinctFrom(a, b) => self.compare(a, Operator::IsDistinctFrom, b, depth),
            Sql::IsNotDistinctFrom(a, b) => self.compare(a, Operator::IsNotDistinctFrom, b, depth),
            Sql::InList { expr, list, negated } => self.in_list(expr, list, *negated, depth),
            Sql::Between { expr, negated, low, high } => {
                self.between(expr, low, high, *negated, depth)
            }
            Sql::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_ref(), (*negated, false), depth)
            }
            Sql::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_ref(), (*negated, true), depth)
            }
            Sql::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), want, depth)
            }
            Sql::Cast { expr, data_type, format: None, array: false, .. } => {
                self.cast(expr, cast_type(data_type)?, depth)
            }
            _ => self.call(sql, want, depth),
        }
    }

    fn any(&mut self, sql: &Sql, depth: usize) -> Result<TypedExpr> {
        let want = self.type_hint(sql).unwrap_or(PropertyType::Text);
        self.lower_as(sql, want, depth)
    }

    fn yes_no(&mut self, sql: &Sql, depth: usize) -> Result<Expr> {
        Ok(self.lower_as(sql, PropertyType::Boolean, depth)?.expr)
    }

    fn name(&mut self, names: &[Ident], want: PropertyType) -> Result<TypedExpr> {
        let input = match &self.scope {
            NameScope::Event => match field(names) {
                Some(name) => InputColumn::Field(name),
                None => {
                    let path = PropertyPath::of(names.iter().map(|n| n.value.clone()).collect());
                    return Ok(self.property(path, want));
                }
            },
            NameScope::Columns { noun, columns } => {
                let name = names.iter().map(|n| &*n.value).collect::<Vec<_>>().join(".");
                match columns.iter().find(|(column, _)| *column == name) {
                    Some((_, ty)) => InputColumn::Column(name, *ty),
                    None => {
                        let hint = unknown_hint(names, columns);
                        return refuse(format!("there is no {noun} `{}`{hint}", excerpt(&name)));
                    }
                }
            }
        };
        Ok(self.column(input))
    }

    pub(super) fn property(&mut self, path: PropertyPath, want: PropertyType) -> TypedExpr {
        // JSON has no times: a property beside a time is compared as text.
        let ty = if want == PropertyType::Time { PropertyType::Text } else { want };
        self.column(InputColumn::Property(PropertyColumn { path, ty }))
    }

    pub(super) fn column(&mut self, input: InputColumn) -> TypedExpr {
        let expr = Expr::Column(Column::new_unqualified(input.name()));
        let ty = input.ty();
        let wide = ty == PropertyType::Number && self.numbers == NumberWidth::Wide;
        self.inputs.insert(input);
        TypedExpr { expr, ty, wide }
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Sql, depth: usize) -> Result<TypedExpr> {
        match op {
            UnaryOperator::Not => Ok(boolean(!self.yes_no(expr, depth)?)),
            UnaryOperator::Plus => self.lower_as(expr, PropertyType::Number, depth),
            UnaryOperator::Minus => match expr {
                Sql::Value(ast::ValueWithSpan { value: Value::Number(text, false), .. }) => {
                    number_literal(&format!("-{text}"), self.numbers)
                }
                _ => {
                    let number = self.lower_as(expr, PropertyType::Number, depth)?;
                    let negated = ScalarOperation::Negate.call(vec![number.expr]);
                    Ok(TypedExpr::wide(negated))
                }
            },
            UnaryOperator::BangNot => refuse("the operator `!` cannot be used; NOT is right"),
            other => refuse(format!("the operator `{other}` cannot be used")),
        }
    }

    fn binary(
        &mut self,
        sql: &Sql,
        left: &Sql,
        op: &BinaryOperator,
        right: &Sql,
        depth: usize,
    ) -> Result<TypedExpr> {
        let operation = match op {
            BinaryOperator::And | BinaryOperator::Or => return self.chain(sql, op, depth),
            BinaryOperator::Eq => return self.compare(left, Operator::Eq, right, depth),
            BinaryOperator::NotEq => return self.compare(left, Operator::NotEq, right, depth),
            BinaryOperator::Lt => return self.compare(left, Operator::Lt, right, depth),
            BinaryOperator::LtEq => return self.compare(left, Operator::LtEq, right, depth),
            BinaryOperator::Gt => return self.compare(left, Operator::Gt, right, depth),
            BinaryOperator::GtEq => return self.compare(left, Operator::GtEq, right, depth),
            BinaryOperator::StringConcat => {
                let (left, right) = (self.any(left, depth)?, self.any(right, depth)?);
                let (left, right) = (self.to_text(left), self.to_text(right));
                let joined = binary(left, Operator::StringConcat, right);
                return Ok(TypedExpr::new(cast(joined, DataType::Utf8), PropertyType::Text));
            }
            BinaryOperator::Plus => ScalarOperation::Add,
            BinaryOperator::Minus => ScalarOperation::Subtract,
            BinaryOperator::Multiply => ScalarOperation::Multiply,
            BinaryOperator::Divide => ScalarOperation::Divide,
            BinaryOperator::Modulo => ScalarOperation::Remainder,
            other => {
                let hint = operator_hint(&other.to_string());
                return refuse(format!("the operator `{other}` cannot be used{hint}"));
            }
        };
        let left = self.lower_as(left, PropertyType::Number, depth)?.expr;
        let right = self.lower_as(right, PropertyType::Number, depth)?.expr;
        Ok(TypedExpr::wide(operation.call(vec![left, right])))
    }

    /// A chain of the same AND or OR, which the parser nests to the left, as a balanced tree, so
    /// that its length is not its depth.
    fn chain(&mut self, sql: &Sql, op: &BinaryOperator, depth: usize) -> Result<TypedExpr> {
        let mut conditions = Vec::new();
        let mut rest = sql;
        while let Sql::BinaryOp { left, op: same, right } = rest
            && same == op
        {
            conditions.push(self.yes_no(right, depth)?);
            rest = left;
        }
        conditions.push(self.yes_no(rest, depth)?);
        conditions.reverse();
        let operator = if *op == BinaryOperator::And { Operator::And } else { Operator::Or };
        Ok(boolean(balanced(conditions, operator)))
    }

    fn case(
        &mut self,
        operand: Option<&Sql>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Sql>,
        want: PropertyType,
        depth: usize,
    ) -> Result<TypedExpr> {
        let results = || conditions.iter().map(|when| &when.result).chain(otherwise);
        let ty = self.result_type(results(), want);
        let mut values = Vec::new();
        for result in results() {
            values.push(self.lower_as(result, ty, depth)?);
        }
        let wide = values.iter().any(|value| value.wide);
        let mut values = self.unify_all_types(values).into_iter();
        let mut branches = Vec::new();
        for when in conditions {
            let condition = match operand {
                Some(operand) => self.compare(operand, Operator::Eq, &when.condition, depth)?.expr,
                None => self.yes_no(&when.condition, depth)?,
            };
            branches.extend(values.next().map(|value| (Box::new(condition), Box::new(value))));
        }
        let case = Expr::Case(Case::new(None, branches, values.next().map(Box::new)));
        Ok(TypedExpr { expr: case, ty, wide })
    }

    /// The common type of several alternatives, or any type where the use takes any.
    pub(super) fn result_type<'s>(
        &self,
        all: impl IntoIterator<Item = &'s Sql>,
        want: PropertyType,
    ) -> PropertyType {
        if want == PropertyType::Value { want } else { self.common_type(all).unwrap_or(want) }
    }

    fn cast(&mut self, expr: &Sql, to: PropertyType, depth: usize) -> Result<TypedExpr> {
        let value = self.any(expr, depth)?;
        match (value.ty, to) {
            (from, to) if from == to => Ok(value),
            (_, PropertyType::Text) => Ok(TypedExpr::new(self.to_text(value), PropertyType::Text)),
            (PropertyType::Text, PropertyType::Number) => {
                Ok(TypedExpr::wide(ScalarOperation::ParseNumber.call(vec![value.expr])))
            }
            (from, to) => refuse(format!("`{}` is {from}, and cannot be cast to {to}", clip(expr))),
        }
    }
}

fn balanced(mut all: Vec<Expr>, op: Operator) -> Expr {
    if all.len() > 1 {
        let right = all.split_off(all.len() / 2);
        return binary(balanced(all, op), op, balanced(right, op));
    }
    all.pop().unwrap_or(Expr::Literal(ScalarValue::Boolean(None), None))
}
