//! The one writer of a journal: it appends frames and begins segments.
//!
//! Always true: a frame is published to readers only after its fsync, and a segment only after the
//! fsync of its file and of the directory. Once something failed that leaves it open what is on
//! disk, the writer stops for good: a second fsync can succeed although the first one's data is
//! lost, so only a new process, which reads the file again, may go on. The one failure that it
//! survives is a full disk, if what was written of the frame can be cut off durably.
//!
//! Nor is anything published whose file is not at its path any more: where the data directory was
//! deleted or replaced, fsync goes on to succeed.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Boundary, Epoch, Fence, JournalId, Offset};
use merganser_core::journal::JournalError;
use metrics::Histogram;

use super::cursor::io_error;
use super::disk::{JournalDisk, is_full};
use super::fence::{self, ClaimedFence};
use super::frame::EncodedFrame;
use super::locked_directory::{FileIdentity, LockedDirectory};
use super::reader::SharedSegments;
use super::segment::{self, SEGMENT_HEADER_BYTES, SegmentCreateError, SegmentHeader};

/// Where a frame came to lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramePlacement {
    /// The open epoch.
    pub(super) epoch: Epoch,
    /// Offset of its first event.
    pub(super) first: Offset,
    /// Its checksum.
    pub(super) checksum: u32,
    /// The checksum before it.
    pub(super) previous: u32,
}

/// Appends to a journal. There is one for each; a lock around it makes others wait.
#[derive(Debug)]
pub(super) struct JournalWriter {
    disk: Arc<dyn JournalDisk>,
    directory: PathBuf,
    journal: JournalId,
    segment_bytes_max: u64,
    published: SharedSegments,
    /// The open segment's file.
    file: File,
    /// The identity of that file.
    identity: FileIdentity,
    /// The data directory, where it was locked.
    held: Option<LockedDirectory>,
    /// What it claimed. Without it nothing is written.
    claimed: Option<ClaimedFence>,
    /// Why nothing more is written.
    stopped: Option<JournalError>,
    /// Looked up once, since there is a frame for each commit of requests.
    fsyncs: Histogram,
}

impl JournalWriter {
    /// A writer that goes on at the end of `mark_published`, whose open segment's file is `file`.
    pub(super) fn new(
        disk: Arc<dyn JournalDisk>,
        directory: PathBuf,
        journal: JournalId,
        segment_bytes_max: u64,
        published: SharedSegments,
        file: File,
    ) -> Result<Self, JournalError> {
        let identity = FileIdentity::of(&file);
        let identity = identity.map_err(|error| io_error("looking at", &directory, &error))?;
        let fsyncs = metrics::histogram!("merganser_journal_fsync_seconds");
        Ok(Self {
            disk,
            directory,
            journal,
            segment_bytes_max,
            published,
            file,
            identity,
            held: None,
            claimed: None,
            stopped: None,
            fsyncs,
        })
    }

    /// Looks from now on whether this is the data directory still.
    pub(super) fn set_directory(&mut self, held: LockedDirectory) {
        self.held = Some(held);
    }

    /// Claims the journal: no other handle writes any more.
    pub(super) fn claim(&mut self) -> Result<Fence, JournalError> {
        self.check_running()?;
        self.check_place()?;
        let (claimed, fence) = ClaimedFence::claim(self.disk.as_ref(), &self.directory)?;
        self.claimed = Some(claimed);
        Ok(fence)
    }

    /// Writes a frame behind the last one, durably.
    pub(super) fn append(
        &mut self,
        mut frame: EncodedFrame,
    ) -> Result<FramePlacement, JournalError> {
        self.check_writable()?;
        self.roll_before(frame.bytes().len() as u64)?;
        let (epoch, first, previous, size_bytes) = {
            let held = self.published.read();
            let open = held.open();
            (open.header.epoch, open.end, open.checksum, open.size_bytes)
        };
        let header = frame.place(first, previous);
        if let Err(error) = self.disk.write(&self.file, frame.bytes()) {
            return Err(self.undo_write(&error, size_bytes));
        }
        let started = Instant::now();
        if !is_bug_planted("ack_before_fsync")
            && let Err(error) = self.disk.sync(&self.file)
        {
            return Err(self.stop(&format!("fsync: {error}")));
        }
        self.fsyncs.record(started.elapsed().as_secs_f64());
        self.check_place()?;
        self.published.write().open_mut().push(&header);
        Ok(FramePlacement { epoch, first, checksum: header.checksum(), previous })
    }

    /// Where a batch without events would come to lie: at the end, with nothing written.
    pub(super) fn append_empty(&mut self) -> Result<FramePlacement, JournalError> {
        self.check_writable()?;
        self.check_place()?;
        let held = self.published.read();
        let open = held.open();
        let (epoch, first, checksum) = (open.header.epoch, open.end, open.checksum);
        Ok(FramePlacement { epoch, first, checksum, previous: checksum })
    }

    /// Ends the open epoch, durably, unless it has no events.
    pub(super) fn seal(&mut self) -> Result<Boundary, JournalError> {
        self.check_writable()?;
        let (open, end) = {
            let held = self.published.read();
            (held.open().header, held.end())
        };
        if end == open.epoch_first {
            return Ok(Boundary { epoch: open.epoch, offset: end });
        }
        self.begin_segment(open.epoch.next(), end)?;
        Ok(Boundary { epoch: open.epoch.next(), offset: end })
    }

    /// Begins a segment of the same epoch, if the open one has no room for `frame_bytes` more. A
    /// frame that is larger than a segment has one for itself.
    fn roll_before(&mut self, frame_bytes: u64) -> Result<(), JournalError> {
        let (header, size_bytes) = {
            let held = self.published.read();
            (held.open().header, held.open().size_bytes)
        };
        let has_frames = size_bytes > SEGMENT_HEADER_BYTES as u64;
        if has_frames && size_bytes + frame_bytes > self.segment_bytes_max {
            self.begin_segment(header.epoch, header.epoch_first)?;
        }
        Ok(())
    }

    fn begin_segment(&mut self, epoch: Epoch, epoch_first: Offset) -> Result<(), JournalError> {
        let (first, previous) = {
            let held = self.published.read();
            (held.end(), held.open().checksum)
        };
        let header = SegmentHeader { journal: self.journal, epoch, epoch_first, first, previous };
        self.check_place()?;
        match segment::create(self.disk.as_ref(), &self.directory, header) {
            Ok((file, segment)) => {
                let identity = FileIdentity::of(&file);
                self.identity = identity.map_err(|e| self.stop(&format!("fstat: {e}")))?;
                self.file = file;
                self.published.write().begin(segment);
                Ok(())
            }
            Err(error) => Err(self.undo_create(error, header)),
        }
    }

    /// Takes back a frame that was not written whole.
    fn undo_write(&mut self, error: &io::Error, size_bytes: u64) -> JournalError {
        if !is_full(error) {
            return self.stop(&format!("write: {error}"));
        }
        let cut =
            self.disk.truncate(&self.file, size_bytes).and_then(|()| self.disk.sync(&self.file));
        match cut {
            Ok(()) => JournalError::Full(error.to_string()),
            Err(cut) => self.stop(&format!("write: {error}; taking it back: {cut}")),
        }
    }

    /// Takes back a segment that was not created whole. Its file must not come back after a crash,
    /// when the segment before has grown past its first offset.
    fn undo_create(&mut self, error: SegmentCreateError, header: SegmentHeader) -> JournalError {
        let path = self.directory.join(header.name().file_name());
        match error {
            SegmentCreateError::Absent(error) if is_full(&error) => {
                JournalError::Full(error.to_string())
            }
            // Such as too many open files: the open segment is as good as before.
            SegmentCreateError::Absent(error) => io_error("creating", &path, &error),
            SegmentCreateError::Torn(error) if is_full(&error) => {
                let removed = self
                    .disk
                    .remove(&path)
                    .and_then(|()| self.disk.sync_directory(&self.directory));
                match removed {
                    Ok(()) => JournalError::Full(error.to_string()),
                    Err(removed) => self.stop(&format!(
                        "creating {}: {error}; taking it back: {removed}",
                        path.display()
                    )),
                }
            }
            error @ (SegmentCreateError::Torn(_) | SegmentCreateError::Doubtful(_)) => {
                self.stop(&format!("creating {}: {}", path.display(), error.into_io()))
            }
        }
    }

    fn check_running(&self) -> Result<(), JournalError> {
        match &self.stopped {
            None => Ok(()),
            Some(why) => Err(why.clone()),
        }
    }

    /// Whether this may write: it has not stopped, and its claim is the newest.
    fn check_writable(&mut self) -> Result<(), JournalError> {
        self.check_running()?;
        if self.claimed.as_ref().is_some_and(ClaimedFence::is_newest) {
            return Ok(());
        }
        // Where the directory is gone, so is the claim.
        self.check_place()?;
        let fence = fence::read(&self.directory)?;
        let error = JournalError::Fenced { fence };
        Err(match self.claimed {
            // It may still claim.
            None => error,
            Some(_) => self.stop_with(error),
        })
    }

    /// Whether the open segment is still at its path, in the data directory that was locked.
    fn check_place(&mut self) -> Result<(), JournalError> {
        let path = Arc::clone(&self.published.read().open().path);
        let held = self.held.as_ref();
        let found = held.map_or(Ok(()), LockedDirectory::check).map_err(|gone| gone.to_string());
        let found = found.and_then(|()| {
            self.identity.check(&path).map_err(|why| match held {
                Some(held) => held.mark_lost(why).to_string(),
                None => why,
            })
        });
        found.map_err(|why| self.stop_with(JournalError::Gone(why)))
    }

    /// The write is in doubt; later ones are refused.
    fn stop(&mut self, why: &str) -> JournalError {
        self.stopped = Some(JournalError::Stopped(why.to_owned()));
        JournalError::Uncertain(why.to_owned())
    }

    fn stop_with(&mut self, why: JournalError) -> JournalError {
        self.stopped = Some(why.clone());
        why
    }
}
