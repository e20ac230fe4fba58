//! States as they are stored: columns of numbers, and columns of encoded bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use arrow::datatypes::{DataType, Decimal128Type, TimestampMicrosecondType};

use super::StateKind;

/// States that cannot be merged, since they are not what this version writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The bytes of a sketch are not a sketch.
    #[error("a {kind} state cannot be read: {reason}")]
    Encoding {
        /// Which kind of state.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A column has another type than its state.
    #[error("a {kind} state is stored as {want}, found {got}")]
    Type {
        /// Which kind of state.
        kind: &'static str,
        /// The type of its column.
        want: DataType,
        /// What was found.
        got: DataType,
    },
    /// More than 2⁶³ − 1 events in one group.
    #[error("a count is out of range")]
    CountOverflow,
}

/// Bytes that are no state of a kind, and why.
pub(super) fn encoding_error(kind: &'static str, reason: impl Into<String>) -> StateError {
    StateError::Encoding { kind, reason: reason.into() }
}

/// A column of what each group's state is encoded as.
pub(super) fn encoded(groups: &[usize], encode: impl Fn(usize, &mut Vec<u8>)) -> ArrayRef {
    let mut column = BinaryBuilder::with_capacity(groups.len(), groups.len() * 64);
    let mut bytes = Vec::new();
    for group in groups {
        bytes.clear();
        encode(*group, &mut bytes);
        column.append_value(&bytes);
    }
    Arc::new(column.finish())
}

/// Decimals or times that are not null, in their units.
pub(super) fn each_number(
    kind: StateKind,
    want: impl FnOnce() -> DataType,
    values: Option<&ArrayRef>,
    groups: &[usize],
    mut fold: impl FnMut(usize, i128),
) -> Result<(), StateError> {
    if let Some(times) = values.and_then(|v| v.as_primitive_opt::<TimestampMicrosecondType>()) {
        for (time, group) in times.iter().zip(groups) {
            time.into_iter().for_each(|time| fold(*group, time.into()));
        }
        return Ok(());
    }
    let decimals = values.and_then(|v| v.as_primitive_opt::<Decimal128Type>());
    let decimals = decimals.ok_or_else(|| mistyped(kind, want(), values))?;
    for (value, group) in decimals.iter().zip(groups) {
        value.into_iter().for_each(|value| fold(*group, value));
    }
    Ok(())
}

/// Stored states that are not null, each for its group.
pub(super) fn each_stored(
    kind: StateKind,
    groups: &[usize],
    stored: &ArrayRef,
    mut merge: impl FnMut(usize, &[u8]) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let states = stored.as_binary_opt::<i32>().ok_or_else(|| mistyped_state(kind, stored))?;
    let mut states = states.iter().zip(groups);
    states.try_for_each(|(bytes, group)| bytes.map_or(Ok(()), |bytes| merge(*group, bytes)))
}

/// What each stored state gives; nulls give null.
pub(super) fn stored_values<'a, T, C: FromIterator<Option<T>>>(
    states: &'a ArrayRef,
    value: impl Fn(&'a [u8]) -> Result<T, StateError>,
) -> Result<C, StateError> {
    states.as_binary::<i32>().iter().map(|bytes| bytes.map(&value).transpose()).collect()
}

pub(super) fn mistyped(kind: StateKind, want: DataType, values: Option<&ArrayRef>) -> StateError {
    let got = values.map_or(DataType::Null, |v| v.data_type().clone());
    StateError::Type { kind: kind.name(), want, got }
}

pub(super) fn mistyped_state(kind: StateKind, stored: &ArrayRef) -> StateError {
    let got = stored.data_type().clone();
    StateError::Type { kind: kind.name(), want: kind.data_type(), got }
}
