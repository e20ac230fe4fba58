//! Answers as bytes, written piece by piece, so that a large one is never held as a whole text.
//!
//! JSON holds the whole answer. The other formats hold the rows: in them what an answer is compared
//! with are columns named `compare.` and the name, and what else JSON says is in headers, and in
//! the metadata of Arrow's and Parquet's schema ([`told`]).

mod columnar;
mod csv;
mod json;
#[cfg(test)]
mod tests;
pub(crate) mod told;

use std::io;

use arrow::array::{Array, Decimal128Array};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::decimal::Scale;

use crate::answer::{Answer, RowsDigest};
use crate::error::Error;
use crate::query::{CsvTexts, Format};

impl Format {
    /// The media type of answers in this format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Bytes of a piece of text, or a row more.
const PIECE_BYTES: usize = 64 << 10;

/// A decimal with all its digits, of whatever places its column has.
fn decimal_text(decimals: &Decimal128Array, row: usize) -> String {
    let scale = Scale::of(decimals.data_type()).unwrap_or_default();
    scale.format(decimals.value(row))
}

/// Pieces of an answer's bytes. An error ends them, so that a client sees that some are missing.
pub(crate) type Pieces = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;

/// The digest of an answer's JSON up to the end of its rows.
pub(crate) fn digest(answer: &Answer) -> RowsDigest {
    let mut hasher = Sha256::new();
    json::rows_text(answer.clone()).for_each(|piece| hasher.update(&piece));
    RowsDigest(hasher.finalize().into())
}

/// Memory that writing an answer takes, besides its rows: what waits to be sent, and what a
/// columnar format holds of the rows that it writes together.
pub(crate) fn writing_bytes(answer: &Answer, format: Format) -> usize {
    let together = match format {
        Format::Json | Format::Ndjson | Format::Csv => 0,
        Format::Arrow | Format::Parquet => {
            let rows = answer.rows.num_rows().max(1);
            3 * answer.rows.get_array_memory_size() / rows * rows.min(columnar::ROWS)
        }
    };
    4 * PIECE_BYTES + together
}

/// Writes an answer; if it is CSV, with its texts so.
pub(crate) fn write(answer: Answer, format: Format, texts: CsvTexts) -> Result<Pieces, Error> {
    Ok(match format {
        Format::Json => Box::new(json::pieces(answer).map(Ok)),
        Format::Ndjson => Box::new(json::lines(answer).map(Ok)),
        Format::Csv => Box::new(csv::pieces(answer, texts).map(Ok)),
        Format::Arrow => Box::new(columnar::arrow(&answer)?),
        Format::Parquet => Box::new(columnar::parquet(&answer)?),
    })
}
