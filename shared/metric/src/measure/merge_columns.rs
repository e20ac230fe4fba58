//! One column of states against another, without a way through their encodings.

use std::borrow::Cow;

use super::{StateColumn, StateError, add_checked, keep_max, keep_min};

impl StateColumn {
    /// Merges the state of group `i` of another column into group `groups[i]`.
    ///
    /// # Errors
    /// When the other one is of another kind, or a count overflows.
    pub fn merge_column(&mut self, groups: &[usize], other: &Self) -> Result<(), StateError> {
        match (self, other) {
            (Self::Count(mine), Self::Count(other)) => {
                for (group, count) in groups.iter().zip(other) {
                    add_checked(&mut mine[*group], *count)?;
                }
            }
            (Self::Sum(a, mine), Self::Sum(b, other)) if a == b => {
                for (group, sum) in groups.iter().zip(other) {
                    let old = mine[*group];
                    mine[*group] = match (old, sum) {
                        (Some(old), Some(sum)) => Some(old.wrapping_add(*sum)),
                        (old, sum) => old.or(*sum),
                    };
                }
            }
            (Self::Min(a, mine), Self::Min(b, other)) if a == b => {
                for (group, value) in groups.iter().zip(other) {
                    value.iter().for_each(|value| keep_min(&mut mine[*group], *value));
                }
            }
            (Self::Max(a, mine), Self::Max(b, other)) if a == b => {
                for (group, value) in groups.iter().zip(other) {
                    value.iter().for_each(|value| keep_max(&mut mine[*group], *value));
                }
            }
            (Self::Distinct(mine), Self::Distinct(other)) => {
                for (group, state) in groups.iter().zip(other) {
                    mine[*group].merge(Cow::Borrowed(state));
                }
            }
            (Self::Quantile(mine), Self::Quantile(other)) => {
                for (group, state) in groups.iter().zip(other) {
                    mine[*group].merge(Cow::Borrowed(state));
                }
            }
            (Self::Latest(mine), Self::Latest(other)) => {
                for (group, state) in groups.iter().zip(other) {
                    if let Some(bytes) = state.encode() {
                        mine[*group].merge(bytes)?;
                    }
                }
            }
            (mine, other) => {
                let (want, got) = (mine.kind().data_type(), other.kind().data_type());
                return Err(StateError::Type { kind: mine.kind().name(), want, got });
            }
        }
        Ok(())
    }

    /// Whether a group's state is that of a group of another column.
    #[must_use]
    pub fn is_same(&self, group: usize, other: &Self, theirs: usize) -> bool {
        match (self, other) {
            (Self::Count(mine), Self::Count(other)) => mine[group] == other[theirs],
            (Self::Sum(a, mine), Self::Sum(b, other)) => a == b && mine[group] == other[theirs],
            (Self::Min(a, mine), Self::Min(b, other))
            | (Self::Max(a, mine), Self::Max(b, other)) => a == b && mine[group] == other[theirs],
            (Self::Distinct(mine), Self::Distinct(other)) => mine[group] == other[theirs],
            (Self::Quantile(mine), Self::Quantile(other)) => mine[group] == other[theirs],
            (Self::Latest(mine), Self::Latest(other)) => mine[group] == other[theirs],
            _ => false,
        }
    }
}
