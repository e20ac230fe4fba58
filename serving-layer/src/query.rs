//! A query as a client sends it, in a query string or a JSON object.
//!
//! Here it is read and checked by itself. What depends on a metric (names, expressions, the base
//! granularity) is checked when it is resolved against one ([`resolve`]).

mod combine;
mod granularity;
mod hint;
mod instant;
mod parameters;
pub mod resolve;
#[cfg(test)]
pub(crate) mod tests;
mod timezone;
mod window;

use std::sync::Arc;

use chrono_tz::Tz;
use merganser_api::answer::CompareMode;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::AccessScope;
use merganser_core::ids::PartitionOffsets;
use merganser_core::text::excerpt;
use serde_json::Value;

use crate::calendar::{Granularity, TrailingWindow};
pub use granularity::SPELLINGS;
pub use instant::{CalendarPeriod, TimeExpression};
use parameters::{QueryParameters, wrong};

/// Rows of an answer unless the query says otherwise.
pub const LIMIT_DEFAULT: usize = 10_000;
/// Rows of an answer at most.
pub const LIMIT_MAX: usize = 100_000;
/// Groups that `group_limit` keeps at most.
pub const GROUP_LIMIT_MAX: usize = 10_000;
/// Names in a list at most.
const NAMES_MAX: usize = 200;

/// A query that cannot be answered as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct QueryError {
    code: ErrorCode,
    parameter: String,
    detail: String,
}

impl QueryError {
    pub(crate) fn new(code: ErrorCode, parameter: &str, detail: impl Into<String>) -> Self {
        Self { code, parameter: excerpt(parameter).into_owned(), detail: detail.into() }
    }

    /// What is said of a parameter that a format of rows alone cannot answer.
    pub(crate) fn of_json_alone(parameter: &str, format: AnswerFormat) -> Self {
        let found = format!(
            "stands beside the rows, which `{}` has no place for; `format=json` is right",
            format.name()
        );
        wrong(parameter, &found)
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The parameter that is wrong.
    pub(crate) fn parameter(&self) -> &str {
        &self.parameter
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        Self::new(error.code, error.detail).with("parameter", error.parameter)
    }
}

/// What is done with buckets that have no events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FillPolicy {
    /// They are left out.
    #[default]
    None,
    /// Counts, sums and distinct counts are 0, others null.
    Zero,
    /// All measures are null.
    Null,
    /// Measures are those of the bucket before.
    Previous,
}

impl FillPolicy {
    /// All of them by name.
    pub const EACH: [(&'static str, Self); 4] = [
        ("none", Self::None),
        ("zero", Self::Zero),
        ("null", Self::Null),
        ("previous", Self::Previous),
    ];
}

/// What to do when something is missing from an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PartialPolicy {
    /// Refuse to answer.
    #[default]
    Refuse,
    /// Answer with what there is.
    Allow,
}

impl PartialPolicy {
    /// Both by name.
    pub const EACH: [(&'static str, Self); 2] = [("refuse", Self::Refuse), ("allow", Self::Allow)];
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AnswerFormat {
    /// One JSON object.
    #[default]
    Json,
    /// RFC 4180.
    Csv,
    /// A JSON object a row.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl AnswerFormat {
    /// All formats by name.
    pub const EACH: [(&'static str, Self); 5] = [
        ("json", Self::Json),
        ("csv", Self::Csv),
        ("ndjson", Self::Ndjson),
        ("arrow", Self::Arrow),
        ("parquet", Self::Parquet),
    ];

    /// Its name in queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::EACH.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| *name)
    }
}

/// How texts stand in CSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CsvTextStyle {
    /// As they are.
    #[default]
    Verbatim,
    /// With an apostrophe before those that a spreadsheet would run.
    Spreadsheet,
}

impl CsvTextStyle {
    /// Both by name.
    pub const EACH: [(&'static str, Self); 2] =
        [("verbatim", Self::Verbatim), ("spreadsheet", Self::Spreadsheet)];
}

/// A column to order by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderBy {
    /// `time`, a dimension or a measure.
    pub name: String,
    /// From the greatest on.
    pub descending: bool,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The metric's name.
    pub metric: String,
    /// Names of measures; `None` for all.
    pub measures: Option<Vec<String>>,
    /// The first instant.
    pub from: Option<TimeExpression>,
    /// The first instant after.
    pub to: Option<TimeExpression>,
    /// Length of the buckets.
    pub granularity: Granularity,
    /// Zone of the buckets and of dates.
    pub timezone: Tz,
    /// Names of dimensions.
    pub group_by: Vec<String>,
    /// Condition over dimensions.
    pub filter: Option<String>,
    /// Condition over measures.
    pub having: Option<String>,
    /// Columns to order by; ties go by time, then dimensions.
    pub order_by: Vec<OrderBy>,
    /// Rows at most, in all or a bucket; see [`Query::rows_max`].
    pub limit: Option<usize>,
    /// Rows left out before, in all or a bucket.
    pub offset: usize,
    /// Whether `limit` and `offset` hold within each bucket.
    pub limit_per_bucket: bool,
    /// Groups at most, those that come first over the whole range.
    pub group_limit: Option<usize>,
    /// Whether the answer has a merge of all that it counts.
    pub totals: bool,
    /// Whether the answer has a merge of the rows that it leaves out.
    pub other: bool,
    /// How far back from the end of each bucket its row reaches; without it the bucket alone.
    pub window: Option<TrailingWindow>,
    /// What is done with empty buckets.
    pub fill: FillPolicy,
    /// The earlier range to compare with.
    pub compare: Option<CompareMode>,
    /// What to do when something is missing.
    pub partial: PartialPolicy,
    /// What the answer must include.
    pub after: Option<PartitionOffsets>,
    /// How the answer is written, unless the `Accept` header says it.
    pub format: Option<AnswerFormat>,
    /// How texts stand in it, if it is CSV.
    pub csv: CsvTextStyle,
    /// What the caller may see.
    pub scope: Arc<AccessScope>,
}

impl Query {
    /// Reads a query string's parameters.
    ///
    /// # Errors
    /// For unknown names and values that cannot be.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, QueryError> {
        let given = pairs.into_iter().map(|(name, text)| (name, Value::String(text)));
        Self::read(QueryParameters::new(given)?)
    }

    /// Reads a JSON object's fields.
    ///
    /// # Errors
    /// For unknown names, names that are there twice, and values that cannot be.
    pub fn from_json(
        fields: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, QueryError> {
        Self::read(QueryParameters::new(fields)?)
    }

    /// The same query of a caller that may see so much.
    #[must_use]
    pub fn within(self, scope: Arc<AccessScope>) -> Self {
        Self { scope, ..self }
    }

    /// The same for a format of rows alone, which cannot say that there are more: without a limit
    /// of its own it gets all rows, and is refused where they are more than may be answered.
    #[must_use]
    pub fn with_all_rows(self) -> Self {
        Self { limit: self.limit.or(Some(LIMIT_MAX + 1)), ..self }
    }

    /// Rows at most, in all or a bucket.
    #[must_use]
    pub fn rows_max(&self) -> usize {
        self.limit.unwrap_or(LIMIT_DEFAULT)
    }

    fn read(mut given: QueryParameters) -> Result<Self, QueryError> {
        let metric = given
            .text("metric")?
            .ok_or_else(|| wrong("metric", "is missing; the name of a metric is right"))?;
        let edge = |name: &'static str, text: Option<String>| {
            let parse = |text: String| TimeExpression::parse(&text);
            text.map(parse).transpose().map_err(|e| {
                QueryError::new(ErrorCode::InvalidTime, name, format!("`{name}`: {e}"))
            })
        };
        let order_by = names("order_by", given.list("order_by")?.unwrap_or_default(), |name| {
            name.strip_prefix('-').unwrap_or(name)
        })?;
        let query = Self {
            metric,
            measures: given
                .list("measures")?
                .filter(|measures| !measures.is_empty())
                .map(|measures| names("measures", measures, |name| name))
                .transpose()?,
            from: edge("from", given.text_or_number("from")?)?,
            to: edge("to", given.text_or_number("to")?)?,
            granularity: granularity::granularity(given.text("granularity")?)?,
            timezone: timezone::zone(given.text("timezone")?)?,
            group_by: names("group_by", given.list("group_by")?.unwrap_or_default(), |name| name)?,
            filter: given.text("filter")?,
            having: given.text("having")?,
            order_by: order_by.into_iter().map(order).collect(),
            limit: given.number("limit", LIMIT_MAX)?,
            offset: given.number("offset", usize::MAX >> 1)?.unwrap_or(0),
            limit_per_bucket: given.switch("limit_per_bucket")?,
            group_limit: given.number("group_limit", GROUP_LIMIT_MAX)?,
            totals: given.switch("totals")?,
            other: given.switch("other")?,
            window: window::window(given.text("window")?)?,
            fill: given.choice("fill", &FillPolicy::EACH)?.unwrap_or_default(),
            compare: given.choice("compare", &CompareMode::EACH)?,
            partial: given.choice("partial", &PartialPolicy::EACH)?.unwrap_or_default(),
            after: given.position("after")?,
            format: given.choice("format", &AnswerFormat::EACH)?,
            csv: given.choice("csv", &CsvTextStyle::EACH)?.unwrap_or_default(),
            scope: Arc::default(),
        };
        query.check_together()?;
        Ok(query)
    }
}

fn order(name: String) -> OrderBy {
    match name.strip_prefix('-') {
        Some(name) => OrderBy { name: name.to_owned(), descending: true },
        None => OrderBy { name, descending: false },
    }
}

/// A list without a name that occurs twice; `key` takes from a name what makes it itself.
fn names(
    parameter: &str,
    names: Vec<String>,
    key: impl Fn(&str) -> &str,
) -> Result<Vec<String>, QueryError> {
    if names.len() > NAMES_MAX {
        let found = format!("has {} names; at most {NAMES_MAX} are right", names.len());
        return Err(wrong(parameter, &found));
    }
    for (at, name) in names.iter().enumerate() {
        if names[..at].iter().any(|other| key(other) == key(name)) {
            return Err(wrong(parameter, &format!("names `{}` twice", excerpt(key(name)))));
        }
    }
    Ok(names)
}
