//! A key in the body, as clients of Segment send it: `writeKey` beside the event, or the batch.
//!
//! The body is read before its sender is known, so it may be no larger than those clients make it,
//! and only so many are read at a time ([`super::unauthenticated`]).

use std::borrow::Cow;
use std::io::Read;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::discard;
use serde::Deserialize;
use tokio::time::timeout;

use super::AccessGuard;
use super::authorized_caller::AuthorizedCaller;
use super::rejection::AccessRejection;
use super::unauthenticated::{PeerNetwork, overloaded_problem};

/// Bytes of a body, as sent and decompressed; Segment's own limit is 500 KB.
const BODY_MAX: usize = 1 << 20;
/// How long a body may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Reads a request's body and checks the key in it; the request is as it was.
///
/// # Errors
/// Why it is not let through.
pub(super) async fn authenticate_body(
    guard: &AccessGuard,
    request: Request,
) -> Result<(AuthorizedCaller, Request), AccessRejection> {
    let peer = request.extensions().get::<PeerNetwork>().copied().unwrap_or_default();
    let (parts, mut body) = request.into_parts();
    let Some(mut place) = guard.unauthenticated_permit(peer) else {
        return Err(overloaded(body).await.into());
    };
    let read = tokio::select! {
        read = timeout(WITHIN, collect(&mut body)) => Some(read),
        () = place.preempted() => None,
    };
    let Some(read) = read else { return Err(overloaded(body).await.into()) };
    let bytes = read.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {} ms", WITHIN.as_millis());
        Err(Problem::new(ErrorCode::BodyTimeout, detail))
    })?;
    let key = write_key(&parts.headers, &bytes);
    let check = || guard.check_write_key(key.as_deref());
    let passed = match check() {
        Ok(passed) => passed,
        Err(refused) => guard.recheck(refused, &parts.headers, check).await?,
    };
    drop(place);
    Ok((passed, Request::from_parts(parts, Body::from(bytes))))
}

/// There is no place for it, or no longer.
async fn overloaded(mut body: Body) -> Problem {
    discard(&mut body).await;
    overloaded_problem()
}

async fn collect(body: &mut Body) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body could not be read to its end: {error}");
            Problem::new(ErrorCode::MalformedBody, detail)
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() + piece.len() > BODY_MAX {
            // A client that is still sending would take an answer before the end for a failure.
            discard(body).await;
            let detail = format!(
                "a body that brings its key has {BODY_MAX} bytes at most; a larger one brings it \
                 in `Authorization`"
            );
            let problem = Problem::new(ErrorCode::BodyTooLarge, detail);
            return Err(problem.with("limit_value", BODY_MAX));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

/// The key that a body names.
fn write_key(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    #[derive(Deserialize)]
    struct WriteKeyField<'a> {
        #[serde(borrow, rename = "writeKey")]
        write_key: Cow<'a, str>,
    }
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
    let plain: Cow<'_, [u8]> = match encoding.unwrap_or_default().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Cow::Borrowed(body),
        b"gzip" | b"x-gzip" => read(flate2::read::MultiGzDecoder::new(&**body))?.into(),
        b"zstd" => read(zstd::stream::read::Decoder::with_buffer(&**body).ok()?)?.into(),
        _ => return None,
    };
    let named: WriteKeyField<'_> = serde_json::from_slice(&plain).ok()?;
    Some(named.write_key.into_owned()).filter(|key| !key.is_empty())
}

/// All of it, if it is not too much.
fn read(reader: impl Read) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    reader.take(BODY_MAX as u64 + 1).read_to_end(&mut plain).ok()?;
    (plain.len() <= BODY_MAX).then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;

    use super::*;

    fn found(encoding: Option<&'static str>, body: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        write_key(&headers, &Bytes::copy_from_slice(body))
    }

    #[test]
    fn a_key_is_found_in_a_body_whatever_it_is_compressed_with() {
        let body = br#"{"batch":[{"writeKey":"other"}],"writeKey":"mgs_\u0031","sentAt":null}"#;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(body).unwrap();
        let zstd = zstd::encode_all(&body[..], 1).unwrap();
        for (encoding, body) in
            [(None, body.to_vec()), (Some("gzip"), gzip.finish().unwrap()), (Some("zstd"), zstd)]
        {
            assert_eq!(found(encoding, &body).as_deref(), Some("mgs_1"), "{encoding:?}");
        }
        for body in ["", "nope", "[]", "{}", r#"{"writeKey":7}"#, r#"{"writeKey":""}"#] {
            assert_eq!(found(None, body.as_bytes()), None, "{body}");
        }
        assert_eq!(found(Some("br"), body), None);
        let bomb = zstd::encode_all(&vec![b' '; 4 << 20][..], 1).unwrap();
        assert_eq!(found(Some("zstd"), &bomb), None);
    }
}
