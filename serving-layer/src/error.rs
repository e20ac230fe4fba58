//! Why a query has no answer, and what the client can do about it.

use merganser_api::error_code::ErrorCode;
use merganser_api::problem::{FAULT, Problem};
use merganser_core::blocking::WorkerFailure;

use crate::memory::MemoryShortageError;
use crate::merge::MergeError;
use crate::query::QueryError;

/// Why a query has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServingError {
    /// The query cannot be answered as it stands.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// There is no such metric.
    #[error("there is no metric `{name}`{hint}")]
    UnknownMetric {
        /// The name in the request.
        name: String,
        /// The nearest name, or all.
        hint: String,
    },
    /// The metric's first backfill is not complete.
    #[error(
        "`{name}` is being backfilled from the events that came before it ({percent} %); wait, or \
         ask with `partial=allow`"
    )]
    Backfilling {
        /// The metric.
        name: String,
        /// 0 to 1.
        progress: f64,
        /// The same for people.
        percent: u8,
    },
    /// The speed view cannot be read.
    #[error("{0}; try again, or ask with `partial=allow` for what the batch view holds")]
    SpeedUnavailable(String),
    /// The speed view can be read, and does not hold everything.
    #[error(
        "the answer would miss something: {}; try again, or ask with `partial=allow`",
        .0.join("; ")
    )]
    Incomplete(Vec<String>),
    /// The answer has more groups than are allowed.
    #[error(
        "the answer has over {limit} groups before `limit`; a shorter range, a coarser \
         `granularity`, fewer dimensions in `group_by` or a `filter` narrows it"
    )]
    TooManyGroups {
        /// Groups that are allowed.
        limit: usize,
    },
    /// The answer has more rows than are allowed: `limit` holds within each bucket, or there is
    /// none and the format could not say that rows are left out.
    #[error(
        "the answer has {rows} rows, and at most {limit} are given at once; a shorter range, a \
         coarser `granularity`, a `filter` or fewer dimensions in `group_by` narrows it, and a \
         `limit` (with `offset`) asks for a part of it"
    )]
    TooManyRows {
        /// Rows there would be.
        rows: usize,
        /// Rows that are allowed.
        limit: usize,
    },
    /// It took too long.
    #[error(
        "the query took over {seconds} s; a shorter range, a coarser `granularity` or fewer \
         dimensions in `group_by` makes it faster"
    )]
    Timeout {
        /// The bound.
        seconds: u64,
    },
    /// Others were answered, or held the memory for queries, for as long as a query may take.
    #[error(
        "the service was busy with other queries for {seconds} s, and it was not this one's turn; \
         try again later"
    )]
    Overloaded {
        /// How long it waited.
        seconds: u64,
    },
    /// The query needs more memory than it may have.
    #[error(
        "the query needs more than {limit_bytes} bytes of memory, the most that one may have; a \
         shorter range, a filter, fewer dimensions or measures, or a coarser granularity make it \
         smaller"
    )]
    QueryTooLarge {
        /// The bound.
        limit_bytes: usize,
    },
    /// There is not as much memory as the query needs now: it is tried again when there is.
    #[error("{} bytes of memory are not there", .0.needed)]
    Short(MemoryShortageError),
    /// What the answer was to include did not arrive in time.
    #[error("the answer does not include {after} after {seconds} s; it reached {reached}")]
    NotReached {
        /// The position in the request.
        after: String,
        /// How far it came.
        reached: String,
        /// The bound.
        seconds: u64,
    },
    /// Snapshots change faster than they can be read.
    #[error("the views moved on {0} times while the answer was being read; try again")]
    Moving(usize),
    /// As many different queries are followed as may be.
    #[error("{limit} different queries are followed already, the most that may be; try again")]
    TooManyFollowed {
        /// The bound.
        limit: usize,
    },
    /// A fault of the service.
    #[error("{0}")]
    Internal(String),
}

impl ServingError {
    /// How the query ended: one word for all codes that need the same action of an operator.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Query(_)
            | Self::UnknownMetric { .. }
            | Self::TooManyGroups { .. }
            | Self::TooManyRows { .. }
            | Self::QueryTooLarge { .. } => "refused",
            Self::Backfilling { .. }
            | Self::SpeedUnavailable(_)
            | Self::Incomplete(_)
            | Self::Moving(_) => "incomplete",
            Self::Overloaded { .. } | Self::Short(_) | Self::TooManyFollowed { .. } => "overloaded",
            Self::Timeout { .. } | Self::NotReached { .. } => "timed_out",
            Self::Internal(_) => "failed",
        }
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Query(query) => query.code(),
            Self::UnknownMetric { .. } => ErrorCode::UnknownMetric,
            Self::Backfilling { .. } => ErrorCode::Backfilling,
            Self::SpeedUnavailable(_) => ErrorCode::SpeedUnavailable,
            Self::Incomplete(_) => ErrorCode::Incomplete,
            Self::Moving(_) => ErrorCode::ViewsMoving,
            Self::Overloaded { .. } | Self::Short(_) => ErrorCode::Overloaded,
            Self::QueryTooLarge { .. } => ErrorCode::QueryTooLarge,
            Self::TooManyFollowed { .. } => ErrorCode::TooManyFollowed,
            Self::TooManyGroups { .. } => ErrorCode::TooManyGroups,
            Self::TooManyRows { .. } => ErrorCode::TooManyRows,
            Self::Timeout { .. } => ErrorCode::QueryTimeout,
            Self::NotReached { .. } => ErrorCode::PositionNotReached,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

impl From<ServingError> for Problem {
    fn from(error: ServingError) -> Self {
        let problem = Self::new(error.code(), error.to_string());
        match error {
            ServingError::Query(query) => query.into(),
            ServingError::Backfilling { progress, .. } => {
                problem.with("progress", progress).retry_after_s(5)
            }
            ServingError::SpeedUnavailable(_) => problem.retry_after_s(1).with_public_detail(
                "the speed view is not available; try again, or ask with `partial=allow` for what \
                 the batch view holds",
            ),
            ServingError::Moving(_)
            | ServingError::Overloaded { .. }
            | ServingError::Short(_)
            | ServingError::TooManyFollowed { .. } => problem.retry_after_s(1),
            ServingError::QueryTooLarge { limit_bytes } => problem.with("limit_bytes", limit_bytes),
            ServingError::Incomplete(missing) => problem.with("missing", missing).retry_after_s(5),
            ServingError::TooManyGroups { limit } | ServingError::TooManyRows { limit, .. } => {
                problem.with("limit", limit)
            }
            ServingError::Timeout { seconds } => problem.with("limit_s", seconds),
            ServingError::NotReached { reached, .. } => problem.with("reached", reached),
            ServingError::UnknownMetric { .. } => problem,
            ServingError::Internal(_) => problem.with_public_detail(FAULT),
        }
    }
}

impl From<MemoryShortageError> for ServingError {
    fn from(short: MemoryShortageError) -> Self {
        Self::Short(short)
    }
}

impl From<WorkerFailure> for ServingError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Internal(failure.to_string())
    }
}

impl From<MergeError> for ServingError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::TooManyGroups { limit } => Self::TooManyGroups { limit },
            MergeError::Rows(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<merganser_metric::compile::FoldError> for ServingError {
    fn from(error: merganser_metric::compile::FoldError) -> Self {
        Self::Internal(format!("an answer could not be finished: {error}"))
    }
}

impl From<arrow::error::ArrowError> for ServingError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Internal(format!("an answer could not be built: {error}"))
    }
}
