//! A CSV file, cut into what one request takes: each has the line of names, and rows as they stand
//! in the file. The server judges them; where a file is cut makes no difference to it.

use std::io::{self, BufRead};

use crate::compose::input_rows::{ColumnLayout, CsvParameters, CsvRecordReader};
use sha2::{Digest, Sha256};

use super::batches::{
    BATCH_MAX_BYTES, BatchSource, ROW_MAX_BYTES, RequestFormat, RowSpan, SourcePosition,
    UploadBatch,
};
use super::columns::{csv_parameters, csv_records, read_header};
use super::line_ids::{LineIdLifetime, LineIds};

/// Bytes that the JSON of a batch may come to, about: the names of columns stand in each row.
const JSON_MAX_BYTES: usize = 24 << 20;
/// Blank lines within a batch; what has more begins another one.
const BLANK_LINES_MAX: u64 = 64;

/// A source that keeps the digest of everything that was taken from it.
struct HashingReader {
    source: Box<dyn BufRead>,
    digest: Sha256,
    bytes: u64,
}

impl io::Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let input = self.source.fill_buf()?;
        let count = input.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), input.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for HashingReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is to be consumed is in the buffer already, so nothing is read here.
        if let Some(taken) = self.source.fill_buf().ok().and_then(|input| input.get(..count)) {
            self.digest.update(taken);
        }
        self.bytes += count as u64;
        self.source.consume(count);
    }
}

/// A row that was read and is in no batch yet.
struct PendingRow {
    line: u64,
    next_line: u64,
    /// With an id before it, where ids are given.
    raw: Vec<u8>,
    has_id: bool,
}

/// The batches of a file.
pub(super) struct CsvBatchIter {
    records: CsvRecordReader<HashingReader>,
    head: Vec<u8>,
    id: Option<usize>,
    ids: LineIds,
    delimiter: u8,
    width: usize,
    names_bytes: usize,
    parameters: String,
    batch_events: usize,
    waiting: Option<PendingRow>,
    end: SourcePosition,
    is_done: bool,
}

impl CsvBatchIter {
    /// The rows of a source that begins with these names.
    pub(super) fn new(
        source: Box<dyn BufRead>,
        options: &CsvParameters,
        layout: &ColumnLayout,
        batch_events: usize,
        ids: LineIds,
    ) -> Result<Self, String> {
        let parameters = csv_parameters(options);
        let source = HashingReader { source, digest: Sha256::new(), bytes: 0 };
        let mut records = csv_records(source, options.delimiter);
        let names = read_header(&mut records)?.unwrap_or_default();
        let delimiter = char::from(options.delimiter).to_string();
        let quoted = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
        let head = format!("{}\n", quoted.collect::<Vec<_>>().join(&delimiter)).into_bytes();
        let names_bytes = names.iter().map(|name| name.len() + 6).sum();
        let mut batches = Self {
            id: layout.id,
            ids,
            delimiter: options.delimiter,
            width: names.len(),
            records,
            head,
            names_bytes,
            parameters,
            batch_events,
            waiting: None,
            end: SourcePosition::default(),
            is_done: names.is_empty(),
        };
        batches.end = batches.source_position();
        Ok(batches)
    }

    /// Where it has come to: behind the last row that was read.
    fn source_position(&self) -> SourcePosition {
        let source = self.records.get_ref();
        // Sent in another way, a file is another one.
        let digest = source.digest.clone().chain_update(&self.parameters);
        SourcePosition::of(self.records.lines(), source.bytes, &digest)
    }

    fn read(&mut self) -> io::Result<Option<PendingRow>> {
        if let Some(waiting) = self.waiting.take() {
            return Ok(Some(waiting));
        }
        // An id is of what comes before a row and of the row, but not of what it ends with, since
        // the last one may get another behind it.
        let before = self.records.get_ref().digest.clone();
        let Some(record) = self.records.next_record()? else { return Ok(None) };
        if record.raw.len() >= ROW_MAX_BYTES {
            let message = format!("line {} is longer than 16 MiB", record.line);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        // What is no row has no id to lose: the server will refuse it.
        let has_id = match (&record.fields, self.id) {
            (Ok(fields), Some(at)) if fields.len() == self.width => !fields[at].is_empty(),
            (Ok(fields), None) if fields.len() == self.width => false,
            _ => true,
        };
        let id = self.ids.next(&before.chain_update(record.raw));
        let raw = match id {
            Some(id) => [id.as_bytes(), &[self.delimiter], record.raw].concat(),
            None => record.raw.to_vec(),
        };
        let line = record.line;
        Ok(Some(PendingRow { line, next_line: self.records.lines() + 1, raw, has_id }))
    }

    fn next_batch(&mut self) -> io::Result<UploadBatch> {
        let mut batch = UploadBatch {
            body: self.head.clone(),
            ids: self.ids.given(),
            ..UploadBatch::default()
        };
        let (mut next_line, mut json_bytes) = (0, 0);
        while batch.lines.len() < self.batch_events
            && batch.body.len() < BATCH_MAX_BYTES
            && json_bytes < JSON_MAX_BYTES
        {
            let Some(row) = self.read()? else {
                self.is_done = true;
                break;
            };
            if batch.lines.is_empty() {
                next_line = row.line;
                batch.shape = self.shape();
                batch.shape.parameters.push_str(&format!("&first_line={}", row.line));
            }
            let blank = row.line.saturating_sub(next_line);
            if blank > BLANK_LINES_MAX {
                self.waiting = Some(row);
                break;
            }
            for _ in 0..blank {
                batch.body.push(b'\n');
            }
            let start = batch.body.len();
            batch.body.extend_from_slice(&row.raw);
            batch.rows.push(RowSpan { bytes: start..batch.body.len(), has_id: row.has_id });
            batch.body.push(b'\n');
            batch.lines.push(row.line);
            batch.unidentified += u64::from(!row.has_id);
            json_bytes += row.raw.len() + self.names_bytes;
            next_line = row.next_line;
            self.end = self.source_position();
        }
        batch.head_bytes = self.head.len();
        batch.end = self.end.clone();
        Ok(batch)
    }
}

impl Iterator for CsvBatchIter {
    type Item = io::Result<UploadBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let made = self.next_batch();
        self.is_done |= made.is_err();
        made.map(UploadBatch::non_empty).transpose()
    }
}

impl BatchSource for CsvBatchIter {
    fn seek_to(&mut self, place: &SourcePosition) -> io::Result<bool> {
        let Some(bytes) = place.bytes.checked_sub(self.records.get_ref().bytes) else {
            return Ok(false);
        };
        self.records.skip(bytes, place.lines)?;
        self.end = self.source_position();
        Ok(self.end == *place)
    }

    fn shape(&self) -> RequestFormat {
        let parameters = format!("{}{}", self.parameters, self.ids.parameters());
        RequestFormat { content_type: "text/csv", parameters }
    }

    fn ids(&self) -> LineIdLifetime {
        self.ids.given()
    }
}
