//! `GET /v1/metrics/{name}/dimensions/{dimension}`: its values, the most frequent first.
//!
//! Frequent is what has many events, where the metric has a measure that counts them all; otherwise
//! what the first count measure counts; otherwise values are ordered by themselves.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use merganser_api::error_code::ErrorCode;
use merganser_api::metric::{DimensionValue, DimensionValues};
use merganser_api::problem::Problem;
use merganser_api::request::{CallerId, RequestScope, parameters};
use merganser_core::text::suggestion;
use merganser_metric::catalog::MetricVersion;
use merganser_metric::measure::MeasureKind;

use super::body_stream;
use crate::answer::QueryAnswer;
use crate::error::ServingError;
use crate::query::Query;
use crate::serve::{PermitRequest, ServingLayer};

const LIMIT_DEFAULT: usize = 100;
/// Bytes of a value while the document is made, besides its text: a JSON object and its fields.
const VALUE_BYTES: usize = 400;

pub(super) async fn values(
    State(serving): State<Arc<ServingLayer>>,
    RequestScope(scope): RequestScope,
    caller: CallerId,
    Path((name, dimension)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let snapshot = serving.catalog.current();
    let metric = serving.find(&snapshot, &scope, &name)?;
    let known = &metric.compiled.layout().dimensions;
    if !known.contains(&dimension) {
        let hint = suggestion(&dimension, known.iter().map(|name| &**name));
        let detail = format!("`{name}` has no dimension `{dimension}`{hint}");
        return Err(
            Problem::new(ErrorCode::UnknownDimension, detail).with_status(StatusCode::NOT_FOUND)
        );
    }
    let counted = counting(metric);
    let given = parameters(&uri, ["prefix", "limit", "partial"])?;
    let query = query(metric, &dimension, counted, given)?.within(scope);
    let answer = serving.answer_to(&PermitRequest::query(caller.clone()), &query).await?;
    let bytes =
        VALUE_BYTES * answer.rows.values.num_rows() + answer.rows.values.get_array_memory_size();
    let _held = body_stream::reserve_write_memory(&serving, &caller, bytes).await?;
    Ok(Json(document(&answer, counted)).into_response())
}

/// The count measure that frequency is taken from.
fn counting(metric: &MetricVersion) -> Option<&str> {
    let measures = || {
        let counts = |m: &(&String, &merganser_metric::definition::MeasureDefinition)| {
            m.1.kind == MeasureKind::Count
        };
        metric.definition.measures.iter().filter(counts)
    };
    let all = measures().find(|(_, m)| m.of.is_none() && m.filter.is_none());
    all.or_else(|| measures().next()).map(|(name, _)| &**name)
}

fn query(
    metric: &MetricVersion,
    dimension: &str,
    counted: Option<&str>,
    [prefix, limit, partial]: [Option<String>; 3],
) -> Result<Query, ServingError> {
    let limit = limit.or_else(|| Some(LIMIT_DEFAULT.to_string()));
    let first = metric.definition.measures.keys().next();
    let measure = counted.or(first.map(|name| &**name)).unwrap_or_default();
    let mut pairs = vec![
        ("metric".to_owned(), metric.definition.name.clone()),
        ("measures".to_owned(), measure.to_owned()),
        ("group_by".to_owned(), dimension.to_owned()),
    ];
    pairs.extend(counted.map(|name| ("order_by".to_owned(), format!("-{name}"))));
    for (name, value) in [("limit", limit), ("partial", partial)] {
        pairs.extend(value.map(|value| (name.to_owned(), value)));
    }
    let mut query = Query::from_pairs(pairs)?;
    query.filter = prefix.filter(|text| !text.is_empty()).map(|text| {
        // In LIKE the escape is a backslash; in SQL text a quote is written twice.
        let escaped: String = text
            .chars()
            .flat_map(|c| {
                let escape = matches!(c, '%' | '_' | '\\').then_some('\\');
                let quote = (c == '\'').then_some('\'');
                escape.into_iter().chain(quote).chain([c])
            })
            .collect();
        format!("{dimension} LIKE '{escaped}%'")
    });
    Ok(query)
}

fn document(answer: &QueryAnswer, counted: Option<&str>) -> DimensionValues {
    let column = |at: usize| -> Option<&ArrayRef> { answer.rows.values.columns().get(at) };
    let texts = column(0).and_then(|column| column.as_string_opt::<i32>());
    let counts = column(1).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let counts = counts.filter(|_| counted.is_some());
    let row = |at: usize| DimensionValue {
        count: counts.map(|counts| counts.value(at)),
        value: texts.filter(|texts| texts.is_valid(at)).map(|texts| texts.value(at).to_owned()),
    };
    DimensionValues {
        complete: answer.provenance.complete,
        counted_by: counted.map(str::to_owned),
        missing: answer.provenance.missing.clone(),
        total_values: answer.rows.total_rows,
        values: (0..answer.rows.values.num_rows()).map(row).collect(),
    }
}
