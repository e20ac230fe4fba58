//! States: the mergeable partial values that measures are made of.
//!
//! A state is a commutative monoid: [`StateColumn::resize`] gives zeros, [`StateColumn::merge`] is
//! associative and commutative bit for bit, and what [`StateColumn::emit`] writes depends only on
//! the set of values that went in, never on their order. That is why the speed layer's counters and
//! the batch layer's recompute can be compared with `==`.
//!
//! Both layers keep these columns in a [`crate::table::StateTable`].

mod distinct;
mod kind;
mod latest;
mod merge_columns;
mod quantile;
mod size;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Decimal128Array, Decimal256Array,
    Int64Array, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Int64Type, TimestampMicrosecondType, i256,
};

pub use distinct::{DistinctSketch, RELATIVE_ERROR as DISTINCT_ERROR};
pub use kind::{ExtremeType, StateKind};
pub use latest::LatestState;
use merganser_core::decimal::Scale;
use merganser_core::failpoint::is_bug_planted;
use merganser_core::time::timestamp_type;
pub use quantile::{QuantileSketch, RELATIVE_ERROR as QUANTILE_ERROR};

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

/// The states of one kind for many groups, by group number.
#[derive(Clone, Debug)]
pub enum StateColumn {
    /// See [`StateKind::Count`].
    Count(Vec<i64>),
    /// See [`StateKind::Sum`].
    Sum(Scale, Vec<Option<i256>>),
    /// See [`StateKind::Min`].
    Min(ExtremeType, Vec<Option<i128>>),
    /// See [`StateKind::Max`].
    Max(ExtremeType, Vec<Option<i128>>),
    /// See [`StateKind::Distinct`].
    Distinct(Vec<DistinctSketch>),
    /// See [`StateKind::Quantile`].
    Quantile(Vec<QuantileSketch>),
    /// See [`StateKind::Latest`].
    Latest(Vec<LatestState>),
}

impl StateColumn {
    /// No groups.
    #[must_use]
    pub fn new(kind: StateKind) -> Self {
        match kind {
            StateKind::Count => Self::Count(Vec::new()),
            StateKind::Sum(scale) => Self::Sum(scale, Vec::new()),
            StateKind::Min(extreme) => Self::Min(extreme, Vec::new()),
            StateKind::Max(extreme) => Self::Max(extreme, Vec::new()),
            StateKind::Distinct => Self::Distinct(Vec::new()),
            StateKind::Quantile => Self::Quantile(Vec::new()),
            StateKind::Latest => Self::Latest(Vec::new()),
        }
    }

    /// What it holds.
    #[must_use]
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Count(_) => StateKind::Count,
            Self::Sum(scale, _) => StateKind::Sum(*scale),
            Self::Min(extreme, _) => StateKind::Min(*extreme),
            Self::Max(extreme, _) => StateKind::Max(*extreme),
            Self::Distinct(_) => StateKind::Distinct,
            Self::Quantile(_) => StateKind::Quantile,
            Self::Latest(_) => StateKind::Latest,
        }
    }

    /// Grows to `groups` groups, the new ones zero.
    pub fn resize(&mut self, groups: usize) {
        match self {
            Self::Count(states) => states.resize(groups, 0),
            Self::Sum(_, states) => states.resize(groups, None),
            Self::Min(_, states) | Self::Max(_, states) => states.resize(groups, None),
            Self::Distinct(states) => states.resize_with(groups, DistinctSketch::default),
            Self::Quantile(states) => states.resize_with(groups, QuantileSketch::default),
            Self::Latest(states) => states.resize_with(groups, LatestState::default),
        }
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Count(states) => states.len(),
            Self::Sum(_, states) => states.len(),
            Self::Min(_, states) | Self::Max(_, states) => states.len(),
            Self::Distinct(states) => states.len(),
            Self::Quantile(states) => states.len(),
            Self::Latest(states) => states.len(),
        }
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Folds row `i` of `values` into group `groups[i]`. Nulls change nothing; without `values`, a
    /// count counts rows.
    ///
    /// `values` are of the state's own type for min and max, decimals for sum and quantile, text or
    /// what [`crate::scalar`] spells for distinct, states of single events ([`LatestState::of`]) for
    /// latest, and anything for count.
    ///
    /// # Errors
    /// When the values have another type, or a count overflows.
    pub fn update(
        &mut self,
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        let kind = self.kind();
        match self {
            Self::Count(states) => {
                let nulls = values.and_then(|v| v.logical_nulls());
                for (row, group) in groups.iter().enumerate() {
                    if nulls.as_ref().is_none_or(|n| n.is_valid(row)) {
                        add_checked(&mut states[*group], 1)?;
                    }
                }
            }
            Self::Sum(_, states) => each_number(kind, values, groups, |group, value| {
                let sum = states[group].unwrap_or(i256::ZERO);
                // 2⁶³ values below 10³⁸ stay below 10⁵⁷.
                let sum = sum.wrapping_add(i256::from_i128(value));
                states[group] = Some(if is_bug_planted("float_sums") { rounded(sum) } else { sum });
            })?,
            Self::Min(_, states) => each_number(kind, values, groups, |group, value| {
                keep_min(&mut states[group], value);
            })?,
            Self::Max(_, states) => each_number(kind, values, groups, |group, value| {
                keep_max(&mut states[group], value);
            })?,
            Self::Quantile(states) => {
                each_number(kind, values, groups, |group, value| {
                    states[group].insert(value);
                })?;
            }
            Self::Distinct(states) => {
                let mut insert = |group: &usize, value: Option<&[u8]>| {
                    value.into_iter().for_each(|value| states[*group].insert(value));
                };
                if let Some(texts) = values.and_then(|v| v.as_string_opt::<i32>()) {
                    let texts = texts.iter().map(|text| text.map(str::as_bytes));
                    groups.iter().zip(texts).for_each(|(group, text)| insert(group, text));
                } else {
                    let values = values.and_then(|v| v.as_binary_opt::<i32>());
                    let values = values.ok_or_else(|| mistyped(kind, None))?;
                    groups.iter().zip(values).for_each(|(group, value)| insert(group, value));
                }
            }
            Self::Latest(_) => {
                let stored = values.ok_or_else(|| mistyped(kind, values))?;
                self.merge(groups, stored)?;
            }
        }
        Ok(())
    }

    /// Merges row `i` of stored `states` into group `groups[i]`.
    ///
    /// # Errors
    /// When they are not states of this kind, or a count overflows.
    pub fn merge(&mut self, groups: &[usize], stored: &ArrayRef) -> Result<(), StateError> {
        let kind = self.kind();
        let wrong = || mistyped_state(kind, stored);
        match self {
            Self::Count(states) => {
                let counts = stored.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
                for (count, group) in counts.iter().zip(groups) {
                    add_checked(&mut states[*group], count.unwrap_or(0))?;
                }
            }
            Self::Sum(_, states) => {
                let sums = stored.as_primitive_opt::<Decimal256Type>().ok_or_else(wrong)?;
                for (sum, group) in sums.iter().zip(groups) {
                    if let Some(sum) = sum {
                        let old = states[*group].unwrap_or(i256::ZERO);
                        states[*group] = Some(old.wrapping_add(sum));
                    }
                }
            }
            Self::Min(_, states) => {
                each_number(kind, Some(stored), groups, |group, value| {
                    keep_min(&mut states[group], value);
                })?;
            }
            Self::Max(_, states) => {
                each_number(kind, Some(stored), groups, |group, value| {
                    keep_max(&mut states[group], value);
                })?;
            }
            Self::Distinct(states) => {
                let sketches = stored.as_binary_opt::<i32>().ok_or_else(wrong)?;
                for (bytes, group) in sketches.iter().zip(groups) {
                    if let Some(bytes) = bytes {
                        states[*group].merge(Cow::Owned(DistinctSketch::decode(bytes)?));
                    }
                }
            }
            Self::Quantile(states) => {
                let sketches = stored.as_binary_opt::<i32>().ok_or_else(wrong)?;
                for (bytes, group) in sketches.iter().zip(groups) {
                    if let Some(bytes) = bytes {
                        states[*group].merge(Cow::Owned(QuantileSketch::decode(bytes)?));
                    }
                }
            }
            Self::Latest(states) => {
                let values = stored.as_binary_opt::<i32>().ok_or_else(wrong)?;
                for (bytes, group) in values.iter().zip(groups) {
                    if let Some(bytes) = bytes {
                        states[*group].merge(bytes)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Sets a group's state to zero and merges one stored state into it.
    ///
    /// # Errors
    /// As [`StateColumn::merge`].
    pub fn put(&mut self, group: usize, stored: &ArrayRef, row: usize) -> Result<(), StateError> {
        match self {
            Self::Count(states) => states[group] = 0,
            Self::Sum(_, states) => states[group] = None,
            Self::Min(_, states) | Self::Max(_, states) => states[group] = None,
            Self::Distinct(states) => states[group] = DistinctSketch::default(),
            Self::Quantile(states) => states[group] = QuantileSketch::default(),
            Self::Latest(states) => states[group] = LatestState::default(),
        }
        self.merge(&[group], &stored.slice(row, 1))
    }

    /// The stored states of the given groups, in their order, in canonical encoding.
    #[must_use]
    pub fn emit(&self, groups: &[usize]) -> ArrayRef {
        let extremes = |extreme: ExtremeType, states: &[Option<i128>]| -> ArrayRef {
            let values = groups.iter().map(|g| states[*g]);
            match extreme {
                ExtremeType::Number(scale) => {
                    let values: Decimal128Array = values.collect();
                    Arc::new(values.with_data_type(scale.value_type()))
                }
                ExtremeType::Time => {
                    let times = values.map(|time| time.and_then(|time| i64::try_from(time).ok()));
                    let times: TimestampMicrosecondArray = times.collect();
                    Arc::new(times.with_data_type(timestamp_type()))
                }
            }
        };
        match self {
            Self::Count(states) => {
                Arc::new(Int64Array::from_iter_values(groups.iter().map(|g| states[*g])))
            }
            Self::Sum(scale, states) => {
                let array: Decimal256Array = groups.iter().map(|g| states[*g]).collect();
                Arc::new(array.with_data_type(scale.sum_type()))
            }
            Self::Min(extreme, states) | Self::Max(extreme, states) => extremes(*extreme, states),
            Self::Distinct(states) => encoded(groups, |group, bytes| states[group].encode(bytes)),
            Self::Quantile(states) => encoded(groups, |group, bytes| states[group].encode(bytes)),
            Self::Latest(states) => {
                Arc::new(groups.iter().map(|g| states[*g].encode()).collect::<BinaryArray>())
            }
        }
    }

    /// Forgets the first `count` groups; the others move down by as many.
    pub fn drop_first(&mut self, count: usize) {
        let count = count.min(self.len());
        match self {
            Self::Count(states) => drop(states.drain(..count)),
            Self::Sum(_, states) => drop(states.drain(..count)),
            Self::Min(_, states) | Self::Max(_, states) => drop(states.drain(..count)),
            Self::Distinct(states) => drop(states.drain(..count)),
            Self::Quantile(states) => drop(states.drain(..count)),
            Self::Latest(states) => drop(states.drain(..count)),
        }
    }
}

/// A column of what each group's state is encoded as.
fn encoded(groups: &[usize], encode: impl Fn(usize, &mut Vec<u8>)) -> ArrayRef {
    let mut column = BinaryBuilder::with_capacity(groups.len(), groups.len() * 64);
    let mut bytes = Vec::new();
    for group in groups {
        bytes.clear();
        encode(*group, &mut bytes);
        column.append_value(&bytes);
    }
    Arc::new(column.finish())
}

fn add_checked(count: &mut i64, by: i64) -> Result<(), StateError> {
    *count = count.checked_add(by).ok_or(StateError::CountOverflow)?;
    Ok(())
}

fn keep_min(state: &mut Option<i128>, value: i128) {
    *state = Some(state.map_or(value, |old| old.min(value)));
}

fn keep_max(state: &mut Option<i128>, value: i128) {
    *state = Some(state.map_or(value, |old| old.max(value)));
}

/// A planted bug: the sum as a float holds it.
fn rounded(sum: i256) -> i256 {
    sum.to_i128().map_or(sum, |sum| i256::from_i128(sum as f64 as i128))
}

/// Decimals or times that are not null, in their units.
fn each_number(
    kind: StateKind,
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
    let decimals = decimals.ok_or_else(|| mistyped(kind, values))?;
    for (value, group) in decimals.iter().zip(groups) {
        value.into_iter().for_each(|value| fold(*group, value));
    }
    Ok(())
}

fn mistyped(kind: StateKind, values: Option<&ArrayRef>) -> StateError {
    let want = match kind {
        StateKind::Distinct => DataType::Utf8,
        StateKind::Latest => DataType::Binary,
        StateKind::Min(extreme) | StateKind::Max(extreme) => extreme.data_type(),
        StateKind::Sum(scale) => scale.value_type(),
        StateKind::Count | StateKind::Quantile => Scale::DEFAULT.value_type(),
    };
    let got = values.map_or(DataType::Null, |v| v.data_type().clone());
    StateError::Type { kind: kind.name(), want, got }
}

fn mistyped_state(kind: StateKind, stored: &ArrayRef) -> StateError {
    let got = stored.data_type().clone();
    StateError::Type { kind: kind.name(), want: kind.data_type(), got }
}

#[cfg(test)]
mod tests;
