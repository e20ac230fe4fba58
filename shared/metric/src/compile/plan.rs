//! What is evaluated over events: the expressions of a definition over short or wide numbers.
//!
//! Nearly all events have numbers of 9 places at most, and those are fast to compute with. A batch
//! of which any number has more is evaluated over numbers of 18 places. Both give the same for the
//! same numbers, so that it does not show how events were cut into batches.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion_expr::Expr;

use super::effects::CountingEvaluator;
use super::fold_error::FoldError;
use super::{DefinitionError, FoldVersion, place};
use crate::expression::{
    Evaluator, ExpressionError, ExpressionLowering, InputColumn, NameScope, NumberWidth,
    input_schema,
};
use merganser_core::property::{PropertyColumn, PropertyType};

/// An expression over short numbers, and the same one over wide ones.
pub(super) type ExprPair = [Expr; 2];

/// Lowers the expressions of a definition, each twice.
pub(super) struct LoweringPair {
    pub(super) fold: FoldVersion,
    each: [ExpressionLowering<'static>; 2],
    depends_on_fold: bool,
}

impl LoweringPair {
    pub(super) fn new(fold: FoldVersion) -> Self {
        let each =
            [ExpressionLowering::new(NameScope::Event), ExpressionLowering::over_wide_events()];
        Self { fold, each, depends_on_fold: false }
    }

    /// Lowers in both ways.
    pub(super) fn lower_both<T>(
        &mut self,
        lower: impl Fn(&mut ExpressionLowering<'static>) -> Result<T, ExpressionError>,
    ) -> Result<[T; 2], ExpressionError> {
        let [short, wide] = &mut self.each;
        Ok([lower(short)?, lower(wide)?])
    }

    /// States would be others in another fold.
    pub(super) fn note_dependence(&mut self) {
        self.depends_on_fold = true;
    }

    /// Plans over the columns that were read, and whether states depend on the fold.
    pub(super) fn plans(
        self,
        expressions: &DefinitionExpressions,
    ) -> Result<([EvaluationPlan; 2], bool), DefinitionError> {
        let [short, wide] = self.each.map(ExpressionLowering::into_inputs);
        let is_number = |p: &PropertyColumn| p.ty == PropertyType::Number;
        let computes =
            |input: &InputColumn| matches!(input, InputColumn::Property(p) if is_number(p));
        let depends = self.depends_on_fold || wide.iter().any(computes);
        let wide = short.union(&wide).cloned().collect();
        let short =
            EvaluationPlan::new(expressions, short.into_iter().collect(), NumberWidth::Short)?;
        let wide = EvaluationPlan::new(expressions, wide, NumberWidth::Wide)?;
        Ok(([short, wide], depends))
    }
}

/// The expressions of a definition.
pub(super) struct DefinitionExpressions {
    pub(super) filter: Option<ExprPair>,
    pub(super) dimensions: Vec<ExprPair>,
    pub(super) arguments: Vec<ExprPair>,
}

/// Expressions that can be evaluated.
#[derive(Debug)]
pub(super) struct EvaluationPlan {
    /// Over wide numbers: those over short ones, and more behind them.
    pub(super) inputs: Vec<InputColumn>,
    pub(super) input_schema: SchemaRef,
    pub(super) filter: Option<CountingEvaluator>,
    pub(super) dimensions: Vec<CountingEvaluator>,
    pub(super) arguments: Vec<CountingEvaluator>,
    pub(super) numbers: NumberWidth,
}

impl EvaluationPlan {
    fn new(
        expressions: &DefinitionExpressions,
        inputs: Vec<InputColumn>,
        numbers: NumberWidth,
    ) -> Result<Self, DefinitionError> {
        let input_schema = input_schema(&inputs, numbers);
        let which = match numbers {
            NumberWidth::Short => 0,
            NumberWidth::Wide => 1,
        };
        let plan = |both: &ExprPair| {
            CountingEvaluator::new(&both[which], &input_schema).map_err(place(""))
        };
        let all = |these: &[ExprPair]| these.iter().map(plan).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            filter: expressions.filter.as_ref().map(plan).transpose()?,
            dimensions: all(&expressions.dimensions)?,
            arguments: all(&expressions.arguments)?,
            inputs,
            input_schema,
            numbers,
        })
    }

    /// A further expression over its inputs.
    pub(super) fn evaluator(&self, expr: &Expr) -> Result<Evaluator, DefinitionError> {
        Evaluator::new(expr, &self.input_schema).map_err(place(""))
    }

    /// The inputs among the columns of rows that are projected.
    pub(super) fn inputs_of(&self, rows: &RecordBatch) -> Result<RecordBatch, FoldError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let columns = rows.columns()[1..=self.inputs.len()].to_vec();
        let schema = Arc::clone(&self.input_schema);
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }

    /// Whether it takes the digits of numbers that 9 places do not hold.
    pub(super) fn is_wide(&self) -> bool {
        self.numbers == NumberWidth::Wide
    }

    /// The properties that it reads.
    pub(super) fn properties(&self) -> impl Iterator<Item = &PropertyColumn> {
        self.inputs.iter().filter_map(|input| match input {
            InputColumn::Property(column) | InputColumn::Exact(column) => Some(column),
            InputColumn::Field(_) | InputColumn::Column(..) => None,
        })
    }
}
