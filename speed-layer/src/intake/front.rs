//! Taking requests in before the process that owns the journal does: a front reads and decodes
//! bodies, and hands on what comes of them, so that the owner's time is left for what only it can
//! do.

use std::sync::Arc;

use bytes::Bytes;
use merganser_core::clock::Clock;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;

use super::EventBody;
use super::active_properties::ActiveProperties;
use super::body_decoder::{BodyDecoder, is_small};
use super::budget::{IntakeBudget, IntakePermit};
use super::decoded_body;
use super::decoding::BodyDecoding;
use super::error::IntakeError;
use super::event_id::EventIdGenerator;
use super::prepare::PreparedEvents;
use super::settings::{IntakeLimits, IntakeSettings};

/// Decodes events for the journal's owner. Cheap to clone.
#[derive(Clone)]
pub struct IntakeFront(Arc<FrontState>);

struct FrontState {
    budget: Arc<IntakeBudget>,
    decoding: BodyDecoding,
    limits: IntakeLimits,
}

impl IntakeFront {
    /// A front with the owner's settings. The properties that the metrics of `snapshots` use are
    /// read with the events.
    ///
    /// # Errors
    /// When a setting cannot be.
    pub fn new(
        settings: &IntakeSettings,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn EventIdGenerator>,
        snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    ) -> Result<Self, IntakeError> {
        settings.check().map_err(IntakeError::Settings)?;
        let limits = settings.limits.clone();
        let wanted = ActiveProperties::new(snapshots);
        let decoder = Arc::new(BodyDecoder { limits: limits.clone(), wanted, ids, clock });
        Ok(Self(Arc::new(FrontState {
            budget: IntakeBudget::new(settings.pending_max_requests, settings.pending_max_bytes),
            decoding: BodyDecoding::new(decoder, settings.decoders_max),
            limits,
        })))
    }

    /// Begins a request: the reader of its body charges the bytes to the permit as they come.
    #[must_use]
    pub fn permit(&self) -> IntakePermit {
        self.0.budget.permit()
    }

    /// The limits of a request.
    #[must_use]
    pub fn limits(&self) -> &IntakeLimits {
        &self.0.limits
    }

    /// Decodes a body for the owner; `share` is charged for what is made of it. `None` for one that
    /// is to go as it came: a small one, which the owner decodes together with others, and one
    /// that there is no room for twice.
    ///
    /// # Errors
    /// Why the owner would refuse it, where the body cannot be read.
    pub async fn decode(
        &self,
        body: EventBody,
        mut share: IntakePermit,
    ) -> Result<(Option<Bytes>, IntakePermit), IntakeError> {
        share.register_request()?;
        if is_small(&body) {
            return Ok((None, share));
        }
        self.0.decoding.decode(body, share, encode).await
    }
}

fn encode(
    prepared: PreparedEvents,
    share: &mut IntakePermit,
) -> Result<Option<Bytes>, IntakeError> {
    if share.grow(decoded_body::encoded_bytes(&prepared)).is_err() {
        return Ok(None);
    }
    let decoded = decoded_body::encode(&prepared)?;
    share.shrink(prepared.size_bytes());
    Ok(Some(decoded.into()))
}
