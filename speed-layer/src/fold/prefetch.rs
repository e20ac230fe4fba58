//! Reading ahead: a thread decodes batches and reads their properties while another one folds.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use merganser_core::journal::{CommittedBatch, JournalError};
use merganser_metric::extract::PropertyExtractor;

/// Batches that wait to be folded: a batch may be as large as a record of the journal.
const AHEAD: usize = 2;

/// Gives each batch to `fold`, with the properties that `extractor` reads, until there are no more
/// or `fold` says that it is enough.
///
/// # Errors
/// That of the first batch that cannot be read, or of `fold`.
pub(super) fn prefetch<E: From<JournalError>>(
    batches: impl Iterator<Item = Result<Arc<CommittedBatch>, JournalError>> + Send,
    extractor: &PropertyExtractor,
    mut fold: impl FnMut(Arc<CommittedBatch>) -> Result<bool, E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let reader = scope.spawn(move || {
            for batch in batches {
                let batch = batch.map(|batch| with_properties(&batch, extractor));
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        let mut folded = Ok(true);
        while let Ok(true) = folded
            && let Ok(batch) = receiver.recv()
        {
            folded = batch.map_err(E::from).and_then(&mut fold);
        }
        // So that the reader ends, if it has not.
        drop(receiver);
        let panicked = |_| JournalError::Io("reading it ahead panicked".to_owned());
        reader.join().map_err(panicked)?;
        folded.map(|_| ())
    })
}

fn with_properties(
    batch: &Arc<CommittedBatch>,
    extractor: &PropertyExtractor,
) -> Arc<CommittedBatch> {
    Arc::new(CommittedBatch { events: extractor.with_read(&batch.events), ..(**batch).clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use merganser_core::ids::Offset;
    use merganser_core::property::{PropertyColumn, PropertyType, parse_path};
    use merganser_core::testing::{committed, event};

    fn batch(first: u64) -> Result<Arc<CommittedBatch>, JournalError> {
        let events = [event("e", 0, Some(r#"{"a":1}"#))].into_iter().collect();
        Ok(Arc::new(committed(Offset(first), events)))
    }

    fn broken() -> Result<Arc<CommittedBatch>, JournalError> {
        Err(JournalError::Io("broken".to_owned()))
    }

    /// The offsets that were folded, and how it ended.
    fn read(
        batches: Vec<Result<Arc<CommittedBatch>, JournalError>>,
        enough: u64,
    ) -> (Vec<u64>, Result<(), String>) {
        let path = parse_path("a").unwrap();
        let extractor = PropertyExtractor::new([PropertyColumn { path, ty: PropertyType::Number }]);
        let mut folded = Vec::new();
        let end: Result<(), JournalError> = prefetch(batches.into_iter(), &extractor, |batch| {
            assert_eq!(batch.events.read().iter().count(), 1, "properties are there");
            folded.push(batch.first.0);
            Ok(batch.first.0 < enough)
        });
        (folded, end.map_err(|error| error.to_string()))
    }

    #[test]
    fn batches_come_in_order_until_it_is_enough_or_one_is_broken() {
        let many = || (0..20).map(batch).collect::<Vec<_>>();
        assert_eq!(read(many(), 99), ((0..20).collect(), Ok(())));
        assert_eq!(read(many(), 3), (vec![0, 1, 2, 3], Ok(())));
        let mut torn = many();
        torn.insert(2, broken());
        let (folded, end) = read(torn, 99);
        assert_eq!(folded, [0, 1]);
        assert!(end.unwrap_err().contains("broken"));
    }
}
