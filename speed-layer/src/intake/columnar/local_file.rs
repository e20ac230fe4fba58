//! Files of columns on a disk, as lines of JSON: for a client whose file is too large for one
//! request.
//!
//! The files belong to the user that reads them, so their size is not checked ahead; a bounded
//! number of rows is held at a time.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use arrow::error::ArrowError;
use arrow_ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::json_lines::{JsonLinesWriter, check_fields};
use super::parquet_file::{Int96Batch, ParquetReadPlan, options};
use super::{
    ColumnLayout, ColumnMapping, ColumnarFormat, DecodeBounds, IntakeError, malformed,
    narrow_integers,
};

/// Rows that a batch may have, and bytes of their lines.
const BOUNDS: DecodeBounds = DecodeBounds { events_max: 1 << 24, bytes_max: 1 << 30 };
/// How Arrow's file format begins.
const ARROW_FILE: &[u8; 6] = b"ARROW1";

type Int96Batches = Box<dyn Iterator<Item = Result<Int96Batch, ArrowError>>>;

/// A file of columns.
pub struct ColumnarFile {
    names: Vec<String>,
    fields: arrow::datatypes::Fields,
    batches: Int96Batches,
}

impl std::fmt::Debug for ColumnarFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColumnarFile").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ColumnarFile {
    /// Opens a file. Of Arrow both formats are read: of files and of streams.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(mut file: File, kind: ColumnarFormat) -> Result<Self, IntakeError> {
        let (schema, batches): (_, Int96Batches) = match kind {
            ColumnarFormat::Parquet => {
                let found = ArrowReaderMetadata::load(&file, options()).map_err(malformed)?;
                let again = || file.try_clone().map_err(malformed);
                narrow_integers::check(again()?, found.metadata())?;
                let batches = ParquetReadPlan::of(&found)?.batches([again()?, again()?])?;
                (found.schema().clone(), Box::new(batches))
            }
            ColumnarFormat::ArrowStream => {
                let mut start = [0; ARROW_FILE.len()];
                let is_file = file.read_exact(&mut start).is_ok() && start == *ARROW_FILE;
                file.rewind().map_err(malformed)?;
                let source = BufReader::new(file);
                if is_file {
                    let reader = FileReader::try_new(source, None).map_err(malformed)?;
                    (reader.schema(), Box::new(reader.map(|batch| Ok((batch?, None)))))
                } else {
                    let reader = StreamReader::try_new(source, None).map_err(malformed)?;
                    (reader.schema(), Box::new(reader.map(|batch| Ok((batch?, None)))))
                }
            }
        };
        let fields = schema.fields().clone();
        let names = fields.iter().map(|field| field.name().clone()).collect();
        Ok(Self { names, fields, batches })
    }

    /// The names of its columns.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its rows as lines of JSON.
    ///
    /// # Errors
    /// When the columns are not those that the mapping names, or stand for nothing in JSON.
    pub fn lines(self, mapping: &ColumnMapping) -> Result<ColumnarLines, IntakeError> {
        let layout = check_fields(&self.fields, Some(mapping))?;
        Ok(ColumnarLines { layout, batches: self.batches, text: Vec::new(), read: 0 })
    }
}

/// Rows as lines of JSON.
pub struct ColumnarLines {
    layout: ColumnLayout,
    batches: Int96Batches,
    text: Vec<u8>,
    read: usize,
}

impl std::fmt::Debug for ColumnarLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColumnarLines").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl Read for ColumnarLines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() {
            let Some(batch) = self.batches.next() else { return Ok(0) };
            let (batch, twin) = batch.map_err(io::Error::other)?;
            let mut lines = JsonLinesWriter::new(self.layout.clone(), BOUNDS);
            lines.add(&batch, twin.as_ref()).map_err(io::Error::other)?;
            (self.text, self.read) = (lines.finish(), 0);
        }
        let rest = self.text.get(self.read..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.read += count;
        Ok(count)
    }
}
