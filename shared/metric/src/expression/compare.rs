//! Comparisons: on which type their operands meet, and as which Arrow type.

use datafusion_expr::expr::{InList, Like};
use datafusion_expr::{Expr, Operator};
use sqlparser::ast::{self, Expr as Sql, Value};

use super::ExpressionError;
use super::lower::ExpressionLowering;
use super::typed::{Result, TypedExpr, binary, boolean, clip, refuse};
use merganser_core::property::PropertyType;

/// Elements of a list.
const LIST_MAX: usize = 1000;

impl ExpressionLowering<'_> {
    pub(super) fn compare(
        &mut self,
        a: &Sql,
        op: Operator,
        b: &Sql,
        depth: usize,
    ) -> Result<TypedExpr> {
        let want = match op {
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                self.ordered_type(&[a, b])?
            }
            _ => self.equality_type(&[a, b]),
        };
        let (a, b) = (self.lower_as(a, want, depth)?, self.lower_as(b, want, depth)?);
        let (a, b) = self.unify_types(a, b);
        Ok(boolean(binary(a, op, b)))
    }

    /// As [`ExpressionLowering::common_type`], and beside a text column a number that is written
    /// out means its text: dimensions are text even if they look like numbers.
    fn equality_type(&self, all: &[&Sql]) -> PropertyType {
        let text_column = |sql: &&Sql| {
            !matches!(sql, Sql::Value(_)) && self.type_hint(sql) == Some(PropertyType::Text)
        };
        let common = self.common_type(all.iter().copied());
        if common != Some(PropertyType::Time) && all.iter().any(text_column) {
            return PropertyType::Text;
        }
        common.unwrap_or(PropertyType::Text)
    }

    /// As [`ExpressionLowering::common_type`]; a text and a number have no order.
    fn ordered_type(&self, all: &[&Sql]) -> Result<PropertyType> {
        let of = |ty: PropertyType| all.iter().find(|sql| self.type_hint(sql) == Some(ty));
        if let (Some(text), Some(number)) = (of(PropertyType::Text), of(PropertyType::Number)) {
            return refuse(format!(
                "`{}` is text and `{}` is a number, which have no order; compare with 'text'",
                clip(text),
                clip(number)
            ));
        }
        Ok(self.common_type(all.iter().copied()).unwrap_or(PropertyType::Text))
    }

    /// Two operands of one type as one Arrow type.
    pub(super) fn unify_types(&self, a: TypedExpr, b: TypedExpr) -> (Expr, Expr) {
        if a.wide != b.wide { (self.widen(a), self.widen(b)) } else { (a.expr, b.expr) }
    }

    pub(super) fn in_list(
        &mut self,
        expr: &Sql,
        list: &[Sql],
        negated: bool,
        depth: usize,
    ) -> Result<TypedExpr> {
        if list.len() > LIST_MAX {
            return refuse(format!("a list of {} elements is over {LIST_MAX}", list.len()));
        }
        let want = self.equality_type(&std::iter::once(expr).chain(list).collect::<Vec<_>>());
        let mut all = vec![self.lower_as(expr, want, depth)?];
        for element in list {
            all.push(self.lower_as(element, want, depth)?);
        }
        let mut all = self.unify_all_types(all);
        let expr = all.remove(0);
        Ok(boolean(Expr::InList(InList::new(Box::new(expr), all, negated))))
    }

    /// Many operands of one type as one Arrow type.
    pub(super) fn unify_all_types(&self, all: Vec<TypedExpr>) -> Vec<Expr> {
        let widen = all.iter().any(|typed| typed.wide);
        all.into_iter()
            .map(|typed| {
                if widen && typed.ty == PropertyType::Number {
                    self.widen(typed)
                } else {
                    typed.expr
                }
            })
            .collect()
    }

    pub(super) fn between(
        &mut self,
        expr: &Sql,
        low: &Sql,
        high: &Sql,
        negated: bool,
        depth: usize,
    ) -> Result<TypedExpr> {
        let want = self.ordered_type(&[expr, low, high])?;
        let mut all = Vec::new();
        for part in [expr, low, expr, high] {
            all.push(self.lower_as(part, want, depth)?);
        }
        let [from, low, to, high]: [Expr; 4] = self
            .unify_all_types(all)
            .try_into()
            .map_err(|_| ExpressionError("BETWEEN needs three operands".to_owned()))?;
        let inside = binary(
            binary(from, Operator::GtEq, low),
            Operator::And,
            binary(to, Operator::LtEq, high),
        );
        Ok(boolean(if negated { !inside } else { inside }))
    }

    pub(super) fn like(
        &mut self,
        expr: &Sql,
        pattern: &Sql,
        escape: Option<&ast::ValueWithSpan>,
        (negated, ignore_case): (bool, bool),
        depth: usize,
    ) -> Result<TypedExpr> {
        let expr = self.lower_as(expr, PropertyType::Text, depth)?.expr;
        let pattern = self.lower_as(pattern, PropertyType::Text, depth)?.expr;
        if !matches!(pattern, Expr::Literal(..)) {
            return refuse("the pattern of LIKE must be 'text'");
        }
        if escape.is_some_and(|e| e.value != Value::SingleQuotedString("\\".to_owned())) {
            return refuse("the escape of LIKE is always '\\'");
        }
        let like = Like::new(negated, Box::new(expr), Box::new(pattern), None, ignore_case);
        Ok(boolean(Expr::Like(like)))
    }
}
