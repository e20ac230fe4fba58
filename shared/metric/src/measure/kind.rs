//! The kinds of states.

use arrow::datatypes::DataType;

use merganser_core::decimal::Scale;
use merganser_core::time::timestamp_type;

/// What has a least and a greatest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExtremeType {
    /// Decimals.
    Number(Scale),
    /// Instants.
    Time,
}

impl ExtremeType {
    /// Arrow's type of such a value.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Number(scale) => scale.value_type(),
            Self::Time => timestamp_type(),
        }
    }
}

/// What a state holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateKind {
    /// Number of rows, or of values that are not null.
    Count,
    /// Sum of decimals, null without values.
    Sum(Scale),
    /// Least value, null without values.
    Min(ExtremeType),
    /// Greatest value, null without values.
    Max(ExtremeType),
    /// HyperLogLog sketch of texts, or of whatever else [`crate::scalar`] tells apart.
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
            Self::Sum(_) => "sum",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
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
            Self::Sum(scale) => scale.sum_type(),
            Self::Min(extreme) | Self::Max(extreme) => extreme.data_type(),
            Self::Distinct | Self::Quantile | Self::Latest => DataType::Binary,
        }
    }
}
