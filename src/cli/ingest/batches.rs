//! A source of events, cut into what one request takes.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::line_ids::{LineIdLifetime, LineIds};

/// Bytes of a batch: well below what a server takes by default.
pub(super) const BATCH_MAX_BYTES: usize = 8 << 20;

/// Bytes of a line, beyond which the source is surely not one of events.
const LINE_MAX_BYTES: u64 = 16 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The same of a row, of which a line is one.
pub(super) const ROW_MAX_BYTES: usize = 16 << 20;

/// A place between two lines of a source, known by everything before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourcePosition {
    /// Lines before it.
    pub(super) lines: u64,
    /// Bytes before it, decompressed.
    pub(super) bytes: u64,
    /// SHA-256 of these bytes, in hexadecimal digits.
    pub(super) digest: String,
}

impl SourcePosition {
    /// Behind so many lines and bytes with that digest.
    pub(super) fn of(lines: u64, bytes: u64, digest: &Sha256) -> Self {
        let digest: [u8; 32] = digest.clone().finalize().into();
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { lines, bytes, digest }
    }
}

/// How a batch is sent.
#[derive(Clone, Debug)]
pub(super) struct RequestFormat {
    /// What it is.
    pub(super) content_type: &'static str,
    /// What goes with it, each behind a `&`.
    pub(super) parameters: String,
}

impl Default for RequestFormat {
    fn default() -> Self {
        Self { content_type: "application/x-ndjson", parameters: String::new() }
    }
}

/// A row of a batch that is no line of JSON.
#[derive(Clone, Debug)]
pub(super) struct RowSpan {
    /// Where it is in the body.
    pub(super) bytes: Range<usize>,
    /// Whether it has an id.
    pub(super) has_id: bool,
}

/// Batches out of a file, in order.
pub(super) trait BatchSource: Iterator<Item = io::Result<UploadBatch>> {
    /// Goes on from a place, before anything was taken. False if it is none of this source, or no
    /// longer: what lies before it is something else.
    ///
    /// Everything before it is read and compared, since a file that was edited, however little,
    /// could otherwise go on within a line, or leave one out.
    ///
    /// # Errors
    /// When it cannot be read.
    fn seek_to(&mut self, place: &SourcePosition) -> io::Result<bool>;

    /// How an event of it is sent by itself.
    fn shape(&self) -> RequestFormat;

    /// Which ids stand before its lines.
    fn ids(&self) -> LineIdLifetime;

    /// Where it is one of lines of which none was taken or passed over yet, what they begin with.
    ///
    /// # Errors
    /// When it cannot be read.
    fn peek_lines(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(None)
    }
}

/// Events for one request.
#[derive(Debug, Default)]
pub(super) struct UploadBatch {
    /// The lines, each with its end, and with an id before it where ids are given.
    pub(super) body: Vec<u8>,
    /// How it is sent.
    pub(super) shape: RequestFormat,
    /// Bytes before the first row, where it has rows.
    pub(super) head_bytes: usize,
    /// Its rows, where its lines are not one event each.
    pub(super) rows: Vec<RowSpan>,
    /// The number in its source of each line, or of that in which each row begins, from 1.
    pub(super) lines: Vec<u64>,
    /// How many have no `id`.
    pub(super) unidentified: u64,
    /// What makes up for that.
    pub(super) ids: LineIdLifetime,
    /// Behind its last line.
    pub(super) end: SourcePosition,
}

impl UploadBatch {
    /// How many of its events are stored once more if they are sent again.
    pub(super) fn unsafe_events(&self) -> u64 {
        match self.ids {
            LineIdLifetime::None => self.unidentified,
            LineIdLifetime::Passing | LineIdLifetime::Lasting => 0,
        }
    }

    /// Its lines of JSON as they are in the file.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.body.split(|byte| *byte == b'\n');
        lines.map(|line| match self.ids {
            LineIdLifetime::None => line,
            LineIdLifetime::Passing | LineIdLifetime::Lasting => {
                line.splitn(2, |byte| *byte == b'\t').nth(1).unwrap_or_default()
            }
        })
    }

    /// Nothing where there are no lines, as behind the last batch.
    pub(super) fn non_empty(self) -> Option<Self> {
        (!self.lines.is_empty()).then_some(self)
    }
}

/// The batches of a source, in order. Blank lines are left out.
pub(super) struct LineBatchIter {
    source: Box<dyn BufRead>,
    batch_events: usize,
    ids: LineIds,
    read: u64,
    read_bytes: u64,
    digest: Sha256,
    line: Vec<u8>,
    is_done: bool,
}

impl LineBatchIter {
    /// Reads a source that is plain text, gzip or zstd, as its first bytes say.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn new(
        source: Box<dyn Read>,
        batch_events: usize,
        ids: LineIds,
    ) -> io::Result<Self> {
        Ok(Self {
            source: decompressed(source)?,
            batch_events,
            ids,
            read: 0,
            read_bytes: 0,
            digest: Sha256::new(),
            line: Vec::new(),
            is_done: false,
        })
    }

    /// Where it has come to.
    fn source_position(&self) -> SourcePosition {
        SourcePosition::of(self.read, self.read_bytes, &self.digest)
    }

    fn next_batch(&mut self) -> io::Result<UploadBatch> {
        let mut batch =
            UploadBatch { shape: self.shape(), ids: self.ids.given(), ..UploadBatch::default() };
        while batch.lines.len() < self.batch_events && batch.body.len() < BATCH_MAX_BYTES {
            self.line.clear();
            let mut limited = (&mut self.source).take(LINE_MAX_BYTES);
            let count = limited.read_until(b'\n', &mut self.line)?;
            if count == 0 {
                self.is_done = true;
                break;
            }
            self.read += 1;
            self.read_bytes += count as u64;
            let (line, end) = match self.line.strip_suffix(b"\n") {
                Some(line) => (line, &b"\n"[..]),
                None => (&*self.line, &b""[..]),
            };
            // Its end is none of the line, which may be the last one and get another behind it.
            self.digest.update(line);
            if count as u64 == LINE_MAX_BYTES && end.is_empty() {
                let message = format!("line {} is longer than 16 MiB", self.read);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let text = match self.read {
                1 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
                _ => line,
            };
            if !text.trim_ascii().is_empty() {
                if let Some(id) = self.ids.next(&self.digest) {
                    batch.body.extend_from_slice(id.as_bytes());
                    batch.body.push(b'\t');
                }
                batch.body.extend_from_slice(text);
                batch.body.push(b'\n');
                batch.unidentified += u64::from(!has_id(text));
                batch.lines.push(self.read);
            }
            self.digest.update(end);
        }
        batch.end = self.source_position();
        Ok(batch)
    }
}

impl Iterator for LineBatchIter {
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

impl BatchSource for LineBatchIter {
    fn seek_to(&mut self, place: &SourcePosition) -> io::Result<bool> {
        let mut before = (&mut self.source).take(place.bytes);
        loop {
            let read = before.fill_buf()?;
            if read.is_empty() {
                break;
            }
            self.digest.update(read);
            let count = read.len();
            before.consume(count);
            self.read_bytes += count as u64;
        }
        self.read = place.lines;
        Ok(self.source_position() == *place)
    }

    fn shape(&self) -> RequestFormat {
        RequestFormat { parameters: self.ids.parameters().to_owned(), ..RequestFormat::default() }
    }

    fn ids(&self) -> LineIdLifetime {
        self.ids.given()
    }

    fn peek_lines(&mut self) -> io::Result<Option<&[u8]>> {
        match self.read {
            0 => self.source.fill_buf().map(Some),
            _ => Ok(None),
        }
    }
}

/// A source that is plain text, gzip or zstd, as its first bytes say.
pub(super) fn decompressed(source: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let mut source = BufReader::with_capacity(1 << 18, source);
    let start = source.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(source)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(source)?))
    } else {
        Box::new(source)
    })
}

/// Whether the event has an id. What is no event has none to lose: the server will refuse it.
pub(super) fn has_id(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct EventIdField {
        id: Option<IgnoredAny>,
    }
    serde_json::from_slice::<EventIdField>(line).map_or(true, |head| head.id.is_some())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn batches(source: Vec<u8>, batch_events: usize) -> Vec<UploadBatch> {
        let batches =
            LineBatchIter::new(Box::new(io::Cursor::new(source)), batch_events, LineIds::Without)
                .unwrap();
        batches.collect::<io::Result<_>>().unwrap()
    }

    #[test]
    fn lines_keep_their_numbers_whatever_is_left_out() {
        let source = b"{\"id\":\"1\"}\n\n  \n{\"event\":\"x\"}\r\n{\"id\":\"3\"}";
        let batches = batches(source.to_vec(), 2);
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].lines, [1, 4]);
        assert_eq!(batches[0].unidentified, 1);
        assert_eq!(batches[1].lines, [5]);
        assert_eq!(batches[1].body, b"{\"id\":\"3\"}\n");
        assert_eq!(batches[1].unidentified, 0);
    }

    #[test]
    fn compressed_sources_are_recognised_by_their_first_bytes() {
        let text = b"{}\n{}\n".to_vec();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let sources = [gzip.finish().unwrap(), zstd::encode_all(&*text, 1).unwrap(), text];
        for source in sources {
            let batches = batches(source, 10);
            assert_eq!(batches.len(), 1);
            assert_eq!(batches[0].lines, [1, 2]);
        }
        assert!(batches(Vec::new(), 10).is_empty());
    }

    #[test]
    fn a_source_goes_on_from_a_place_whatever_it_is_compressed_with() {
        let text = b"{\"id\":\"1\"}\n\n{\"id\":\"2\"}\n{\"id\":\"3\"}\n{\"id\":\"4\"}\n".to_vec();
        let whole = batches(text.clone(), 2);
        let place = &whole[0].end;
        assert_eq!((place.lines, place.bytes), (3, 23));
        let zstd = zstd::encode_all(&*text, 1).unwrap();
        for source in [text.clone(), zstd] {
            let mut source =
                LineBatchIter::new(Box::new(io::Cursor::new(source)), 2, LineIds::Without).unwrap();
            assert!(source.seek_to(place).unwrap());
            let rest: Vec<UploadBatch> = source.collect::<io::Result<_>>().unwrap();
            assert_eq!(rest.len(), 1);
            assert_eq!((&rest[0].lines, &rest[0].body), (&whole[1].lines, &whole[1].body));
            assert_eq!(rest[0].end, whole[1].end);
        }
        let edited = [b"{\"id\":\"0\"}".as_slice(), &text[10..]].concat();
        for other in [edited, text[..20].to_vec(), Vec::new()] {
            let mut source =
                LineBatchIter::new(Box::new(io::Cursor::new(other)), 2, LineIds::Without).unwrap();
            assert!(!source.seek_to(place).unwrap());
        }
    }

    /// The ids that stand before the lines.
    fn ids_of(text: &str, batch_events: usize) -> Vec<String> {
        let source = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let ids = LineIds::Lasting(b"/f".to_vec());
        let batches = LineBatchIter::new(source, batch_events, ids).unwrap();
        let batches: Vec<UploadBatch> = batches.collect::<io::Result<_>>().unwrap();
        let mut ids = Vec::new();
        for batch in &batches {
            assert_eq!(
                (batch.ids, &*batch.shape.parameters),
                (LineIdLifetime::Lasting, "&ids=line")
            );
            assert_eq!(batch.unsafe_events(), 0);
            let body = String::from_utf8(batch.body.clone()).unwrap();
            ids.extend(body.lines().map(|line| line.split_once('\t').unwrap().0.to_owned()));
        }
        ids
    }

    #[test]
    fn a_line_has_its_id_however_the_file_grows_and_is_cut() {
        let text = "\u{feff}{\"event\":\"x\"}\n\n{\"event\":\"x\"}\r\n{\"event\":\"x\"}";
        let ids = ids_of(text, 10);
        assert_eq!(ids.len(), 3);
        assert!(ids[0] != ids[1] && ids[1] != ids[2], "lines that look the same are others");
        assert_eq!(ids_of(text, 1), ids);
        let grown = ids_of(&format!("{text}\n{{\"event\":\"y\"}}\n"), 2);
        assert_eq!((&grown[..3], grown.len()), (&ids[..], 4));
        assert_ne!(ids_of(&text.replacen('x', "y", 1), 10)[2], ids[2]);
        // Gone on with, it is the same as read from its beginning.
        let open = || {
            let source = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
            LineBatchIter::new(source, 1, LineIds::Lasting(b"/f".to_vec())).unwrap()
        };
        let first = open().next().unwrap().unwrap();
        assert_eq!(first.texts().next(), Some(&b"{\"event\":\"x\"}"[..]), "without the mark");
        let mut rest = open();
        assert!(rest.seek_to(&first.end).unwrap());
        assert!(rest.next().unwrap().unwrap().body.starts_with(ids[1].as_bytes()));
    }

    #[test]
    fn a_line_without_end_is_an_error_and_not_a_full_memory() {
        let endless = Box::new(io::repeat(b'x'));
        let mut batches = LineBatchIter::new(endless, 10, LineIds::Without).unwrap();
        let message = batches.next().unwrap().unwrap_err().to_string();
        assert_eq!(message, "line 1 is longer than 16 MiB");
        assert!(batches.next().is_none());
    }
}
