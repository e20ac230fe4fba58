//! Intake: from the bodies that clients send to events in the journal, with a verdict for each.
//!
//! ```text
//! body ─ decode ─ envelope ─ prepare ─► queue ─► commit: dedup ─ quarantine ─ journal ─► answer
//!           (many threads)            (bounded)      (one thread)              └► feed of the fold
//! ```
//!
//! Small bodies are queued as they came, and decoded by the committer, all of a batch together.
//!
//! What always holds:
//! * an answer is given after everything that it says is durable, duplicates and conflicts
//!   included;
//! * every event gets a verdict: accepted, duplicate, conflict or invalid, and the last two are
//!   kept in the quarantine;
//! * the dedup index is a function of the journal;
//! * what is pending is bounded, and a request beyond the bound is refused before anything of it
//!   is stored;
//! * what no run has archived is bounded: over the bound requests wait for their turn, and one that
//!   would wait too long is refused (`pace` has the rule).
//!
//! `commit` joins all of it; `envelope` has the rules of an event.

mod active_properties;
mod adapters;
mod backlog;
mod body_decoder;
mod body_format;
mod budget;
mod column_layout;
mod columnar;
mod commit;
mod commit_batch;
mod content_digest;
mod csv;
mod decode;
mod decoded_body;
mod decoding;
mod dedup;
mod disk_floor;
mod envelope;
mod error;
mod event_id;
mod event_time;
mod field_hints;
mod fixed_properties;
mod front;
mod instruments;
mod invalid;
mod pace;
mod prepare;
mod properties;
mod quarantine;
mod raw_event;
mod settings;
mod translate;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use merganser_api::receipt::Receipt;
use merganser_core::access::FixedProperties;
use merganser_core::clock::Clock;
use merganser_core::ids::{JournalId, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::line_store::LineStore;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::{mpsc, oneshot, watch};

pub use self::adapters::{CloudEventData, CloudEventHead, SegmentCall};
pub use self::body_format::{BodyEncoding, BodyFormat};
pub use self::budget::IntakePermit;
pub use self::column_layout::{ColumnLayout, ColumnMapping, EventTypeSource, ParameterStyle};
pub use self::columnar::{ColumnarFile, ColumnarFormat, ColumnarLines};
pub use self::csv::{CsvParameters, CsvRecord, CsvRecordFault, CsvRecordReader, CsvRowIndex};
pub use self::csv::{check_column_names, is_plain_number};
pub use self::error::{ExceededLimit, IntakeError};
pub use self::event_id::{EventIdGenerator, UuidGenerator};
pub use self::front::IntakeFront;
pub use self::quarantine::{
    LineFile, Quarantine, QuarantineEntry, QuarantineError, QuarantinePage, QuarantinedEvent,
    RawText,
};
pub use self::settings::{IntakeLimits, IntakeSettings, QuarantineSettings};

use self::active_properties::ActiveProperties;
use self::backlog::Backlog;
use self::body_decoder::{BodyDecoder, is_small};
use self::budget::IntakeBudget;
use self::commit::{Committer, CommitterState};
use self::commit_batch::{ReplyHandle, Submission, SubmissionContent};
use self::decoding::BodyDecoding;
use self::disk_floor::DiskFloor;

/// What to do with a request of which some events are invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidEventPolicy {
    /// Accept the valid ones; the others go to the quarantine and are listed.
    #[default]
    Quarantine,
    /// Store nothing. Conflicts do not count as invalid.
    Reject,
}

/// A request's body and what its sender said about it.
#[derive(Clone, Debug)]
pub struct EventBody {
    /// As it was sent.
    pub bytes: Bytes,
    /// How events are laid out in it.
    pub format: BodyFormat,
    /// How it is compressed.
    pub encoding: BodyEncoding,
    /// What to do if some events are invalid.
    pub on_invalid: InvalidEventPolicy,
    /// What the sender's key writes into each event.
    pub fixed: Option<Arc<FixedProperties>>,
}

/// Starts intake.
#[derive(Debug)]
pub struct Intake;

impl Intake {
    /// Opens the quarantine, rebuilds the dedup index from the journal and starts the committer.
    /// Blocks until that is done: reading the journal takes its time.
    ///
    /// What cannot be counted is kept in `quarantine`. The properties that the metrics of
    /// `snapshots` use are read with the events. Committed events are sent to `feed` in the order
    /// of their offsets, beginning with the journal's end at the time of this call.
    ///
    /// # Errors
    /// When a setting cannot be, or the quarantine or the journal cannot be read.
    pub fn start(
        settings: IntakeSettings,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn EventIdGenerator>,
        snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
        feed: mpsc::Sender<Arc<CommittedBatch>>,
        quarantine: Box<dyn LineStore>,
    ) -> Result<IntakeHandle, IntakeError> {
        settings.check().map_err(IntakeError::Settings)?;
        let quarantine = Arc::new(Quarantine::open(quarantine, settings.quarantine.clone())?);
        let dedup = dedup::rebuild(&*journal, settings.dedup_window_events)?;
        let state = Arc::new(CommitterState::default());
        state.dedup_floor.store(dedup.floor().unwrap_or(journal.end()).0, Ordering::Relaxed);
        let backlog =
            Backlog::new(Arc::clone(&journal), snapshots.clone(), settings.backlog_max_events);
        let decoder = Arc::new(BodyDecoder {
            limits: settings.limits.clone(),
            wanted: ActiveProperties::new(snapshots),
            ids,
            clock,
        });
        let (running, ended) = watch::channel(());
        let (sender, receiver) = commit_batch::commit_queue(settings.pending_max_requests);
        let committer = Committer {
            journal: Arc::clone(&journal),
            quarantine: Arc::clone(&quarantine),
            dedup,
            decoder: Arc::clone(&decoder),
            feed,
            settings: settings.clone(),
            state: Arc::clone(&state),
            is_unwritable: false,
        };
        thread::Builder::new()
            .name("intake-commit".to_owned())
            .spawn(move || {
                committer.run(&receiver);
                // Watchers see the end by this, or by what a panic drops.
                drop(running);
            })
            .map_err(|error| IntakeError::Internal(format!("starting a thread: {error}")))?;
        Ok(IntakeHandle(Arc::new(IntakeState {
            budget: IntakeBudget::new(settings.pending_max_requests, settings.pending_max_bytes),
            decoding: BodyDecoding::new(decoder, settings.decoders_max),
            backlog,
            disk: DiskFloor::of(settings.disk_path.clone(), settings.disk_floor_bytes),
            queue: Mutex::new(Some(sender)),
            journal,
            quarantine,
            settings,
            state,
            ended,
        })))
    }
}

/// Gives events to intake. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IntakeHandle(Arc<IntakeState>);

struct IntakeState {
    settings: IntakeSettings,
    journal: Arc<dyn Journal>,
    quarantine: Arc<Quarantine>,
    budget: Arc<IntakeBudget>,
    decoding: BodyDecoding,
    backlog: Backlog,
    disk: DiskFloor,
    /// `None` after the shutdown.
    queue: Mutex<Option<SyncSender<Submission>>>,
    state: Arc<CommitterState>,
    ended: watch::Receiver<()>,
}

impl std::fmt::Debug for IntakeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl IntakeHandle {
    /// The journal that events go to.
    #[must_use]
    pub fn journal(&self) -> JournalId {
        self.0.journal.id()
    }

    /// Begins a request: the reader of its body charges the bytes to the permit as they come.
    ///
    /// # Errors
    /// When nothing is taken at the moment.
    pub fn admit(&self) -> Result<IntakePermit, IntakeError> {
        if self.queue().is_none() {
            return Err(IntakeError::ShuttingDown);
        }
        if let Some(stopped) = self.stopped() {
            return Err(stopped);
        }
        self.0.disk.check(Instant::now())?;
        self.0.backlog.admit()?;
        Ok(self.0.budget.permit())
    }

    /// Decodes a body and commits its events; `share` has been charged for the body. Returns when
    /// everything that the receipt says is durable.
    ///
    /// A caller that stops waiting does not stop what is queued already.
    ///
    /// # Errors
    /// Nothing is acknowledged then. What the errors mean is said at [`IntakeError`].
    pub async fn submit(
        &self,
        body: EventBody,
        mut share: IntakePermit,
    ) -> Result<Receipt, IntakeError> {
        share.register_request()?;
        let (content, share) = match is_small(&body) {
            true => (SubmissionContent::Small(self.0.decoding.decoder.stamp_arrival(body)), share),
            false => {
                let on_invalid = body.on_invalid;
                let (prepared, share) =
                    self.0.decoding.decode(body, share, |prepared, _| Ok(prepared)).await?;
                let end = self.0.journal.end();
                if let Some(receipt) = prepared.receipt_without_commit(end, on_invalid)? {
                    return Ok(receipt);
                }
                (SubmissionContent::Decoded(prepared), share)
            }
        };
        self.0.backlog.wait_turn(content.events()).await?;
        let (reply, answer) = oneshot::channel();
        self.enqueue(Submission { content, caller: ReplyHandle { share, reply } })?;
        answer.await.unwrap_or_else(|_| Err(committer_ended()))
    }

    fn enqueue(&self, submission: Submission) -> Result<(), IntakeError> {
        match self.queue().as_ref() {
            None => Err(IntakeError::ShuttingDown),
            Some(queue) => queue.try_send(submission).map_err(|error| match error {
                TrySendError::Full(_) => IntakeError::Overloaded,
                TrySendError::Disconnected(_) => committer_ended(),
            }),
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Option<SyncSender<Submission>>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses new requests, commits and answers those that are queued, and ends. The feed is
    /// closed when it returns. May be called more than once.
    pub async fn shutdown(&self) {
        drop(self.queue().take());
        let mut ended = self.0.ended.clone();
        // An error says that the sender is gone, which is the committer's end.
        while ended.changed().await.is_ok() {}
    }

    /// Where events go that cannot be counted.
    #[must_use]
    pub fn quarantine(&self) -> &Arc<Quarantine> {
        &self.0.quarantine
    }

    /// The limits of a request.
    #[must_use]
    pub fn limits(&self) -> &IntakeLimits {
        &self.0.settings.limits
    }

    /// Why nothing is taken any more, if that is so, for a readiness check.
    #[must_use]
    pub fn stopped(&self) -> Option<IntakeError> {
        let is_ended = || self.0.ended.has_changed().is_err().then(committer_ended);
        self.0.state.stopped.get().cloned().or_else(is_ended)
    }

    /// Looks whether the journal is still where it was; if not, nothing is taken any more. Blocks.
    ///
    /// # Errors
    /// The error that every request gets from then on.
    pub fn check_journal(&self) -> Result<(), IntakeError> {
        let confirmed = self.0.journal.confirm().map_err(IntakeError::from);
        confirmed.inspect_err(|failure| {
            if failure.is_final() {
                self.0.state.stop(failure);
            }
        })
    }

    /// Looks whether no other process has claimed the journal up to now. Blocks.
    ///
    /// # Errors
    /// When one has, or that cannot be known.
    pub fn confirm_ownership(&self) -> Result<(), IntakeError> {
        Ok(self.0.journal.confirm_claim()?)
    }

    /// Events that no run has archived. To be called every now and then, so that intake knows how
    /// long runs take.
    #[must_use]
    pub fn observe_backlog(&self) -> u64 {
        self.0.backlog.observe()
    }

    /// The backlog over which intake slows down.
    #[must_use]
    pub fn backlog_max(&self) -> u64 {
        self.0.settings.backlog_max_events
    }

    /// Events accepted since the process started.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0.state.accepted.load(Ordering::Relaxed)
    }

    /// Where the next start has to begin to read the journal for its dedup index. What is below may
    /// be trimmed.
    #[must_use]
    pub fn dedup_floor(&self) -> Offset {
        Offset(self.0.state.dedup_floor.load(Ordering::Relaxed))
    }

    /// The next offset of the journal.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.0.journal.end()
    }
}

/// The committer ends at the shutdown; before it only by a fault.
fn committer_ended() -> IntakeError {
    IntakeError::Internal("the committer has ended; restart the service".to_owned())
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
