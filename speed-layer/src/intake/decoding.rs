//! Decoding bodies off the async threads, as many at once as there are cores for.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::body_decoder::BodyDecoder;
use super::budget::IntakePermit;
use super::error::IntakeError;
use super::prepare::PreparedEvents;
use super::{BodyEncoding, EventBody};

/// Bodies up to this are decoded where they are; handing them to another thread would take longer.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// Decodes bodies. Cheap to clone.
#[derive(Clone)]
pub(super) struct BodyDecoding {
    pub(super) decoder: Arc<BodyDecoder>,
    /// As many permits as bodies may be decoded at once.
    permits: Arc<Semaphore>,
}

impl BodyDecoding {
    /// With so many bodies at once.
    pub(super) fn new(decoder: Arc<BodyDecoder>, bodies_max: usize) -> Self {
        Self { decoder, permits: Arc::new(Semaphore::new(bodies_max)) }
    }

    /// Decodes a body, and makes something of it; what it takes is charged to `share`, which comes
    /// back.
    pub(super) async fn decode<T, F>(
        &self,
        body: EventBody,
        mut share: IntakePermit,
        then: F,
    ) -> Result<(T, IntakePermit), IntakeError>
    where
        T: Send + 'static,
        F: FnOnce(PreparedEvents, &mut IntakePermit) -> Result<T, IntakeError> + Send + 'static,
    {
        let decoder = Arc::clone(&self.decoder);
        let is_short =
            body.encoding == BodyEncoding::Identity && body.bytes.len() <= INLINE_BYTES_MAX;
        let work = move || {
            let prepared = decoder.decode_body(body, &mut share)?;
            Ok((then(prepared, &mut share)?, share))
        };
        if is_short {
            return work();
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(stopped)?;
        tokio::task::spawn_blocking(move || {
            let made = work();
            drop(permit);
            made
        })
        .await
        .map_err(stopped)?
    }
}

fn stopped(error: impl std::fmt::Display) -> IntakeError {
    IntakeError::Internal(format!("decoding did not end: {error}"))
}
