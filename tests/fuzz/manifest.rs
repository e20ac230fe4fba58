//! The manifest and its lists: refused with the name of a file, or the state that they say.
//!
//! The input is the manifest's JSON, then the list of master files and those of view files, with
//! lines `---` between them. They are sealed as the service seals them, unless the input begins
//! with `!`: then the manifest is all of the rest, as it is.

use std::sync::{Arc, LazyLock};

use batch_layer::manifest::{ManifestChange, ManifestState, ManifestStore, PublishError};
use batch_layer::schedule::Schedule;
use batch_layer::storage::{Storage, StorageError};
use merganser_core::ids::JournalId;
use merganser_core::time::Timestamp;
use merganser_metric::compile::Metric;
use object_store::memory::InMemory;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

const MANIFEST: &str = "manifest/00000000000000000005.json";
const MASTER: &str = "lists/master.json";
const JOURNAL: JournalId = JournalId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
const NOW: Timestamp = Timestamp(1_795_305_600_000_000);

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// Reads the documents, writes what was read, and reads it again.
pub(crate) fn check(input: &[u8]) {
    RUNTIME.block_on(async {
        let storage = Storage::new(Arc::new(InMemory::new()));
        for (name, bytes) in documents(input) {
            storage.replace(&name, bytes).await.unwrap();
        }
        match ManifestStore::open(storage.clone(), JOURNAL, false, NOW).await {
            Err(StorageError::Damaged { path, reason }) => {
                assert!(path.starts_with("manifest") || path.starts_with("lists"), "{path}");
                assert!(!reason.is_empty() && reason.len() < 4096 + input.len(), "{reason}");
            }
            Err(StorageError::Missing(_)) => {}
            Err(other) => panic!("{other}"),
            // The code that compiles definitions refuses those that do not compile.
            Ok(store) if compiles(&store.current()) => {
                let state = store.current();
                let copy = Storage::new(Arc::new(InMemory::new()));
                write(&copy, &state).await;
                assert_same(&open(&copy).await.current(), &state);
                publish(&storage, &store).await;
            }
            Ok(_) => {}
        }
    });
}

fn documents(input: &[u8]) -> Vec<(String, Vec<u8>)> {
    if let Some(raw) = input.strip_prefix(b"!") {
        return vec![(MANIFEST.to_owned(), raw.to_vec())];
    }
    let text = String::from_utf8_lossy(input);
    let lists = (1..).map(|number| format!("lists/view-{number}.json"));
    let names = [MANIFEST.to_owned(), MASTER.to_owned()].into_iter().chain(lists);
    names.zip(text.split("\n---\n")).map(|(name, json)| (name, sealed(json.trim_end()))).collect()
}

/// A document as `docs/data-files.md` tells it: the JSON, and a line with its CRC32C.
fn sealed(json: &str) -> Vec<u8> {
    format!("{json}\ncrc32c:{:08x}\n", crc32c::crc32c(json.as_bytes())).into_bytes()
}

fn compiles(state: &ManifestState) -> bool {
    state.manifest.metrics.iter().all(|entry| Metric::compile(&entry.definition).is_ok())
}

async fn open(storage: &Storage) -> ManifestStore {
    ManifestStore::open(storage.clone(), JOURNAL, false, NOW).await.unwrap()
}

async fn write(storage: &Storage, state: &ManifestState) {
    storage.replace_document(MANIFEST, &state.manifest).await.unwrap();
    if let Some(list) = &state.manifest.master {
        storage.replace_document(list, &*state.master).await.unwrap();
    }
    for entry in &state.manifest.metrics {
        if let Some(list) = &entry.files {
            storage.replace_document(list, &*state.view(entry.id)).await.unwrap();
        }
    }
    if let Some(list) = &state.manifest.dashboards {
        storage.replace_document(list, &*state.dashboards).await.unwrap();
    }
}

/// What is published next is what the next start reads.
async fn publish(storage: &Storage, store: &ManifestStore) {
    let change = ManifestChange::Schedule(Schedule::default());
    match store.publish(&change, NOW).await {
        Ok(published) => assert_same(&open(storage).await.current(), &published),
        Err(PublishError::Discarded(discarded)) => panic!("{discarded}"),
        Err(PublishError::Storage(error)) => panic!("{error}"),
    }
}

fn assert_same(found: &ManifestState, expected: &ManifestState) {
    assert_eq!(found.manifest, expected.manifest);
    assert_eq!(found.master, expected.master);
    assert_eq!(found.views, expected.views);
    assert_eq!(found.dashboards, expected.dashboards);
}
