//! A walk over the frames of one segment's file.
//!
//! Recovery, readers and the search for a checksum all go through this, so there is one place that
//! says what a frame on disk must look like. A length is believed only as far as the file reaches,
//! so that damage cannot ask for more memory than the file is large.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use merganser_core::journal::JournalError;

use super::frame::{FRAME_HEADER_BYTES, FrameHeader};

const BUFFER_BYTES: usize = 256 * 1024;

/// Why a frame could not be had.
#[derive(Debug)]
pub(super) enum FrameError {
    /// The system failed to read.
    Io(io::Error),
    /// The bytes from `at` on are not a whole frame.
    Damaged {
        /// Where in the file it begins.
        at: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl FrameError {
    /// The fault as a reader of `path` reports it.
    pub(super) fn in_file(self, path: &Path) -> JournalError {
        match self {
            Self::Io(error) => io_error("reading", path, &error),
            Self::Damaged { at, why } => corrupt(path, at, &why),
        }
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Damage, with its place.
pub(super) fn corrupt(path: &Path, at: u64, why: &str) -> JournalError {
    JournalError::Corrupt(format!("{} at byte {at}: {why}", path.display()))
}

/// A failed operation, with its file.
pub(super) fn io_error(doing: &str, path: &Path, error: &io::Error) -> JournalError {
    JournalError::Io(format!("{doing} {}: {error}", path.display()))
}

/// A place in a segment's file, at the start of a frame.
#[derive(Debug)]
pub(super) struct FrameCursor {
    file: BufReader<File>,
    at: u64,
    size_bytes: u64,
    /// The header at `at`, if it was looked at; then the file stands behind it.
    ahead: Option<FrameHeader>,
}

impl FrameCursor {
    /// A walk over `file` from byte `at`, where a frame begins, up to byte `size_bytes`.
    pub(super) fn new(mut file: File, at: u64, size_bytes: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(at))?;
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Self { file, at, size_bytes, ahead: None })
    }

    /// Where it stands.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The header of the frame that it stands at; `None` at the end. Nothing proves the header but
    /// that its frame fits the file.
    pub(super) fn peek(&mut self) -> Result<Option<FrameHeader>, FrameError> {
        if self.ahead.is_some() || self.at == self.size_bytes {
            return Ok(self.ahead);
        }
        let rest = self.size_bytes - self.at;
        if rest < FRAME_HEADER_BYTES as u64 {
            return Err(self.damaged(format!("{rest} bytes are too few for a record")));
        }
        let mut bytes = [0; FRAME_HEADER_BYTES];
        self.fill(&mut bytes)?;
        let header = FrameHeader::parse(bytes);
        if header.payload_bytes().is_none() {
            return Err(self.damaged("a record's length is too small".to_owned()));
        }
        if header.frame_bytes() > rest {
            let size = header.frame_bytes();
            return Err(self.damaged(format!("a record of {size} bytes ends behind the file")));
        }
        self.ahead = Some(header);
        Ok(self.ahead)
    }

    /// Steps over the frame that it stands at, unproven.
    pub(super) fn skip(&mut self) -> Result<(), FrameError> {
        if let Some(header) = self.peek()? {
            let payload = header.frame_bytes() - FRAME_HEADER_BYTES as u64;
            self.file.seek_relative(payload.cast_signed())?;
            self.step(&header);
        }
        Ok(())
    }

    /// Reads the frame that it stands at, with its payload into `payload`, and proves it.
    pub(super) fn read(
        &mut self,
        payload: &mut Vec<u8>,
    ) -> Result<Option<FrameHeader>, FrameError> {
        let Some(header) = self.peek()? else { return Ok(None) };
        payload.resize(header.payload_bytes().unwrap_or(0), 0);
        self.fill(payload)?;
        if !header.verifies(payload) {
            return Err(self.damaged("a record's checksum does not match".to_owned()));
        }
        self.step(&header);
        Ok(Some(header))
    }

    fn step(&mut self, header: &FrameHeader) {
        self.at += header.frame_bytes();
        self.ahead = None;
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), FrameError> {
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged("the file has become shorter".to_owned()),
            _ => FrameError::Io(error),
        })
    }

    fn damaged(&self, why: String) -> FrameError {
        FrameError::Damaged { at: self.at, why }
    }
}
