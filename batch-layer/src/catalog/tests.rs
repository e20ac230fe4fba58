//! The catalog on a storage whose answers get lost.

use merganser_core::clock::ManualClock;
use merganser_core::ids::Generation;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::Timestamp;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::*;
use crate::testing::{ForgetfulStore, at, definition, outcome};

async fn catalog() -> (Arc<ForgetfulStore>, Storage, BatchCatalog) {
    let store = Arc::new(ForgetfulStore::default());
    let storage = Storage::new(Arc::<ForgetfulStore>::clone(&store));
    let journal = MemoryJournal::new(7);
    journal.claim().unwrap();
    let settings = CatalogSettings { grace_ms: 0, ..CatalogSettings::default() };
    let clock = ManualClock::at(Timestamp(7)) as Arc<dyn Clock>;
    let parts = (storage.clone(), Arc::new(journal), clock, RunQueue::default());
    let catalog = BatchCatalog::open(settings, parts.0, parts.1, parts.2, parts.3).await.unwrap();
    (store, storage, catalog)
}

fn newest(catalog: &BatchCatalog) -> (Generation, Option<u32>) {
    let snapshot = catalog.current();
    (snapshot.generation, snapshot.newest_version("m").map(|metric| metric.version))
}

#[tokio::test]
async fn what_a_publication_in_doubt_names_is_no_garbage() {
    let (store, storage, catalog) = catalog().await;
    catalog.define(definition("m")).await.unwrap();
    let path = "views/1/1.parquet";
    let work = storage.for_work();
    work.create(path, vec![7]).await.unwrap();
    store.lose_answers(u32::MAX, 0);
    catalog.publish(outcome(1, at(0, 0), at(1, 10))).await.unwrap_err();
    store.lose_answers(0, 0);
    drop(work);
    assert_eq!(newest(&catalog), (Generation(1), Some(1)));
    catalog.collect_garbage().await.unwrap();
    assert_eq!(newest(&catalog), (Generation(2), Some(1)));
    assert_eq!(storage.read(path).await.unwrap(), vec![7]);
    assert_eq!(catalog.current().metrics[0].files.len(), 1);
}

#[tokio::test]
async fn a_definition_in_doubt_that_is_repeated_is_one_version() {
    let (store, _, catalog) = catalog().await;
    store.lose_answers(u32::MAX, 0);
    assert!(matches!(catalog.define(definition("m")).await, Err(CatalogError::Store(_))));
    store.lose_answers(0, 0);
    let again = catalog.define(definition("m")).await.unwrap();
    assert!(matches!(again, DefineOutcome::Unchanged), "{again:?}");
    assert_eq!(newest(&catalog), (Generation(1), Some(1)));
}

/// A catalog of a process of its own on a storage that others share.
async fn sharing(store: &Arc<InMemory>, journal: &Arc<MemoryJournal>) -> BatchCatalog {
    let storage = Storage::new(Arc::clone(store) as _);
    let settings = CatalogSettings { grace_ms: 0, is_shared: true, ..CatalogSettings::default() };
    let clock = ManualClock::at(Timestamp(7)) as Arc<dyn Clock>;
    let journal = Arc::clone(journal) as _;
    BatchCatalog::open(settings, storage, journal, clock, RunQueue::default()).await.unwrap()
}

/// Writes a file and publishes it as the metric's view; `None` if another process came first.
async fn publish_a_file(catalog: &BatchCatalog) -> Option<String> {
    catalog.follow().await.unwrap();
    let before = catalog.current().metrics[0].boundary;
    let after = at(before.epoch.0 + 1, before.offset.0 + 10);
    let path = format!("views/1/{}.parquet", crate::storage::unique_name());
    let work = catalog.storage().for_work();
    work.write(&path, vec![7]).await.unwrap();
    // Whatever the other one does meanwhile.
    for _ in 0..catalog.current().generation.0 % 7 {
        tokio::task::yield_now().await;
    }
    let mut change = outcome(1, before, after);
    if let ManifestChange::Run(outcome) = &mut change {
        outcome.views[0].files[0].path.clone_from(&path);
    }
    match catalog.publish(change).await {
        Ok(_) => Some(path),
        // Without a grace period it may be too late to find out who came first.
        Err(PublishError::Discarded(_) | PublishError::Storage(StorageError::Io(_))) => None,
        Err(other) => panic!("{other}"),
    }
}

/// Two processes publish and delete as fast as they can, without any grace. No generation ever
/// names a file that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_leaders_at_once_delete_nothing_that_is_named() {
    let (store, journal) = (Arc::new(InMemory::new()), Arc::new(MemoryJournal::new(7)));
    journal.claim().unwrap();
    let first = sharing(&store, &journal).await;
    first.define(definition("m")).await.unwrap();
    let second = sharing(&store, &journal).await;
    let work = |catalog: BatchCatalog, store: Arc<InMemory>| async move {
        let (mut published, mut discarded, mut deleted) = (0, 0, 0);
        while published < 500 {
            match publish_a_file(&catalog).await {
                None => discarded += 1,
                Some(path) => {
                    published += 1;
                    // What was published is there, unless something newer has taken its place.
                    let is_there = store.head(&Path::from(path.as_str())).await.is_ok();
                    catalog.follow().await.unwrap();
                    let is_named = catalog.state().paths().any(|named| named == path);
                    assert!(is_there || !is_named, "{path} is named and gone");
                }
            }
            match catalog.collect_garbage().await {
                Ok(count) => deleted += count,
                Err(StorageError::Io(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        (discarded, deleted)
    };
    let tasks = [first.clone(), second].map(|one| tokio::spawn(work(one, Arc::clone(&store))));
    let mut met = 0;
    for task in tasks {
        let (discarded, deleted) = task.await.unwrap();
        assert!(deleted > 100, "{deleted} objects were deleted");
        met += discarded;
    }
    assert!(met > 0, "they never met");
    first.follow().await.unwrap();
    for path in first.state().paths() {
        store.head(&Path::from(path.as_str())).await.expect(&path);
    }
}
