//! Looks for newer generations that come late.

use merganser_core::ids::Generation;
use object_store::memory::InMemory;

use super::*;
use crate::testing::{at, definition};

/// Generations that were replaced are deleted after a while. Who was cut off or asleep for longer
/// finds no next one, and would take an old one for the newest: with keys that are revoked.
#[tokio::test]
async fn who_looks_late_finds_the_newest_although_the_next_one_is_deleted() {
    let storage = Storage::new(Arc::new(InMemory::new()));
    let journal = JournalId(uuid::Uuid::from_u128(7));
    let open = || ManifestStore::open(storage.clone(), journal, true, Timestamp(0));
    let (other, late) = (open().await.unwrap(), open().await.unwrap());
    late.poll().await.unwrap();
    for name in ["a", "b", "c"] {
        let definition = Box::new(definition(name));
        let change = ManifestChange::Define { definition, start: at(0, 0) };
        other.publish(&change, Timestamp(1)).await.unwrap();
    }
    for replaced in 0..3 {
        storage.delete(&path(Generation(replaced))).await.unwrap();
    }
    assert_eq!(late.current().manifest.generation, Generation::ZERO);
    *late.looked.lock().unwrap() = Instant::now().checked_sub(LIST_AFTER);
    late.poll().await.unwrap();
    assert_eq!(late.current().manifest.generation, Generation(3));
}

/// A look that failed has seen nothing: the next one still knows how late it is.
#[tokio::test]
async fn a_look_that_failed_does_not_count() {
    let storage = Storage::new(Arc::new(InMemory::new()));
    let journal = JournalId(uuid::Uuid::from_u128(7));
    let store = ManifestStore::open(storage.clone(), journal, true, Timestamp(0)).await.unwrap();
    store.poll().await.unwrap();
    let looked = Instant::now().checked_sub(LIST_AFTER);
    *store.looked.lock().unwrap() = looked;
    let next = path(Generation(1));
    storage.create_document(&next, &"damaged").await.unwrap();
    store.poll().await.unwrap_err();
    assert_eq!(*store.looked.lock().unwrap(), looked);
    storage.delete(&next).await.unwrap();
    store.poll().await.unwrap();
    assert!(*store.looked.lock().unwrap() > looked);
}
