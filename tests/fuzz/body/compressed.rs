//! Content encodings, read whole by the libraries that define them.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use speed_layer::intake::BodyEncoding;

/// The furthest that a zstd frame may refer back, as a power of two.
const WINDOW_LOG_MAX: u32 = 26;

/// Compresses a text.
pub(super) fn compress(plain: &[u8], encoding: BodyEncoding) -> Vec<u8> {
    match encoding {
        BodyEncoding::Identity => plain.to_vec(),
        BodyEncoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        BodyEncoding::Zstd => zstd::encode_all(plain, 1).unwrap(),
    }
}

/// What was compressed; `None` when it is damaged, or longer than `bytes_max`.
pub(super) fn read(sent: &[u8], encoding: BodyEncoding, bytes_max: usize) -> Option<Vec<u8>> {
    if sent.is_empty() {
        return Some(Vec::new());
    }
    let mut plain = Vec::new();
    let take = bytes_max as u64 + 1;
    match encoding {
        BodyEncoding::Identity => plain.extend_from_slice(sent),
        BodyEncoding::Gzip => {
            MultiGzDecoder::new(sent).take(take).read_to_end(&mut plain).ok()?;
        }
        BodyEncoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(sent).ok()?;
            decoder.window_log_max(WINDOW_LOG_MAX).ok()?;
            decoder.take(take).read_to_end(&mut plain).ok()?;
        }
    }
    (plain.len() <= bytes_max).then_some(plain)
}
