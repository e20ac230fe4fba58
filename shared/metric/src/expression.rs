//! SQL expressions in definitions and queries: parsed by DataFusion's parser, checked against an
//! allow-list of node kinds and functions, typed, and lowered to DataFusion expressions.
//!
//! There are four types. A property takes the one that its use needs: number under arithmetic
//! and beside numbers, boolean beside booleans, text otherwise. Where values are only
//! distinguished, a fifth type takes a value of any of them. Lowered expressions are total: a row
//! without a result is null, and counted ([`count_effects`]), never an error. Arithmetic is decimal
//! ([`merganser_core::decimal`]).
//!
//! An expression over events is lowered twice: over numbers of 9 places, which is fast and right
//! for those that have no more, and over numbers of 18 places ([`NumberWidth`]).
//!
//! Bounds: 4,096 characters, 64 levels, 1,000 elements of a list, 4,096 operations. No subqueries,
//! tables, volatile functions, parameters or casts to floats.

mod arithmetic;
mod compare;
mod dialect;
mod error_hints;
mod functions;
mod literal;
mod lower;
mod parse;
mod short_circuit;
#[cfg(test)]
mod tests;
mod type_hints;
mod typed;
mod uses;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::{Column, DFSchema};
use datafusion_expr::Expr;
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};

pub use arithmetic::{EvaluationEffects, count_effects, widen_array};
pub use lower::ExpressionLowering;
use merganser_core::decimal;
use merganser_core::property::PropertyColumn;
use merganser_core::property::PropertyType;

/// An expression that cannot be used; the text says what is wrong and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(pub String);

/// What a name in an expression can mean.
#[derive(Clone, Debug)]
pub enum NameScope<'a> {
    /// The event's own fields, and its properties by path.
    Event,
    /// Only these columns, e.g. a metric's dimensions or measures; `noun` names their kind.
    Columns {
        /// `dimension` or `measure`, for messages.
        noun: &'static str,
        /// Names and types.
        columns: &'a [(String, PropertyType)],
    },
}

/// How many places the numbers of events have in a lowered expression. Columns of other scopes,
/// whatever places they have, always come with 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberWidth {
    /// 9: `Decimal128(38, 9)`.
    Short,
    /// 18: `Decimal256(76, 18)`.
    Wide,
}

/// A column that a lowered expression reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputColumn {
    /// A field of the event: `id`, `event`, `time` or `subject`.
    Field(&'static str),
    /// A property, read as a type.
    Property(PropertyColumn),
    /// A number with all digits that can show when it is rounded ([`decimal::parse_exact`]).
    Exact(PropertyColumn),
    /// A column of [`NameScope::Columns`].
    Column(String, PropertyType),
}

impl InputColumn {
    /// The column's name in the batches that are evaluated.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Field(name) => format!("event:{name}"),
            Self::Property(column) => column.name(),
            Self::Exact(column) => format!("exact:{}", column.path),
            Self::Column(name, _) => name.clone(),
        }
    }

    /// Its type.
    #[must_use]
    pub fn ty(&self) -> PropertyType {
        match self {
            Self::Field("time") => PropertyType::Time,
            Self::Field(_) => PropertyType::Text,
            Self::Property(column) | Self::Exact(column) => column.ty,
            Self::Column(_, ty) => *ty,
        }
    }

    fn data_type(&self, numbers: NumberWidth) -> DataType {
        match (self, numbers) {
            (Self::Exact(_), _) => decimal::exact_type(),
            (_, NumberWidth::Wide) if self.ty() == PropertyType::Number => decimal::wide_type(),
            _ => self.ty().data_type(),
        }
    }
}

/// The schema of batches with these columns.
#[must_use]
pub fn input_schema<'a>(
    inputs: impl IntoIterator<Item = &'a InputColumn>,
    numbers: NumberWidth,
) -> SchemaRef {
    let field = |input: &InputColumn| Field::new(input.name(), input.data_type(numbers), true);
    Arc::new(Schema::new(inputs.into_iter().map(field).collect::<Vec<_>>()))
}

/// An expression that can be evaluated over batches of one schema.
#[derive(Clone, Debug)]
pub struct Evaluator(Arc<dyn PhysicalExpr>);

impl Evaluator {
    /// Plans a lowered expression over `schema`.
    ///
    /// # Errors
    /// When DataFusion refuses it, which a lowered expression gives no cause for.
    pub fn new(expr: &Expr, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let wrong = |e: datafusion_common::DataFusionError| ExpressionError(e.to_string());
        let schema = DFSchema::try_from(Arc::clone(schema)).map_err(wrong)?;
        let context = PhysicalPlanningContext::default();
        create_physical_expr(expr, &schema, &ExecutionProps::new(), &context)
            .map(Self)
            .map_err(wrong)
    }

    /// One value a row.
    ///
    /// # Errors
    /// When the batch has another schema than was planned for.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, ExpressionError> {
        self.0
            .evaluate(batch)
            .and_then(|value| value.into_array(batch.num_rows()))
            .map_err(|e| ExpressionError(e.to_string()))
    }
}

/// Counts the rows of which something has no result, each as if it were evaluated by itself.
#[derive(Clone, Debug)]
pub struct FailureCounter {
    evaluator: Evaluator,
    /// Of the rows, and their numbers.
    schema: SchemaRef,
}

impl FailureCounter {
    /// The name of the column of rows' numbers; no input is called so.
    const NUMBER: &str = "#";

    /// Of a lowered expression over `schema`.
    ///
    /// # Errors
    /// As [`Evaluator::new`].
    pub fn new(expr: &Expr, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let wrong = |e: datafusion_common::DataFusionError| ExpressionError(e.to_string());
        let number = Field::new(Self::NUMBER, DataType::UInt32, false);
        let fields = schema.fields().iter().cloned().chain([Arc::new(number)]);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let number = Expr::Column(Column::from_name(Self::NUMBER));
        let marking = arithmetic::with_failure_marks(expr.clone(), &number).map_err(wrong)?;
        let Evaluator(planned) = Evaluator::new(&marking, &schema)?;
        let evaluator = short_circuit::by_row(planned).map(Evaluator).map_err(wrong)?;
        Ok(Self { evaluator, schema })
    }

    /// How many rows of a batch there are.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn count(&self, batch: &RecordBatch) -> Result<u64, ExpressionError> {
        let rows = batch.num_rows();
        let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values((0..).take(rows)));
        let columns = batch.columns().iter().cloned().chain([numbers]).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|e| ExpressionError(e.to_string()))?;
        let (done, count) = arithmetic::count_marked(rows, || self.evaluator.evaluate(&batch));
        done.map(|_| count)
    }
}

/// A condition over named columns, e.g. a query's filter over dimensions.
///
/// Two are equal if their text and their columns are: the rest is made from these.
#[derive(Clone, Debug)]
pub struct Predicate {
    text: String,
    evaluator: Evaluator,
    inputs: Vec<String>,
    schema: SchemaRef,
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.schema == other.schema && self.inputs == other.inputs
    }
}

impl Eq for Predicate {}

impl Hash for Predicate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Predicate {
    /// Parses, checks and plans a condition over `columns`; `noun` is their kind, for messages.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(
        text: &str,
        noun: &'static str,
        columns: &[(String, PropertyType)],
    ) -> Result<Self, ExpressionError> {
        let mut lowering = ExpressionLowering::new(NameScope::Columns { noun, columns });
        let expr = lowering.condition(text)?;
        let inputs = lowering.into_inputs();
        let schema = input_schema(&inputs, NumberWidth::Wide);
        Ok(Self {
            text: text.to_owned(),
            evaluator: Evaluator::new(&expr, &schema)?,
            inputs: inputs.iter().map(InputColumn::name).collect(),
            schema,
        })
    }

    /// Names of the columns that it reads.
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// True where the condition holds, false where it does not or is null. Columns are found by
    /// name; others are ignored.
    ///
    /// # Errors
    /// When a column is missing or has another type than was said.
    pub fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, ExpressionError> {
        let columns = self
            .inputs
            .iter()
            .map(|name| {
                let column = batch.column_by_name(name).map(widen_array);
                column.ok_or_else(|| ExpressionError(format!("there is no column `{name}`")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let options =
            arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let input = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|e| ExpressionError(e.to_string()))?;
        let mask = self.evaluator.evaluate(&input)?;
        let mask = mask.as_boolean();
        Ok(match mask.null_count() {
            0 => mask.clone(),
            _ => arrow::compute::prep_null_mask_filter(mask),
        })
    }
}
