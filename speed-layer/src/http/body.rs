//! Reading a body within its limits: bytes, time, and what all pending requests may hold.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::intake::{ExceededLimit, IntakeError, IntakeLimits, IntakePermit};

/// Reads a body; what is held is charged to `share` as it comes.
pub(super) async fn read(
    body: &mut Body,
    declared_bytes: Option<u64>,
    limits: &IntakeLimits,
    share: &mut IntakePermit,
) -> Result<Bytes, IntakeError> {
    let bytes_max = limits.body_max_bytes;
    if declared_bytes.is_some_and(|declared| declared > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    let time_max = Duration::from_millis(limits.body_time_max_ms);
    let idle_max = Duration::from_millis(limits.body_idle_max_ms);
    timeout(time_max, collect(body, bytes_max, idle_max, share))
        .await
        .unwrap_or(Err(IntakeError::BodyTimeout { limit_ms: limits.body_time_max_ms }))
}

async fn collect(
    body: &mut Body,
    bytes_max: usize,
    idle_max: Duration,
    share: &mut IntakePermit,
) -> Result<Bytes, IntakeError> {
    let limit_ms = u64::try_from(idle_max.as_millis()).unwrap_or(u64::MAX);
    let idle = |_| IntakeError::BodyIdle { limit_ms };
    // Most bodies come in one piece, which is not copied.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = timeout(idle_max, body.frame()).await.map_err(idle)? {
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

fn too_large(max: usize) -> IntakeError {
    IntakeError::TooLarge { limit: ExceededLimit::BodyBytes, max }
}
