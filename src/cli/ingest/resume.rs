//! How far a file was sent, so that what was interrupted goes on where it was.
//!
//! Beside nothing of the user's, in the directory for the state of programs, there is a small file
//! for each journal and file of events: the place up to which the server has acknowledged. It is
//! written after the acknowledgement, so that nothing is left out; what was acknowledged after the
//! last time that it was written is sent again, which ids make harmless. Where events are left
//! without ids, it is written after every batch; then only a batch whose acknowledgement is lost,
//! or not written because of a crash, can be stored twice.
//!
//! So it saves time, and where so much was sent that a server knows the first ids no more, it keeps
//! that from being stored once more.
//!
//! A place counts only for the journal that it is about, and for a file that still has the same
//! bytes before it. A journal keeps its id when it is restored from a back-up, which may lack what
//! was acknowledged; so the last event that was is sent again, and if that is new to the server, so
//! may be those before it, and all are sent.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use merganser_api::receipt::Receipt;
use merganser_api::status::JournalStatus;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::backoff::Backoff;
use super::super::client::{ApiClient, CallError, HttpReply};
use super::super::output;
use super::batches::{SourcePosition, UploadBatch};
use super::line_ids::LineIdLifetime;

/// Why what was sent is sent again.
pub(super) const LOST: &str = "the server has lost events since an earlier run sent it";

/// The version of the files.
const FORMAT: u32 = 2;
/// Before ids stood before lines; of CSV the digest was another one.
const FORMAT_1: u32 = 1;

/// How often a place is written while nothing could be stored twice.
const INTERVAL: Duration = Duration::from_secs(1);

/// The server's journal, as far as the server shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerJournal {
    id: String,
    end: u64,
}

impl ServerJournal {
    /// The journal that `client` sends to; `None` if the key may not see which one it is.
    ///
    /// # Errors
    /// When the server is away, or overloaded, for longer than `retry`.
    pub(super) fn of(client: &ApiClient, retry: Duration) -> anyhow::Result<Option<Self>> {
        let mut backoff = Backoff::with_deadline(retry);
        let mut is_noted = false;
        loop {
            let (error, after) = match fetch_journal(client) {
                Err(error) => (anyhow::Error::from(error), None),
                Ok(reply) if matches!(reply.status, 408 | 429 | 502..=504) => {
                    let after = reply.retry_after;
                    (reply.ok().err().unwrap_or_else(no_reason_error), after)
                }
                Ok(reply) => return Ok(journal_of_reply(&reply)),
            };
            if !std::mem::replace(&mut is_noted, true) {
                output::print_note(&format!("{error}; trying again"));
            }
            if !backoff.wait(after) {
                return Err(error);
            }
        }
    }
}

/// Gets the status or, where the key may not see it, the receipt of a request without events.
fn fetch_journal(client: &ApiClient) -> Result<HttpReply, CallError> {
    let status = client.get("/v1/status", &[])?;
    match status.status {
        401 | 403 => client.send_events("/v1/events", "application/x-ndjson", None, b""),
        _ => Ok(status),
    }
}

/// What is read of a status: servers of other versions may lack the rest.
#[derive(Deserialize)]
struct JournalOfStatus {
    journal: JournalStatus,
}

/// The journal that a status names, or a receipt, if it does.
fn journal_of_reply(reply: &HttpReply) -> Option<ServerJournal> {
    let named = match reply.json::<JournalOfStatus>() {
        Ok(JournalOfStatus { journal: JournalStatus { id, position, .. } }) => Some((id, position)),
        Err(_) => {
            let Receipt { journal, position, .. } = reply.json().ok()?;
            journal.map(|id| (id.to_string(), position))
        }
    };
    let (id, position) = named?;
    Some(ServerJournal { id, end: position.events() })
}

fn no_reason_error() -> anyhow::Error {
    anyhow::anyhow!("the server gave no reason")
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookmarkFile {
    format: u32,
    /// Of which file, for people.
    file: String,
    journal: String,
    /// Where the journal ended after the acknowledgement.
    journal_end: u64,
    place: SourcePosition,
    /// The last event with an id that the server took.
    #[serde(default)]
    last: Option<String>,
    /// Whether an id stands before that.
    #[serde(default)]
    has_line_id: bool,
}

/// How far an earlier run came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResumePoint {
    /// To where in the file.
    pub(super) place: SourcePosition,
    /// An event that the server has, unless it has lost some; `None` where that is unknown.
    pub(super) probe: Option<String>,
}

/// Events after which a repetition may no longer be recognised (the least that a server recognises
/// by default is ten times as many), so that asking could store one twice.
const PROBE_EVENTS_MAX: u64 = 1_000_000;

/// The place in a file up to which a journal has it.
#[derive(Debug)]
pub(super) struct Bookmark {
    path: PathBuf,
    file: String,
    journal: ServerJournal,
    /// What is not written yet.
    pending: Option<BookmarkFile>,
    written: Option<Instant>,
}

impl Bookmark {
    /// That of a file in a journal. Only regular files have one: others cannot be read
    /// again. There is none without a directory for such files.
    pub(super) fn of(journal: &ServerJournal, file: &Path) -> Option<Self> {
        let directory = directory(env::var_os("XDG_STATE_HOME"), env::var_os("HOME"))?;
        Self::within(&directory, journal, file)
    }

    fn within(directory: &Path, journal: &ServerJournal, file: &Path) -> Option<Self> {
        let file = fs::canonicalize(file).ok().filter(|file| file.is_file())?;
        let path = directory.join(bookmark_name(&journal.id, &file));
        let file = file.to_string_lossy().into_owned();
        Some(Self { path, file, journal: journal.clone(), pending: None, written: None })
    }

    /// Where it is kept.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where an earlier run came to, if one was interrupted.
    ///
    /// # Errors
    /// With why that is of no use.
    pub(super) fn read(&self, ids: LineIdLifetime) -> Result<Option<ResumePoint>, String> {
        match fs::read(&self.path) {
            Ok(bytes) => parse_resume_point(&bytes, &self.journal, ids).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("`{}` cannot be read: {error}", self.path.display())),
        }
    }

    /// Everything up to the end of `batch` is acknowledged, and the journal ended at `journal_end`
    /// then.
    ///
    /// # Errors
    /// When it should be written and cannot be.
    pub(super) fn advance(
        &mut self,
        batch: &UploadBatch,
        journal_end: u64,
        last: Option<String>,
    ) -> io::Result<()> {
        self.pending = Some(BookmarkFile {
            format: FORMAT,
            file: self.file.clone(),
            journal: self.journal.id.clone(),
            journal_end,
            place: batch.end.clone(),
            last,
            has_line_id: batch.ids != LineIdLifetime::None,
        });
        match is_due(self.written.map(|at| at.elapsed()), batch.unsafe_events()) {
            true => self.write(),
            false => Ok(()),
        }
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// When it cannot be; what was written before stands.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let Some(kept) = self.pending.take() else { return Ok(()) };
        self.written = Some(Instant::now());
        write_atomically(&self.path, &serde_json::to_vec(&kept)?)
    }

    /// The next run begins anew.
    pub(super) fn remove(&self) {
        // It is not there, or it is of no harm: what it says stays true.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where the state of programs is, by the XDG base directory specification.
fn directory(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let state = state.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(home?.join(".local/state")))?;
    Some(state.join("merganser"))
}

/// A name for what is kept of a file in a journal.
fn bookmark_name(journal: &str, file: &Path) -> String {
    let mut digest = Sha256::new();
    digest.update(journal);
    digest.update([0_u8]);
    digest.update(file.as_os_str().as_encoded_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    let digits: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("ingest-{digits}.json")
}

/// The place that was kept, or why it is of no use.
fn parse_resume_point(
    bytes: &[u8],
    journal: &ServerJournal,
    ids: LineIdLifetime,
) -> Result<ResumePoint, String> {
    let kept: BookmarkFile = serde_json::from_slice(bytes)
        .map_err(|error| format!("what an earlier run kept of it cannot be read ({error})"))?;
    if ![FORMAT_1, FORMAT].contains(&kept.format) || kept.journal != journal.id {
        return Err("what an earlier run kept of it is of another version".to_owned());
    }
    let Some(since) = journal.end.checked_sub(kept.journal_end) else {
        return Err(LOST.to_owned());
    };
    // A bookmark of another way of sending says nothing.
    let is_alike = kept.has_line_id == (ids != LineIdLifetime::None);
    let probe = kept.last.filter(|_| since <= PROBE_EVENTS_MAX && is_alike);
    Ok(ResumePoint { place: kept.place, probe })
}

/// Whether a place is to be written, so long after the last one was.
fn is_due(since: Option<Duration>, unsafe_events: u64) -> bool {
    unsafe_events > 0 || since.is_none_or(|since| since >= INTERVAL)
}

/// Writes a file at once: a reader finds the old content or the new.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn journal(id: &str, end: u64) -> ServerJournal {
        ServerJournal { id: id.to_owned(), end }
    }

    fn place(lines: u64) -> SourcePosition {
        SourcePosition { lines, bytes: lines * 10, digest: "d".to_owned() }
    }

    fn batch(lines: u64, unidentified: u64, ids: LineIdLifetime) -> UploadBatch {
        UploadBatch { end: place(lines), unidentified, ids, ..UploadBatch::default() }
    }

    #[test]
    fn a_place_is_kept_for_its_file_and_its_journal() {
        let directory = tempfile::tempdir().unwrap();
        let (state, file) = (directory.path().join("a/b"), directory.path().join("events"));
        fs::write(&file, "{}\n").unwrap();
        let of = |journal: &ServerJournal| Bookmark::within(&state, journal, &file).unwrap();
        let (one, later) = (journal("j1", 100), journal("j1", 900));
        let read = |journal: &ServerJournal| of(journal).read(LineIdLifetime::Lasting);
        assert_eq!(read(&one), Ok(None));
        let sent = batch(7, 0, LineIdLifetime::Lasting);
        of(&one).advance(&sent, 100, Some("e".to_owned())).unwrap();
        let reached = |probe: Option<&str>| {
            Ok(Some(ResumePoint { place: place(7), probe: probe.map(str::to_owned) }))
        };
        assert_eq!(read(&one), reached(Some("e")));
        assert_eq!(read(&later), reached(Some("e")));
        assert_eq!(of(&one).read(LineIdLifetime::None), reached(None), "sent in another way");
        assert_eq!(read(&journal("j1", 2_000_000)), reached(None), "too long ago");
        assert_eq!(read(&journal("j2", 900)), Ok(None), "another server gets everything");
        let lost = read(&journal("j1", 99)).unwrap_err();
        assert!(lost.contains("has lost events"), "{lost}");
        let older = r#"{"format":1,"file":"f","journal":"j1","journal_end":100,"last":"e",
                        "place":{"lines":7,"bytes":70,"digest":"d"}}"#;
        fs::write(of(&one).path(), older).unwrap();
        assert_eq!(read(&one), reached(None), "of an earlier version");
        fs::write(of(&one).path(), "{").unwrap();
        assert!(read(&one).unwrap_err().contains("cannot be read"));
        of(&one).remove();
        assert_eq!(read(&one), Ok(None));
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
        assert!(Bookmark::within(&state, &one, directory.path()).is_none());
        assert!(Bookmark::within(&state, &one, Path::new("-")).is_none());
    }

    #[test]
    fn it_is_written_now_and_then_and_always_where_something_could_be_stored_twice() {
        assert!(is_due(None, 0));
        assert!(!is_due(Some(Duration::from_millis(999)), 0));
        assert!(is_due(Some(Duration::from_millis(999)), 1));
        assert!(is_due(Some(INTERVAL), 0));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("events");
        fs::write(&file, "{}\n").unwrap();
        let mut bookmark = Bookmark::within(directory.path(), &journal("j", 0), &file).unwrap();
        let mut reached = |lines, unidentified| {
            bookmark.advance(&batch(lines, unidentified, LineIdLifetime::None), 0, None).unwrap();
            bookmark.read(LineIdLifetime::None).unwrap().map(|reached| reached.place.lines)
        };
        assert_eq!(reached(1, 0), Some(1));
        assert_eq!(reached(2, 5), Some(2));
        assert_eq!(reached(3, 0), Some(2), "within the same second");
        bookmark.write().unwrap();
        let read = bookmark.read(LineIdLifetime::None).unwrap();
        assert_eq!(read.map(|reached| reached.place), Some(place(3)));
        assert_eq!(batch(1, 5, LineIdLifetime::Lasting).unsafe_events(), 0);
    }

    #[test]
    fn it_lies_where_the_state_of_programs_does() {
        let path = |text: &str| Some(OsString::from(text));
        let found = |state, home| directory(state, home).map(|path| path.display().to_string());
        assert_eq!(found(path("/s"), path("/h")).as_deref(), Some("/s/merganser"));
        let home = Some("/h/.local/state/merganser");
        assert_eq!(found(None, path("/h")).as_deref(), home);
        assert_eq!(found(path("relative"), path("/h")).as_deref(), home);
        assert_eq!(found(path(""), None), None);
    }

    #[test]
    fn a_status_or_a_receipt_names_the_journal() {
        let journal_of = |body: &str| {
            let body = body.as_bytes().to_vec();
            journal_of_reply(&HttpReply { status: 200, retry_after: None, location: None, body })
        };
        let id = "0192f3c4d5e67f8090a1b2c3d4e5f607";
        let status = json!({
            "version": "1", "started_at": "2026-11-28T00:00:00Z", "uptime_s": 1, "generation": 1,
            "published_at": "2026-11-28T00:00:00Z", "cache_bytes": 0, "metrics": [],
            "journal": {
                "id": id, "position": { "0": 7 }, "start": { "0": 1 }, "size_bytes": 9
            },
            "query_memory": { "limit_bytes": 1, "taken_bytes": 0 },
            "speed_store": {
                "kind": "memory", "state": "ok", "lag_ms": 0, "reason": null, "failing_since": null
            },
        });
        assert_eq!(journal_of(&status.to_string()), Some(journal(id, 7)));
        let mut receipt = json!({
            "accepted": 0, "duplicates": 0, "conflicts": [], "invalid": [],
            "position": { "0": 7 }, "journal": id,
        });
        assert_eq!(journal_of(&receipt.to_string()), Some(journal(id, 7)));
        receipt["journal"] = json!(null);
        assert_eq!(journal_of(&receipt.to_string()), None);
        assert_eq!(journal_of("no"), None);
    }
}
