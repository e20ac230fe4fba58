//! Copies of files on the local disk, so that a file of a storage on other machines is fetched
//! once.
//!
//! Only files of views and of the master dataset are kept: they never change, and a name is never
//! used again. A copy is the file's bytes, under its name and their CRC32C; that is compared when a
//! process reads it first, and what differs is fetched anew. Nothing is fsynced and nothing depends
//! on it: it may be deleted at any time, also under a running service. Its size is bounded: what
//! was used the longest time ago goes first.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::Result;
use object_store::path::Path;
use tokio::task::spawn_blocking;

use super::instruments;
use crate::files::UNFINISHED;

/// Folders of files that never change.
const FOLDERS: [&str; 2] = ["views/", "master/"];

/// Bytes that are read at a time to compare a checksum.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces, as the network brings them, that are written together if they are there.
const PIECES_AT_A_TIME: usize = 64;

/// A directory of copies.
#[derive(Debug)]
pub(super) struct DiskCache {
    root: PathBuf,
    bytes_max: u64,
    copies: Mutex<Copies>,
    /// One lock for each file that is being fetched, so that it is fetched once.
    fetching: Mutex<HashMap<Path, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Copies {
    by_path: HashMap<Path, CachedCopy>,
    bytes: u64,
    /// Grows with each use.
    uses: u64,
}

#[derive(Clone, Debug)]
struct CachedCopy {
    checksum: u32,
    size_bytes: u64,
    used: u64,
    /// Whether this process has compared its checksum.
    is_verified: bool,
}

/// Where the copy of a file is, within the directory.
fn copy_name(path: &Path, checksum: u32) -> String {
    format!("{path}.{checksum:08x}")
}

impl DiskCache {
    /// The copies in `root`, which is created if it is missing. Blocks.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub(super) fn open(root: PathBuf, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let mut found = Vec::new();
        find_copies(&root, &root, &mut found)?;
        // Older ones count as used before newer ones.
        found.sort_by_key(|(_, _, _, modified)| *modified);
        let mut copies = Copies::default();
        for (path, checksum, size_bytes, _) in found {
            copies.insert(path, checksum, size_bytes, false);
        }
        let cache =
            Self { root, bytes_max, copies: Mutex::new(copies), fetching: Mutex::default() };
        instruments::describe_cache();
        cache.make_room(0);
        Ok(cache)
    }

    /// Whether copies of it are kept.
    pub(super) fn is_for(&self, path: &Path, size_bytes: u64) -> bool {
        size_bytes <= self.bytes_max && is_kept(path)
    }

    /// Where the copies are.
    pub(super) fn root(&self) -> &FsPath {
        &self.root
    }

    /// The name of the copy of a file, within the directory; `None` if there is none that is whole.
    pub(super) async fn find(self: &Arc<Self>, path: &Path) -> Option<Path> {
        let copy = self.copies().use_of(path)?;
        let name = copy_name(path, copy.checksum);
        if copy.is_verified {
            return Some(Path::from(name));
        }
        let file = self.root.join(&name);
        let sum = spawn_blocking(move || checksum_of(&file)).await.ok()?;
        if sum.is_ok_and(|sum| sum == copy.checksum) {
            if let Some(copy) = self.copies().by_path.get_mut(path) {
                copy.is_verified = true;
            }
            return Some(Path::from(name));
        }
        tracing::warn!(%path, "a copy in the cache is damaged or gone; fetching it anew");
        self.remove(path);
        None
    }

    /// The turn to fetch a file; who waited for it finds the copy.
    pub(super) fn turn(&self, path: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(fetching.entry(path.clone()).or_default())
    }

    /// Keeps a copy of these bytes.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub(super) async fn keep(
        self: &Arc<Self>,
        path: &Path,
        size_bytes: u64,
        bytes: BoxStream<'_, Result<Bytes>>,
    ) -> Result<()> {
        self.make_room(size_bytes);
        let unfinished = self.root.join(format!("{}{UNFINISHED}", super::unique_name()));
        let mut copy = UnfinishedCopy::create(unfinished).map_err(disk_failure)?;
        let mut pieces = bytes.ready_chunks(PIECES_AT_A_TIME);
        while let Some(some) = pieces.next().await {
            let some = some.into_iter().collect::<Result<Vec<Bytes>>>()?;
            let written = spawn_blocking(move || copy.write(&some).map(|()| copy));
            copy = written.await?.map_err(disk_failure)?;
        }
        let (cache, path) = (Arc::clone(self), path.clone());
        let finished = spawn_blocking(move || {
            let (checksum, size_bytes) = (copy.checksum, copy.size_bytes);
            copy.finish(&cache.root.join(copy_name(&path, checksum)))?;
            cache.copies().insert(path, checksum, size_bytes, true);
            Ok(())
        });
        finished.await?.map_err(disk_failure)
    }

    /// Deletes the copy of a file, if there is one.
    pub(super) fn remove(&self, path: &Path) {
        let removed = self.copies().remove(path);
        if let Some(copy) = removed {
            let _ = fs::remove_file(self.root.join(copy_name(path, copy.checksum)));
        }
    }

    fn copies(&self) -> MutexGuard<'_, Copies> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes copies until there is room for `size_bytes` more. Whoever reads one has it open.
    fn make_room(&self, size_bytes: u64) {
        loop {
            let oldest = {
                let copies = self.copies();
                let is_over = copies.bytes.saturating_add(size_bytes) > self.bytes_max;
                let oldest = copies.by_path.iter().min_by_key(|(_, copy)| copy.used);
                oldest.filter(|_| is_over).map(|(path, _)| path.clone())
            };
            match oldest {
                Some(path) => self.remove(&path),
                None => return,
            }
        }
    }
}

impl Copies {
    fn insert(&mut self, path: Path, checksum: u32, size_bytes: u64, is_verified: bool) {
        self.remove(&path);
        self.uses += 1;
        self.bytes += size_bytes;
        self.by_path
            .insert(path, CachedCopy { checksum, size_bytes, used: self.uses, is_verified });
        instruments::cache_bytes(self.bytes);
    }

    fn remove(&mut self, path: &Path) -> Option<CachedCopy> {
        let copy = self.by_path.remove(path)?;
        self.bytes -= copy.size_bytes;
        instruments::cache_bytes(self.bytes);
        Some(copy)
    }

    fn use_of(&mut self, path: &Path) -> Option<CachedCopy> {
        self.uses += 1;
        let copy = self.by_path.get_mut(path)?;
        copy.used = self.uses;
        Some(copy.clone())
    }
}

/// Whether files of that name never change.
pub(super) fn is_kept(path: &Path) -> bool {
    FOLDERS.iter().any(|folder| path.as_ref().starts_with(folder))
}

fn disk_failure(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "cache", source: error.into() }
}

/// A copy that is not whole yet. Dropped before it is finished, its file is deleted.
struct UnfinishedCopy {
    path: PathBuf,
    file: fs::File,
    checksum: u32,
    size_bytes: u64,
}

impl UnfinishedCopy {
    fn create(path: PathBuf) -> io::Result<Self> {
        let file = fs::File::create_new(&path)?;
        Ok(Self { path, file, checksum: 0, size_bytes: 0 })
    }

    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            self.checksum = crc32c::crc32c_append(self.checksum, piece);
            self.size_bytes += piece.len() as u64;
            self.file.write_all(piece)?;
        }
        Ok(())
    }

    fn finish(self, to: &FsPath) -> io::Result<()> {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        fs::rename(&self.path, to)
    }
}

impl Drop for UnfinishedCopy {
    fn drop(&mut self) {
        // Once it is finished, there is none of that name.
        let _ = fs::remove_file(&self.path);
    }
}

fn checksum_of(path: &FsPath) -> io::Result<u32> {
    let mut file = fs::File::open(path)?;
    let (mut sum, mut piece) = (0, vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(sum),
            count => sum = crc32c::crc32c_append(sum, &piece[..count]),
        }
    }
}

/// A copy's file: its object, checksum, size, and when it was written.
type FoundCopy = (Path, u32, u64, std::time::SystemTime);

/// Copies below `directory`. What is none of them is deleted.
fn find_copies(root: &FsPath, directory: &FsPath, found: &mut Vec<FoundCopy>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let about = fs::symlink_metadata(&path)?;
        if about.is_dir() {
            find_copies(root, &path, found)?;
            continue;
        }
        let name = path.strip_prefix(root).ok().and_then(FsPath::to_str);
        let parts = name.and_then(|name| name.rsplit_once('.'));
        let parts = parts.filter(|(_, sum)| sum.len() == 8);
        let parts = parts.and_then(|(object, sum)| {
            let checksum = u32::from_str_radix(sum, 16).ok()?;
            Some((Path::parse(object).ok().filter(is_kept)?, checksum))
        });
        match parts {
            Some((object, checksum)) => {
                found.push((object, checksum, about.len(), about.modified()?));
            }
            None => fs::remove_file(&path)?,
        }
    }
    Ok(())
}
