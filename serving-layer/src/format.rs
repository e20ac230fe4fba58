//! Answers as bytes, written piece by piece, so that a large one is never held as a whole text.

mod json;

use bytes::Bytes;

use crate::answer::Answer;
use crate::error::Error;
use crate::query::{Format, QueryError};

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

/// Writes one answer.
pub(crate) struct Writer {
    format: Format,
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
}

impl Writer {
    pub(crate) fn new(answer: Answer, format: Format) -> Result<Self, Error> {
        let pieces: Box<dyn Iterator<Item = Bytes> + Send> = match format {
            Format::Json => Box::new(json::pieces(answer)),
            Format::Csv | Format::Ndjson | Format::Arrow | Format::Parquet => {
                let detail = "`format` is one that is not written yet; `json` is right";
                return Err(QueryError::new("unknown_format", "format", detail).into());
            }
        };
        Ok(Self { format, pieces })
    }

    pub(crate) fn content_type(&self) -> &'static str {
        self.format.content_type()
    }
}

impl Iterator for Writer {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.pieces.next()
    }
}
