//! Events as columns: an Arrow IPC stream, or a Parquet file.
//!
//! They are written as the text that they stand for, a line of JSON a row, and go the way of all
//! lines from there on: the same rules, verdicts and digest. A column is a field of an event, and
//! `properties` is a struct, a map, or text that is JSON; null fields are left out. With a mapping
//! columns are fields of other names, and the rest are properties.
//!
//! A body says how much comes out of it, and may lie. So before a library reads it,
//! [`arrow_stream`] and [`parquet_pages`] add up what it says, refuse what is not bound by that,
//! and leave out nothing that the library takes without a look; what is written is bounded once
//! more, since a value that a body has once may stand in every row.

mod arrow_stream;
mod bounded_text;
mod column_writer;
mod instant;
mod json_lines;
mod local_file;
mod narrow_integers;
mod parquet_file;
mod parquet_pages;
mod scalar;
#[cfg(test)]
mod tests;
mod thrift;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::error::ArrowError;
use bytes::Bytes;

pub use self::local_file::{ColumnarFile, ColumnarLines};

use self::json_lines::JsonLinesWriter;
use self::parquet_file::Int96Batch;
use super::budget::IntakePermit;
use super::column_layout::{ColumnLayout, ColumnMapping};
use super::error::{ExceededLimit, IntakeError};

/// Which kind of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnarFormat {
    /// An Arrow IPC stream.
    ArrowStream,
    /// A Parquet file.
    Parquet,
}

impl ColumnarFormat {
    const fn name(self) -> &'static str {
        match self {
            Self::ArrowStream => "an Arrow IPC stream",
            Self::Parquet => "a Parquet file",
        }
    }
}

/// What a body may come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecodeBounds {
    /// Rows.
    pub(super) events_max: usize,
    /// Bytes of the columns as they are read, and of the lines.
    pub(super) bytes_max: usize,
}

impl DecodeBounds {
    pub(super) fn too_many(self) -> IntakeError {
        IntakeError::TooLarge { limit: ExceededLimit::Events, max: self.events_max }
    }

    pub(super) fn too_large(self) -> IntakeError {
        IntakeError::TooLarge { limit: ExceededLimit::DecompressedBytes, max: self.bytes_max }
    }
}

/// The rows of a body as lines of JSON.
///
/// # Errors
/// When it is not what it is said to be, has columns that are no field of an event, or exceeds a
/// bound.
pub(super) fn lines(
    kind: ColumnarFormat,
    body: Bytes,
    mapping: Option<&ColumnMapping>,
    bounds: DecodeBounds,
    share: &mut IntakePermit,
) -> Result<Vec<u8>, IntakeError> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    // The libraries do not check all that they read; a panic ends this request and no other.
    let read = catch_unwind(AssertUnwindSafe(|| match kind {
        ColumnarFormat::ArrowStream => {
            let held_bytes = arrow_stream::check(&body, bounds)?;
            charged(share, held_bytes, || {
                let (layout, batches) = arrow_stream::batches(body, mapping)?;
                write(batches, layout, bounds)
            })
        }
        ColumnarFormat::Parquet => {
            let file = parquet_file::check(body, mapping, bounds)?;
            charged(share, file.held_bytes, || {
                let layout = file.layout.clone();
                write(file.batches()?, layout, bounds)
            })
        }
    }));
    let read = read.unwrap_or_else(|_| Err(malformed("its parts do not fit each other")));
    read.map_err(|error| match error {
        IntakeError::MalformedBody(why) => {
            IntakeError::MalformedBody(format!("the body is not {} of events: {why}", kind.name()))
        }
        other => other,
    })
}

/// Charges what is held while something is made, and gives it back afterwards.
fn charged<T>(
    share: &mut IntakePermit,
    held_bytes: usize,
    make: impl FnOnce() -> Result<T, IntakeError>,
) -> Result<T, IntakeError> {
    share.grow(held_bytes)?;
    let made = make()?;
    share.shrink(held_bytes);
    Ok(made)
}

fn write(
    batches: impl Iterator<Item = Result<Int96Batch, ArrowError>>,
    layout: ColumnLayout,
    bounds: DecodeBounds,
) -> Result<Vec<u8>, IntakeError> {
    let mut lines = JsonLinesWriter::new(layout, bounds);
    for batch in batches {
        let (batch, twin) = batch.map_err(malformed)?;
        lines.add(&batch, twin.as_ref())?;
    }
    Ok(lines.finish())
}

fn malformed(why: impl std::fmt::Display) -> IntakeError {
    IntakeError::MalformedBody(why.to_string())
}
