//! The catalog on a storage whose answers get lost.

use merganser_core::clock::ManualClock;
use merganser_core::ids::Generation;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::Timestamp;

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
