//! The newest events, as the journal has them: so many, and of so many bytes, whatever is asked.
//!
//! The journal keeps them also where every view has them already (`src/compose.rs`).

use std::sync::Arc;

use merganser_core::ids::Offset;
use merganser_core::journal::{CommittedBatch, Journal, JournalError};
use merganser_core::time::Timestamp;

use crate::error::ServingError;

/// Events at most.
pub const RECENT_EVENTS_MAX: usize = 10_000;
/// Bytes of them at most.
const BYTES_MAX: usize = 64 << 20;

/// The newest events, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentEvents {
    pub(crate) batches: Vec<CommittedBatch>,
}

impl RecentEvents {
    /// The newest `events_max` of a journal, or those of them that fit. Blocks.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn read(journal: &dyn Journal, events_max: usize) -> Result<Self, ServingError> {
        Self::read_within(journal, events_max, BYTES_MAX)
            .map_err(|error| ServingError::Internal(error.to_string()))
    }

    fn read_within(
        journal: &dyn Journal,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Self, JournalError> {
        let from = Offset(journal.end().0.saturating_sub(events_max as u64));
        let read = match journal.read(from.max(journal.start())) {
            // It was trimmed meanwhile: what is left begins later.
            Err(JournalError::OutOfRange { start, .. }) => journal.read(from.max(start))?,
            read => read?,
        };
        let mut batches = Vec::new();
        for batch in read {
            batches.push(Arc::unwrap_or_clone(batch?));
        }
        let (mut events_left, mut bytes_left) = (events_max, bytes_max);
        let mut kept = Vec::new();
        for batch in batches.into_iter().rev() {
            let batch = newest_of(batch, events_left, bytes_left);
            if batch.events.is_empty() {
                break;
            }
            events_left -= batch.events.len();
            bytes_left = bytes_left.saturating_sub(text_bytes(&batch));
            kept.push(batch);
        }
        kept.reverse();
        Ok(Self { batches: kept })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.events.len()).sum()
    }

    /// The first and the last of their times.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let times = self.batches.iter().flat_map(|batch| batch.events.times().values().iter());
        let (first, last) = (times.clone().min()?, times.max()?);
        Some((Timestamp(*first), Timestamp(*last)))
    }
}

/// The newest events of a batch, so many and of so many bytes at most.
fn newest_of(batch: CommittedBatch, events_max: usize, bytes_max: usize) -> CommittedBatch {
    let (count, mut bytes) = (batch.events.len(), 0);
    let mut kept = 0;
    while kept < count.min(events_max) {
        bytes += row_bytes(&batch, count - 1 - kept);
        if bytes > bytes_max {
            break;
        }
        kept += 1;
    }
    let first = count - kept;
    CommittedBatch {
        first: batch.first.plus(first as u64),
        events: batch.events.slice(first, kept),
        ..batch
    }
}

fn text_bytes(batch: &CommittedBatch) -> usize {
    (0..batch.events.len()).map(|row| row_bytes(batch, row)).sum()
}

/// Bytes of what may be long in an event.
fn row_bytes(batch: &CommittedBatch, row: usize) -> usize {
    let properties = batch.events.properties();
    usize::try_from(properties.value_length(row)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use merganser_core::event::{Event, EventBatch};
    use merganser_core::testing::MemoryJournal;

    use super::*;

    fn event(n: usize) -> Event {
        Event {
            id: format!("e-{n}"),
            content: None,
            event: "sale".to_owned(),
            time: n as i64,
            arrived: 0,
            subject: None,
            properties: Some(format!("{{\"n\":{n:04}}}")),
        }
    }

    fn ids(recent: &RecentEvents) -> Vec<String> {
        let batches = recent.batches.iter();
        batches.flat_map(|b| b.events.ids().iter().flatten().map(str::to_owned)).collect()
    }

    #[test]
    fn they_are_the_newest_and_no_more_than_fit() {
        let journal = MemoryJournal::new(1);
        journal.claim().unwrap();
        for part in (0..100).collect::<Vec<_>>().chunks(7) {
            let events: EventBatch = part.iter().map(|n| event(*n)).collect();
            journal.append(&events).unwrap();
        }
        let names = |from: usize| (from..100).map(|n| format!("e-{n}")).collect::<Vec<_>>();
        let read = |events, bytes| RecentEvents::read_within(&journal, events, bytes).unwrap();
        for count in [0, 1, 6, 7, 8, 50, 100, 1000] {
            let found = read(count, usize::MAX);
            assert_eq!(ids(&found), names(100_usize.saturating_sub(count)), "{count}");
            assert_eq!(found.len(), count.min(100));
            for batch in &found.batches {
                let first = format!("e-{}", batch.first.0);
                assert_eq!(batch.events.ids().value(0), first, "each is at its offset");
            }
        }
        let bytes = event(0).properties.unwrap().len();
        assert_eq!(ids(&read(1000, 10 * bytes)), names(90));
        assert_eq!(ids(&read(1000, 10 * bytes - 1)), names(91));
        assert_eq!(read(10, usize::MAX).span(), Some((Timestamp(90), Timestamp(99))));
        assert_eq!(read(0, usize::MAX).span(), None);
        journal.trim(Offset(95)).unwrap();
        let start = journal.start().0 as usize;
        assert_eq!(ids(&read(1000, usize::MAX)), names(start));
    }
}
