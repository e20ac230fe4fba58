//! Errors as clients see them: RFC 9457 `application/problem+json`.
//!
//! What went wrong is an [`ErrorCode`], from which the status follows.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error_code::ErrorCode;

/// A problem document.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: ErrorCode,
    status: StatusCode,
    detail: String,
    retry_after_s: Option<u64>,
    location: Option<String>,
    fields: Map<String, Value>,
    /// The problem with details for operators.
    inside: Option<Box<Self>>,
}

/// What went wrong (RFC 9457), with more fields where the case has them
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `about:blank`; `code` tells the kinds apart
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words
    pub title: String,
    /// The status
    pub status: u16,
    /// What was wrong, where, and what would be right
    pub detail: String,
    /// What went wrong, for programs
    #[schema(value_type = ErrorCode)]
    pub code: String,
    /// Of a document: the place that is wrong, as a JSON pointer
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pointer: Option<String>,
    /// Of a query string or query: the parameter that is wrong
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
}

/// The same problem with details for operators, as an extension of the response.
#[derive(Clone)]
struct InternalProblem(Problem);

/// The detail of a fault for clients, which cannot mend it.
pub const FAULT: &str = "a fault of the service; its log says more";

impl Problem {
    /// A problem with a `detail` that says what was wrong, where, and what would be right.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
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

    /// Has another status than its code's, where a path or another standard needs one.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
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

    /// Shows `detail` to clients, and the detail of before to operators only: the text of a fault
    /// names files, addresses and metrics, and any client may meet it.
    #[must_use]
    pub fn with_public_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), inside: Some(Box::new(self.clone())), ..self }
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code.name()
    }

    /// What was wrong.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let document = ProblemDocument {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.name().to_owned(),
            pointer: None,
            parameter: None,
        };
        let mut fields = self.fields.clone();
        if let Ok(Value::Object(standard)) = serde_json::to_value(document) {
            fields.extend(standard);
        }
        Value::Object(fields)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
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

/// The response for an operator. [`internal_detail`] is the detail that clients do not get, for
/// the log.
#[must_use]
pub fn reveal_internal(mut response: Response) -> Response {
    match response.extensions_mut().remove::<InternalProblem>() {
        Some(InternalProblem(problem)) => problem.into_response(),
        None => response,
    }
}

/// The detail of a response that only operators get.
#[must_use]
pub fn internal_detail(response: &Response) -> Option<&str> {
    response.extensions().get::<InternalProblem>().map(|InternalProblem(problem)| problem.detail())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_standard_fields_stand_whatever_the_case_adds() {
        let problem = Problem::new(ErrorCode::BodyTooLarge, "a body of 9 bytes")
            .with("limit_bytes", 8)
            .with("status", 200);
        let document = problem.to_json();
        assert_eq!(document["status"], 413);
        assert_eq!(document["limit_bytes"], 8);
        assert_eq!(document["code"], "body_too_large");
    }

    #[test]
    fn details_for_operators_are_not_shown_by_default() {
        let path = || Problem::new(ErrorCode::JournalStopped, "write: /var/x").with("at", "/var/x");
        let problem = path().retry_after_s(1).with_public_detail("it stopped").with("at", "a file");
        assert_eq!((problem.detail(), &problem.to_json()["at"]), ("it stopped", &json!("a file")));
        let response = problem.clone().into_response();
        assert_eq!(internal_detail(&response), Some("write: /var/x"));
        assert!(reveal_internal(response).headers().contains_key(header::RETRY_AFTER));
        assert_eq!(problem.inside.map(|inside| inside.to_json()), Some(path().to_json()));
        assert_eq!(internal_detail(&path().into_response()), None);
    }
}
