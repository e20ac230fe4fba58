//! The value of the last event: the one with the greatest time, then partition, then offset.
//!
//! Encoding: a version byte; the event's time (i64, µs, sign bit flipped), partition (u32) and
//! offset (u64), big-endian; then the value: a text's bytes, or 16, little-endian, of a number or
//! time. So the bytes of two states compare as their events do, and no two events compare equal.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;

use super::StateKind;
use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{StateError, each_stored, encoding_error, mistyped, stored_values};
use merganser_core::ids::{Offset, PartitionId};
use merganser_core::time::Timestamp;

/// The kind of its states, for errors.
const KIND: &str = "latest";
const VERSION: u8 = 1;
/// Version, time, partition, offset.
const HEADER_BYTES: usize = 1 + 8 + 4 + 8;
const SIGN: i64 = i64::MIN;

/// The last of a set of events, with its value; nothing of an empty set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatestState(Option<Box<[u8]>>);

impl LatestState {
    /// The state of one event.
    #[must_use]
    pub fn of(
        time: Timestamp,
        (partition, offset): (PartitionId, Offset),
        value: &[u8],
    ) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + value.len());
        bytes.push(VERSION);
        bytes.extend((time.0 ^ SIGN).to_be_bytes());
        bytes.extend(partition.0.to_be_bytes());
        bytes.extend(offset.0.to_be_bytes());
        bytes.extend(value);
        bytes
    }

    /// Adds the events of a stored state.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn merge(&mut self, stored: &[u8]) -> Result<(), StateError> {
        value(stored)?;
        if self.0.as_deref().is_none_or(|held| held < stored) {
            self.0 = Some(stored.into());
        }
        Ok(())
    }

    /// The canonical bytes, see the module's text; `None` of no events.
    #[must_use]
    pub fn encode(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.0.as_deref().map_or(0, <[u8]>::len)
    }

    /// The value in a stored state that is a text.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn text(stored: &[u8]) -> Result<&str, StateError> {
        str::from_utf8(value(stored)?).map_err(|error| encoding_error(KIND, error.to_string()))
    }

    /// The value in a stored state that is a number, in units of 10⁻⁹.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn number(stored: &[u8]) -> Result<i128, StateError> {
        let bytes = value(stored)?.try_into();
        bytes.map(i128::from_le_bytes).map_err(|_| encoding_error(KIND, "16 bytes are a number"))
    }

    /// The value in a stored state that is a time, in microseconds since 1970.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn time(stored: &[u8]) -> Result<i64, StateError> {
        i64::try_from(Self::number(stored)?).map_err(|_| encoding_error(KIND, "it is no time"))
    }
}

fn value(stored: &[u8]) -> Result<&[u8], StateError> {
    match stored {
        [VERSION, ..] => {
            stored.get(HEADER_BYTES..).ok_or_else(|| encoding_error(KIND, "it is cut off"))
        }
        [version, ..] => {
            Err(encoding_error(KIND, format!("version {version}; this build reads {VERSION}")))
        }
        [] => Err(encoding_error(KIND, "it is empty")),
    }
}

/// The last value of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LatestFormat;

impl StateFormat for LatestFormat {
    type State = LatestState;

    fn kind(self) -> StateKind {
        StateKind::Latest
    }

    fn update(
        self,
        states: &mut [LatestState],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        let events = values.ok_or_else(|| mistyped(self.kind(), DataType::Binary, values))?;
        self.merge(states, groups, events)
    }

    fn merge(
        self,
        states: &mut [LatestState],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        each_stored(self.kind(), groups, stored, |group, bytes| states[group].merge(bytes))
    }

    fn merge_state(self, state: &mut LatestState, other: &LatestState) -> Result<(), StateError> {
        other.encode().map_or(Ok(()), |bytes| state.merge(bytes))
    }

    fn emit(self, states: &[LatestState], groups: &[usize]) -> ArrayRef {
        Arc::new(groups.iter().map(|g| states[*g].encode()).collect::<BinaryArray>())
    }

    fn check(self, stored: &[u8]) -> Result<(), StateError> {
        value(stored).map(drop)
    }

    fn heap_bytes(state: &LatestState) -> Option<usize> {
        Some(state.size_bytes())
    }
}

/// The measure.
#[derive(Debug)]
pub(super) struct LatestMeasure;

impl MeasureAggregate for LatestMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules { phrase: Some("among the latest"), ..MeasureRules::of(ArgumentUse::Placed) }
    }

    fn states(&self, _: PropertyType, _: Scale) -> Vec<StateKind> {
        vec![StateKind::Latest]
    }

    fn result_type(&self, argument: PropertyType) -> PropertyType {
        argument
    }

    fn finish(
        &self,
        measure: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        let stored = states[0];
        let values: ArrayRef = match measure.ty {
            PropertyType::Number => {
                let numbers: Decimal128Array = stored_values(stored, LatestState::number)?;
                Arc::new(numbers.with_data_type(Scale::DEFAULT.value_type()))
            }
            PropertyType::Time => {
                let times: TimestampMicrosecondArray = stored_values(stored, LatestState::time)?;
                Arc::new(times.with_timezone("UTC"))
            }
            _ => Arc::new(stored_values::<_, StringArray>(stored, LatestState::text)?),
        };
        Ok(FinishedMeasure::fitting(values))
    }
}
