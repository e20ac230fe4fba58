//! The states of one kind for many groups.

use std::any::Any;
use std::fmt::Debug;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::StateKind;
use super::stored_state::{StateError, mistyped_state};

/// What a kind of state is made of: its zero is the default of [`StateFormat::State`].
pub(super) trait StateFormat: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// The state of one group.
    type State: Clone + Debug + Default + PartialEq + Send + Sync;

    /// Its entry in the list of kinds.
    fn kind(self) -> StateKind;

    /// Folds row `i` of `values` into the state of group `groups[i]`; nulls change nothing.
    fn update(
        self,
        states: &mut [Self::State],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError>;

    /// Merges row `i` of `stored` states into the state of group `groups[i]`.
    fn merge(
        self,
        states: &mut [Self::State],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError>;

    /// Merges another state.
    fn merge_state(self, state: &mut Self::State, other: &Self::State) -> Result<(), StateError>;

    /// The states of some groups, in canonical encoding.
    fn emit(self, states: &[Self::State], groups: &[usize]) -> ArrayRef;

    /// Whether bytes are a state; for kinds that are stored as bytes.
    fn check(self, stored: &[u8]) -> Result<(), StateError> {
        let _ = stored;
        Ok(())
    }

    /// Bytes of a state, if they are not the same for all.
    fn heap_bytes(state: &Self::State) -> Option<usize> {
        let _ = state;
        None
    }
}

/// A column of any format.
trait GroupStates: Debug + Send + Sync {
    fn boxed_clone(&self) -> Box<dyn GroupStates>;
    fn as_any(&self) -> &dyn Any;
    fn kind(&self) -> StateKind;
    fn stored_type(&self) -> &DataType;
    fn resize(&mut self, groups: usize);
    fn len(&self) -> usize;
    fn clear(&mut self, group: usize);
    fn drop_first(&mut self, count: usize);
    fn update(&mut self, groups: &[usize], values: Option<&ArrayRef>) -> Result<(), StateError>;
    fn merge(&mut self, groups: &[usize], stored: &ArrayRef) -> Result<(), StateError>;
    fn merge_column(&mut self, groups: &[usize], other: &dyn GroupStates)
    -> Result<(), StateError>;
    fn merge_pairs(
        &mut self,
        pairs: &[(usize, usize)],
        other: &dyn GroupStates,
    ) -> Result<(), StateError>;
    fn copy(&mut self, from: usize, to: usize);
    fn is_same(&self, group: usize, other: &dyn GroupStates, theirs: usize) -> bool;
    fn emit(&self, groups: &[usize]) -> ArrayRef;
    fn check(&self, stored: &[u8]) -> Result<(), StateError>;
    fn group_bytes(&self, group: usize) -> usize;
    fn size_bytes(&self) -> usize;
}

#[derive(Clone, Debug)]
struct FormattedStates<F: StateFormat> {
    format: F,
    /// The type of its kind, made once: types of times are not free to make.
    stored_type: DataType,
    states: Vec<F::State>,
}

impl<F: StateFormat> FormattedStates<F> {
    fn same_format<'o>(&self, other: &'o dyn GroupStates) -> Option<&'o Self> {
        other.as_any().downcast_ref::<Self>().filter(|other| other.format == self.format)
    }

    fn expect_format<'o>(&self, other: &'o dyn GroupStates) -> Result<&'o Self, StateError> {
        self.same_format(other).ok_or_else(|| {
            let (want, got) = (self.stored_type.clone(), other.stored_type().clone());
            StateError::Type { kind: self.format.kind().name(), want, got }
        })
    }
}

impl<F: StateFormat> GroupStates for FormattedStates<F> {
    fn boxed_clone(&self) -> Box<dyn GroupStates> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn kind(&self) -> StateKind {
        self.format.kind()
    }

    fn stored_type(&self) -> &DataType {
        &self.stored_type
    }

    fn resize(&mut self, groups: usize) {
        self.states.resize_with(groups, F::State::default);
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn clear(&mut self, group: usize) {
        self.states[group] = F::State::default();
    }

    fn drop_first(&mut self, count: usize) {
        self.states.drain(..count.min(self.states.len()));
    }

    fn update(&mut self, groups: &[usize], values: Option<&ArrayRef>) -> Result<(), StateError> {
        self.format.update(&mut self.states, groups, values)
    }

    fn merge(&mut self, groups: &[usize], stored: &ArrayRef) -> Result<(), StateError> {
        self.format.merge(&mut self.states, groups, stored)
    }

    fn merge_column(
        &mut self,
        groups: &[usize],
        other: &dyn GroupStates,
    ) -> Result<(), StateError> {
        let other = self.expect_format(other)?;
        let mut pairs = groups.iter().zip(&other.states);
        pairs
            .try_for_each(|(group, state)| self.format.merge_state(&mut self.states[*group], state))
    }

    fn merge_pairs(
        &mut self,
        pairs: &[(usize, usize)],
        other: &dyn GroupStates,
    ) -> Result<(), StateError> {
        let other = self.expect_format(other)?;
        pairs.iter().try_for_each(|(group, theirs)| {
            self.format.merge_state(&mut self.states[*group], &other.states[*theirs])
        })
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.states[to] = self.states[from].clone();
    }

    fn is_same(&self, group: usize, other: &dyn GroupStates, theirs: usize) -> bool {
        self.same_format(other).is_some_and(|other| self.states[group] == other.states[theirs])
    }

    fn emit(&self, groups: &[usize]) -> ArrayRef {
        self.format.emit(&self.states, groups)
    }

    fn check(&self, stored: &[u8]) -> Result<(), StateError> {
        self.format.check(stored)
    }

    fn group_bytes(&self, group: usize) -> usize {
        F::heap_bytes(&self.states[group]).unwrap_or(size_of::<F::State>())
    }

    fn size_bytes(&self) -> usize {
        // States of different sizes are sampled: this is called often.
        const SAMPLES: usize = 64;
        let count = self.states.len();
        let samples = self.states.iter().step_by((count / SAMPLES).max(1)).map(F::heap_bytes);
        let (mut looked_at, mut bytes) = (0, 0);
        for sample in samples {
            let Some(sample) = sample else {
                return self.states.capacity() * size_of::<F::State>();
            };
            looked_at += 1;
            bytes += sample;
        }
        bytes * count / 1.max(looked_at)
    }
}

/// The states of one kind for many groups, by group number.
#[derive(Debug)]
pub struct StateColumn(Box<dyn GroupStates>);

impl Clone for StateColumn {
    fn clone(&self) -> Self {
        Self(self.0.boxed_clone())
    }
}

impl StateColumn {
    /// No groups.
    #[must_use]
    pub fn new(kind: StateKind) -> Self {
        kind.column()
    }

    pub(super) fn of<F: StateFormat>(format: F) -> Self {
        let stored_type = format.kind().data_type();
        Self(Box::new(FormattedStates { format, stored_type, states: Vec::new() }))
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> StateKind {
        self.0.kind()
    }

    /// Grows to `groups` groups, the new ones zero.
    pub fn resize(&mut self, groups: usize) {
        self.0.resize(groups);
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Folds row `i` of `values` into group `groups[i]`. Nulls change nothing; without `values`, a
    /// count counts rows.
    ///
    /// `values` are of the state's own type for min and max, decimals for sum, squares and
    /// quantile, text or what [`crate::scalar`] spells for distinct, states of single events
    /// ([`super::LatestState::of`]) for latest, and anything for count.
    ///
    /// # Errors
    /// When the values have another type, or a count overflows.
    pub fn update(
        &mut self,
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        self.0.update(groups, values)
    }

    /// Merges row `i` of stored `states` into group `groups[i]`.
    ///
    /// # Errors
    /// When they are not states of this kind, or a count overflows.
    pub fn merge(&mut self, groups: &[usize], stored: &ArrayRef) -> Result<(), StateError> {
        if stored.data_type() != self.0.stored_type() {
            return Err(mistyped_state(self.kind(), stored));
        }
        self.0.merge(groups, stored)
    }

    /// Merges the state of group `i` of another column into group `groups[i]`, without a way
    /// through their encodings.
    ///
    /// # Errors
    /// When the other one is of another kind, or a count overflows.
    pub fn merge_column(&mut self, groups: &[usize], other: &Self) -> Result<(), StateError> {
        self.0.merge_column(groups, &*other.0)
    }

    /// Merges states of another column, each of a pair's second group into its first one.
    ///
    /// # Errors
    /// As [`StateColumn::merge_column`].
    pub fn merge_pairs(
        &mut self,
        pairs: &[(usize, usize)],
        other: &Self,
    ) -> Result<(), StateError> {
        self.0.merge_pairs(pairs, &*other.0)
    }

    /// Sets a group's state to that of another group.
    pub fn copy(&mut self, from: usize, to: usize) {
        self.0.copy(from, to);
    }

    /// Sets a group's state to zero.
    pub fn clear(&mut self, group: usize) {
        self.0.clear(group);
    }

    /// Whether a group's state is that of a group of another column.
    #[must_use]
    pub fn is_same(&self, group: usize, other: &Self, theirs: usize) -> bool {
        self.0.is_same(group, &*other.0, theirs)
    }

    /// Sets a group's state to zero and merges one stored state into it.
    ///
    /// # Errors
    /// As [`StateColumn::merge`].
    pub fn put(&mut self, group: usize, stored: &ArrayRef, row: usize) -> Result<(), StateError> {
        self.0.clear(group);
        self.merge(&[group], &stored.slice(row, 1))
    }

    /// The stored states of the given groups, in their order, in canonical encoding.
    #[must_use]
    pub fn emit(&self, groups: &[usize]) -> ArrayRef {
        self.0.emit(groups)
    }

    /// Checks bytes that are to be a stored state, of a kind that is stored as bytes.
    ///
    /// # Errors
    /// When they are none.
    pub fn check(&self, stored: &[u8]) -> Result<(), StateError> {
        self.0.check(stored)
    }

    /// Forgets the first `count` groups; the others move down by as many.
    pub fn drop_first(&mut self, count: usize) {
        self.0.drop_first(count);
    }

    /// Bytes that one group takes, roughly.
    #[must_use]
    pub fn group_bytes(&self, group: usize) -> usize {
        self.0.group_bytes(group)
    }

    /// Bytes held in memory, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.size_bytes()
    }
}
