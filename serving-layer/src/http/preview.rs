//! `POST /v1/metrics:preview` and `GET /v1/properties`: for authors of a definition. Both read
//! the newest events, and change nothing.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use merganser_api::error_code::ErrorCode;
use merganser_api::preview::{PreviewDocument, PreviewedEvents, PropertyList};
use merganser_api::problem::Problem;
use merganser_api::request::{BoundedBody, CallerId, invalid_parameter, parameters, read_json};
use merganser_metric::compile::Metric;
use merganser_metric::definition::{self, MetricDefinition};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Body;
use super::metrics::{SHAPE, invalid};
use crate::format::rows_table;
use crate::query::Query;
use crate::serve::{MetricPreview, PATHS_MAX, PermitRequest, RECENT_EVENTS_MAX, ServingLayer};

/// What a definition is called that has no name yet.
const UNNAMED: &str = "preview";
/// Rows unless the request says otherwise, and at most.
const ROWS_DEFAULT: usize = 100;
const ROWS_MAX: usize = 1_000;

pub(super) async fn preview(
    State(serving): State<Arc<ServingLayer>>,
    caller: CallerId,
    uri: Uri,
    headers: HeaderMap,
    BoundedBody(text): Body,
) -> Result<Json<PreviewDocument>, Problem> {
    let [events, granularity, group_by, limit] =
        parameters(&uri, ["events", "granularity", "group_by", "limit"])?;
    let events = number("events", events, RECENT_EVENTS_MAX, RECENT_EVENTS_MAX)?;
    let limit = number("limit", limit, ROWS_DEFAULT, ROWS_MAX)?;
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    let (definition, compiled) = match kind.is_some_and(|k| k.starts_with(b"application/toml")) {
        true => from_toml(&text)?,
        false => from_json(&text)?,
    };
    let named = named(definition.clone());
    let given = [
        ("metric", Some(named.name.clone())),
        ("limit", Some(limit.to_string())),
        ("granularity", granularity),
        ("group_by", group_by),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let query = Query::from_pairs(given)?;
    let request = PermitRequest::query(caller);
    let preview = serving.preview(&request, (named, compiled), &query, events).await?;
    Ok(Json(shown(preview, definition)?))
}

/// As clients see it; `definition` is as it was read.
fn shown(preview: MetricPreview, definition: MetricDefinition) -> Result<PreviewDocument, Problem> {
    let span = preview.recent.span();
    let (columns, rows) = rows_table(&preview.rows);
    let rows = RawValue::from_string(rows);
    Ok(PreviewDocument {
        events: PreviewedEvents {
            first_time: span.map(|(first, _)| first.to_string()),
            last_time: span.map(|(_, last)| last.to_string()),
            matched: preview.matched,
            read: preview.recent.len(),
        },
        columns,
        rows: rows.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?,
        total_rows: preview.rows.total_rows,
        groups: preview.groups,
        type_mismatches: preview.mismatches,
        omissions: preview.omissions,
        warnings: preview.warnings,
        definition,
    })
}

fn from_json(text: &[u8]) -> Result<(MetricDefinition, Metric), Problem> {
    let _: IgnoredAny = read_json(text, SHAPE)?;
    let definition = definition::from_json(text).map_err(|e| invalid(&e.pointer, &e.message))?;
    compile(definition).map_err(|(pointer, message)| invalid(&pointer, &message))
}

fn from_toml(text: &[u8]) -> Result<(MetricDefinition, Metric), Problem> {
    let text = std::str::from_utf8(text).map_err(|error| {
        Problem::new(ErrorCode::MalformedBody, format!("the body is not UTF-8: {error}"))
    })?;
    let located = |pointer: &str, message: &str| {
        let place = definition::toml_position(text, pointer);
        invalid(pointer, message).with("line", place.line).with("column", place.column)
    };
    let definition =
        definition::one_from_toml(text).map_err(|e| located(&e.pointer, &e.message))?;
    compile(definition).map_err(|(pointer, message)| located(&pointer, &message))
}

/// The same with a name.
fn named(mut definition: MetricDefinition) -> MetricDefinition {
    if definition.name.is_empty() {
        UNNAMED.clone_into(&mut definition.name);
    }
    definition
}

fn compile(definition: MetricDefinition) -> Result<(MetricDefinition, Metric), (String, String)> {
    match Metric::compile(&named(definition.clone())) {
        Ok(compiled) => Ok((definition, compiled)),
        Err(error) => Err((error.pointer, error.message)),
    }
}

pub(super) async fn properties(
    State(serving): State<Arc<ServingLayer>>,
    caller: CallerId,
    uri: Uri,
) -> Result<Json<PropertyList>, Problem> {
    let [event, limit] = parameters(&uri, ["event", "limit"])?;
    let limit = number("limit", limit, PATHS_MAX, PATHS_MAX)?;
    let event = event.filter(|event| !event.is_empty());
    let summary = serving.property_summary(&PermitRequest::query(caller), event).await?;
    Ok(Json(summary.listed(limit)))
}

/// A whole number from 1 to `max`.
fn number(name: &str, given: Option<String>, default: usize, max: usize) -> Result<usize, Problem> {
    let Some(text) = given else { return Ok(default) };
    let number = usize::from_str(&text).ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| invalid_parameter(name, &text, &format!("1 to {max}")))
}
