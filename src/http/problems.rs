//! Refusals that are worded by the framework, turned into problem documents.
//!
//! Routes refuse with [`Problem`]s. What they do not see (a method that no route takes, a body over
//! the framework's limit, an extractor's rejection) comes as plain text or without a body.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;

/// Bytes of an address. Under hyper's own bound of 64 KiB, so that there is a word on it.
const URI_MAX_BYTES: usize = 32 * 1024;

/// Bytes of a framework's refusal that are kept.
const WORDS_MAX_BYTES: usize = 4096;

/// Replaces an error that is no problem document by one that says the same.
pub(super) async fn ensure_problem(method: &Method, path: &str, response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || is_problem(response.headers()) || *method == Method::HEAD {
        return response;
    }
    let (parts, body) = response.into_parts();
    let words = error_text(body).await;
    let problem = match status {
        StatusCode::METHOD_NOT_ALLOWED => wrong_method(method, path, &parts.headers),
        _ => problem(status, words),
    };
    let mut response = problem.into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = parts.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Refuses addresses that no route has a use for.
pub(super) fn uri_too_long(uri: &Uri) -> Option<Problem> {
    let parts = [uri.path(), uri.query().unwrap_or_default()];
    let size_bytes: usize = parts.into_iter().map(str::len).sum();
    if size_bytes <= URI_MAX_BYTES {
        return None;
    }
    let detail = format!(
        "the address has {size_bytes} bytes, over the limit of {URI_MAX_BYTES}; the parameters of \
         a query can be the body of POST /v1/query"
    );
    let problem = Problem::new(ErrorCode::UriTooLong, detail);
    Some(problem.with("limit_bytes", URI_MAX_BYTES))
}

/// Whether a handler of the service has described the problem.
fn is_problem(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/problem+json"))
}

async fn error_text(body: Body) -> String {
    let bytes = to_bytes(body, WORDS_MAX_BYTES).await.unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn wrong_method(method: &Method, path: &str, headers: &HeaderMap) -> Problem {
    let allowed = headers.get(header::ALLOW).and_then(|value| value.to_str().ok());
    let allowed = allowed.map(|names| format!("; it takes {}", names.replace(',', ", ")));
    let detail = format!("`{path}` does not take {method}{}", allowed.unwrap_or_default());
    Problem::new(ErrorCode::MethodNotAllowed, detail)
}

fn problem(status: StatusCode, words: String) -> Problem {
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::REQUEST_TIMEOUT => ErrorCode::BodyTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge,
        StatusCode::URI_TOO_LONG => ErrorCode::UriTooLong,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMedia,
        StatusCode::UNPROCESSABLE_ENTITY => ErrorCode::InvalidRequest,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Overloaded,
        StatusCode::GATEWAY_TIMEOUT => ErrorCode::TimedOut,
        StatusCode::INSUFFICIENT_STORAGE => ErrorCode::DiskFull,
        _ if status.is_client_error() => ErrorCode::BadRequest,
        _ => ErrorCode::Internal,
    };
    let reason = || status.canonical_reason().unwrap_or("the request was refused").to_owned();
    Problem::new(code, if words.is_empty() { reason() } else { words }).with_status(status)
}
