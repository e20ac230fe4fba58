//! Small bodies (queries, definitions, orders), read whole within bounds of bytes and time.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::error_code::ErrorCode;
use crate::problem::Problem;

/// How long a body may take to arrive.
const TIME_MAX: Duration = Duration::from_secs(10);

/// How much of a body is read on, only for its client to see the answer.
const DISCARD_BYTES_MAX: usize = 64 << 20;
/// How long it is read on.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);

/// A whole body of at most `MAX` bytes.
#[derive(Clone, Debug)]
pub struct BoundedBody<const MAX: usize>(pub Bytes);

impl<S: Send + Sync, const MAX: usize> FromRequest<S> for BoundedBody<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, TIME_MAX).await
    }
}

async fn read<const MAX: usize>(
    request: Request,
    time_max: Duration,
) -> Result<BoundedBody<MAX>, Problem> {
    match timeout(time_max, to_bytes(request.into_body(), MAX)).await {
        Ok(Ok(bytes)) => Ok(BoundedBody(bytes)),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            let detail = format!("the body is over {MAX} bytes, the most that is read");
            Err(Problem::new(ErrorCode::BodyTooLarge, detail).with("limit_bytes", MAX))
        }
        Ok(Err(other)) => Err(Problem::new(ErrorCode::MalformedBody, other.to_string())),
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", time_max.as_secs());
            Err(Problem::new(ErrorCode::BodyTimeout, detail))
        }
    }
}

/// Reads what is left of a body and forgets it, within bounds. Without that a client that is still
/// sending might see its connection closed instead of the answer.
pub async fn discard(body: &mut Body) {
    let drain = async {
        let mut left = DISCARD_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // A client that still sends after that time gets no more of it.
    let _ = timeout(DISCARD_TIME_MAX, drain).await;
}

/// Reads a body's JSON; `shape` is what a refusal says would be right.
///
/// # Errors
/// When it is no JSON (400 `malformed_body`), or not of that shape (422 `invalid_request`).
pub fn read_json<T: DeserializeOwned>(body: &[u8], shape: &str) -> Result<T, Problem> {
    read_json_as(body, ErrorCode::InvalidRequest, shape)
}

/// The same, where JSON of another shape has a code of its own.
///
/// # Errors
/// When it is no JSON (400 `malformed_body`), or not of that shape.
pub fn read_json_as<T: DeserializeOwned>(
    body: &[u8],
    wrong_shape: ErrorCode,
    shape: &str,
) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let code = match error.classify() {
            serde_json::error::Category::Data => wrong_shape,
            _ => ErrorCode::MalformedBody,
        };
        Problem::new(code, format!("{error}; expected {shape}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_stalls_is_given_up() {
        let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::new(Body::from_stream(never));
        let time_max = Duration::from_millis(20);
        let problem = read::<100>(request, time_max).await.unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (408, "body_timeout"));
        let request = Request::new(Body::from("fine"));
        assert_eq!(BoundedBody::<100>::from_request(request, &()).await.unwrap().0, "fine");
    }

    #[test]
    fn what_is_no_json_is_told_from_json_of_another_shape() {
        type Numbers = std::collections::BTreeMap<String, u8>;
        let read = |body: &str| read_json::<Numbers>(body.as_bytes(), r#"{"n": 1}"#);
        assert_eq!(read(r#"{"n":1}"#).unwrap()["n"], 1);
        for (body, status, code) in [
            ("", 400, "malformed_body"),
            ("{", 400, "malformed_body"),
            (r#"{"n":1}x"#, 400, "malformed_body"),
            ("[]", 422, "invalid_request"),
            ("3", 422, "invalid_request"),
            (r#"{"n":"1"}"#, 422, "invalid_request"),
        ] {
            let problem = read(body).unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (status, code), "{body}");
            assert!(problem.detail().ends_with(r#"; expected {"n": 1}"#), "{body}");
        }
        let problem = read_json_as::<Numbers>(b"[]", ErrorCode::InvalidSchedule, "").unwrap_err();
        assert_eq!(problem.code(), "invalid_schedule");
    }
}
