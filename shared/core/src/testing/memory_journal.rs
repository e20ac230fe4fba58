//! A journal in memory that fails and waits when a test says so.
//!
//! Each handle is one opening of the log; [`MemoryJournal::reopen`] makes another one, as a second
//! process would.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use uuid::Uuid;

use crate::event::EventBatch;
use crate::ids::{Boundary, Fence, JournalId, Offset, PartitionId};
use crate::journal::{
    AppendSignal, CommittedBatch, Journal, JournalCopy, JournalError, JournalReader,
};

/// See the module's text.
#[derive(Debug)]
pub struct MemoryJournal {
    id: JournalId,
    log: Arc<SharedLog>,
    writer: Mutex<WriterClaim>,
    appends: AtomicUsize,
}

/// What one handle may write.
#[derive(Clone, Debug, Default)]
struct WriterClaim {
    fence: Option<Fence>,
    stopped: Option<String>,
}

#[derive(Debug, Default)]
struct SharedLog {
    state: Mutex<LogState>,
    changed: Condvar,
    appended: AppendSignal,
}

#[derive(Clone, Debug, Default)]
struct LogState {
    batches: Vec<Arc<CommittedBatch>>,
    open: Boundary,
    start: Offset,
    end: Offset,
    checksum: u32,
    fence: Fence,
    failures: Vec<JournalError>,
    is_held: bool,
    waiting: usize,
}

impl Default for MemoryJournal {
    /// An empty one with the id 0, claimed.
    fn default() -> Self {
        Self::new(0)
    }
}

impl MemoryJournal {
    /// An empty one with the id `number`, claimed.
    #[must_use]
    pub fn new(number: u128) -> Self {
        Self::on(JournalId(Uuid::from_u128(number)), LogState::default()).claimed()
    }

    /// A copy with the same id, which then goes its own way.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::on(self.id, self.state().clone()).claimed()
    }

    /// The same log, opened again and not claimed.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let log = Arc::clone(&self.log);
        Self { id: self.id, log, writer: Mutex::default(), appends: AtomicUsize::new(0) }
    }

    fn on(id: JournalId, state: LogState) -> Self {
        let log = Arc::new(SharedLog { state: Mutex::new(state), ..SharedLog::default() });
        Self { id, log, writer: Mutex::default(), appends: AtomicUsize::new(0) }
    }

    fn claimed(self) -> Self {
        let fence = self.state().fence.next();
        self.state().fence = fence;
        self.writer().fence = Some(fence);
        self
    }

    /// Lets the next appends fail, the last one first.
    pub fn fail(&self, failures: Vec<JournalError>) {
        self.state().failures = failures;
    }

    /// Lets appends wait until [`MemoryJournal::release`].
    pub fn hold(&self) {
        self.state().is_held = true;
    }

    /// Lets appends go on.
    pub fn release(&self) {
        self.state().is_held = false;
        self.log.changed.notify_all();
    }

    /// Waits until an append waits.
    pub fn wait_for_append(&self) {
        let waited = self.log.changed.wait_while(self.state(), |state| state.waiting == 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Calls of `append` on this handle that did not fail.
    #[must_use]
    pub fn appends(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }

    /// Id and type of all events that are held, in order.
    #[must_use]
    pub fn events(&self) -> Vec<(String, String)> {
        let batches = self.state().batches.clone();
        let mut events = Vec::new();
        for batch in batches {
            let (ids, types) = (batch.events.ids(), batch.events.types());
            let rows = 0..batch.events.len();
            events.extend(rows.map(|i| (ids.value(i).to_owned(), types.value(i).to_owned())));
        }
        events
    }

    fn state(&self) -> MutexGuard<'_, LogState> {
        self.log.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, WriterClaim> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_writer(&self, state: &LogState) -> Result<(), JournalError> {
        let writer = self.writer();
        match (&writer.stopped, writer.fence) {
            (Some(why), _) => Err(JournalError::Stopped(why.clone())),
            (None, Some(fence)) if fence == state.fence => Ok(()),
            (None, _) => Err(JournalError::Fenced { fence: state.fence }),
        }
    }
}

impl LogState {
    fn push(&mut self, events: &EventBatch) -> Arc<CommittedBatch> {
        let previous = self.checksum;
        self.checksum = chain(previous, self.end, events);
        let committed = Arc::new(CommittedBatch {
            partition: PartitionId::ONLY,
            epoch: self.open.epoch,
            first: self.end,
            events: events.clone(),
            previous,
            checksum: self.checksum,
        });
        self.end = committed.end();
        self.batches.push(Arc::clone(&committed));
        committed
    }
}

/// FNV-1a over what was before and what identifies the events.
fn chain(previous: u32, first: Offset, events: &EventBatch) -> u32 {
    let texts = [events.ids(), events.types(), events.properties()];
    let texts = texts.into_iter().flat_map(|column| column.iter().flatten());
    let bytes = texts.flat_map(|text| text.bytes().chain([0xFF]));
    let numbers = previous.to_le_bytes().into_iter().chain(first.0.to_le_bytes());
    numbers
        .chain(bytes)
        .fold(0x811C_9DC5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Journal for MemoryJournal {
    fn id(&self) -> JournalId {
        self.id
    }

    fn claim(&self) -> Result<Fence, JournalError> {
        let mut state = self.state();
        state.fence = state.fence.next();
        self.writer().fence = Some(state.fence);
        Ok(state.fence)
    }

    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        assert!(!events.is_empty(), "an append of nothing");
        let mut state = self.state();
        state.waiting += 1;
        self.log.changed.notify_all();
        let state = self.log.changed.wait_while(state, |state| state.is_held);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        self.check_writer(&state)?;
        if let Some(failure) = state.failures.pop() {
            if let JournalError::Uncertain(why) = &failure {
                self.writer().stopped = Some(why.clone());
            }
            return Err(failure);
        }
        let committed = state.push(events);
        drop(state);
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.log.appended.notify();
        Ok(committed)
    }

    fn end(&self) -> Offset {
        self.state().end
    }

    fn start(&self) -> Offset {
        self.state().start
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        let mut state = self.state();
        self.check_writer(&state)?;
        if state.end > state.open.offset {
            state.open = Boundary { epoch: state.open.epoch.next(), offset: state.end };
        }
        Ok(state.open)
    }

    fn read(&self, from: Offset) -> Result<JournalReader, JournalError> {
        let state = self.state();
        let (start, end) = (state.start, state.end);
        if from < start || from > end {
            return Err(JournalError::OutOfRange { asked: from, start, end });
        }
        let batches: Vec<_> = state.batches.iter().filter(|b| b.end() > from).cloned().collect();
        Ok(Box::new(batches.into_iter().map(move |batch| {
            let skip = usize::try_from(from.since(batch.first)).unwrap_or(usize::MAX);
            let events = batch.events.slice(skip, batch.events.len() - skip);
            let first = batch.first.max(from);
            Ok(Arc::new(CommittedBatch { first, events, ..(*batch).clone() }))
        })))
    }

    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError> {
        let state = self.state();
        let found = state.batches.iter().find(|batch| batch.end() == position);
        Ok(if position == Offset::ZERO { Some(0) } else { found.map(|batch| batch.checksum) })
    }

    fn poll_beyond(&self, offset: Offset, cx: &mut Context<'_>) -> Poll<()> {
        self.log.appended.poll_until(cx, || self.end() > offset)
    }

    /// Whole epochs go.
    fn trim(&self, below: Offset) -> Result<Offset, JournalError> {
        let mut state = self.state();
        let open = state.open.epoch;
        while let Some(oldest) = state.batches.first().map(|batch| batch.epoch) {
            let in_oldest = |batch: &&Arc<CommittedBatch>| batch.epoch == oldest;
            let end = state.batches.iter().filter(in_oldest).map(|batch| batch.end()).max();
            let Some(end) = end.filter(|end| *end <= below && oldest < open) else { break };
            state.batches.retain(|batch| batch.epoch != oldest);
            state.start = end;
        }
        Ok(state.start)
    }

    fn copy(&self) -> Result<JournalCopy, JournalError> {
        Err(JournalError::Io("it is kept in memory".to_owned()))
    }

    fn confirm_claim(&self) -> Result<(), JournalError> {
        let state = self.state();
        self.check_writer(&state)
    }

    fn size_bytes(&self) -> u64 {
        self.state().batches.iter().map(|batch| batch.events.size_bytes() as u64).sum()
    }
}
