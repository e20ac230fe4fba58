//! Objects in a directory, and through the cache.

use std::path::PathBuf;

use object_store::GetOptions;
use object_store::memory::InMemory;

use super::*;

#[tokio::test]
async fn a_name_is_created_once_and_damage_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    storage.create_document("a/b.json", &vec![1, 2]).await.unwrap();
    let again = storage.create_document("a/b.json", &vec![3]).await.unwrap_err();
    assert!(matches!(again, StorageError::Exists(_)), "{again}");
    assert_eq!(storage.read_document::<Vec<i32>>("a/b.json").await.unwrap(), [1, 2]);
    assert!(storage.is_unpublished("a/b.json"));
    storage.mark_published(["a/b.json"]);
    assert!(!storage.is_unpublished("a/b.json"));
    let work = storage.for_work();
    work.clone().create("a/c", vec![1]).await.unwrap();
    assert!(storage.is_unpublished("a/c"));
    drop(work);
    assert!(!storage.is_unpublished("a/c"), "its writer has given it up");
    storage.delete("a/c").await.unwrap();
    assert_eq!(storage.list("a").await.unwrap().len(), 1);

    let path = directory.path().join("a/b.json");
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = storage.read_document::<Vec<i32>>("a/b.json").await.unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(storage.read_document::<Vec<i32>>("a/b.json").await.is_err());
    }
    storage.delete("a/b.json").await.unwrap();
    storage.delete("a/b.json").await.unwrap();
    let gone = storage.read("a/b.json").await.unwrap_err();
    assert!(matches!(gone, StorageError::Missing(_)), "{gone}");
}

/// A bucket with a cache of so many bytes in `directory`.
fn cached(bucket: &Arc<InMemory>, directory: &FsPath, bytes_max: u64) -> Arc<CachedStore> {
    let cache = DiskCache::open(directory.to_owned(), bytes_max).unwrap();
    Arc::new(CachedStore::new(Arc::clone(bucket) as _, cache).unwrap())
}

/// The files of the copies.
fn copies(directory: &FsPath) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(copies(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

async fn bytes_of(store: &CachedStore, path: &Path) -> Result<Bytes> {
    store.get_opts(path, GetOptions::default()).await?.bytes().await
}

#[tokio::test]
async fn a_file_is_fetched_once_and_whatever_becomes_of_its_copy_it_reads_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = Arc::new(InMemory::new());
    let path = Path::from("views/1/day/a.parquet");
    bucket.put(&path, vec![7_u8; 3000].into()).await.unwrap();
    let store = cached(&bucket, directory.path(), 10_000);
    assert_eq!(bytes_of(&store, &path).await.unwrap(), vec![7_u8; 3000]);
    assert_eq!(store.get_range(&path, 10..14).await.unwrap(), vec![7_u8; 4]);
    // From the copy: the bucket has it no more. Whether it is there, the bucket says.
    bucket.delete(&path).await.unwrap();
    assert_eq!(bytes_of(&store, &path).await.unwrap(), vec![7_u8; 3000]);
    assert!(store.head(&path).await.is_err());
    bucket.put(&path, vec![7_u8; 3000].into()).await.unwrap();

    let copy = copies(directory.path()).pop().unwrap();
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(bytes_of(&store, &path).await.unwrap(), vec![7_u8; 3000]);
    // Damage is noticed by whoever reads it first; what is no copy is deleted.
    std::fs::write(&copy, vec![8_u8; 3000]).unwrap();
    std::fs::write(directory.path().join("left.tmp"), "x").unwrap();
    let store = cached(&bucket, directory.path(), 10_000);
    assert_eq!(copies(directory.path()), [copy]);
    assert_eq!(bytes_of(&store, &path).await.unwrap(), vec![7_u8; 3000]);
    // A file that is deleted leaves no copy.
    store.delete(&path).await.unwrap();
    assert_eq!(copies(directory.path()).len(), 0);
    assert!(bytes_of(&store, &path).await.is_err());
}

#[tokio::test]
async fn the_cache_has_a_bound_and_keeps_what_was_used_last() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = Arc::new(InMemory::new());
    let store = cached(&bucket, directory.path(), 2500);
    let path = |name: &str| Path::from(format!("master/{name}"));
    for name in ["a", "b", "c"] {
        store.put(&path(name), vec![1_u8; 1000].into()).await.unwrap();
        bytes_of(&store, &path("a")).await.unwrap();
    }
    let held: Vec<PathBuf> = copies(directory.path());
    let names: Vec<_> = held.iter().map(|copy| copy.file_stem().unwrap().to_owned()).collect();
    assert_eq!(names, ["a", "c"], "`b` was not used for the longest time");
    // What is too large, or can change, goes through.
    store.put(&path("large"), vec![1_u8; 3000].into()).await.unwrap();
    assert_eq!(bytes_of(&store, &path("large")).await.unwrap().len(), 3000);
    let manifest = Path::from("manifest/1.json");
    store.put(&manifest, vec![1_u8; 10].into()).await.unwrap();
    bytes_of(&store, &manifest).await.unwrap();
    assert_eq!(copies(directory.path()), held);
}
