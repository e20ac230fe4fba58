//! Evaluation that treats each row as if it were alone, many at a time.
//!
//! DataFusion evaluates the right side of an AND or OR for a whole batch unless the left side
//! decides all of it, so that what fails for a row may depend on the rows beside it. Here it is
//! evaluated for the rows that need it. CASE does so by itself.

use std::fmt;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{and_kleene, or_kleene};
use arrow::datatypes::{DataType, Schema};
use datafusion_common::cast::as_boolean_array;
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion_common::{Result, internal_err};
use datafusion_expr::{ColumnarValue, Operator};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::BinaryExpr;

/// The same expression, each row by itself.
pub(super) fn by_row(expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
    expr.transform_up(lazy).data()
}

/// AND and OR as a [`ShortCircuitExpr`], other nodes as they are.
fn lazy(expr: Arc<dyn PhysicalExpr>) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    let Some(binary) = expr.downcast_ref::<BinaryExpr>() else {
        return Ok(Transformed::no(expr));
    };
    let operator = *binary.op();
    if !matches!(operator, Operator::And | Operator::Or) {
        return Ok(Transformed::no(expr));
    }
    let sides = [Arc::clone(binary.left()), Arc::clone(binary.right())];
    Ok(Transformed::yes(Arc::new(ShortCircuitExpr { operator, sides }) as Arc<dyn PhysicalExpr>))
}

/// AND or OR.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ShortCircuitExpr {
    operator: Operator,
    sides: [Arc<dyn PhysicalExpr>; 2],
}

impl PhysicalExpr for ShortCircuitExpr {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let [left, right] = &self.sides;
        let left = left.evaluate(batch)?.into_array(batch.num_rows())?;
        let left = as_boolean_array(&left)?;
        let decisive = Some(self.operator == Operator::Or);
        let rest: BooleanArray = left.iter().map(|value| Some(value != decisive)).collect();
        let right = right.evaluate_selection(batch, &rest)?.into_array(batch.num_rows())?;
        let right = as_boolean_array(&right)?;
        let both = match self.operator {
            Operator::Or => or_kleene(left, right)?,
            _ => and_kleene(left, right)?,
        };
        Ok(ColumnarValue::Array(Arc::new(both)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.sides.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match children.try_into() {
            Ok(sides) => Ok(Arc::new(Self { operator: self.operator, sides })),
            Err(_) => internal_err!("AND and OR have two sides"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ShortCircuitExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.sides;
        write!(f, "({left} {} {right})", self.operator)
    }
}
