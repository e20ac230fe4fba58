//! From SQL text to DataFusion expressions, by way of the allow-list.
//!
//! Every `match` on the parser's tree ends in a refusal: a node that is not named here cannot be
//! used. The type that a use asks for is handed down (`want`), so that properties, which have no
//! type of their own, take it.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{Case, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, Operator};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr as Sql, Ident, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use indexmap::IndexSet;

use super::arithmetic::Operation;
use super::{ExpressionError, Failures, Input, Path, PropertyColumn, Scope, Type};
use crate::decimal;
use crate::problem::suggestion;

pub(super) type Result<T> = std::result::Result<T, ExpressionError>;

const TEXT_MAX: usize = 4096;
const DEPTH_MAX: usize = 64;
const LIST_MAX: usize = 1000;

/// A lowered expression and its type; a number is either a value of 9 places or `wide`.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) ty: Type,
    pub(super) wide: bool,
}

impl Typed {
    pub(super) fn new(expr: Expr, ty: Type) -> Self {
        Self { expr, ty, wide: false }
    }

    pub(super) fn wide(expr: Expr) -> Self {
        Self { expr, ty: Type::Number, wide: true }
    }
}

/// Lowers the expressions of one definition or query, and collects the columns that they read.
#[derive(Debug)]
pub struct Lowering<'a> {
    scope: Scope<'a>,
    inputs: IndexSet<Input>,
    pub(super) failures: Failures,
}

impl<'a> Lowering<'a> {
    /// Names mean what `scope` says; rows without a result are counted in `failures`.
    #[must_use]
    pub fn new(scope: Scope<'a>, failures: Failures) -> Self {
        Self { scope, inputs: IndexSet::new(), failures }
    }

    /// The columns that the lowered expressions read, each once.
    #[must_use]
    pub fn into_inputs(self) -> IndexSet<Input> {
        self.inputs
    }

    /// An expression that is true, false or null.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn condition(&mut self, text: &str) -> Result<Expr> {
        Ok(self.lower_as(&parse(text)?, Type::Boolean, 0)?.expr)
    }

    /// A decimal of 9 places.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn number(&mut self, text: &str) -> Result<Expr> {
        let number = self.lower_as(&parse(text)?, Type::Number, 0)?;
        Ok(self.narrow(number))
    }

    /// Text; numbers and booleans in their spelling, times in RFC 3339.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn text(&mut self, text: &str) -> Result<Expr> {
        let sql = parse(text)?;
        let want = self.hint(&sql).unwrap_or(Type::Text);
        let lowered = self.lower_as(&sql, want, 0)?;
        Ok(self.to_text(lowered))
    }

    /// A property by path, read as text.
    pub fn property_text(&mut self, path: Path) -> Expr {
        self.property(path, Type::Text).expr
    }

    fn narrow(&self, number: Typed) -> Expr {
        if number.wide {
            Operation::Narrow.call(&self.failures, vec![number.expr])
        } else {
            number.expr
        }
    }

    pub(super) fn widen(&self, number: Typed) -> Expr {
        if number.wide {
            number.expr
        } else {
            Operation::Widen.call(&self.failures, vec![number.expr])
        }
    }

    fn to_text(&self, value: Typed) -> Expr {
        match value.ty {
            Type::Text => value.expr,
            Type::Number => Operation::NumberText.call(&self.failures, vec![value.expr]),
            Type::Time => Operation::TimeText.call(&self.failures, vec![value.expr]),
            Type::Boolean => cast(value.expr, DataType::Utf8),
        }
    }

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

    /// Lowers to exactly this type.
    pub(super) fn lower_as(&mut self, sql: &Sql, want: Type, depth: usize) -> Result<Typed> {
        let lowered = self.lower(sql, want, depth)?;
        if lowered.ty == want {
            return Ok(lowered);
        }
        refuse(format!("`{}` is {}, where {want} is needed", clip(sql), lowered.ty))
    }

    fn lower(&mut self, sql: &Sql, want: Type, depth: usize) -> Result<Typed> {
        if depth > DEPTH_MAX {
            return refuse(format!("it is nested deeper than {DEPTH_MAX} levels"));
        }
        let depth = depth + 1;
        match sql {
            Sql::Nested(inner) => self.lower(inner, want, depth),
            Sql::Value(value) => self.literal(&value.value, want),
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

    fn any(&mut self, sql: &Sql, depth: usize) -> Result<Typed> {
        let want = self.hint(sql).unwrap_or(Type::Text);
        self.lower_as(sql, want, depth)
    }

    fn yes_no(&mut self, sql: &Sql, depth: usize) -> Result<Expr> {
        Ok(self.lower_as(sql, Type::Boolean, depth)?.expr)
    }

    pub(super) fn literal(&mut self, value: &Value, want: Type) -> Result<Typed> {
        match value {
            Value::Number(text, false) if want == Type::Text => {
                let number = decimal::parse_wide(text).map(decimal::format_wide);
                let text = number.ok_or_else(|| too_large(text))?;
                Ok(Typed::new(Expr::Literal(ScalarValue::Utf8(Some(text)), None), Type::Text))
            }
            Value::Number(text, false) => number_literal(text),
            Value::Boolean(value) => Ok(boolean(Expr::Literal(ScalarValue::from(*value), None))),
            Value::SingleQuotedString(text) if want == Type::Time => time_literal(text),
            Value::SingleQuotedString(text) => Ok(Typed::new(
                Expr::Literal(ScalarValue::Utf8(Some(text.clone())), None),
                Type::Text,
            )),
            Value::Null => {
                let null = ScalarValue::try_from(&want.data_type());
                let null = null.map_err(|e| ExpressionError(e.to_string()))?;
                Ok(Typed::new(Expr::Literal(null, None), want))
            }
            other => {
                refuse(format!("`{other}` cannot be used; numbers, 'text', TRUE, FALSE, NULL can"))
            }
        }
    }

    fn name_type(&self, names: &[Ident]) -> Option<Type> {
        match &self.scope {
            Scope::Event => field(names).map(|name| Input::Field(name).ty()),
            Scope::Columns { columns, .. } => {
                let name = names.first()?;
                columns.iter().find(|(column, _)| *column == name.value).map(|(_, ty)| *ty)
            }
        }
    }

    fn name(&mut self, names: &[Ident], want: Type) -> Result<Typed> {
        let input = match &self.scope {
            Scope::Event => match field(names) {
                Some(name) => Input::Field(name),
                None => {
                    let path = Path::of(names.iter().map(|n| n.value.clone()).collect());
                    return Ok(self.property(path, want));
                }
            },
            Scope::Columns { noun, columns } => {
                let name = names.iter().map(|n| &*n.value).collect::<Vec<_>>().join(".");
                match columns.iter().find(|(column, _)| *column == name) {
                    Some((_, ty)) => Input::Column(name, *ty),
                    None => {
                        let known = columns.iter().map(|(column, _)| &**column);
                        let hint = suggestion(&name, known);
                        return refuse(format!("there is no {noun} `{name}`{hint}"));
                    }
                }
            }
        };
        Ok(self.column(input))
    }

    fn property(&mut self, path: Path, want: Type) -> Typed {
        // JSON has no times: a property beside a time is compared as text.
        let ty = if want == Type::Time { Type::Text } else { want };
        self.column(Input::Property(PropertyColumn { path, ty }))
    }

    fn column(&mut self, input: Input) -> Typed {
        let typed = Typed::new(Expr::Column(Column::new_unqualified(input.name())), input.ty());
        self.inputs.insert(input);
        typed
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Sql, depth: usize) -> Result<Typed> {
        match op {
            UnaryOperator::Not => Ok(boolean(!self.yes_no(expr, depth)?)),
            UnaryOperator::Plus => self.lower_as(expr, Type::Number, depth),
            UnaryOperator::Minus => match expr {
                Sql::Value(ast::ValueWithSpan { value: Value::Number(text, false), .. }) => {
                    number_literal(&format!("-{text}"))
                }
                _ => {
                    let number = self.lower_as(expr, Type::Number, depth)?;
                    let negated = Operation::Negate.call(&self.failures, vec![number.expr]);
                    Ok(Typed::wide(negated))
                }
            },
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
    ) -> Result<Typed> {
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
                return Ok(Typed::new(cast(joined, DataType::Utf8), Type::Text));
            }
            BinaryOperator::Plus => Operation::Add,
            BinaryOperator::Minus => Operation::Subtract,
            BinaryOperator::Multiply => Operation::Multiply,
            BinaryOperator::Divide => Operation::Divide,
            BinaryOperator::Modulo => Operation::Remainder,
            other => return refuse(format!("the operator `{other}` cannot be used")),
        };
        let left = self.lower_as(left, Type::Number, depth)?.expr;
        let right = self.lower_as(right, Type::Number, depth)?.expr;
        Ok(Typed::wide(operation.call(&self.failures, vec![left, right])))
    }

    /// A chain of the same AND or OR, which the parser nests to the left, as a balanced tree, so
    /// that its length is not its depth.
    fn chain(&mut self, sql: &Sql, op: &BinaryOperator, depth: usize) -> Result<Typed> {
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

    fn compare(&mut self, a: &Sql, op: Operator, b: &Sql, depth: usize) -> Result<Typed> {
        let want = match op {
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                self.ordered_type(&[a, b])?
            }
            _ => self.equality_type(&[a, b]),
        };
        let (a, b) = (self.lower_as(a, want, depth)?, self.lower_as(b, want, depth)?);
        let (a, b) = self.alike(a, b);
        Ok(boolean(binary(a, op, b)))
    }

    /// As [`Lowering::common_type`], and beside a text column a number that is written out means
    /// its text: dimensions are text even if they look like numbers.
    fn equality_type(&self, all: &[&Sql]) -> Type {
        let text_column =
            |sql: &&Sql| !matches!(sql, Sql::Value(_)) && self.hint(sql) == Some(Type::Text);
        let common = self.common_type(all.iter().copied());
        if common != Some(Type::Time) && all.iter().any(text_column) {
            return Type::Text;
        }
        common.unwrap_or(Type::Text)
    }

    /// As [`Lowering::common_type`]; a text and a number have no order.
    fn ordered_type(&self, all: &[&Sql]) -> Result<Type> {
        let of = |ty: Type| all.iter().find(|sql| self.hint(sql) == Some(ty));
        if let (Some(text), Some(number)) = (of(Type::Text), of(Type::Number)) {
            return refuse(format!(
                "`{}` is text and `{}` is a number, which have no order; compare with 'text'",
                clip(text),
                clip(number)
            ));
        }
        Ok(self.common_type(all.iter().copied()).unwrap_or(Type::Text))
    }

    /// Two operands of one type as one Arrow type.
    pub(super) fn alike(&self, a: Typed, b: Typed) -> (Expr, Expr) {
        if a.wide != b.wide { (self.widen(a), self.widen(b)) } else { (a.expr, b.expr) }
    }

    fn in_list(&mut self, expr: &Sql, list: &[Sql], negated: bool, depth: usize) -> Result<Typed> {
        if list.len() > LIST_MAX {
            return refuse(format!("a list of {} elements is over {LIST_MAX}", list.len()));
        }
        let want = self.equality_type(&std::iter::once(expr).chain(list).collect::<Vec<_>>());
        let mut all = vec![self.lower_as(expr, want, depth)?];
        for element in list {
            all.push(self.lower_as(element, want, depth)?);
        }
        let mut all = self.all_alike(all);
        let expr = all.remove(0);
        Ok(boolean(Expr::InList(InList::new(Box::new(expr), all, negated))))
    }

    /// Many operands of one type as one Arrow type.
    pub(super) fn all_alike(&self, all: Vec<Typed>) -> Vec<Expr> {
        let widen = all.iter().any(|typed| typed.wide);
        all.into_iter()
            .map(
                |typed| {
                    if widen && typed.ty == Type::Number { self.widen(typed) } else { typed.expr }
                },
            )
            .collect()
    }

    fn between(
        &mut self,
        expr: &Sql,
        low: &Sql,
        high: &Sql,
        negated: bool,
        depth: usize,
    ) -> Result<Typed> {
        let want = self.ordered_type(&[expr, low, high])?;
        let mut all = Vec::new();
        for part in [expr, low, high] {
            all.push(self.lower_as(part, want, depth)?);
        }
        let [expr, low, high]: [Expr; 3] = self
            .all_alike(all)
            .try_into()
            .map_err(|_| ExpressionError("BETWEEN needs three operands".to_owned()))?;
        let inside = binary(
            binary(expr.clone(), Operator::GtEq, low),
            Operator::And,
            binary(expr, Operator::LtEq, high),
        );
        Ok(boolean(if negated { !inside } else { inside }))
    }

    fn like(
        &mut self,
        expr: &Sql,
        pattern: &Sql,
        escape: Option<&ast::ValueWithSpan>,
        (negated, ignore_case): (bool, bool),
        depth: usize,
    ) -> Result<Typed> {
        let expr = self.lower_as(expr, Type::Text, depth)?.expr;
        let pattern = self.lower_as(pattern, Type::Text, depth)?.expr;
        if !matches!(pattern, Expr::Literal(..)) {
            return refuse("the pattern of LIKE must be 'text'");
        }
        if escape.is_some_and(|e| e.value != Value::SingleQuotedString("\\".to_owned())) {
            return refuse("the escape of LIKE is always '\\'");
        }
        let like = Like::new(negated, Box::new(expr), Box::new(pattern), None, ignore_case);
        Ok(boolean(Expr::Like(like)))
    }

    fn case(
        &mut self,
        operand: Option<&Sql>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Sql>,
        want: Type,
        depth: usize,
    ) -> Result<Typed> {
        let results = || conditions.iter().map(|when| &when.result).chain(otherwise);
        let ty = self.common_type(results()).unwrap_or(want);
        let mut values = Vec::new();
        for result in results() {
            values.push(self.lower_as(result, ty, depth)?);
        }
        let wide = values.iter().any(|value| value.wide);
        let mut values = self.all_alike(values).into_iter();
        let mut branches = Vec::new();
        for when in conditions {
            let condition = match operand {
                Some(operand) => self.compare(operand, Operator::Eq, &when.condition, depth)?.expr,
                None => self.yes_no(&when.condition, depth)?,
            };
            branches.extend(values.next().map(|value| (Box::new(condition), Box::new(value))));
        }
        let case = Expr::Case(Case::new(None, branches, values.next().map(Box::new)));
        Ok(Typed { expr: case, ty, wide })
    }

    fn cast(&mut self, expr: &Sql, to: Type, depth: usize) -> Result<Typed> {
        let value = self.any(expr, depth)?;
        match (value.ty, to) {
            (from, to) if from == to => Ok(value),
            (_, Type::Text) => Ok(Typed::new(self.to_text(value), Type::Text)),
            (Type::Text, Type::Number) => {
                Ok(Typed::wide(Operation::ParseNumber.call(&self.failures, vec![value.expr])))
            }
            (from, to) => refuse(format!("`{}` is {from}, and cannot be cast to {to}", clip(expr))),
        }
    }
}

fn parse(text: &str) -> Result<Sql> {
    if text.trim().is_empty() {
        return refuse("the expression is empty");
    }
    if text.len() > TEXT_MAX {
        return refuse(format!("it has {} bytes, over the limit of {TEXT_MAX}", text.len()));
    }
    let dialect = GenericDialect {};
    let wrong = |e: datafusion::sql::sqlparser::parser::ParserError| ExpressionError(e.to_string());
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(DEPTH_MAX).try_with_sql(text).map_err(wrong)?;
    let sql = parser.parse_expr().map_err(wrong)?;
    match parser.next_token().token {
        Token::EOF => Ok(sql),
        other => refuse(format!("`{other}` stands behind the end of the expression")),
    }
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(ExpressionError(message.into()))
}

/// The start of an expression's text, for a message.
pub(super) fn clip(sql: &Sql) -> String {
    let text = sql.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn field(names: &[Ident]) -> Option<&'static str> {
    match names {
        [name] => ["id", "event", "time", "subject"].into_iter().find(|f| *f == name.value),
        _ => None,
    }
}

pub(super) fn boolean(expr: Expr) -> Typed {
    Typed::new(expr, Type::Boolean)
}

pub(super) fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn balanced(mut all: Vec<Expr>, op: Operator) -> Expr {
    if all.len() > 1 {
        let right = all.split_off(all.len() / 2);
        return binary(balanced(all, op), op, balanced(right, op));
    }
    all.pop().unwrap_or(Expr::Literal(ScalarValue::Boolean(None), None))
}

fn too_large(text: &str) -> ExpressionError {
    ExpressionError(format!("the number {text} is out of range; numbers are below 10^40"))
}

fn number_literal(text: &str) -> Result<Typed> {
    let wide = decimal::parse_wide(text).ok_or_else(|| too_large(text))?;
    match decimal::narrow(wide).filter(|value| decimal::widen(*value) == wide) {
        Some(value) => {
            let scale = decimal::SCALE;
            let value = ScalarValue::Decimal128(Some(value), decimal::PRECISION, scale);
            Ok(Typed::new(Expr::Literal(value, None), Type::Number))
        }
        None => {
            let scale = decimal::WIDE_SCALE;
            let value = ScalarValue::Decimal256(Some(wide), decimal::WIDE_PRECISION, scale);
            Ok(Typed::wide(Expr::Literal(value, None)))
        }
    }
}

fn time_literal(text: &str) -> Result<Typed> {
    let instant = chrono::DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_micros());
    let instant = instant.or_else(|_| {
        let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d");
        date.map(|d| d.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
    });
    let micros = instant.map_err(|_| {
        ExpressionError(format!(
            "'{text}' is not a time; expected RFC 3339 as '2026-11-21T10:00:00Z', or a date"
        ))
    })?;
    let value = ScalarValue::TimestampMicrosecond(Some(micros), Some(Arc::from("UTC")));
    Ok(Typed::new(Expr::Literal(value, None), Type::Time))
}

fn cast_type(to: &ast::DataType) -> Result<Type> {
    use ast::{DataType as To, ExactNumberInfo};
    match to {
        To::Decimal(ExactNumberInfo::None) | To::Numeric(ExactNumberInfo::None) => Ok(Type::Number),
        To::Text | To::Varchar(None) | To::String(None) => Ok(Type::Text),
        other => refuse(format!("a cast to {other} cannot be used; DECIMAL and TEXT can")),
    }
}
