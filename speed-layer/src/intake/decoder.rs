//! What decoding takes, in one place: limits, what metrics want, ids and the clock.

use std::sync::Arc;

use bytes::Bytes;
use shared::clock::Clock;

use super::budget::Share;
use super::columnar::{self, Bounds};
use super::decode::{self, BodyFormat};
use super::error::IntakeError;
use super::event_id::EventIds;
use super::prepare::{Plain, Prepared, prepare};
use super::settings::Limits;
use super::wanted::Wanted;
use super::{BodyEncoding, EventBody, OnInvalid};

/// Bodies of a few events, up to this, are decoded together by the committer: columns for each by
/// itself would take longer than all the rest of its way.
const SMALL_BYTES_MAX: usize = 4 << 10;

/// Decodes bodies.
pub(super) struct Decoder {
    pub(super) limits: Limits,
    pub(super) wanted: Wanted,
    pub(super) ids: Arc<dyn EventIds>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Whether a body is left to the committer to decode.
pub(super) fn is_small(body: &EventBody) -> bool {
    body.encoding == BodyEncoding::Identity
        && !matches!(body.format, BodyFormat::Columns(_))
        && body.on_invalid == OnInvalid::Quarantine
        && body.bytes.len() <= SMALL_BYTES_MAX
}

impl Decoder {
    /// Decodes a body by itself; what it takes is charged to `share`.
    pub(super) fn one(&self, body: EventBody, share: &mut Share) -> Result<Prepared, IntakeError> {
        let bytes_max = self.limits.decompressed_max_bytes;
        let mut plain = decode::decompress(body.bytes, body.encoding, bytes_max, share)?;
        if let BodyFormat::Columns(kind) = body.format {
            let bounds = Bounds { events_max: self.limits.request_max_events, bytes_max };
            let sent = plain.len();
            plain = columnar::lines(kind, plain, bounds, share)?.into();
            share.grow(plain.len())?;
            share.shrink(sent);
        }
        let plain = self.arrived(plain, body.format);
        let mut prepared = self.several(&[plain])?;
        share.grow(prepared.size_bytes())?;
        match prepared.requests.pop_if(|request| request.is_err()) {
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => Ok(prepared),
        }
    }

    /// A body that arrives now.
    pub(super) fn arrived(&self, bytes: Bytes, format: BodyFormat) -> Plain {
        Plain { bytes, format, arrived: self.clock.now() }
    }

    /// Decodes bodies together.
    pub(super) fn several(&self, bodies: &[Plain]) -> Result<Prepared, IntakeError> {
        prepare(bodies, &self.limits, &self.wanted.now(), &*self.ids)
    }
}
