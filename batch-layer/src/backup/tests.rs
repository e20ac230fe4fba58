//! Back-ups of a journal in a storage, whose entries are joined while they are copied.

use merganser_core::clock::{Clock, ManualClock};
use merganser_core::event::EventBatch;
use merganser_core::journal::Journal;
use merganser_core::testing::event;
use merganser_core::time::Timestamp;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::*;
use crate::catalog::CatalogSettings;
use crate::job::RunQueue;
use crate::journal::{JournalSettings, ObjectJournal};
use crate::storage::Storage;

/// Events that are appended one by one before a seal.
const EPOCH: i64 = 20;

fn open(store: &Arc<InMemory>) -> Arc<ObjectJournal> {
    let store = Arc::clone(store) as Arc<dyn ObjectStore>;
    Arc::new(ObjectJournal::open(store, JournalSettings::default()).unwrap())
}

/// Appends the events of these numbers, each by itself.
fn append(journal: &ObjectJournal, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let events: EventBatch = [event("view", number, None)].into_iter().collect();
        journal.append(&events).unwrap();
    }
}

/// Ends the epoch, and has its entries joined.
fn join_epoch(journal: &ObjectJournal) {
    journal.seal().unwrap();
    journal.trim(Offset(0)).unwrap();
}

/// The ids of all events.
fn ids(journal: &dyn Journal) -> Vec<String> {
    let batches = journal.read(journal.start()).unwrap().map(Result::unwrap);
    let of = |batch: Arc<merganser_core::journal::CommittedBatch>| {
        let of_row = |row: usize| batch.events.ids().value(row).to_owned();
        (0..batch.events.len()).map(of_row).collect::<Vec<_>>()
    };
    batches.flat_map(of).collect()
}

/// A catalog in the storage, by a handle on the journal that only reads.
async fn catalog(store: &Arc<InMemory>) -> BatchCatalog {
    let storage = Storage::new(Arc::clone(store) as Arc<dyn ObjectStore>);
    let settings = CatalogSettings { is_shared: true, ..CatalogSettings::default() };
    let clock = ManualClock::at(Timestamp(7)) as Arc<dyn Clock>;
    let journal = open(store) as Arc<dyn Journal>;
    BatchCatalog::open(settings, storage, journal, clock, RunQueue::default()).await.unwrap()
}

/// A storage with a manifest and a journal, which is claimed: one epoch that has ended and was not
/// joined, and an open one.
async fn filled() -> (Arc<InMemory>, Arc<ObjectJournal>) {
    let store = Arc::new(InMemory::new());
    let owner = open(&store);
    owner.claim().unwrap();
    catalog(&store).await;
    append(&owner, 0..EPOCH);
    owner.seal().unwrap();
    append(&owner, EPOCH..2 * EPOCH);
    (store, owner)
}

/// Unpacks an archive: the storage, and the names in their order.
async fn unpacked(archive: &[u8]) -> (Arc<InMemory>, Vec<String>) {
    let (store, mut names) = (Arc::new(InMemory::new()), Vec::new());
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        store.put(&Path::from(name.as_str()), content.into()).await.unwrap();
        assert!(!names.contains(&name), "{name} is there twice");
        names.push(name);
    }
    (store, names)
}

fn count_of(names: &[String], folder: &str) -> usize {
    names.iter().filter(|name| name.starts_with(folder)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_joined_while_they_are_copied_are_in_it_once() {
    let (store, owner) = filled().await;
    let catalog = catalog(&store).await;
    let mut archive = Backup::take(&catalog, Vec::new()).await.unwrap().archive();
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = archive.next().await {
        bytes.extend_from_slice(&piece.unwrap());
        pieces += 1;
        match pieces {
            // Few pieces wait to be taken, so most objects are still to be copied.
            1 => {
                owner.trim(Offset(0)).unwrap();
            }
            20 => {
                append(&owner, 2 * EPOCH..2 * EPOCH + 5);
                join_epoch(&owner);
                append(&owner, 2 * EPOCH + 5..2 * EPOCH + 6);
            }
            _ => {}
        }
    }
    let (copy, names) = unpacked(&bytes).await;
    assert!(count_of(&names, "journal/entries/") > 2, "{names:?}");
    assert_eq!(count_of(&names, "journal/segments/"), 2, "{names:?}");
    assert!(names.last().unwrap().starts_with("manifest/"), "{names:?}");
    let restored = open(&copy);
    let mut expected: Vec<String> = (0..2 * EPOCH + 5).map(|n| format!("view-{n}")).collect();
    assert_eq!(ids(&*restored), expected);
    assert_eq!(restored.id(), owner.id());
    // It goes on from there, and deletes the entries beside the segments.
    restored.claim().unwrap();
    append(&restored, 100..101);
    restored.trim(Offset(0)).unwrap();
    expected.push("view-100".to_owned());
    assert_eq!(ids(&*open(&copy)), expected);
    let catalog = self::catalog(&copy).await;
    Backup::take(&catalog, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_and_in_no_segment_breaks_it_off() {
    let (store, _owner) = filled().await;
    let catalog = catalog(&store).await;
    let backup = Backup::take(&catalog, Vec::new()).await.unwrap();
    let names = &backup.cut.journal.objects;
    let gone = names[names.len() / 2].clone();
    store.delete(&Path::from(gone)).await.unwrap();
    let mut archive = backup.archive();
    let mut error = None;
    while let Some(piece) = archive.next().await {
        error = piece.err();
    }
    let error = error.unwrap().to_string();
    assert!(error.contains("trimmed while it was copied"), "{error}");
}
