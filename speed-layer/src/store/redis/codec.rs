//! Groups as text, so that a person can read the counters with `redis-cli`.
//!
//! A field is the bucket's place in its chunk and the dimensions as a JSON array: `17["UA",null]`.
//! A value is a JSON array of states: counts are numbers, decimals are texts with all their digits,
//! times are RFC 3339, sketches are base64; a state without values is null. What a read takes of a
//! group is checked: it is either what was written, or damage.

mod number;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Decimal128Builder, Decimal256Builder, Int64Builder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    Decimal128Type, Decimal256Type, Int64Type, Schema, TimestampMicrosecondType, i256,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use merganser_core::decimal::{self, Scale};
use merganser_core::text::clipped;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::measure::{ExtremeType, StateColumn, StateKind};
use merganser_metric::views::{ReadColumns, SpeedReadRequest};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::store::SpeedView;
use crate::store::chunk::TimeChunk;

/// Groups as fields and values.
pub(super) type GroupFields = Vec<(Vec<u8>, Vec<u8>)>;

/// One group as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EncodedGroup {
    pub(super) chunk: TimeChunk,
    pub(super) field: String,
    pub(super) value: String,
}

/// Writes the groups of a batch with the view's schema; `None` when it has another.
pub(super) fn encode(view: &SpeedView, batch: &RecordBatch) -> Option<Vec<EncodedGroup>> {
    let (columns, dimensions) = (batch.columns(), view.layout.dimensions.len());
    let times = columns.first()?.as_primitive_opt::<TimestampMicrosecondType>()?;
    let texts: Vec<&StringArray> =
        columns.get(1..=dimensions)?.iter().map(|c| c.as_string_opt()).collect::<Option<_>>()?;
    let states = columns.get(1 + dimensions..)?;
    if states.len() != view.layout.states.len() {
        return None;
    }
    let mut entries = Vec::with_capacity(batch.num_rows());
    for (row, time) in times.values().iter().enumerate() {
        let (chunk, place) = TimeChunk::of(view.grain, Timestamp(*time));
        let mut field = format!("{place}[");
        for (i, column) in texts.iter().enumerate() {
            separate(&mut field, i);
            match column.is_valid(row) {
                true => field.push_str(&serde_json::to_string(column.value(row)).ok()?),
                false => field.push_str("null"),
            }
        }
        field.push(']');
        let mut value = String::from("[");
        for (i, (kind, column)) in view.layout.states.iter().zip(states).enumerate() {
            separate(&mut value, i);
            write_state(&mut value, *kind, column, row)?;
        }
        value.push(']');
        entries.push(EncodedGroup { chunk, field, value });
    }
    Some(entries)
}

fn separate(text: &mut String, at: usize) {
    if at > 0 {
        text.push(',');
    }
}

/// How a kind's states are written.
#[derive(Clone, Copy)]
enum StateEncoding {
    /// A JSON number.
    Count,
    /// The text of a decimal of up to 76 digits.
    Sum(Scale),
    /// The text of a decimal of up to 38 digits.
    Number(Scale),
    /// The text of an instant.
    Time,
    /// Base64.
    Bytes,
}

fn state_encoding(kind: StateKind) -> StateEncoding {
    match kind {
        StateKind::Count => StateEncoding::Count,
        StateKind::Sum(scale) => StateEncoding::Sum(scale),
        StateKind::Min(ExtremeType::Number(scale)) | StateKind::Max(ExtremeType::Number(scale)) => {
            StateEncoding::Number(scale)
        }
        StateKind::Min(ExtremeType::Time) | StateKind::Max(ExtremeType::Time) => {
            StateEncoding::Time
        }
        _ => StateEncoding::Bytes,
    }
}

fn write_state(text: &mut String, kind: StateKind, column: &ArrayRef, row: usize) -> Option<()> {
    if column.is_null(row) {
        text.push_str("null");
        return Some(());
    }
    match state_encoding(kind) {
        StateEncoding::Count => {
            text.push_str(&column.as_primitive_opt::<Int64Type>()?.value(row).to_string());
            return Some(());
        }
        StateEncoding::Sum(scale) => {
            let sum = column.as_primitive_opt::<Decimal256Type>()?.value(row);
            text.push('"');
            text.push_str(&number::format(sum, scale));
        }
        StateEncoding::Number(scale) => {
            let value = column.as_primitive_opt::<Decimal128Type>()?.value(row);
            text.push('"');
            text.push_str(&scale.format(value));
        }
        StateEncoding::Time => {
            let time = column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row);
            text.push('"');
            text.push_str(&Timestamp(time).to_string());
        }
        StateEncoding::Bytes => {
            text.push('"');
            STANDARD.encode_string(column.as_binary_opt::<i32>()?.value(row), text);
        }
    }
    text.push('"');
    Some(())
}

/// Reads groups back into a batch. Dimensions and states that the read leaves out have no builder.
pub(super) struct GroupDecoder<'a> {
    view: &'a SpeedView,
    range: TimeRange,
    times: TimestampMicrosecondBuilder,
    dimensions: Vec<Option<StringBuilder>>,
    states: Vec<Option<StateBuilder>>,
}

impl<'a> GroupDecoder<'a> {
    /// A decoder of the groups whose buckets start in the range of the read.
    pub(super) fn new(view: &'a SpeedView, read: &SpeedReadRequest) -> Self {
        let SpeedReadRequest { range, columns, .. } = read;
        let has = |of: fn(&ReadColumns) -> &Vec<usize>, at: usize| {
            columns.as_ref().is_none_or(|columns| of(columns).contains(&at))
        };
        let dimensions = (0..view.layout.dimensions.len())
            .map(|at| has(|columns| &columns.dimensions, at).then(StringBuilder::new));
        let states =
            view.layout.states.iter().enumerate().map(|(at, kind)| {
                has(|columns| &columns.states, at).then(|| StateBuilder::new(*kind))
            });
        Self {
            view,
            range: *range,
            times: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            dimensions: dimensions.collect(),
            states: states.collect(),
        }
    }

    /// Reads a group of `chunk`.
    ///
    /// # Errors
    /// What is wrong with it. The decoder is then of no more use.
    pub(super) fn read(
        &mut self,
        chunk: TimeChunk,
        field: &[u8],
        value: &[u8],
    ) -> Result<(), String> {
        let wrong =
            |what: &str| format!("the group `{}` {what}", clipped(&String::from_utf8_lossy(field)));
        let open = field.iter().position(|byte| *byte == b'[').unwrap_or(field.len());
        let place = std::str::from_utf8(&field[..open]).ok().and_then(|text| text.parse().ok());
        let time = place.and_then(|place| chunk.bucket(self.view.grain, place));
        let time = time.ok_or_else(|| wrong("has no bucket in its chunk"))?;
        if !self.range.contains(time) {
            return Ok(());
        }
        let texts: Vec<Option<CowText<'_>>> =
            serde_json::from_slice(&field[open..]).map_err(|_| wrong("has no dimensions"))?;
        let cells: Vec<JsonState<'_>> =
            serde_json::from_slice(value).map_err(|_| wrong("has no states"))?;
        if texts.len() != self.dimensions.len() || cells.len() != self.states.len() {
            return Err(wrong("has not as many dimensions and states as the metric"));
        }
        self.times.append_value(time.0);
        for (builder, text) in self.dimensions.iter_mut().zip(&texts) {
            if let Some(builder) = builder {
                builder.append_option(text.as_ref().map(|text| &*text.0));
            }
        }
        for (builder, cell) in self.states.iter_mut().zip(&cells) {
            if let Some(builder) = builder {
                builder.append(cell).ok_or_else(|| wrong("has a state that cannot be read"))?;
            }
        }
        Ok(())
    }

    /// The batch.
    ///
    /// # Errors
    /// Never, as long as the builders are those of the schema.
    pub(super) fn finish(mut self) -> Result<RecordBatch, String> {
        let texts = self
            .dimensions
            .into_iter()
            .map(|builder| builder.map(|mut texts| Arc::new(texts.finish()) as ArrayRef));
        let states =
            self.states.into_iter().map(|builder| builder.map(|mut states| states.finish()));
        let times: ArrayRef = Arc::new(self.times.finish());
        let columns = std::iter::once(Some(times)).chain(texts).chain(states);
        let (fields, columns): (Vec<_>, Vec<_>) = self
            .view
            .schema
            .fields()
            .iter()
            .zip(columns)
            .filter_map(|(field, column)| Some((Arc::clone(field), column?)))
            .unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| e.to_string())
    }
}

/// A text that borrows where it can.
#[derive(serde::Deserialize)]
struct CowText<'a>(#[serde(borrow)] Cow<'a, str>);

/// A state as JSON.
enum JsonState<'a> {
    Null,
    Count(i64),
    Text(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonState<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonStateVisitor;
        impl<'de> Visitor<'de> for JsonStateVisitor {
            type Value = JsonState<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a state")
            }

            fn visit_unit<E: de::Error>(self) -> Result<JsonState<'de>, E> {
                Ok(JsonState::Null)
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<JsonState<'de>, E> {
                Ok(JsonState::Count(count))
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<JsonState<'de>, E> {
                i64::try_from(count).map(JsonState::Count).map_err(E::custom)
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<JsonState<'de>, E> {
                Ok(JsonState::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<JsonState<'de>, E> {
                Ok(JsonState::Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(JsonStateVisitor)
    }
}

/// Builds the column of one state.
enum StateBuilder {
    Count(Int64Builder),
    Sum(Scale, Decimal256Builder),
    Number(Scale, Decimal128Builder),
    Time(TimestampMicrosecondBuilder),
    /// With a column that knows what bytes are states.
    Bytes(StateColumn, BinaryBuilder),
}

impl StateBuilder {
    fn new(kind: StateKind) -> Self {
        match state_encoding(kind) {
            StateEncoding::Count => Self::Count(Int64Builder::new()),
            StateEncoding::Sum(scale) => {
                Self::Sum(scale, Decimal256Builder::new().with_data_type(scale.sum_type()))
            }
            StateEncoding::Number(scale) => {
                Self::Number(scale, Decimal128Builder::new().with_data_type(scale.value_type()))
            }
            StateEncoding::Time => {
                Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            StateEncoding::Bytes => Self::Bytes(StateColumn::new(kind), BinaryBuilder::new()),
        }
    }

    /// `None` when the cell is not a state of the kind.
    fn append(&mut self, cell: &JsonState<'_>) -> Option<()> {
        match (self, cell) {
            (Self::Count(builder), JsonState::Count(count)) => builder.append_value(*count),
            (Self::Count(_), JsonState::Null | JsonState::Text(_)) | (_, JsonState::Count(_)) => {
                return None;
            }
            (Self::Sum(_, builder), JsonState::Null) => builder.append_null(),
            (Self::Sum(scale, builder), JsonState::Text(text)) => {
                builder.append_value(number::parse(text, *scale)?);
            }
            (Self::Number(_, builder), JsonState::Null) => builder.append_null(),
            (Self::Number(scale, builder), JsonState::Text(text)) => {
                let value = number::parse(text, *scale).and_then(i256::to_i128);
                builder.append_value(value.filter(|v| v.unsigned_abs() <= MAX)?);
            }
            (Self::Time(builder), JsonState::Null) => builder.append_null(),
            (Self::Time(builder), JsonState::Text(text)) => builder.append_value(time(text)?),
            (Self::Bytes(_, builder), JsonState::Null) => builder.append_null(),
            (Self::Bytes(column, builder), JsonState::Text(text)) => {
                let bytes = STANDARD.decode(&**text).ok()?;
                column.check(&bytes).ok()?;
                builder.append_value(bytes);
            }
        }
        Some(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Count(builder) => Arc::new(builder.finish()),
            Self::Sum(_, builder) => Arc::new(builder.finish()),
            Self::Number(_, builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Bytes(_, builder) => Arc::new(builder.finish()),
        }
    }
}

/// Reads what an instant was written as, and nothing else.
fn time(text: &str) -> Option<i64> {
    let time = Timestamp::from(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    (time.to_string() == text).then_some(time.0)
}

const MAX: u128 = decimal::MAX.unsigned_abs();
