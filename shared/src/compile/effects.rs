//! Counting what evaluations did so that it does not depend on how events were cut into batches.
//!
//! DataFusion passes over what a condition makes needless: the right side of an AND, a branch of a
//! CASE. Of which rows it does so depends on the batch, but a row that is evaluated by itself is
//! always treated alike. So where an expression has conditions around what may fail, and something
//! did, the rows without a value are evaluated again in ever smaller parts until it is known which
//! of them have no result.

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Operator};

use super::project::FoldError;
use crate::expression::{Effects, Evaluator, count_effects};

/// An evaluator that counts by row.
#[derive(Debug)]
pub(super) struct Counted {
    evaluator: Evaluator,
    /// Whether what is passed over could have failed.
    is_conditional: bool,
}

impl Counted {
    pub(super) fn new(evaluator: Evaluator, expr: &Expr) -> Self {
        Self { evaluator, is_conditional: is_conditional(expr) }
    }

    /// Values, and what their evaluation did.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Result<(ArrayRef, Effects), FoldError> {
        let (values, mut effects) = count_effects(|| self.evaluator.evaluate(batch));
        let values = values?;
        if self.is_conditional && effects.no_result > 0 {
            let nulls: BooleanArray =
                (0..values.len()).map(|row| Some(values.is_null(row))).collect();
            effects.no_result = self.failed(&filter_record_batch(batch, &nulls)?)?;
        }
        Ok((values, effects))
    }

    /// Rows of which something has no result, each looked at by itself.
    fn failed(&self, rows: &RecordBatch) -> Result<u64, FoldError> {
        let count = rows.num_rows();
        if count == 0 {
            return Ok(0);
        }
        let (done, effects) = count_effects(|| self.evaluator.evaluate(rows));
        done?;
        // What is evaluated of a part is at least what is of each of its rows.
        if effects.no_result == 0 || count == 1 {
            return Ok(effects.no_result.min(1));
        }
        let half = count / 2;
        Ok(self.failed(&rows.slice(0, half))? + self.failed(&rows.slice(half, count - half))?)
    }
}

/// Whether there is a function of ours below a condition.
fn is_conditional(expr: &Expr) -> bool {
    let is_condition = |expr: &Expr| match expr {
        // A measure's own filter is one without an ELSE, which is evaluated row by row anyway.
        Expr::Case(case) => case.when_then_expr.len() > 1 || case.else_expr.is_some(),
        Expr::BinaryExpr(binary) => matches!(binary.op, Operator::And | Operator::Or),
        _ => false,
    };
    let is_function = |expr: &Expr| matches!(expr, Expr::ScalarFunction(_));
    any(expr, |expr| is_condition(expr) && any(expr, is_function))
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
