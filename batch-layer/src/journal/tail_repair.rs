//! Putting right the end of the last segment, the one place where a crash leaves something.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use merganser_core::journal::JournalError;

use super::cursor::{corrupt, io_error};
use super::disk::JournalDisk;
use super::frame::find_frame;
use super::segment::{JournalSegment, SegmentHeader};

const COPY_BYTES: u64 = 1024 * 1024;

/// Cuts off what lies behind the last frame of the last segment, unless there is a frame in it.
pub(super) fn truncate_tail(
    disk: &dyn JournalDisk,
    segment: &JournalSegment,
    file_bytes: u64,
    why: &str,
) -> Result<(), JournalError> {
    let (path, at) = (&segment.path, segment.size_bytes);
    let reading = |error| io_error("reading", path, &error);
    let mut tail = Vec::new();
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(reading)?;
    file.seek(SeekFrom::Start(at)).map_err(reading)?;
    file.read_to_end(&mut tail).map_err(reading)?;
    if let Some(found) = find_frame(&tail, segment.end) {
        let behind = at + found as u64;
        return Err(corrupt(path, at, &format!("{why}, and a whole record follows at {behind}")));
    }
    tracing::warn!(
        file = %path.display(),
        offset = segment.end.0,
        at_byte = at,
        dropped_bytes = file_bytes - at,
        "cutting off a record that was not written whole"
    );
    disk.truncate(&file, at)
        .and_then(|()| disk.sync(&file))
        .map_err(|error| io_error("cutting", path, &error))
}

/// Writes bytes `[from, to)` of a file again, as they are, and fsyncs it.
pub(super) fn rewrite_range(
    disk: &dyn JournalDisk,
    path: &Path,
    from: u64,
    to: u64,
) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut at = from;
    while at < to {
        // At most `COPY_BYTES`.
        let mut bytes = vec![0; (to - at).min(COPY_BYTES) as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        file.seek(SeekFrom::Start(at))?;
        disk.write(&file, &bytes)?;
        at += bytes.len() as u64;
    }
    disk.sync(&file)
}

/// Begins a segment again whose creation was cut short. Its name stays all the while: other parts
/// may know its epoch.
pub(super) fn rewrite_header(
    disk: &dyn JournalDisk,
    path: Arc<Path>,
    header: SegmentHeader,
) -> Result<JournalSegment, JournalError> {
    tracing::warn!(file = %path.display(), "writing a segment's header anew, it was not whole");
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|file| {
            disk.truncate(&file, 0)?;
            disk.write(&file, &header.to_bytes())?;
            disk.sync(&file)
        })
        .map_err(|error| io_error("writing", &path, &error))?;
    Ok(JournalSegment::empty(path, header))
}
