//! How a body is laid out and compressed, by what its sender says.

use std::sync::Arc;

use super::adapters::{CloudEventHead, SegmentCall};
use super::column_layout::ColumnMapping;
use super::columnar::ColumnarFormat;
use super::csv::{CsvParameters, CsvRowIndex};
use super::error::IntakeError;
use super::invalid::EventFault;

/// How events are laid out in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// The same, with an id and a tab before each, which counts where the event has none.
    NamedNdjson,
    /// Rows of columns; without a mapping they are the fields of an event.
    Columns(ColumnarFormat, Option<Arc<ColumnMapping>>),
    /// Rows of CSV.
    Csv(Arc<CsvParameters>),
    /// Rows of CSV that are written as JSON by now.
    Rows(Arc<CsvRowIndex>),
    /// One CloudEvent as JSON, or an array of them.
    CloudEvents,
    /// The data of a CloudEvent, whose attributes were headers.
    CloudEventData(Arc<CloudEventHead>),
    /// Calls of the Segment API, as the `batch` of an object.
    SegmentBatch,
    /// One call of the Segment API.
    Segment(SegmentCall),
    /// What another process of a cluster has decoded.
    Decoded,
}

impl BodyFormat {
    /// Why an event is none, where that is known before it is read.
    pub(super) fn fault(&self, index: u32) -> Option<&EventFault> {
        match self {
            Self::Rows(places) => places.fault(index),
            _ => None,
        }
    }

    /// A fault with what its sender knows the event by, beside its place.
    pub(super) fn locate_fault(&self, index: u32, fault: EventFault) -> EventFault {
        match self {
            Self::Rows(places) => places.at_line(index, fault),
            _ => fault,
        }
    }

    /// The format that a `Content-Type` names.
    ///
    /// # Errors
    /// [`IntakeError::UnsupportedMedia`], saying which types are read.
    pub fn of_content_type(content_type: Option<&str>) -> Result<Self, IntakeError> {
        const READ: &str = "`application/json` (one object or an array), \
                            `application/x-ndjson` (one object a line), \
                            `application/cloudevents+json` or `-batch+json`, in UTF-8, \
                            `text/csv` (a line of names first), \
                            `application/vnd.apache.arrow.stream` and \
                            `application/vnd.apache.parquet` are read";
        let Some(content_type) = content_type else {
            return Err(IntakeError::UnsupportedMedia(format!(
                "the request has no `Content-Type`; {READ}"
            )));
        };
        let mut parts = content_type.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_utf8 =
            parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
                !name.trim().eq_ignore_ascii_case("charset")
                    || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            });
        match essence.as_str() {
            "application/json" if is_utf8 => Ok(Self::Json),
            "application/x-ndjson" if is_utf8 => Ok(Self::Ndjson),
            "application/cloudevents+json" | "application/cloudevents-batch+json" if is_utf8 => {
                Ok(Self::CloudEvents)
            }
            "application/vnd.apache.arrow.stream" => {
                Ok(Self::Columns(ColumnarFormat::ArrowStream, None))
            }
            "application/vnd.apache.parquet" => Ok(Self::Columns(ColumnarFormat::Parquet, None)),
            "text/csv" if is_utf8 => Ok(Self::Csv(Arc::default())),
            "application/x-www-form-urlencoded" => Err(IntakeError::UnsupportedMedia(format!(
                "the content type `{content_type}` is that of forms, and what curl sends \
                 without another one (`-H 'content-type: application/json'`); {READ}"
            ))),
            _ => Err(IntakeError::UnsupportedMedia(format!(
                "the content type `{content_type}` is not read; {READ}"
            ))),
        }
    }
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEncoding {
    /// Not at all.
    Identity,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames.
    Zstd,
}

impl BodyEncoding {
    /// The encoding that a `Content-Encoding` names; none is [`BodyEncoding::Identity`].
    ///
    /// # Errors
    /// [`IntakeError::UnsupportedMedia`], saying which encodings are read.
    pub fn of_content_encoding(encoding: Option<&str>) -> Result<Self, IntakeError> {
        let name = encoding.unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(IntakeError::UnsupportedMedia(format!(
                "the content encoding `{name}` is not read; `gzip` and `zstd` are, one at a time"
            ))),
        }
    }
}
