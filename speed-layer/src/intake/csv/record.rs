//! Records out of a stream of CSV, one after the other, in bounded memory.
//!
//! `csv-core` takes the fields apart. It is lenient where a file is broken: text behind a closing
//! quote is added to the field, and the end of the file closes a quote. Both are how one stray
//! quote swallows rows, so they are looked for here, and are errors.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::intake::column_layout::COLUMNS_MAX;

/// A record.
#[derive(Debug)]
pub struct CsvRecord<'a> {
    /// The line that it begins in, from 1.
    pub line: u64,
    /// The record as it was written, without the end of its line; cut off where it is too large.
    pub raw: &'a [u8],
    /// Its fields, or why it has none.
    pub fields: Result<Vec<&'a str>, CsvRecordFault>,
    /// Bytes that it may have.
    pub bytes_max: usize,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvRecordFault {
    /// A quote opens a field and none closes it.
    OpenQuote,
    /// A field goes on behind the quote that closes it.
    BehindQuote,
    /// It is not UTF-8.
    NotUtf8,
    /// It has more fields than any table has columns.
    TooManyFields {
        /// Fields that it has.
        fields: usize,
    },
    /// It is over the limit.
    TooLarge {
        /// Bytes that it has.
        bytes: usize,
    },
}

impl CsvRecordFault {
    /// What is wrong, and what would be right.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::OpenQuote => {
                "a quote that begins a field is never closed, so that everything from there on \
                 belongs to it"
                    .to_owned()
            }
            Self::BehindQuote => "a field goes on behind its closing quote; within quotes a quote \
                                  is written twice (`\"\"`)"
                .to_owned(),
            Self::NotUtf8 => "the row is not UTF-8".to_owned(),
            Self::TooManyFields { fields } => {
                format!("it has {fields} columns; {COLUMNS_MAX} are read")
            }
            Self::TooLarge { bytes } => format!("the row has {bytes} bytes, which is too much"),
        }
    }
}

/// Reads records. Lines without anything in them are passed over.
#[derive(Debug)]
pub struct CsvRecordReader<R> {
    source: R,
    core: Reader,
    delimiter: u8,
    bytes_max: usize,
    is_begun: bool,
    lines: LineCounter,
    consumed: Vec<u8>,
    consumed_bytes: usize,
    /// Bytes of the end of its line among them, so far.
    ends_bytes: usize,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Room for fields to begin with.
const FIELDS_BYTES: usize = 1024;
const FIELDS: usize = 32;
/// Fields of a record that are kept one by one; of further fields only the number is.
const FIELDS_MAX: usize = COLUMNS_MAX + 1;

impl<R: BufRead> CsvRecordReader<R> {
    /// Reads from `source`; a record may have up to `bytes_max` bytes.
    pub fn new(source: R, delimiter: u8, bytes_max: usize) -> Self {
        let mut core = ReaderBuilder::new().delimiter(delimiter).build();
        // It would pass over a mark of UTF-8 in what it reads first; here that is done before.
        let _ = core.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            source,
            core,
            delimiter,
            bytes_max,
            is_begun: false,
            lines: LineCounter::default(),
            consumed: Vec::new(),
            consumed_bytes: 0,
            ends_bytes: 0,
            fields: vec![0; FIELDS_BYTES],
            ends: vec![0; FIELDS],
        }
    }

    /// From now on a record may have so many bytes.
    pub fn limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// The source, of which nothing behind the last record is consumed but a part of the end of its
    /// line.
    pub fn get_ref(&self) -> &R {
        &self.source
    }

    /// Lines that are passed, that of the last record among them.
    pub fn lines(&self) -> u64 {
        self.lines.passed
    }

    /// Passes over so many bytes, behind which `lines` lines are passed, so that the next record is
    /// the one that begins there. There may be fewer bytes.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn skip(&mut self, mut bytes: u64, lines: u64) -> io::Result<()> {
        while bytes > 0 {
            let input = self.source.fill_buf()?;
            let count = input.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            let Some(last) = input.get(..count).and_then(<[u8]>::last) else { break };
            self.lines.is_after_return = *last == b'\r';
            self.source.consume(count);
            bytes -= count as u64;
        }
        self.lines.passed = lines;
        Ok(())
    }

    /// The next record; none at the end.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<CsvRecord<'_>>> {
        self.pass_mark()?;
        self.pass_blank_lines()?;
        self.consumed.clear();
        self.consumed_bytes = 0;
        let line = self.lines.passed + 1;
        let (mut bytes, mut count, mut before, mut is_open) = (0, 0, 0, false);
        loop {
            let input = self.source.fill_buf()?;
            let is_end = input.is_empty();
            // Where the text ends within a record, the end of a line ends it too, unless a quote is
            // open.
            let is_within = is_end && !is_open && self.consumed_bytes > 0;
            let input = if is_within { &b"\n"[..] } else { input };
            let room = (self.fields.get_mut(bytes..), self.ends.get_mut(count..));
            let (Some(fields), Some(ends)) = room else { return Ok(None) };
            let (result, read, written, ended) = self.core.read_record(input, fields, ends);
            if !is_end {
                let piece = input.get(..read).unwrap_or_default();
                let room = self.bytes_max.saturating_add(SLACK).saturating_sub(self.consumed.len());
                self.consumed.extend_from_slice(piece.get(..room).unwrap_or(piece));
                self.consumed_bytes += read;
                self.lines.pass(piece);
                self.ends_bytes = usize::from(piece.last().is_some_and(|byte| is_line_end(*byte)));
                self.source.consume(read);
            }
            bytes += written;
            count += ended;
            let is_over = self.consumed_bytes > self.bytes_max.saturating_add(SLACK);
            if is_over {
                // It is passed over, and what it holds is of no use: there is room enough.
                (bytes, count) = (0, 0);
            }
            match result {
                ReadRecordResult::InputEmpty if is_within => is_open = true,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull if is_over => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() < FIELDS_MAX => {
                    self.ends.resize((self.ends.len() * 2).min(FIELDS_MAX), 0);
                }
                ReadRecordResult::OutputEndsFull => (before, count) = (before + count, 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let written = ParsedFields { bytes, before, count, is_open };
        Ok(Some(self.record(line, &written)))
    }

    /// Passes over the mark of UTF-8, where the source begins with it.
    fn pass_mark(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_begun, true)
            && self.source.fill_buf()?.starts_with(BYTE_ORDER_MARK)
        {
            self.source.consume(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    fn pass_blank_lines(&mut self) -> io::Result<()> {
        loop {
            let input = self.source.fill_buf()?;
            let count = input.iter().take_while(|byte| is_line_end(**byte)).count();
            if count == 0 {
                return Ok(());
            }
            self.lines.pass(input.get(..count).unwrap_or_default());
            self.source.consume(count);
        }
    }

    fn record(&self, line: u64, written: &ParsedFields) -> CsvRecord<'_> {
        let ends = self.consumed.iter().rev().take_while(|byte| is_line_end(**byte)).count();
        let raw = self.consumed.get(..self.consumed.len() - ends).unwrap_or_default();
        let fields = if raw.len() > self.bytes_max {
            Err(CsvRecordFault::TooLarge { bytes: self.consumed_bytes - self.ends_bytes })
        } else if written.is_open {
            Err(CsvRecordFault::OpenQuote)
        } else {
            check_quotes(raw, self.delimiter).and_then(|()| match written.before {
                0 => texts(self.fields.get(..written.bytes), self.ends.get(..written.count)),
                _ if std::str::from_utf8(raw).is_err() => Err(CsvRecordFault::NotUtf8),
                before => Err(CsvRecordFault::TooManyFields { fields: before + written.count }),
            })
        };
        let raw = raw.get(..self.bytes_max).unwrap_or(raw);
        CsvRecord { line, raw, fields, bytes_max: self.bytes_max }
    }

    /// How many bytes and ends of fields there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> (usize, usize) {
        (self.fields.capacity(), self.ends.capacity())
    }
}

/// What a record's fields have come to.
struct ParsedFields {
    bytes: usize,
    /// Fields whose ends were given up for room.
    before: usize,
    /// Fields behind those.
    count: usize,
    is_open: bool,
}

/// Bytes more than a record may have, by which too large ones are known: more than the end
/// of its line.
const SLACK: usize = 16;

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Each field by itself has to be text.
fn texts<'a>(
    fields: Option<&'a [u8]>,
    ends: Option<&[usize]>,
) -> Result<Vec<&'a str>, CsvRecordFault> {
    let (fields, ends) = (fields.unwrap_or_default(), ends.unwrap_or_default());
    let text = std::str::from_utf8(fields).map_err(|_| CsvRecordFault::NotUtf8)?;
    let mut start = 0;
    let mut texts = Vec::with_capacity(ends.len());
    for end in ends {
        texts.push(text.get(start..*end).ok_or(CsvRecordFault::NotUtf8)?);
        start = *end;
    }
    Ok(texts)
}

/// Looks for a field that goes on behind its closing quote.
fn check_quotes(raw: &[u8], delimiter: u8) -> Result<(), CsvRecordFault> {
    if !raw.contains(&b'"') {
        return Ok(());
    }
    let mut rest = raw;
    loop {
        let Some(mut quoted) = rest.strip_prefix(b"\"") else {
            // A quote within a field that does not begin with one stands for itself.
            let Some(at) = memchr::memchr(delimiter, rest) else { return Ok(()) };
            rest = rest.get(at + 1..).unwrap_or_default();
            continue;
        };
        let behind = loop {
            let at = memchr::memchr(b'"', quoted).ok_or(CsvRecordFault::OpenQuote)?;
            let after = quoted.get(at + 1..).unwrap_or_default();
            match after.strip_prefix(b"\"") {
                Some(more) => quoted = more,
                None => break after,
            }
        };
        match behind.split_first() {
            None => return Ok(()),
            Some((next, more)) if *next == delimiter => rest = more,
            Some(_) => return Err(CsvRecordFault::BehindQuote),
        }
    }
}

/// Counts lines, of which each ends with `\n`, `\r\n` or `\r`.
#[derive(Debug, Default)]
struct LineCounter {
    passed: u64,
    is_after_return: bool,
}

impl LineCounter {
    fn pass(&mut self, bytes: &[u8]) {
        for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            let is_after_return = before.map_or(self.is_after_return, |byte| *byte == b'\r');
            if !(bytes.get(at) == Some(&b'\n') && is_after_return) {
                self.passed += 1;
            }
        }
        if let Some(last) = bytes.last() {
            self.is_after_return = *last == b'\r';
        }
    }
}
