//! Opening a journal: what is on disk is checked, end to end, before anything is written.
//!
//! Every frame's checksum and place is checked; events are not decoded. Two things a crash can
//! leave are put right, and both only at the very end of the last segment, where no acknowledged
//! event can be: a frame that was not written whole is cut off, and a segment whose header was not
//! written whole is begun anew. All other damage is refused with its file and byte, since
//! acknowledged events would be lost by going on.
//!
//! At last the tail is written and fsynced once more. The process before may have died, or failed,
//! between a write and its fsync; then the frame is in the system's cache, where it reads well, and
//! not on disk, and an fsync alone may take it for clean.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Epoch, JournalId, Offset};
use merganser_core::journal::JournalError;

use super::cursor::{FrameCursor, FrameError, corrupt, io_error};
use super::disk::JournalDisk;
use super::frame::{FRAME_VERSION, FrameHeader};
use super::journal_id;
use super::segment::{
    self, HeaderError, JournalSegment, SEGMENT_ENDING, SEGMENT_HEADER_BYTES, SEGMENT_VERSION,
    SegmentHeader, SegmentName,
};
use super::segments::SegmentList;
use super::tail_repair;

/// A journal that was found sound, or was made so.
#[derive(Debug)]
pub(super) struct RecoveredJournal {
    /// Its id.
    pub(super) id: JournalId,
    /// What it holds.
    pub(super) segments: SegmentList,
    /// The open segment's file, to append to.
    pub(super) file: File,
}

/// Opens the journal in `directory`, or begins one there.
pub(super) fn recover(
    disk: &dyn JournalDisk,
    directory: &Path,
) -> Result<RecoveredJournal, JournalError> {
    disk.create_directory(directory).map_err(|error| io_error("creating", directory, &error))?;
    let names = segment_names(directory)?;
    let Some(id) = journal_id::read(directory)? else {
        return begin(disk, directory, &names);
    };
    let Some((last, earlier)) = names.split_last() else {
        return Err(JournalError::Corrupt(format!(
            "{} holds the journal's id, but no segment; restore them, or remove the directory to \
             begin a new journal",
            directory.display()
        )));
    };
    let mut closed: Vec<JournalSegment> = Vec::with_capacity(earlier.len());
    let mut payload = Vec::new();
    for name in earlier {
        let segment = check_closed(directory, id, *name, closed.last(), &mut payload)?;
        closed.push(segment);
    }
    let open = recover_open(disk, directory, id, *last, closed.last(), &mut payload)?;
    disk.sync_directory(directory).map_err(|error| io_error("fsync of", directory, &error))?;
    let file = OpenOptions::new()
        .append(true)
        .open(&open.path)
        .map_err(|error| io_error("opening", &open.path, &error))?;
    Ok(RecoveredJournal { id, segments: SegmentList::new(closed, open), file })
}

/// Begins a journal. The id is written last: with it, a directory is one that was used.
fn begin(
    disk: &dyn JournalDisk,
    directory: &Path,
    names: &[SegmentName],
) -> Result<RecoveredJournal, JournalError> {
    for name in names {
        let path = directory.join(name.file_name());
        let size_bytes =
            fs::metadata(&path).map_err(|error| io_error("reading", &path, &error))?.len();
        if size_bytes > SEGMENT_HEADER_BYTES as u64 || name.first != Offset::ZERO {
            return Err(JournalError::Corrupt(format!(
                "{} is there, but the file `id` beside it is missing; restore it",
                path.display()
            )));
        }
    }
    // A start that was cut short left them.
    for path in names.iter().map(|name| directory.join(name.file_name())) {
        disk.remove(&path).map_err(|error| io_error("removing", &path, &error))?;
    }
    let id = journal_id::generate();
    let header = SegmentHeader {
        journal: id,
        epoch: Epoch::ZERO,
        epoch_first: Offset::ZERO,
        first: Offset::ZERO,
        previous: 0,
    };
    let path = directory.join(header.name().file_name());
    let (file, segment) = segment::create(disk, directory, header)
        .map_err(|error| io_error("creating", &path, &error.into_io()))?;
    journal_id::write(directory, id)?;
    Ok(RecoveredJournal { id, segments: SegmentList::new(Vec::new(), segment), file })
}

/// Segment files in order. Files that do not end as a segment are none of the journal's business.
fn segment_names(directory: &Path) -> Result<Vec<SegmentName>, JournalError> {
    let at_directory = |error: io::Error| io_error("listing", directory, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(at_directory)? {
        let name = entry.map_err(at_directory)?.file_name();
        let name = name.to_string_lossy();
        match SegmentName::parse(&name) {
            Some(name) => names.push(name),
            None if name.ends_with(SEGMENT_ENDING) => {
                return Err(JournalError::Corrupt(format!(
                    "{} is not named as a segment is; move it elsewhere",
                    directory.join(&*name).display()
                )));
            }
            None => {}
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Checks a segment that another follows: all of it must be as it was written.
fn check_closed(
    directory: &Path,
    id: JournalId,
    name: SegmentName,
    before: Option<&JournalSegment>,
    payload: &mut Vec<u8>,
) -> Result<JournalSegment, JournalError> {
    let path: Arc<Path> = directory.join(name.file_name()).into();
    let (file, start, file_bytes) = open_segment(&path)?;
    let header = match start {
        SegmentPrefix::Header(header) => header,
        SegmentPrefix::Damaged(why) => return Err(corrupt(&path, 0, why)),
    };
    check_follows(&path, id, name, before, &header)?;
    let scanned = scan(file, &path, header, file_bytes, payload)?;
    match scanned.damage {
        None => Ok(scanned.segment),
        Some(why) => Err(corrupt(&path, scanned.segment.size_bytes, &why)),
    }
}

/// Checks the last segment and puts right what a crash left at its end.
fn recover_open(
    disk: &dyn JournalDisk,
    directory: &Path,
    id: JournalId,
    name: SegmentName,
    before: Option<&JournalSegment>,
    payload: &mut Vec<u8>,
) -> Result<JournalSegment, JournalError> {
    let path: Arc<Path> = directory.join(name.file_name()).into();
    let (file, start, file_bytes) = open_segment(&path)?;
    let header = match start {
        SegmentPrefix::Header(header) => header,
        SegmentPrefix::Damaged(_) if file_bytes <= SEGMENT_HEADER_BYTES as u64 => {
            let header = header_by_name(&path, id, name, before)?;
            return tail_repair::rewrite_header(disk, path, header);
        }
        SegmentPrefix::Damaged(why) => return Err(corrupt(&path, 0, why)),
    };
    check_follows(&path, id, name, before, &header)?;
    let SegmentScan { segment, last_frame_at, damage } =
        scan(file, &path, header, file_bytes, payload)?;
    if let Some(why) = damage
        && !is_bug_planted("torn_tail_kept")
    {
        tail_repair::truncate_tail(disk, &segment, file_bytes, &why)?;
    }
    tail_repair::rewrite_range(disk, &path, last_frame_at, segment.size_bytes)
        .map_err(|error| io_error("writing the tail of", &path, &error))?;
    Ok(segment)
}

/// The first bytes of a segment's file.
enum SegmentPrefix {
    Header(SegmentHeader),
    Damaged(&'static str),
}

fn open_segment(path: &Path) -> Result<(File, SegmentPrefix, u64), JournalError> {
    let at_path = |error: io::Error| io_error("reading", path, &error);
    let mut file = File::open(path).map_err(at_path)?;
    let file_bytes = file.metadata().map_err(at_path)?.len();
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let start = match file.read_exact(&mut bytes) {
        Ok(()) => SegmentHeader::parse(&bytes),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(HeaderError::Damaged("it is shorter than a header"))
        }
        Err(error) => return Err(at_path(error)),
    };
    match start {
        Ok(header) => Ok((file, SegmentPrefix::Header(header), file_bytes)),
        Err(HeaderError::Damaged(why)) => Ok((file, SegmentPrefix::Damaged(why), file_bytes)),
        Err(HeaderError::Newer(version)) => {
            Err(newer(path, "journal format", version, SEGMENT_VERSION))
        }
    }
}

fn newer(path: &Path, what: &str, found: u32, known: u32) -> JournalError {
    JournalError::Io(format!(
        "{} has {what} {found}, this version of merganser reads up to {known}; start a newer one",
        path.display()
    ))
}

/// Checks that a segment is this journal's, is named as it should be and continues `before`.
fn check_follows(
    path: &Path,
    id: JournalId,
    name: SegmentName,
    before: Option<&JournalSegment>,
    header: &SegmentHeader,
) -> Result<(), JournalError> {
    let refuse = |why: String| Err(corrupt(path, 0, &why));
    if header.journal != id {
        return refuse(format!("it belongs to journal {}, this is journal {id}", header.journal));
    }
    if header.name() != name {
        return refuse(format!("its header belongs to {}", header.name().file_name()));
    }
    let Some(before) = before else {
        let starts_well = header.epoch_first <= header.first
            && (header.first != Offset::ZERO || header.previous == 0);
        return if starts_well { Ok(()) } else { refuse("its header contradicts itself".into()) };
    };
    if header.first != before.end {
        return refuse(format!(
            "it begins at offset {}, but the segment before ends at {}",
            header.first, before.end
        ));
    }
    if header.previous != before.checksum {
        return refuse("it does not continue the segment before: another history".into());
    }
    let (epoch, epoch_first) = (before.header.epoch, before.header.epoch_first);
    let same_epoch = header.epoch == epoch && header.epoch_first == epoch_first;
    let next_epoch =
        header.epoch.0.checked_sub(1) == Some(epoch.0) && header.epoch_first == header.first;
    if same_epoch || next_epoch {
        return Ok(());
    }
    refuse(format!("it is of epoch {}, the segment before of epoch {epoch}", header.epoch))
}

/// The header that the file `name` must have had.
fn header_by_name(
    path: &Path,
    id: JournalId,
    name: SegmentName,
    before: Option<&JournalSegment>,
) -> Result<SegmentHeader, JournalError> {
    let SegmentName { epoch, first } = name;
    let (epoch_first, previous) = match before {
        Some(before) if before.header.epoch == epoch => {
            (before.header.epoch_first, before.checksum)
        }
        Some(before) => (first, before.checksum),
        None if first == Offset::ZERO => (first, 0),
        None => return Err(corrupt(path, 0, "its header is damaged, and no segment is before it")),
    };
    let header = SegmentHeader { journal: id, epoch, epoch_first, first, previous };
    check_follows(path, id, name, before, &header)?;
    Ok(header)
}

/// What a segment's file holds, up to where it holds no more.
struct SegmentScan {
    segment: JournalSegment,
    /// Where its last frame begins; 0, where its header does, if it has none.
    last_frame_at: u64,
    /// What is wrong behind its last frame.
    damage: Option<String>,
}

/// Walks over all frames of a segment. Whole frames that do not belong there are refused: no crash
/// writes them.
fn scan(
    file: File,
    path: &Arc<Path>,
    header: SegmentHeader,
    file_bytes: u64,
    payload: &mut Vec<u8>,
) -> Result<SegmentScan, JournalError> {
    let mut segment = JournalSegment::empty(Arc::clone(path), header);
    let mut last_frame_at = 0;
    let mut cursor = FrameCursor::new(file, segment.size_bytes, file_bytes)
        .map_err(|error| io_error("reading", path, &error))?;
    let damage = loop {
        let at = cursor.at();
        match cursor.read(payload) {
            Ok(None) => break None,
            Ok(Some(frame)) => {
                check_frame(path, at, &frame, &segment)?;
                last_frame_at = at;
                segment.push(&frame);
            }
            Err(FrameError::Damaged { why, .. }) => break Some(why),
            Err(fault @ FrameError::Io(_)) => return Err(fault.in_file(path)),
        }
    };
    Ok(SegmentScan { segment, last_frame_at, damage })
}

/// Checks that a frame that is whole continues `segment`.
fn check_frame(
    path: &Path,
    at: u64,
    frame: &FrameHeader,
    segment: &JournalSegment,
) -> Result<(), JournalError> {
    if frame.version() > FRAME_VERSION {
        return Err(newer(path, "record format", frame.version().into(), FRAME_VERSION.into()));
    }
    let refuse = |why: String| Err(corrupt(path, at, &why));
    if frame.version() != FRAME_VERSION {
        return refuse(format!("a record has format {}", frame.version()));
    }
    if frame.first() != segment.end {
        let (found, end) = (frame.first(), segment.end);
        return refuse(format!("a record begins at offset {found}, the one before ends at {end}"));
    }
    if frame.previous() != segment.checksum {
        return refuse("a record does not continue the one before: another history".into());
    }
    if frame.rows() == 0 || frame.first().0.checked_add(frame.rows().into()).is_none() {
        return refuse(format!("a record cannot hold {} events", frame.rows()));
    }
    Ok(())
}
