//! Errors as clients see them: RFC 9457 `application/problem+json`.
//!
//! A layer's own errors say what to do by their [`ProblemKind`]; one match here turns a kind into a
//! status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request cannot be understood; change it.
    BadRequest,
    /// Nobody is known to ask; bring a key.
    Unauthorized,
    /// Who asks is known, and may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The method does not fit the path.
    MethodNotAllowed,
    /// It clashes with what is there or under way.
    Conflict,
    /// A limit was exceeded; send less or ask for less.
    TooLarge,
    /// The address is longer than is read.
    UriTooLong,
    /// The content type or encoding is not one that is read.
    UnsupportedMedia,
    /// It was understood, and is not valid.
    Unprocessable,
    /// More often than is allowed; slow down.
    TooManyRequests,
    /// A fault of the service.
    Internal,
    /// Not now; try again later.
    Unavailable,
    /// The request did not arrive in the time that it may take.
    RequestTimeout,
    /// The answer took longer than was allowed.
    Timeout,
    /// The disk is full.
    NoSpace,
}

impl ProblemKind {
    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

/// A problem document.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    kind: ProblemKind,
    code: &'static str,
    detail: String,
    retry_after_s: Option<u64>,
    location: Option<String>,
    fields: Map<String, Value>,
    /// What those who run the service are told instead.
    inside: Option<Box<Self>>,
}

/// Beside an answer that is a problem: what those who run the service are told instead.
#[derive(Clone)]
struct InternalProblem(Problem);

/// What is said of a fault to those who cannot mend it.
pub const FAULT: &str = "a fault of the service; its log says more";

impl Problem {
    /// A problem with a stable `code` (snake_case) and a `detail` that says what was wrong, where,
    /// and what would be right.
    pub fn new(kind: ProblemKind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            detail: detail.into(),
            retry_after_s: None,
            location: None,
            fields: Map::new(),
            inside: None,
        }
    }

    /// Adds a field of the case. The six standard names cannot be overwritten.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Says where to look instead.
    #[must_use]
    pub fn location(mut self, path: impl Into<String>) -> Self {
        self.location = Some(path.into());
        self
    }

    /// Says `detail` to everybody, and what it said before to those who run the service alone: the
    /// words of a fault name files, addresses and metrics, and whoever meets it may be anybody.
    #[must_use]
    pub fn with_public_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), inside: Some(Box::new(self.clone())), ..self }
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What was wrong.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let status = self.status();
        let mut document = self.fields.clone();
        document.insert("type".into(), json!("about:blank"));
        document.insert("title".into(), json!(status.canonical_reason().unwrap_or("Error")));
        document.insert("status".into(), json!(status.as_u16()));
        document.insert("code".into(), json!(self.code));
        document.insert("detail".into(), json!(self.detail));
        Value::Object(document)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == ProblemKind::Unauthorized {
            for challenge in [r#"Bearer realm="merganser""#, r#"Basic realm="merganser""#] {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(path) = self.location
            && let Ok(value) = HeaderValue::from_str(&path)
        {
            headers.insert(header::LOCATION, value);
        }
        if let Some(inside) = self.inside {
            response.extensions_mut().insert(InternalProblem(*inside));
        }
        response
    }
}

/// An answer for those who run the service; what it does not tell others, for the log, is
/// [`internal_detail`].
#[must_use]
pub fn reveal_internal(mut response: Response) -> Response {
    match response.extensions_mut().remove::<InternalProblem>() {
        Some(InternalProblem(problem)) => problem.into_response(),
        None => response,
    }
}

/// What an answer does not say to those who do not run the service.
#[must_use]
pub fn internal_detail(response: &Response) -> Option<&str> {
    response.extensions().get::<InternalProblem>().map(|InternalProblem(problem)| problem.detail())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_fields_stand_whatever_the_case_adds() {
        let problem = Problem::new(ProblemKind::TooLarge, "body_too_large", "a body of 9 bytes")
            .with("limit_bytes", 8)
            .with("status", 200);
        let document = problem.to_json();
        assert_eq!(document["status"], 413);
        assert_eq!(document["limit_bytes"], 8);
        assert_eq!(document["code"], "body_too_large");
    }

    #[test]
    fn what_is_inside_is_told_to_nobody_by_default() {
        let path = || {
            Problem::new(ProblemKind::Unavailable, "stopped", "write: /var/x").with("at", "/var/x")
        };
        let problem = path().retry_after_s(1).with_public_detail("it stopped").with("at", "a file");
        assert_eq!((problem.detail(), &problem.to_json()["at"]), ("it stopped", &json!("a file")));
        let response = problem.clone().into_response();
        assert_eq!(internal_detail(&response), Some("write: /var/x"));
        assert!(reveal_internal(response).headers().contains_key(header::RETRY_AFTER));
        assert_eq!(problem.inside.map(|inside| inside.to_json()), Some(path().to_json()));
        assert_eq!(internal_detail(&path().into_response()), None);
    }
}
