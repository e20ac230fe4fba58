//! What decoding takes, in one place: limits, what metrics want, ids and the clock.

use std::sync::Arc;
use std::time::Instant;

use merganser_core::clock::Clock;

use super::active_properties::ActiveProperties;
use super::body_format::BodyFormat;
use super::budget::IntakePermit;
use super::columnar::{self, DecodeBounds};
use super::csv;
use super::decode;
use super::decoded_body;
use super::error::IntakeError;
use super::event_id::EventIdGenerator;
use super::prepare::{PlainBody, PreparedEvents, prepare};
use super::settings::IntakeLimits;
use super::{BodyEncoding, EventBody, InvalidEventPolicy};

/// Bodies of a few events, up to this, are decoded together by the committer: columns for each by
/// itself would take longer than all the rest of its way.
const SMALL_BYTES_MAX: usize = 4 << 10;

/// Decodes bodies.
pub(super) struct BodyDecoder {
    pub(super) limits: IntakeLimits,
    pub(super) wanted: ActiveProperties,
    pub(super) ids: Arc<dyn EventIdGenerator>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Whether a body is left to the committer to decode.
pub(super) fn is_small(body: &EventBody) -> bool {
    body.encoding == BodyEncoding::Identity
        && !matches!(
            body.format,
            BodyFormat::Columns(..) | BodyFormat::Csv(_) | BodyFormat::Decoded
        )
        && body.on_invalid == InvalidEventPolicy::Quarantine
        && body.bytes.len() <= SMALL_BYTES_MAX
}

impl BodyDecoder {
    /// Decodes a body by itself; what it takes is charged to `share`.
    pub(super) fn decode_body(
        &self,
        body: EventBody,
        share: &mut IntakePermit,
    ) -> Result<PreparedEvents, IntakeError> {
        let bytes_max = self.limits.decompressed_max_bytes;
        let EventBody { bytes, mut format, encoding, on_invalid, fixed } = body;
        if format == BodyFormat::Decoded {
            let prepared = decoded_body::decode(&bytes, self.clock.now())?;
            share.grow(prepared.size_bytes())?;
            return Ok(prepared);
        }
        let mut plain = decode::decompress(bytes, encoding, bytes_max, share)?;
        let bounds = DecodeBounds { events_max: self.limits.request_max_events, bytes_max };
        let sent = plain.len();
        if let BodyFormat::Columns(kind, mapping) = &format {
            plain = columnar::lines(*kind, plain, mapping.as_deref(), bounds, share)?.into();
            share.grow(plain.len())?;
            share.shrink(sent);
        }
        if let BodyFormat::Csv(options) = &format {
            // About as much again, until it is known.
            share.grow(sent)?;
            let table = csv::read(&plain, options, bounds, self.limits.event_max_bytes)?;
            share.grow(table.text.len() + table.places.size_bytes())?;
            share.shrink(2 * sent);
            (plain, format) = (table.text.into(), BodyFormat::Rows(table.places));
        }
        let encoding = BodyEncoding::Identity;
        let plain =
            self.stamp_arrival(EventBody { bytes: plain, format, encoding, on_invalid, fixed });
        let mut prepared = self.decode_bodies(&[plain])?;
        share.grow(prepared.size_bytes())?;
        match prepared.requests.pop_if(|request| request.is_err()) {
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => Ok(prepared),
        }
    }

    /// A body that is not compressed, and arrives now.
    pub(super) fn stamp_arrival(&self, body: EventBody) -> PlainBody {
        let EventBody { bytes, format, fixed, .. } = body;
        PlainBody { bytes, format, fixed, arrived: self.clock.now(), begun: Instant::now() }
    }

    /// Decodes bodies together.
    pub(super) fn decode_bodies(
        &self,
        bodies: &[PlainBody],
    ) -> Result<PreparedEvents, IntakeError> {
        prepare(bodies, &self.limits, &self.wanted.current(), &*self.ids)
    }
}
