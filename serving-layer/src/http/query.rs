//! `GET` and `POST /v1/query`. With `Accept: text/event-stream`, `GET` follows the answer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query as UrlQuery, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::Value;
use shared::problem::{Kind, Problem};

use super::{body, malformed};
use crate::format;
use crate::query::{Format, Query};
use crate::serve::Serving;

pub(super) async fn by_get(
    State(serving): State<Arc<Serving>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::from_pairs(pairs(&uri)?)?;
    if query.format.is_none() && ranges(&headers).any(|name| name == "text/event-stream") {
        return follow(&serving, query).await;
    }
    answer(&serving, query, &headers).await
}

pub(super) async fn by_post(
    State(serving): State<Arc<Serving>>,
    headers: HeaderMap,
    read: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let value: Value = serde_json::from_slice(&body(read)?).map_err(|e| malformed(&e))?;
    let Value::Object(object) = value else {
        let detail = "the body is not a JSON object; {\"metric\": …} is right";
        return Err(Problem::new(Kind::BadRequest, "malformed_body", detail));
    };
    answer(&serving, Query::from_json(object)?, &headers).await
}

/// The parameters of a URL.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = UrlQuery::<Vec<(String, String)>>::try_from_uri(uri);
    pairs.map(|UrlQuery(pairs)| pairs).map_err(|error| {
        Problem::new(Kind::BadRequest, "malformed_query_string", error.to_string())
    })
}

async fn answer(serving: &Serving, query: Query, headers: &HeaderMap) -> Result<Response, Problem> {
    let format = query.format.unwrap_or_else(|| accepted(headers));
    let answer = serving.answer(&query).await?;
    let mut told = HeaderMap::new();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if format != Format::Json {
        let provenance = serde_json::to_vec(&answer.provenance).unwrap_or_default();
        if let Ok(value) = HeaderValue::from_bytes(&provenance) {
            told.insert("merganser-provenance", value);
        }
        told.insert("merganser-total-rows", HeaderValue::from(answer.total_rows));
    }
    let pieces = stream::iter(format::write(answer, format)?);
    Ok((told, Body::from_stream(pieces)).into_response())
}

/// Sends the answer, and again whenever it changes.
async fn follow(serving: &Arc<Serving>, query: Query) -> Result<Response, Problem> {
    let updates = serving.follow(query).await?;
    let events = updates.map(|update| {
        Ok::<_, Infallible>(Event::default().event(update.event).data(&*update.data))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// The first format that the `Accept` header names; JSON if it names none.
fn accepted(headers: &HeaderMap) -> Format {
    let mut named = ranges(headers).filter_map(|name| {
        let known = |format: &Format| format.content_type().split(';').next() == Some(&*name);
        Format::EACH.into_iter().map(|(_, format)| format).find(known)
    });
    named.next().unwrap_or_default()
}

/// The media types of the `Accept` header, without parameters.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or("").trim().to_ascii_lowercase())
}
