//! Reading a body within its limits: bytes, time, and what all pending requests may hold.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::intake::{IntakeError, Limit, Limits, Share};

/// How much of a body is read on, only for its client to see the answer.
const DISCARD_BYTES_MAX: usize = 64 << 20;
/// How long it is read on.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);

/// Reads a body; what is held is charged to `share` as it comes.
pub(super) async fn read(
    body: &mut Body,
    declared_bytes: Option<u64>,
    limits: &Limits,
    share: &mut Share,
) -> Result<Bytes, IntakeError> {
    let bytes_max = limits.body_max_bytes;
    if declared_bytes.is_some_and(|declared| declared > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    let time_max = Duration::from_millis(limits.body_time_max_ms);
    tokio::time::timeout(time_max, collect(body, bytes_max, share))
        .await
        .unwrap_or(Err(IntakeError::BodyTimeout { limit_ms: limits.body_time_max_ms }))
}

async fn collect(
    body: &mut Body,
    bytes_max: usize,
    share: &mut Share,
) -> Result<Bytes, IntakeError> {
    // Most bodies come in one piece, which is not copied.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            IntakeError::MalformedBody(format!("the body could not be read to its end: {error}"))
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        if first.len().max(all.len()) + piece.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        share.grow(piece.len())?;
        if all.is_empty() && first.is_empty() {
            first = piece;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Reads what is left of a body and forgets it, within bounds. Without that a client that is still
/// sending might see its connection closed instead of the answer.
pub(super) async fn discard(body: &mut Body) {
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
    // Whoever is not done by then has waited long enough.
    let _ = tokio::time::timeout(DISCARD_TIME_MAX, drain).await;
}

fn too_large(max: usize) -> IntakeError {
    IntakeError::TooLarge { limit: Limit::BodyBytes, max }
}
