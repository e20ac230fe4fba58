//! Measures, and states: the mergeable partial values that measures are made of.
//!
//! Each kind has a file: what its states hold ([`column::StateFormat`]) and what its measures make
//! of them ([`aggregate::MeasureAggregate`]). This file is the list of all kinds, one entry a kind.
//!
//! A state is a commutative monoid: [`StateColumn::resize`] gives zeros, [`StateColumn::merge`] is
//! associative and commutative bit for bit, and what [`StateColumn::emit`] writes depends only on
//! the set of values that went in, never on their order. That is why the speed layer's counters and
//! the batch layer's recompute can be compared with `==`.
//!
//! Both layers keep these columns in a [`crate::table::StateTable`].

pub(crate) mod aggregate;
mod column;
mod count;
mod distinct;
mod extreme;
mod latest;
mod quantile;
mod stddev;
mod stored_state;
mod sum;
#[cfg(test)]
mod tests;

use arrow::datatypes::DataType;
use merganser_core::decimal::Scale;
use merganser_core::time::timestamp_type;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use aggregate::{MeasureAggregate, MeasureRules};
use count::{CountFormat, CountMeasure};
use distinct::{DistinctFormat, DistinctMeasure};
use extreme::{ExtremeFormat, ExtremeMeasure, GreatestValue, LeastValue};
use latest::{LatestFormat, LatestMeasure};
use quantile::{QuantileFormat, QuantileMeasure};
use stddev::{Divisor, SquaresFormat, StddevMeasure};
use sum::{AvgMeasure, SumFormat, SumMeasure};

pub use aggregate::MeasureEstimate;
pub use column::StateColumn;
pub use distinct::DistinctSketch;
pub use latest::LatestState;
pub use quantile::QuantileSketch;
pub use stored_state::StateError;

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
    /// HyperLogLog sketch of texts, or of other values as [`crate::scalar`] spells them.
    Distinct,
    /// DDSketch of decimals.
    Quantile,
    /// Value of the last event, with its time and offset.
    Latest,
    /// Exact sum of the squares of decimals.
    Squares(Scale),
}

impl StateKind {
    /// Its name in column names, and the type that its states are stored in.
    fn stored(self) -> (&'static str, DataType) {
        match self {
            Self::Count => ("count", DataType::Int64),
            Self::Sum(scale) => ("sum", scale.sum_type()),
            Self::Min(values) => ("min", values.data_type()),
            Self::Max(values) => ("max", values.data_type()),
            Self::Distinct => ("distinct", DataType::Binary),
            Self::Quantile => ("quantile", DataType::Binary),
            Self::Latest => ("latest", DataType::Binary),
            Self::Squares(_) => ("squares", DataType::Binary),
        }
    }

    /// No groups of it.
    fn column(self) -> StateColumn {
        match self {
            Self::Count => StateColumn::of(CountFormat),
            Self::Sum(scale) => StateColumn::of(SumFormat(scale)),
            Self::Min(values) => StateColumn::of(ExtremeFormat::<LeastValue>::new(values)),
            Self::Max(values) => StateColumn::of(ExtremeFormat::<GreatestValue>::new(values)),
            Self::Distinct => StateColumn::of(DistinctFormat),
            Self::Quantile => StateColumn::of(QuantileFormat),
            Self::Latest => StateColumn::of(LatestFormat),
            Self::Squares(scale) => StateColumn::of(SquaresFormat(scale)),
        }
    }

    /// Its name in column names.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.stored().0
    }

    /// The type that states are stored in.
    #[must_use]
    pub fn data_type(self) -> DataType {
        self.stored().1
    }

    /// Whether its states are bytes of any length, which may be some kilobytes.
    #[must_use]
    pub fn is_binary(self) -> bool {
        self.data_type() == DataType::Binary
    }
}

/// The kinds of measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Number of events, or of values of `of` that are not null.
    Count,
    /// Exact decimal sum.
    Sum,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Sum over count, divided after the merge.
    Avg,
    /// Number of distinct values, estimated.
    Distinct,
    /// The value below which a share `q` of the values lies, estimated.
    Quantile,
    /// The value of the last event, by time, then by offset in the journal.
    Latest,
    /// Standard deviation of the values as a whole population.
    StddevPop,
    /// Standard deviation of what the values are a sample of; `stddev` is the same.
    #[serde(alias = "stddev")]
    StddevSamp,
    /// An expression over other measures, evaluated after the merge.
    Expr,
}

impl MeasureKind {
    /// Its name in definitions, and what it does; an expression aggregates nothing.
    fn entry(self) -> (&'static str, Option<&'static dyn MeasureAggregate>) {
        match self {
            Self::Count => ("count", Some(&CountMeasure)),
            Self::Sum => ("sum", Some(&SumMeasure)),
            Self::Min => ("min", Some(&ExtremeMeasure(LeastValue))),
            Self::Max => ("max", Some(&ExtremeMeasure(GreatestValue))),
            Self::Avg => ("avg", Some(&AvgMeasure)),
            Self::Distinct => ("distinct", Some(&DistinctMeasure)),
            Self::Quantile => ("quantile", Some(&QuantileMeasure)),
            Self::Latest => ("latest", Some(&LatestMeasure)),
            Self::StddevPop => ("stddev_pop", Some(&StddevMeasure(Divisor::Population))),
            Self::StddevSamp => ("stddev_samp", Some(&StddevMeasure(Divisor::Sample))),
            Self::Expr => ("expr", None),
        }
    }

    /// Its name in definitions.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// How it aggregates events; `None` of an expression over other measures.
    pub(crate) fn aggregate(self) -> Option<&'static dyn MeasureAggregate> {
        self.entry().1
    }

    fn rules(self) -> Option<MeasureRules> {
        self.aggregate().map(MeasureAggregate::rules)
    }

    /// Whether its values are rounded to `places` of its own.
    #[must_use]
    pub fn has_places(self) -> bool {
        self.rules().is_some_and(|rules| rules.has_places)
    }

    /// Whether a bucket without events has the value 0, and not null.
    #[must_use]
    pub fn is_zero_without_events(self) -> bool {
        self.rules().is_some_and(|rules| rules.is_zero_without_events)
    }

    /// Where a value that could not be used is missing, for warnings: `in the sum`.
    #[must_use]
    pub fn phrase(self) -> Option<&'static str> {
        self.rules().and_then(|rules| rules.phrase)
    }
    /// How its values are estimated; `None` of values that are exact.
    #[must_use]
    pub fn estimate(self) -> Option<MeasureEstimate> {
        self.rules().and_then(|rules| rules.estimate)
    }
}
