//! Answers as bytes, written piece by piece, so that a large one is never held as a whole text.
//!
//! JSON holds the whole answer. The other formats hold the rows: in them what an answer is compared
//! with are columns named `compare.` and the name, and what else JSON says is in headers, and in
//! the metadata of Arrow's and Parquet's schema ([`metadata`]).

mod columnar;
mod csv;
mod json;
pub(crate) mod metadata;
#[cfg(test)]
mod tests;

pub(crate) use json::rows_table;

use std::io;

use arrow::array::{Array, Decimal128Array};
use bytes::Bytes;
use merganser_core::decimal::Scale;
use sha2::{Digest, Sha256};

use crate::answer::{QueryAnswer, RowsDigest};
use crate::error::ServingError;
use crate::query::{AnswerFormat, CsvTextStyle};

impl AnswerFormat {
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
pub(crate) type AnswerChunks = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;

/// The digest of an answer's JSON up to the end of its rows.
pub(crate) fn digest(answer: &QueryAnswer) -> RowsDigest {
    let mut hasher = Sha256::new();
    json::rows_text(answer.clone()).for_each(|piece| hasher.update(&piece));
    RowsDigest(hasher.finalize().into())
}

/// Memory that writing an answer takes, besides its rows: what waits to be sent, and what a
/// columnar format holds of the rows that it writes together.
pub(crate) fn writing_bytes(answer: &QueryAnswer, format: AnswerFormat) -> usize {
    let together = match format {
        AnswerFormat::Json | AnswerFormat::Ndjson | AnswerFormat::Csv => 0,
        AnswerFormat::Arrow | AnswerFormat::Parquet => {
            let rows = answer.rows.values.num_rows().max(1);
            3 * answer.rows.values.get_array_memory_size() / rows * rows.min(columnar::ROWS)
        }
    };
    4 * PIECE_BYTES + together
}

/// Writes an answer; if it is CSV, with its texts so.
pub(crate) fn write(
    answer: QueryAnswer,
    format: AnswerFormat,
    texts: CsvTextStyle,
) -> Result<AnswerChunks, ServingError> {
    Ok(match format {
        AnswerFormat::Json => Box::new(json::pieces(answer).map(Ok)),
        AnswerFormat::Ndjson => Box::new(json::lines(answer).map(Ok)),
        AnswerFormat::Csv => Box::new(csv::pieces(answer, texts).map(Ok)),
        AnswerFormat::Arrow => Box::new(columnar::arrow(&answer)?),
        AnswerFormat::Parquet => Box::new(columnar::parquet(&answer)?),
    })
}
