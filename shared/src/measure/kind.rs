//! The kinds of states.

use arrow::datatypes::DataType;

use crate::decimal;

/// What a state holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateKind {
    /// Number of rows, or of values that are not null.
    Count,
    /// Sum of decimals, null without values.
    Sum,
    /// Least decimal, null without values.
    Min,
    /// Greatest decimal, null without values.
    Max,
    /// HyperLogLog sketch of texts.
    Distinct,
    /// DDSketch of decimals.
    Quantile,
    /// Value of the last event, with its time and place.
    Latest,
}

impl StateKind {
    /// Its name in column names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Distinct => "distinct",
            Self::Quantile => "quantile",
            Self::Latest => "latest",
        }
    }

    /// Whether its states are bytes of any length, which may be some kilobytes.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Distinct | Self::Quantile | Self::Latest)
    }

    /// The type that states are stored in.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Count => DataType::Int64,
            Self::Sum => decimal::sum_type(),
            Self::Min | Self::Max => decimal::value_type(),
            Self::Distinct | Self::Quantile | Self::Latest => DataType::Binary,
        }
    }
}
