//! Counting what evaluations did so that it does not depend on how events were cut into batches.
//!
//! DataFusion passes over what a condition makes needless: the right side of an AND, a branch of a
//! CASE. Of which rows it does so depends on the batch, but a row that is evaluated by itself is
//! always treated alike. So where an expression has conditions around what may fail, and something
//! did, the rows without a value are evaluated again, each as if it were alone
//! ([`FailureCounter`]).

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::{Expr, Operator};

use super::fold_error::FoldError;
use crate::expression::{
    EvaluationEffects, Evaluator, ExpressionError, FailureCounter, count_effects,
};

/// An evaluator that counts by row.
#[derive(Debug)]
pub(super) struct CountingEvaluator {
    evaluator: Evaluator,
    /// Where what is passed over could have failed.
    failures: Option<FailureCounter>,
}

impl CountingEvaluator {
    /// Plans a lowered expression over `schema`.
    pub(super) fn new(expr: &Expr, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let failures =
            is_conditional(expr).then(|| FailureCounter::new(expr, schema)).transpose()?;
        Ok(Self { evaluator: Evaluator::new(expr, schema)?, failures })
    }

    /// Values, and what their evaluation did.
    pub(super) fn evaluate(
        &self,
        batch: &RecordBatch,
    ) -> Result<(ArrayRef, EvaluationEffects), FoldError> {
        let (values, mut effects) = count_effects(|| self.evaluator.evaluate(batch));
        let values = values?;
        if let Some(failures) = self.failures.as_ref().filter(|_| effects.no_result > 0) {
            let nulls: BooleanArray =
                (0..values.len()).map(|row| Some(values.is_null(row))).collect();
            effects.no_result = failures.count(&filter_record_batch(batch, &nulls)?)?;
        }
        Ok((values, effects))
    }
}

/// Whether there is a function below a condition.
fn is_conditional(expr: &Expr) -> bool {
    let is_function = |expr: &Expr| matches!(expr, Expr::ScalarFunction(_));
    any(expr, |expr| is_condition(expr) && any(expr, is_function))
}

fn is_condition(expr: &Expr) -> bool {
    match expr {
        // A measure's own filter is one without an ELSE, which is evaluated row by row anyway.
        Expr::Case(case) => case.when_then_expr.len() > 1 || case.else_expr.is_some(),
        Expr::BinaryExpr(binary) => matches!(binary.op, Operator::And | Operator::Or),
        _ => false,
    }
}

fn any(expr: &Expr, holds: impl Fn(&Expr) -> bool) -> bool {
    let mut found = false;
    // The closure never fails.
    let _ = expr.apply(|expr| {
        found |= holds(expr);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}
