//! Expressions: of events in definitions, and of dimensions and measures in queries.
//!
//! What is refused says why in a few lines, and a place that it names is in the text. What is taken
//! can be evaluated on any events, and follows the laws of SQL's logic: parentheses change nothing,
//! a condition and its negation part the rows for which it is not null, and a row's value does not
//! depend on the rows beside it.

mod rows;

use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use datafusion_expr::Expr;
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::ids::Offset;
use merganser_metric::expression::{
    Evaluator, ExpressionError, ExpressionLowering, InputColumn, NameScope, NumberWidth, Predicate,
    input_schema,
};
use merganser_metric::extract::PropertyExtractor;

/// What a text of at most 4,096 bytes may take, in all its uses and in code that is not optimised.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of a message beside the text that it may quote.
const MESSAGE_MAX_BYTES: usize = 1024;

/// Values of an expression; conditions, numbers and texts alike as texts.
type Values = Vec<Option<String>>;
type Lower = fn(&mut ExpressionLowering<'_>, &str) -> Result<Expr, ExpressionError>;

/// Uses a text in every way that it can be used.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let begun = Instant::now();
    check_columns(&text);
    check_condition(&text);
    check_values(&text, |lowering, text| lowering.number(text));
    check_values(&text, |lowering, text| lowering.text(text));
    let took = begun.elapsed();
    assert!(took < TIME_MAX, "{took:?} for {} bytes", text.len());
}

/// A condition of a query.
fn check_columns(text: &str) {
    let rows = rows::columns();
    let planned = Predicate::new(text, "column", &rows::TYPES.map(|(name, ty)| (name.into(), ty)));
    let Some(predicate) = taken(text, planned) else { return };
    let all: Vec<bool> = predicate.matches(rows).unwrap().iter().map(Option::unwrap).collect();
    let alone = (0..rows.num_rows()).map(|row| predicate.matches(&rows.slice(row, 1)).unwrap());
    assert_eq!(all, alone.map(|mask| mask.value(0)).collect::<Vec<_>>(), "{text}");
}

/// A condition over events.
fn check_condition(text: &str) {
    let lower: Lower = |lowering, text| lowering.condition(text);
    let Some(values) = check_values(text, lower) else { return };
    let same = |form: &str, expected: fn(Option<bool>) -> Option<bool>| {
        // Where the text alone just fits its bounds, more of it does not.
        let Ok(found) = evaluate(&form.replace("{}", text), lower, rows::events()) else { return };
        let value = |text: &Option<String>| text.as_deref().map(|text| text == "true");
        let expected: Vec<Option<bool>> = values.iter().map(|v| expected(value(v))).collect();
        assert_eq!(found.iter().map(value).collect::<Vec<_>>(), expected, "{form}: {text}");
    };
    same("(\n{}\n)", |value| value);
    same("NOT (\n{}\n)", |value| value.map(|value| !value));
    same("(\n{}\n) IS TRUE", |value| Some(value == Some(true)));
    same("(\n{}\n) IS NOT FALSE", |value| Some(value != Some(false)));
    same("(\n{}\n) AND NULL", |value| value.filter(|value| !value));
    same("NULL OR (\n{}\n)", |value| value.filter(|value| *value));
}

/// The values for all events, which are those for each event by itself.
fn check_values(text: &str, lower: Lower) -> Option<Values> {
    let values = taken(text, evaluate(text, lower, rows::events()))?;
    let alone = |row: usize| evaluate(text, lower, &rows::events().slice(row, 1)).unwrap();
    let alone: Values = (0..rows::events().len()).flat_map(alone).collect();
    assert_eq!(values, alone, "{text}");
    Some(values)
}

/// What was taken; what was refused is looked at.
fn taken<T>(text: &str, result: Result<T, ExpressionError>) -> Option<T> {
    let ExpressionError(message) = match result {
        Ok(taken) => return Some(taken),
        Err(refused) => refused,
    };
    assert!(!message.is_empty(), "{text}");
    assert!(message.len() <= MESSAGE_MAX_BYTES, "{} bytes: {message}", message.len());
    if let Some((_, place)) = message.rsplit_once(" at Line: ") {
        let (line, column) = place.split_once(", Column: ").unwrap();
        let (line, column): (usize, usize) = (line.parse().unwrap(), column.parse().unwrap());
        let found = text.split('\n').nth(line - 1).unwrap_or_else(|| panic!("{message}: {text}"));
        assert!(column <= found.chars().count() + 1, "{message}: {text}");
    }
    None
}

/// Lowers, extracts what is read, and evaluates: the way of a fold.
fn evaluate(text: &str, lower: Lower, events: &EventBatch) -> Result<Values, ExpressionError> {
    let mut lowering = ExpressionLowering::new(NameScope::Event);
    let expr = lower(&mut lowering, text)?;
    let inputs = lowering.into_inputs();
    let properties = inputs.iter().filter_map(|input| match input {
        InputColumn::Property(column) => Some(column.clone()),
        InputColumn::Field(_) | InputColumn::Exact(_) | InputColumn::Column(..) => None,
    });
    let places = EventOffsets::consecutive(Offset::ZERO, events.len());
    let extracted = PropertyExtractor::new(properties).extract(events, places);
    let column = |input: &InputColumn| match input {
        InputColumn::Field(name) => events.batch().column_by_name(name).unwrap().clone(),
        InputColumn::Property(column) => extracted.column(column).unwrap().values.clone(),
        InputColumn::Exact(_) => panic!("only what is aggregated is exact"),
        InputColumn::Column(name, _) => panic!("{name} is no column of an event"),
    };
    let columns: Vec<ArrayRef> = inputs.iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(events.len()));
    let batch = RecordBatch::try_new_with_options(
        input_schema(&inputs, NumberWidth::Short),
        columns,
        &options,
    );
    let batch = batch.unwrap();
    // From here on nothing may fail: what was lowered can be planned, and is total.
    let evaluator = Evaluator::new(&expr, &batch.schema());
    let evaluator = evaluator.unwrap_or_else(|error| panic!("{text}: {error}"));
    let values = evaluator.evaluate(&batch).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(values.len(), events.len());
    Ok(texts(&values))
}

fn texts(values: &ArrayRef) -> Values {
    let text = |row: usize| {
        if let Some(values) = values.as_boolean_opt() {
            values.value(row).to_string()
        } else if let Some(values) = values.as_string_opt::<i32>() {
            values.value(row).to_owned()
        } else {
            values.as_primitive::<arrow::datatypes::Decimal128Type>().value(row).to_string()
        }
    };
    (0..values.len()).map(|row| values.is_valid(row).then(|| text(row))).collect()
}
