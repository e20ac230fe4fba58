//! How much memory states take.

use arrow::datatypes::i256;

use super::{DistinctSketch, LatestState, QuantileSketch, StateColumn};

impl StateColumn {
    /// Bytes that one group takes, roughly.
    #[must_use]
    pub fn group_bytes(&self, group: usize) -> usize {
        match self {
            Self::Count(_) => size_of::<i64>(),
            Self::Sum(..) => size_of::<Option<i256>>(),
            Self::Min(..) | Self::Max(..) => size_of::<Option<i128>>(),
            Self::Distinct(states) => states[group].size_bytes(),
            Self::Quantile(states) => states[group].size_bytes(),
            Self::Latest(states) => states[group].size_bytes(),
        }
    }

    /// Bytes held in memory, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Count(states) => states.capacity() * size_of::<i64>(),
            Self::Sum(_, states) => states.capacity() * size_of::<Option<i256>>(),
            Self::Min(_, states) | Self::Max(_, states) => {
                states.capacity() * size_of::<Option<i128>>()
            }
            Self::Distinct(states) => sampled(states, DistinctSketch::size_bytes),
            Self::Quantile(states) => sampled(states, QuantileSketch::size_bytes),
            Self::Latest(states) => sampled(states, LatestState::size_bytes),
        }
    }
}

/// About the size of many states, from some of them: it is asked for all the time.
fn sampled<T>(states: &[T], size_bytes: impl Fn(&T) -> usize) -> usize {
    const SAMPLES: usize = 64;
    let samples = states.iter().step_by((states.len() / SAMPLES).max(1));
    let (count, bytes) =
        samples.fold((0, 0), |(count, bytes), state| (count + 1, bytes + size_bytes(state)));
    bytes * states.len() / 1.max(count)
}
