//! What a run reads: the journal's sealed epochs on their way into the master dataset, and master
//! files in parts that fit in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use merganser_core::blocking::run_blocking;
use merganser_core::ids::{Boundary, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::time::{DAY_US, TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion};
use merganser_metric::extract::PropertyExtractor;

use super::error::RunError;
use crate::manifest::MasterFile;
use crate::master;
use crate::recompute::MasterPart;
use crate::storage::Storage;

/// Events that a thread archives or recomputes at a time, at least where there are enough for all
/// threads.
const THREAD_EVENTS_MIN: u64 = 50_000;
/// Bytes of events that a thread archives at a time: one record of the journal may be over it.
const ARCHIVE_BYTES: usize = 256 << 20;
/// How much larger a part may become, so that cutting between days leaves no small rest.
const PART_SLACK: f64 = 1.05;

/// How large parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartSize {
    /// The threads that share them.
    pub(super) threads: usize,
    /// Events of a part at most, but for [`PART_SLACK`] and a day that has more.
    pub(super) events_max: u64,
}

impl PartSize {
    /// In how many shares so many events go to the threads: as many for each, so that none waits
    /// for another at the end.
    fn shares(self, events: u64) -> u64 {
        let threads = self.threads.max(1) as u64;
        events.div_ceil(self.events_max.max(1).saturating_mul(threads)).max(1) * threads
    }

    fn events_min(self) -> u64 {
        THREAD_EVENTS_MIN.min(self.events_max.max(1))
    }
}

/// All days of these files, in parts of such a size, in the order of days. A file that days
/// share may have events in several parts.
pub(super) fn parts(files: &[MasterFile], size: PartSize) -> Vec<MasterPart> {
    let all = files.iter().map(|file| file.rows).sum::<u64>();
    let events_max = PART_SLACK * all as f64 / size.shares(all) as f64;
    let events_max = events_max.max(size.events_min() as f64);
    // Events a day, taking those of a file as spread evenly: it changes where a file begins or
    // ends, and parts are cut there.
    let mut changes: BTreeMap<i64, f64> = BTreeMap::new();
    for file in files {
        let daily = file.rows as f64 / (file.last_day() - file.first_day + 1) as f64;
        *changes.entry(file.first_day).or_default() += daily;
        *changes.entry(file.last_day() + 1).or_default() -= daily;
    }
    let mut parts: Vec<MasterPart> = Vec::new();
    let mut daily = 0.0;
    let edges: Vec<i64> = changes.keys().copied().collect();
    for (edges, change) in edges.windows(2).zip(changes.values()) {
        daily += change;
        let (from, to) = (Timestamp(edges[0] * DAY_US), Timestamp(edges[1] * DAY_US));
        let events = daily * (edges[1] - edges[0]) as f64;
        match parts.last_mut().filter(|part| part.events + events <= events_max) {
            Some(part) => {
                part.range.to = to;
                part.events += events;
            }
            None => {
                parts.push(MasterPart { range: TimeRange { from, to }, files: Vec::new(), events });
            }
        }
    }
    for part in &mut parts {
        let (from, to) = (part.range.from.day(), part.range.to.day());
        let here = |file: &&MasterFile| file.first_day < to && from <= file.last_day();
        part.files = files.iter().filter(here).cloned().collect();
    }
    parts
}

/// Where the archive of `[from, to)` is cut, so that no file spans a metric's boundary: the ends of
/// its pieces, `to` the last.
pub(super) fn cuts(snapshot: &CatalogSnapshot, from: Boundary, to: Boundary) -> Vec<Boundary> {
    let boundaries = snapshot.metrics.iter().map(|metric| metric.boundary);
    let mut cuts: Vec<Boundary> =
        boundaries.filter(|b| from.epoch < b.epoch && b.epoch < to.epoch).chain([to]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// A piece of the journal, which is archived by one thread: what it needs to know, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalPiece {
    /// The epochs that its files are about.
    pub(super) epochs: (Boundary, Boundary),
    /// The first offset.
    pub(super) from: Offset,
    /// The offset behind the last.
    pub(super) to: Offset,
}

/// The epochs `[from, to)` in pieces of such a size, about as large as each other.
pub(super) fn pieces((from, to): (Boundary, Boundary), size: PartSize) -> Vec<JournalPiece> {
    let all = to.offset.since(from.offset);
    let length = all.div_ceil(size.shares(all)).max(size.events_min());
    let piece = |n: u64| {
        let first = from.offset.plus(n * length);
        JournalPiece { epochs: (from, to), from: first, to: to.offset.min(first.plus(length)) }
    };
    (0..all.div_ceil(length)).map(piece).collect()
}

/// Archives a piece of the journal.
pub(super) async fn archive(
    storage: &Storage,
    journal: &Arc<dyn Journal>,
    columns: &PropertyExtractor,
    piece: JournalPiece,
) -> Result<Vec<MasterFile>, RunError> {
    let JournalPiece { epochs, from, to } = piece;
    let mut files = Vec::new();
    let mut position = from;
    while position < to {
        let journal = Arc::clone(journal);
        let read = move || read_some(&*journal, position, to);
        let events = run_blocking(read).await?;
        let count: usize = events.iter().map(|batch| batch.events.len()).sum();
        if count == 0 {
            return Err(RunError::Failed(format!(
                "the journal ends at offset {position}, before {to}"
            )));
        }
        files.extend(master::archive(storage, &events, columns, epochs).await?);
        position = position.plus(count as u64);
    }
    Ok(files)
}

fn read_some(
    journal: &dyn Journal,
    from: Offset,
    to: Offset,
) -> Result<Vec<CommittedBatch>, RunError> {
    let mut events = Vec::new();
    let mut size_bytes = 0;
    for committed in journal.read(from)? {
        let mut committed = Arc::unwrap_or_clone(committed?);
        if committed.first >= to || size_bytes >= ARCHIVE_BYTES {
            break;
        }
        let left = usize::try_from(to.since(committed.first)).unwrap_or(usize::MAX);
        committed.events = committed.events.slice(0, committed.events.len().min(left));
        size_bytes += committed.events.size_bytes();
        events.push(committed);
    }
    Ok(events)
}

/// The master files of the epochs `[from, to)`.
///
/// # Errors
/// When they have not exactly the events that the journal had there.
pub(super) fn files_between(
    files: &[MasterFile],
    from: Boundary,
    to: Boundary,
) -> Result<Vec<MasterFile>, RunError> {
    let inside = |file: &&MasterFile| file.from.epoch >= from.epoch && file.to.epoch <= to.epoch;
    let files: Vec<MasterFile> = files.iter().filter(inside).cloned().collect();
    let (found, expected) =
        (files.iter().map(|file| file.rows).sum::<u64>(), to.offset.since(from.offset));
    if found == expected {
        return Ok(files);
    }
    Err(RunError::Failed(format!(
        "the master dataset has {found} events of the epochs from {} to {}, the journal had \
         {expected}",
        from.epoch, to.epoch
    )))
}

/// The metric versions that a run is about: active ones, of these names if there are any.
pub(super) fn metric_versions(
    snapshot: &CatalogSnapshot,
    names: Option<&[String]>,
) -> Vec<Arc<MetricVersion>> {
    let named = |m: &MetricVersion| names.is_none_or(|n| n.contains(&m.definition.name));
    snapshot
        .metrics
        .iter()
        .filter(|m| m.stage == merganser_metric::catalog::LifecycleStage::Active && named(m))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use merganser_core::ids::Epoch;

    use super::*;

    #[test]
    fn pieces_follow_each_other_and_are_about_as_large_for_all_threads() {
        let at = |epoch, offset| Boundary { epoch: Epoch(epoch), offset: Offset(offset) };
        for all in [1, 49_999, 50_000, 50_001, 600_000, 1_000_000, 1_000_001, 18_000_000] {
            for threads in [0, 1, 2, 7] {
                let epochs = (at(3, 70), at(5, 70 + all));
                let pieces = pieces(epochs, PartSize { threads, events_max: 500_000 });
                let mut next = Offset(70);
                for piece in &pieces {
                    assert_eq!((piece.epochs, piece.from), (epochs, next));
                    assert!(piece.to > piece.from);
                    assert!(piece.to.since(piece.from) <= 500_000);
                    next = piece.to;
                }
                assert_eq!(next, epochs.1.offset);
                let longest = pieces[0].to.since(pieces[0].from);
                let is_even =
                    longest <= THREAD_EVENTS_MIN || pieces.len().is_multiple_of(threads.max(1));
                assert!(is_even, "{all} events in {} pieces for {threads}", pieces.len());
            }
        }
        let size = PartSize { threads: 2, events_max: 1 };
        assert!(pieces((at(3, 70), at(3, 70)), size).is_empty());
        assert_eq!(pieces((at(3, 70), at(5, 75)), size).len(), 5);
    }
}
