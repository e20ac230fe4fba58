//! Batches in the order of their offsets, small ones put together: a fold costs much the same for
//! one event as for a thousand.

use std::collections::BTreeSet;
use std::sync::Arc;

use merganser_core::event::EventBatch;
use merganser_core::ids::Offset;
use merganser_core::journal::CommittedBatch;

/// Most events that small batches are put together to.
const EVENTS_MAX: usize = 8192;
/// Bytes that it takes at most.
const SIZE_BYTES_MAX: usize = 16 << 20;

/// Puts small neighbours of one epoch together, but not across `cuts`: what lies below one of these
/// is not mixed with what lies above.
pub(super) fn coalesce_batches<E>(
    batches: impl Iterator<Item = Result<Arc<CommittedBatch>, E>>,
    cuts: BTreeSet<Offset>,
) -> impl Iterator<Item = Result<Arc<CommittedBatch>, E>> {
    let mut batches = batches.peekable();
    std::iter::from_fn(move || {
        let first = match batches.next()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        let (mut events, mut size_bytes) = (first.events.len(), first.events.size_bytes());
        let mut rest: Vec<Arc<CommittedBatch>> = Vec::new();
        while let Some(Ok(next)) = batches.peek() {
            events += next.events.len();
            size_bytes = size_bytes.saturating_add(next.events.size_bytes());
            let last = rest.last().unwrap_or(&first);
            let follows =
                last.epoch == next.epoch && last.end() == next.first && !cuts.contains(&next.first);
            if !follows || events > EVENTS_MAX || size_bytes > SIZE_BYTES_MAX {
                break;
            }
            if let Some(Ok(next)) = batches.next() {
                rest.push(next);
            }
        }
        Some(Ok(concat_batches(first, &rest)))
    })
}

fn concat_batches(first: Arc<CommittedBatch>, rest: &[Arc<CommittedBatch>]) -> Arc<CommittedBatch> {
    let Some(last) = rest.last() else { return first };
    let parts = std::iter::once(&first).chain(rest).map(|part| &part.events);
    let events = EventBatch::concat(parts).expect("what is put together is far below 2 GiB");
    Arc::new(CommittedBatch { events, checksum: last.checksum, ..(*first).clone() })
}

/// How a batch lies to what is folded already.
#[derive(Debug)]
pub(super) enum BatchAlignment {
    /// It is folded.
    Old,
    /// It, or what is left of it, is next.
    Next(Arc<CommittedBatch>),
    /// Events before it are missing.
    Gap,
}

/// Cuts off what lies below `from`.
pub(super) fn align(batch: &Arc<CommittedBatch>, from: Offset) -> BatchAlignment {
    if batch.end() <= from {
        return BatchAlignment::Old;
    }
    if batch.first > from {
        return BatchAlignment::Gap;
    }
    // Within the batch's length.
    let skip = from.since(batch.first) as usize;
    if skip == 0 {
        return BatchAlignment::Next(Arc::clone(batch));
    }
    BatchAlignment::Next(Arc::new(CommittedBatch {
        first: from,
        events: batch.events.slice(skip, batch.events.len() - skip),
        ..(**batch).clone()
    }))
}

/// Cuts off what lies from `to` on; `None` when nothing is left.
pub(super) fn truncate_at(batch: &Arc<CommittedBatch>, to: Offset) -> Option<Arc<CommittedBatch>> {
    if batch.end() <= to {
        return Some(Arc::clone(batch));
    }
    let len = usize::try_from(to.since(batch.first)).unwrap_or(usize::MAX);
    (len > 0).then(|| {
        Arc::new(CommittedBatch { events: batch.events.slice(0, len), ..(**batch).clone() })
    })
}
