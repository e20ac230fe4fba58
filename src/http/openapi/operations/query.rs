//! Operations of queries.

use merganser_api::explain::QueryExplanation;
use merganser_core::access::RouteAccess;
use utoipa::openapi::HttpMethod;

use super::super::{OperationSpec, ResponseContent, Shape, operation_spec, schema_of};

/// Parameters of queries, each with its meaning.
pub(in crate::http::openapi) const QUERY: &[(&str, &str)] = &[
    ("metric", "The metric to ask for"),
    ("measures", "Measures, separated by commas; default: all"),
    (
        "from",
        "First instant: RFC 3339, the beginning of a date or period (2026-11-28, 2026-11, \
         2026-W48, 2026-Q4, 2026; today, this_week, last_month and the like), relative as now-7d \
         or now-1M, or milliseconds since 1970",
    ),
    ("to", "First instant after; as `from`, so that a period is its beginning here too"),
    (
        "granularity",
        "all, minute, hour, day, week, month, quarter or year, or minutes or hours that divide a \
         day, as 10m or 6h; 1m, 1h, 1d, 1w, 1M and 1y are other spellings",
    ),
    ("timezone", "IANA name; default UTC"),
    ("group_by", "Dimensions, separated by commas"),
    ("filter", "SQL condition over dimensions"),
    ("having", "SQL condition over measures, after the merge"),
    ("order_by", "Columns, separated by commas; - before one for descending"),
    (
        "limit",
        "Most rows, at most 100000; default 10000 in JSON. Other formats have all rows, and more \
         than 100000 are refused",
    ),
    ("offset", "Rows to leave out"),
    ("limit_per_bucket", "true: the limit holds within each time bucket"),
    (
        "group_limit",
        "Only so many groups, 1 to 10000: those that come first over the whole range by the first \
         measure in `order_by`, else by the first measure, greatest first",
    ),
    (
        "totals",
        "true: the answer has `totals`, one merge of all that is counted in the range, whatever \
         is left out of `rows`; JSON alone",
    ),
    (
        "other",
        "true: the answer has `other`, by bucket one merge of the rows that `limit` and \
         `group_limit` leave out; needs one of them and `group_by`; JSON alone",
    ),
    (
        "window",
        "Each bucket is the merge of the buckets that end with it, as far back as so many m, h, \
         d, w, M (months) or y, as 28d; in whole buckets of `granularity`",
    ),
    ("fill", "none, zero, null or previous: how empty buckets are filled"),
    (
        "compare",
        "previous_period or previous_year; previous_quarter, previous_month or previous_week to \
         date: the same days of the one before",
    ),
    ("partial", "refuse (default) or allow answers that miss something"),
    ("after", "Wait until the answer includes this position, as 0:123456"),
    ("format", "json (default), csv, ndjson, arrow or parquet; or by Accept"),
    (
        "csv",
        "How texts stand in CSV: verbatim (default), or as spreadsheet with ' before those that \
         one would run",
    ),
];

pub(super) fn query() -> Vec<OperationSpec> {
    const ANSWER: &[(&str, &str, ResponseContent)] =
        &[("200", "Columns, rows and provenance", ResponseContent::Answer)];
    const EXPLAIN: &str = "/v1/query:explain";
    const EXPLANATION: &[(&str, &str, ResponseContent)] = &[(
        "200",
        "What was read and merged for its answer",
        ResponseContent::Json(Shape::Of(schema_of::<QueryExplanation>)),
    )];
    const PROBLEMS: &[&str] = &["400", "404", "413", "414", "503", "504"];
    const BODY: (&[(&str, Shape)], &str) = (
        &[("application/json", Shape::Written("Query"))],
        "The parameters of GET by the same names; lists are arrays",
    );
    const BODY_PROBLEMS: &[&str] = &["400", "404", "408", "413", "503", "504"];
    vec![
        OperationSpec {
            query: QUERY,
            problems: PROBLEMS,
            access: RouteAccess::Read,
            ..operation_spec(HttpMethod::Get, "/v1/query", "Ask for a metric", ANSWER)
        },
        OperationSpec {
            body: Some(BODY),
            problems: BODY_PROBLEMS,
            access: RouteAccess::Read,
            ..operation_spec(HttpMethod::Post, "/v1/query", "Ask for a metric", ANSWER)
        },
        OperationSpec {
            query: QUERY,
            problems: PROBLEMS,
            access: RouteAccess::Read,
            ..operation_spec(HttpMethod::Get, EXPLAIN, "What a query costs", EXPLANATION)
        },
        OperationSpec {
            body: Some(BODY),
            problems: BODY_PROBLEMS,
            access: RouteAccess::Read,
            ..operation_spec(HttpMethod::Post, EXPLAIN, "What a query costs", EXPLANATION)
        },
    ]
}
