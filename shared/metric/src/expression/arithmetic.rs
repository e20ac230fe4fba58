//! Decimal arithmetic as DataFusion functions that are total: what has no result is null.
//!
//! Numbers come as values (`Decimal128(38, 9)`) or as intermediate results (`Decimal256(76, 18)`);
//! every operation takes either and gives the latter, but [`ScalarOperation::Narrow`]. Values of
//! other places are made [`widen_array`] before.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Decimal128Array, Decimal256Array, PrimitiveArray,
    StringArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Decimal256Type, Int32Type, Int64Type,
    TimestampMicrosecondType, UInt32Type, i256,
};
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::scalar;
use merganser_core::decimal;
use merganser_core::time::Timestamp;

thread_local! {
    /// Of all evaluations on this thread.
    static EFFECTS: Cell<EvaluationEffects> =
        const { Cell::new(EvaluationEffects { no_result: 0 }) };
    /// By number, rows of which something had no result in expressions that are
    /// [`with_failure_marks`].
    static MARKED: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// What an evaluation did besides giving values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvaluationEffects {
    /// Rows for which an operation had arguments and no result.
    pub no_result: u64,
}

impl EvaluationEffects {
    /// Adds these to what is counted on this thread.
    fn add(self) {
        let before = EFFECTS.get();
        EFFECTS.set(Self { no_result: before.no_result.wrapping_add(self.no_result) });
    }
}

/// Does the work, and counts what its evaluations did.
pub fn count_effects<T>(work: impl FnOnce() -> T) -> (T, EvaluationEffects) {
    let before = EFFECTS.get();
    let done = work();
    let after = EFFECTS.get();
    let effects = EvaluationEffects { no_result: after.no_result.wrapping_sub(before.no_result) };
    (done, effects)
}

/// Does the work over `count` rows, and counts those that it marks.
pub(super) fn count_marked<T>(count: usize, work: impl FnOnce() -> T) -> (T, u64) {
    MARKED.set(vec![false; count]);
    let done = work();
    let marked = MARKED.take().into_iter().filter(|is_marked| *is_marked).count();
    (done, marked as u64)
}

/// The same expression, which marks the rows of which an operation has arguments and no result;
/// `number` is a row's.
pub(super) fn with_failure_marks(expr: Expr, number: &Expr) -> Result<Expr> {
    let mark = |expr: Expr| {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let Some(total) = call.func.inner().downcast_ref::<OperationUdf>() else {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        };
        call.args.push(number.clone());
        Ok(Transformed::yes(total.operation.function(true, call.args.len()).call(call.args)))
    };
    expr.transform_up(mark).data()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ScalarOperation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Negate,
    Absolute,
    Floor,
    Ceiling,
    /// To a number of places, the second argument.
    Round,
    /// To 18 places.
    Widen,
    /// To a value of 9 places.
    Narrow,
    /// To text, without trailing zeros.
    NumberText,
    /// A time to text, RFC 3339 in UTC.
    TimeText,
    /// Text to a number.
    ParseNumber,
    /// A number as [`scalar`] spells it.
    NumberValue,
    /// A boolean as [`scalar`] spells it.
    BooleanValue,
}

impl ScalarOperation {
    pub(super) fn call(self, args: Vec<Expr>) -> Expr {
        self.function(false, args.len()).call(args)
    }

    fn function(self, is_marking: bool, args: usize) -> ScalarUDF {
        let signature = Signature::any(args, Volatility::Immutable);
        ScalarUDF::new_from_impl(OperationUdf { operation: self, is_marking, signature })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Remainder => "remainder",
            Self::Negate => "negate",
            Self::Absolute => "absolute",
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
            Self::Round => "round",
            Self::Widen => "widen",
            Self::Narrow => "narrow",
            Self::NumberText => "number_text",
            Self::TimeText => "time_text",
            Self::ParseNumber => "parse_number",
            Self::NumberValue => "number_value",
            Self::BooleanValue => "boolean_value",
        }
    }

    fn result(self) -> DataType {
        match self {
            Self::Narrow => decimal::value_type(),
            Self::NumberText | Self::TimeText => DataType::Utf8,
            Self::NumberValue | Self::BooleanValue => DataType::Binary,
            _ => decimal::wide_type(),
        }
    }

    fn run(self, args: &[ArrayRef]) -> Result<ArrayRef> {
        match self {
            Self::NumberText => {
                let texts: StringArray =
                    numbers(&args[0])?.map(|n| n.map(decimal::format_wide)).collect();
                return Ok(Arc::new(texts));
            }
            Self::NumberValue => {
                let spelled = |n: i256| scalar::number(&decimal::format_wide(n));
                let values: BinaryArray = numbers(&args[0])?.map(|n| n.map(spelled)).collect();
                return Ok(Arc::new(values));
            }
            Self::BooleanValue => {
                let booleans = args[0].as_boolean().iter();
                let values: BinaryArray = booleans.map(|b| b.map(scalar::boolean)).collect();
                return Ok(Arc::new(values));
            }
            Self::TimeText => {
                let times = args[0].as_primitive::<TimestampMicrosecondType>();
                let texts: StringArray =
                    times.iter().map(|t| t.map(|t| Timestamp(t).to_string())).collect();
                return Ok(Arc::new(texts));
            }
            Self::Narrow => {
                let values: Decimal128Array =
                    numbers(&args[0])?.map(|n| n.and_then(decimal::narrow)).collect();
                return Ok(Arc::new(values.with_data_type(decimal::value_type())));
            }
            _ => {}
        }
        let results: Decimal256Array = match self {
            Self::Add => pairs(args, decimal::add)?,
            Self::Subtract => pairs(args, decimal::sub)?,
            Self::Multiply => pairs(args, decimal::mul)?,
            Self::Divide => pairs(args, decimal::div)?,
            Self::Remainder => pairs(args, decimal::rem)?,
            Self::Round => pairs(args, |n, places| {
                let places = decimal::narrow(places)? / decimal::ONE;
                decimal::round(n, u32::try_from(places).ok()?)
            })?,
            Self::Negate => each(args, |n| decimal::sub(i256::ZERO, n))?,
            Self::Absolute => each(args, |n| n.checked_abs())?,
            Self::Floor => each(args, decimal::floor)?,
            Self::Ceiling => {
                each(args, |n| decimal::floor(n.wrapping_neg()).map(i256::wrapping_neg))?
            }
            Self::ParseNumber => args[0]
                .as_string::<i32>()
                .iter()
                .map(|text| text.and_then(|t| decimal::parse_wide(t.trim())))
                .collect(),
            Self::Widen
            | Self::Narrow
            | Self::NumberText
            | Self::TimeText
            | Self::NumberValue
            | Self::BooleanValue => each(args, Some)?,
        };
        Ok(Arc::new(results.with_data_type(decimal::wide_type())))
    }
}

fn each(args: &[ArrayRef], f: impl Fn(i256) -> Option<i256>) -> Result<Decimal256Array> {
    Ok(numbers(&args[0])?.map(|n| n.and_then(&f)).collect())
}

fn pairs(args: &[ArrayRef], f: impl Fn(i256, i256) -> Option<i256>) -> Result<Decimal256Array> {
    let (left, right) = (numbers(&args[0])?, numbers(&args[1])?);
    Ok(left.zip(right).map(|(a, b)| f(a?, b?)).collect())
}

/// Numbers of any places as intermediate results; other columns as they are.
#[must_use]
pub fn widen_array(values: &ArrayRef) -> ArrayRef {
    let wide: Decimal256Array = match values.data_type() {
        DataType::Int64 => {
            let one = i256::from_i128(decimal::ONE);
            let wide = |n: i64| decimal::widen(n.into()).wrapping_mul(one);
            values.as_primitive::<Int64Type>().iter().map(|n| n.map(wide)).collect()
        }
        DataType::Decimal128(_, places) => {
            let more =
                i256::from_i128(10_i128.pow(18_u32.saturating_sub(places.unsigned_abs().into())));
            let wide = |n: i128| i256::from_i128(n).wrapping_mul(more);
            values.as_primitive::<Decimal128Type>().iter().map(|n| n.map(wide)).collect()
        }
        _ => return Arc::clone(values),
    };
    Arc::new(wide.with_data_type(decimal::wide_type()))
}

type NumberIter<'a> = Box<dyn Iterator<Item = Option<i256>> + 'a>;

fn numbers(array: &ArrayRef) -> Result<NumberIter<'_>> {
    fn whole<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> NumberIter<'_>
    where
        T::Native: Into<i128>,
    {
        Box::new(array.iter().map(|n| {
            n.map(|n| decimal::widen(n.into()).wrapping_mul(i256::from_i128(decimal::ONE)))
        }))
    }
    Ok(match array.data_type() {
        DataType::Decimal128(_, _) => {
            Box::new(array.as_primitive::<Decimal128Type>().iter().map(|n| n.map(decimal::widen)))
        }
        DataType::Decimal256(_, _) => Box::new(array.as_primitive::<Decimal256Type>().iter()),
        DataType::Int32 => whole(array.as_primitive::<Int32Type>()),
        DataType::Int64 => whole(array.as_primitive::<Int64Type>()),
        other => return exec_err!("{other} is not a number"),
    })
}

fn mark(rows: impl Iterator<Item = u32>) {
    MARKED.with_borrow_mut(|marked| {
        for row in rows {
            if let Some(is_marked) = marked.get_mut(row as usize) {
                *is_marked = true;
            }
        }
    });
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OperationUdf {
    operation: ScalarOperation,
    /// Whether its last argument is the number of a row, to be marked where it fails.
    is_marking: bool,
    signature: Signature,
}

impl ScalarUDFImpl for OperationUdf {
    fn name(&self) -> &str {
        self.operation.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.operation.result())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut arrays = args
            .args
            .into_iter()
            .map(|value| value.into_array(args.number_rows))
            .collect::<Result<Vec<_>>>()?;
        let numbers = if self.is_marking { arrays.pop() } else { None };
        let result = self.operation.run(&arrays)?;
        if result.null_count() > 0 {
            let given = |row: usize| arrays.iter().all(|a| a.is_valid(row));
            let failed = (0..result.len()).filter(|row| result.is_null(*row) && given(*row));
            match numbers {
                Some(numbers) => {
                    mark(failed.map(|row| numbers.as_primitive::<UInt32Type>().value(row)))
                }
                None => EvaluationEffects { no_result: failed.count() as u64 }.add(),
            }
        }
        Ok(ColumnarValue::Array(result))
    }
}
