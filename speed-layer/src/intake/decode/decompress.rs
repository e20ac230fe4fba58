//! Bounded decompression. Memory grows with what comes out, a portion at a time, and each portion
//! is charged before the next is made.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use crate::intake::body_format::BodyEncoding;
use crate::intake::budget::IntakePermit;
use crate::intake::error::{ExceededLimit, IntakeError};

/// Bytes that are made between two looks at the limits.
const PORTION_BYTES: u64 = 256 << 10;

/// The furthest that a zstd frame may refer back, 2^26 bytes: the decoder holds as much in memory,
/// and no body may be longer by default.
const WINDOW_LOG_MAX: u32 = 26;

/// Undoes `encoding`. What comes out is charged to `share` in place of what went in.
pub(crate) fn decompress(
    body: Bytes,
    encoding: BodyEncoding,
    bytes_max: usize,
    share: &mut IntakePermit,
) -> Result<Bytes, IntakeError> {
    if body.is_empty() {
        return Ok(body);
    }
    let plain = match encoding {
        BodyEncoding::Identity if body.len() > bytes_max => return Err(too_large(bytes_max)),
        BodyEncoding::Identity => return Ok(body),
        BodyEncoding::Gzip => read(MultiGzDecoder::new(&*body), "gzip", bytes_max, share)?,
        BodyEncoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&*body)
                .map_err(|error| malformed("zstd", &error))?;
            decoder.window_log_max(WINDOW_LOG_MAX).map_err(|error| malformed("zstd", &error))?;
            read(decoder, "zstd", bytes_max, share)?
        }
    };
    share.shrink(body.len());
    Ok(plain.into())
}

fn read(
    mut decoder: impl Read,
    name: &str,
    bytes_max: usize,
    share: &mut IntakePermit,
) -> Result<Vec<u8>, IntakeError> {
    let mut plain = Vec::new();
    loop {
        let before = plain.len();
        let made = (&mut decoder)
            .take(PORTION_BYTES)
            .read_to_end(&mut plain)
            .map_err(|error| malformed(name, &error))?;
        if made == 0 {
            return Ok(plain);
        }
        if plain.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        share.grow(plain.len() - before)?;
    }
}

fn too_large(max: usize) -> IntakeError {
    IntakeError::TooLarge { limit: ExceededLimit::DecompressedBytes, max }
}

fn malformed(name: &str, error: &io::Error) -> IntakeError {
    IntakeError::MalformedBody(format!("the body is not {name}: {error}"))
}
