//! `GET` and `POST /v1/query`, and what they cost: `/v1/query:explain`. With
//! `Accept: text/event-stream`, `GET` follows the answer. What is not acceptable at all is answered
//! in JSON.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::body::Body as ResponseBody;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::{
    BoundedBody, CallerId, NoParameters, RequestScope, pairs, preferred_media_type, read_json_as,
};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{Body, body_stream};
use crate::error::ServingError;
use crate::format::{self, metadata};
use crate::query::{AnswerFormat, Query, QueryError};
use crate::serve::{PermitRequest, ServingLayer};
use crate::subscriptions::QuerySubscriptions;

pub(super) async fn by_get(
    State(subscriptions): State<Arc<QuerySubscriptions>>,
    RequestScope(scope): RequestScope,
    caller: CallerId,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::from_pairs(pairs(&uri)?)?.within(scope);
    let offers = AnswerFormat::EACH.map(|(_, format)| format.content_type());
    let offers: Vec<&str> = offers.into_iter().chain(["text/event-stream"]).collect();
    // What is liked best and is no format is the stream.
    if query.format.is_none()
        && preferred_media_type(&headers, &offers) == Some(AnswerFormat::EACH.len())
    {
        return Box::pin(subscribe(&subscriptions, query, caller)).await;
    }
    answer(subscriptions.serving(), query, caller, &headers).await
}

pub(super) async fn by_post(
    State(serving): State<Arc<ServingLayer>>,
    RequestScope(scope): RequestScope,
    caller: CallerId,
    _: NoParameters,
    headers: HeaderMap,
    BoundedBody(text): Body,
) -> Result<Response, Problem> {
    answer(&serving, query_of(&text)?.within(scope), caller, &headers).await
}

/// `GET /v1/query:explain`: what the same query by `GET /v1/query` costs.
pub(super) async fn explain_by_get(
    State(serving): State<Arc<ServingLayer>>,
    RequestScope(scope): RequestScope,
    caller: CallerId,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::from_pairs(pairs(&uri)?)?.within(scope);
    explain(&serving, &query, caller).await
}

/// `POST /v1/query:explain`: what the same query by `POST /v1/query` costs.
pub(super) async fn explain_by_post(
    State(serving): State<Arc<ServingLayer>>,
    RequestScope(scope): RequestScope,
    caller: CallerId,
    _: NoParameters,
    BoundedBody(text): Body,
) -> Result<Response, Problem> {
    explain(&serving, &query_of(&text)?.within(scope), caller).await
}

async fn explain(
    serving: &Arc<ServingLayer>,
    query: &Query,
    caller: CallerId,
) -> Result<Response, Problem> {
    let explanation = serving.explain_to(&PermitRequest::query(caller), query).await?;
    Ok(Json(explanation).into_response())
}

/// The query of a JSON object.
fn query_of(text: &[u8]) -> Result<Query, Problem> {
    let shape = "an object, as {\"metric\": …}";
    let JsonFields(fields) = read_json_as(text, ErrorCode::MalformedBody, shape)?;
    Ok(Query::from_json(fields)?)
}

/// The fields of a JSON object as they came, so that one that is there twice can be refused.
struct JsonFields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for JsonFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonFieldsVisitor;
        impl<'de> Visitor<'de> for JsonFieldsVisitor {
            type Value = JsonFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(JsonFields(fields))
            }
        }
        deserializer.deserialize_map(JsonFieldsVisitor)
    }
}

async fn answer(
    serving: &Arc<ServingLayer>,
    query: Query,
    caller: CallerId,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let liked = || {
        let offers = AnswerFormat::EACH.map(|(_, format)| format.content_type());
        preferred_media_type(headers, &offers).map(|at| AnswerFormat::EACH[at].1)
    };
    let format = query.format.or_else(liked).unwrap_or_default();
    let is_json = format == AnswerFormat::Json;
    if let Some(name) = query.json_alone().filter(|_| !is_json) {
        return Err(QueryError::of_json_alone(name, format).into());
    }
    // The others cannot say that rows are left out.
    let query = if is_json { query } else { query.with_all_rows() };
    let answer = serving.answer_to(&PermitRequest::query(caller.clone()), &query).await?;
    let mut answer_headers = if is_json { HeaderMap::new() } else { metadata::headers(&answer) };
    answer_headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if answer.rows.is_short() {
        let pieces: Result<Vec<_>, _> = format::write(answer, format, query.csv)?.collect();
        let text = pieces.map_err(|error| ServingError::Internal(error.to_string()))?.concat();
        return Ok(
            (answer_headers, body_stream::held_body(serving, &caller, text).await?).into_response()
        );
    }
    // The rows, too, are held until all is sent.
    let bytes = format::writing_bytes(&answer, format);
    let held = (
        Arc::clone(&answer.rows),
        body_stream::reserve_write_memory(serving, &caller, bytes).await?,
    );
    let pieces = format::write(answer, format, query.csv)?;
    let written =
        body_stream::answer_stream(Arc::clone(serving), PermitRequest::query(caller), pieces);
    Ok((answer_headers, ResponseBody::from_stream(written.inspect(move |_| _ = &held)))
        .into_response())
}

/// Sends the answer, and again whenever it changes.
async fn subscribe(
    subscriptions: &Arc<QuerySubscriptions>,
    query: Query,
    caller: CallerId,
) -> Result<Response, Problem> {
    let messages = subscriptions.subscribe(caller.clone(), query).await?;
    let serving = Arc::clone(subscriptions.serving());
    let body = body_stream::event_stream(serving, PermitRequest::refresh(caller), messages);
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((head, ResponseBody::from_stream(body)).into_response())
}
