//! The one thread that commits. It takes what is queued as a [`commit_batch`], judges every event
//! in order, and makes all verdicts of the batch durable before it sends any of them.
//!
//! A batch is all or nothing, in this order:
//! 1. judge each event: new, duplicate or conflict. The lower position is the original, whether it
//!    is of the same request, of an earlier request of the batch, or of an earlier batch;
//! 2. write the invalid and conflicting ones to the quarantine (one fsync, if there are any). This
//!    comes before the journal, so that a quarantine that cannot be written fails the batch while
//!    nothing of it is stored yet;
//! 3. append the new ones to the journal (one fsync, if there are any);
//! 4. keep the verdicts, hand the events to the fold, answer.
//!
//! When a step fails, the verdicts are taken back and every request of the batch gets the error: no
//! event that is not stored is ever called a duplicate. When nothing was written, the next batch is
//! tried. After a failure that leaves the journal in doubt no event is judged any more, since an
//! event in doubt must be called neither new nor duplicate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arrow::array::{Array, BooleanArray};
use merganser_api::quarantine::{QuarantineId, QuarantineKind};
use merganser_api::receipt::{ConflictingEvent, InvalidEvent, Receipt};
use merganser_core::event::EventBatch;
use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::Offset;
use merganser_core::journal::{CommittedBatch, Journal};
use tokio::sync::mpsc::Sender;
use tracing::{error, info, warn};

use super::body_decoder::BodyDecoder;
use super::commit_batch::{self, PreparedSubmissions, Submission, SubmissionResult};
use super::dedup::{DedupIndex, DedupVerdict};
use super::error::IntakeError;
use super::instruments;
use super::prepare::{EventSpan, PreparedEvents, PreparedRequest};
use super::quarantine::{Quarantine, QuarantinedEvent, RawText};
use super::settings::IntakeSettings;

/// What other threads see of the committer.
#[derive(Debug, Default)]
pub(super) struct CommitterState {
    /// Why nothing is taken any more.
    pub(super) stopped: OnceLock<IntakeError>,
    /// Events accepted since the start.
    pub(super) accepted: AtomicU64,
    /// See [`super::IntakeHandle::dedup_floor`].
    pub(super) dedup_floor: AtomicU64,
}

impl CommitterState {
    /// Nothing is taken any more, for the first reason that is given.
    pub(super) fn stop(&self, failure: &IntakeError) {
        if self.stopped.set(failure.clone()).is_ok() {
            error!(error = %failure, "intake has stopped");
        }
    }
}

/// The committer's parts.
pub(super) struct Committer {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) quarantine: Arc<Quarantine>,
    pub(super) dedup: DedupIndex,
    pub(super) decoder: Arc<BodyDecoder>,
    /// Where committed events go, in order. When it is full the committer waits, the queue fills
    /// and new requests are refused until later.
    pub(super) feed: Sender<Arc<CommittedBatch>>,
    pub(super) settings: IntakeSettings,
    pub(super) state: Arc<CommitterState>,
    /// Whether the journal could not be written when it was tried last.
    pub(super) is_unwritable: bool,
}

impl Committer {
    /// Commits until the queue is closed and empty. Then the feed is closed too.
    pub(super) fn run(mut self, queue: &Receiver<Submission>) {
        instruments::describe(&self.settings);
        instruments::dedup_events(self.dedup.len());
        let mut next = None;
        while let Some(first) = next.take().or_else(|| queue.recv().ok()) {
            let (requests, left_over) = commit_batch::take_batch(first, queue, &self.settings);
            next = left_over;
            self.commit(commit_batch::decode_small(&self.decoder, requests));
        }
    }

    fn commit(&mut self, batch: Vec<PreparedSubmissions>) {
        let result = match self.state.stopped.get() {
            Some(stopped) => Err(stopped.clone()),
            None => self.store(&batch),
        };
        if result.is_ok() {
            let requests = batch.iter().flat_map(|decoded| &decoded.prepared.requests).flatten();
            instruments::acknowledged(requests.map(|request| request.begun));
        }
        let callers = batch.into_iter().flat_map(|decoded| decoded.callers);
        let answers = match result {
            Ok(answers) => answers,
            Err(failure) => {
                match is_bug_planted("claim_before_write") {
                    true => self.dedup.mark_durable(self.journal.end()),
                    false => self.dedup.rollback(),
                }
                self.handle_failure(&failure);
                failpoint::pass("intake.ack.before");
                callers.for_each(|caller| caller.send(Err(failure.clone())));
                failpoint::pass("intake.ack.after");
                return;
            }
        };
        failpoint::pass("intake.ack.before");
        callers.zip(answers).for_each(|(caller, answer)| caller.send(answer));
        failpoint::pass("intake.ack.after");
    }

    /// Makes a batch durable; returns an answer for each of its requests.
    fn store(
        &mut self,
        batch: &[PreparedSubmissions],
    ) -> Result<Vec<SubmissionResult>, IntakeError> {
        self.journal.confirm()?;
        let judged = batch
            .iter()
            .map(|decoded| self.judge(&decoded.prepared))
            .collect::<Result<Vec<_>, _>>()?;
        let ids = self.quarantine(batch, &judged)?;
        let requests = batch.iter().map(|decoded| decoded.callers.len()).sum();
        let first = self.append(requests, &judged)?;
        if first.committed.is_none() && !ids.is_empty() {
            // Whoever owns the journal by now may not have read them.
            self.journal.confirm_claim()?;
        }
        self.dedup.mark_durable(first.offset);
        instruments::dedup_events(self.dedup.len());
        // Without an entry, everything before this batch is free. This batch is not yet: another
        // one may be appended before the next look.
        let floor = self.dedup.floor().unwrap_or(first.offset);
        self.state.dedup_floor.store(floor.0, Ordering::Relaxed);
        let answers = answers(batch, judged, ids, first.offset);
        self.update_counters(&answers);
        if let Some(committed) = first.committed
            && self.feed.blocking_send(committed).is_err()
        {
            // The events are durable all the same; a new start folds them.
            self.stop(&IntakeError::FoldStopped);
        }
        Ok(answers)
    }

    fn judge(&mut self, prepared: &PreparedEvents) -> Result<BatchVerdicts, IntakeError> {
        let contents = prepared.events.contents();
        let mut is_fresh = Vec::with_capacity(prepared.candidates.len());
        let mut candidates = prepared.candidates.iter().enumerate();
        let mut requests = Vec::with_capacity(prepared.requests.len());
        for request in &prepared.requests {
            let count = request.as_ref().map_or(0, |request| request.rows.len());
            let mut verdicts = RequestVerdicts::default();
            for (row, candidate) in candidates.by_ref().take(count) {
                let verdict = if contents.is_null(row) {
                    DedupVerdict::New
                } else {
                    self.dedup.judge(candidate.id_hash, contents.value(row))
                };
                is_fresh.push(verdict == DedupVerdict::New);
                match verdict {
                    DedupVerdict::New => verdicts.accepted += 1,
                    DedupVerdict::Duplicate => verdicts.duplicates += 1,
                    DedupVerdict::Conflict => verdicts.conflicts.push((row, candidate.place)),
                }
            }
            requests.push(verdicts);
        }
        let mut fresh = prepared.events.clone();
        if is_fresh.contains(&false) {
            fresh = fresh
                .filter(&BooleanArray::from(is_fresh))
                .map_err(|error| IntakeError::Internal(format!("filtering events: {error}")))?;
        }
        Ok(BatchVerdicts { fresh, requests })
    }

    /// Keeps what cannot be counted; returns the ids, for each request first those of its invalid
    /// events, then those of its conflicts.
    fn quarantine(
        &self,
        batch: &[PreparedSubmissions],
        judged: &[BatchVerdicts],
    ) -> Result<Vec<QuarantineId>, IntakeError> {
        let bytes_max = self.settings.limits.event_max_bytes;
        let mut events = Vec::new();
        for (request, verdicts) in requests(batch, judged) {
            let Ok(request) = request else { continue };
            let received = request.arrived;
            let entry = |kind, place: EventSpan, code: &str, message: String| {
                let raw = RawText::new(&request.as_sent(place), bytes_max);
                let (index, code) = (place.index, code.to_owned());
                QuarantinedEvent { received, kind, code, message, index, raw }
            };
            for (place, fault) in &request.invalid {
                let (code, message) = (fault.code.name(), fault.message.clone());
                events.push(entry(QuarantineKind::Invalid, *place, code, message));
            }
            for (_, place) in &verdicts.conflicts {
                let message = "an event with the same id and other content was there before";
                events.push(entry(QuarantineKind::Conflict, *place, "conflict", message.into()));
            }
        }
        Ok(self.quarantine.add(events)?)
    }

    fn append(
        &mut self,
        requests: usize,
        judged: &[BatchVerdicts],
    ) -> Result<BatchAppendOutcome, IntakeError> {
        let fresh: Vec<&EventBatch> =
            judged.iter().map(|judged| &judged.fresh).filter(|batch| !batch.is_empty()).collect();
        let events = match fresh.as_slice() {
            [] => {
                // What is there already, or in the quarantine, is acknowledged too.
                self.journal.confirm()?;
                return Ok(BatchAppendOutcome { offset: self.journal.end(), committed: None });
            }
            [only] => (*only).clone(),
            several => EventBatch::concat(several.iter().copied())
                .map_err(|error| IntakeError::Internal(format!("joining events: {error}")))?,
        };
        let started = Instant::now();
        let committed = self.journal.append(&events)?;
        if std::mem::take(&mut self.is_unwritable) {
            info!("the journal can be written again");
        }
        failpoint::pass("intake.committed");
        instruments::batch_committed(requests, events.len() as u64, started.elapsed());
        Ok(BatchAppendOutcome { offset: committed.first, committed: Some(committed) })
    }

    fn update_counters(&self, answers: &[SubmissionResult]) {
        let receipts = || answers.iter().flatten();
        let accepted = receipts().map(|receipt| receipt.accepted).sum();
        self.state.accepted.fetch_add(accepted, Ordering::Relaxed);
        instruments::accepted(accepted);
        instruments::duplicates(receipts().map(|receipt| receipt.duplicates).sum());
        instruments::conflicts(receipts().map(|receipt| receipt.conflicts.len() as u64).sum());
        let invalid = receipts().flat_map(|receipt| &receipt.invalid);
        instruments::invalid(invalid.map(|invalid| invalid.code));
    }

    /// After a failure that leaves the journal well, the next batch is tried.
    fn handle_failure(&mut self, failure: &IntakeError) {
        if failure.is_final() {
            self.stop(failure);
        } else if matches!(failure, IntakeError::JournalUnavailable(_)) && !self.is_unwritable {
            warn!(error = %failure, "events are refused until the journal can be written again");
            self.is_unwritable = true;
        }
    }

    fn stop(&self, failure: &IntakeError) {
        self.state.stop(failure);
    }
}

/// Verdicts on what was decoded together.
struct BatchVerdicts {
    /// The new events.
    fresh: EventBatch,
    /// One for each request.
    requests: Vec<RequestVerdicts>,
}

/// Verdicts on a request's valid events.
#[derive(Default)]
struct RequestVerdicts {
    accepted: u64,
    duplicates: u64,
    /// Row and place of its conflicts.
    conflicts: Vec<(usize, EventSpan)>,
}

/// All requests of a batch, each with its verdicts.
fn requests<'a>(
    batch: &'a [PreparedSubmissions],
    judged: &'a [BatchVerdicts],
) -> impl Iterator<Item = (&'a Result<PreparedRequest, IntakeError>, &'a RequestVerdicts)> {
    batch.iter().zip(judged).flat_map(|(PreparedSubmissions { prepared, .. }, judged)| {
        prepared.requests.iter().zip(&judged.requests)
    })
}

struct BatchAppendOutcome {
    /// Offset of the batch's first new event, or the journal's end when it has none.
    offset: Offset,
    committed: Option<Arc<CommittedBatch>>,
}

fn answers(
    batch: &[PreparedSubmissions],
    judged: Vec<BatchVerdicts>,
    ids: Vec<QuarantineId>,
    mut end: Offset,
) -> Vec<SubmissionResult> {
    let mut ids = ids.into_iter();
    let mut answers = Vec::new();
    for (PreparedSubmissions { prepared, .. }, judged) in batch.iter().zip(judged) {
        for (request, verdicts) in prepared.requests.iter().zip(judged.requests) {
            let receipt = request.as_ref().map(|request| {
                end = end.plus(verdicts.accepted);
                receipt(prepared, request, verdicts, &mut ids, end)
            });
            answers.push(receipt.map_err(IntakeError::clone));
        }
    }
    answers
}

fn receipt(
    prepared: &PreparedEvents,
    request: &PreparedRequest,
    verdicts: RequestVerdicts,
    ids: &mut impl Iterator<Item = QuarantineId>,
    end: Offset,
) -> Receipt {
    let invalid = request.invalid.iter().zip(ids.by_ref()).map(|((place, fault), id)| {
        let (index, code, message) = (place.index, fault.code, fault.message.clone());
        InvalidEvent { index, code, message, quarantine_id: Some(id) }
    });
    let invalid = invalid.collect();
    let conflicts = verdicts.conflicts.iter().zip(ids).map(|((row, place), id)| {
        let event_id = prepared.events.ids().value(*row).to_owned();
        ConflictingEvent { index: place.index, id: event_id, quarantine_id: id }
    });
    Receipt {
        accepted: verdicts.accepted,
        duplicates: verdicts.duplicates,
        conflicts: conflicts.collect(),
        invalid,
        ..Receipt::empty_at(end)
    }
}
