//! Back-ups: everything precious as of one moment, as a tar archive (POSIX.1-2001, "ustar").
//!
//! The archive holds a data directory: what one generation of the manifest names, the journal as
//! far as it was durable then, and the quarantine. A service that is started on it, unpacked, has
//! every event that was acknowledged before the moment, and none twice; what it serves from Redis
//! it finds to be of another time, and makes anew.
//!
//! It is taken while events come in and runs publish. The generation is pinned for as long; the
//! journal's files are open, and a journal in the storage is not trimmed. The manifest comes last:
//! an archive that breaks off has none.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use merganser_core::ids::{Generation, Offset};
use merganser_core::journal::JournalError;
use object_store::ObjectStore;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::catalog::{BackupSnapshot, BatchCatalog};
use crate::line_objects;
use crate::storage::Storage;

/// Bytes that are read of a file at a time.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that wait to be taken.
const PIECES_MAX: usize = 4;
/// How long a piece may wait: a client that takes nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// Archives are made of blocks of so many bytes.
const BLOCK_BYTES: usize = 512;

/// What a back-up holds beside what the batch layer keeps. What is not there is left out.
#[derive(Clone, Debug)]
pub enum BackupExtra {
    /// A file, as it is when its turn comes.
    File {
        /// Its path in the data directory.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// Lines that are kept in a folder of the storage ([`line_objects`]).
    Lines {
        /// The storage.
        store: Arc<dyn ObjectStore>,
        /// The folder's name.
        folder: String,
    },
}

/// A back-up that can be written.
#[derive(Debug)]
pub struct Backup {
    cut: BackupSnapshot,
    storage: Storage,
    others: Vec<BackupExtra>,
    /// Its turn, and the journal as it is: held until it is written.
    held: Option<(OwnedSemaphorePermit, TrimPermit)>,
}

impl Backup {
    /// Takes one of this moment.
    ///
    /// # Errors
    /// When the journal cannot be copied.
    pub async fn take(
        catalog: &BatchCatalog,
        others: Vec<BackupExtra>,
    ) -> Result<Self, JournalError> {
        let cut = catalog.backup_snapshot().await?;
        Ok(Self { cut, storage: catalog.storage().clone(), others, held: None })
    }

    /// The generation that it holds.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.cut.snapshot.generation
    }

    /// The first offset that its journal holds.
    #[must_use]
    pub fn journal_start(&self) -> Offset {
        self.cut.journal.start
    }

    /// The archive, made while it is taken.
    #[must_use]
    pub fn archive(self) -> BackupStream {
        let (pieces, archive) = mpsc::channel(PIECES_MAX);
        tokio::spawn(async move {
            let out = ArchiveWriter(pieces);
            if let Err(error) = self.write(&out).await {
                tracing::warn!(%error, "a back-up was not taken to its end");
                out.fail(error).await;
            }
        });
        BackupStream { pieces: archive, rest: Bytes::new() }
    }

    async fn write(self, out: &ArchiveWriter) -> io::Result<()> {
        for file in self.cut.journal.files {
            out.file(&file.name, tokio::fs::File::from_std(file.file), file.size_bytes).await?;
        }
        for extra in &self.others {
            out.extra(extra).await?;
        }
        for path in self.cut.journal.objects.iter().chain(&self.cut.objects) {
            let (size_bytes, mut object) = self.storage.stream(path).await.map_err(other)?;
            out.head(path, size_bytes).await?;
            let mut sent = 0;
            while let Some(piece) = object.next().await {
                let piece = piece.map_err(other)?;
                sent += piece.len() as u64;
                out.piece(piece).await?;
            }
            if sent != size_bytes {
                return Err(other(format!("`{path}` has {sent} bytes and not {size_bytes}")));
            }
            out.fill(size_bytes).await?;
        }
        out.piece(Bytes::from_static(&[0; 2 * BLOCK_BYTES])).await?;
        tracing::info!(generation = self.cut.snapshot.generation.0, "a back-up was taken");
        drop(self.held);
        Ok(())
    }
}

/// Takes back-ups of a running service, one at a time. Cheap to clone.
#[derive(Clone)]
pub struct BackupService {
    catalog: Arc<BatchCatalog>,
    others: Vec<BackupExtra>,
    turn: Arc<Semaphore>,
    /// Held by a back-up from before it looks at the journal to its end, and while that is trimmed.
    trims: Arc<Semaphore>,
}

/// Lets the journal be trimmed; held for as long as that takes.
pub type TrimPermit = OwnedSemaphorePermit;

impl BackupService {
    /// Of this catalog, with what else there is.
    #[must_use]
    pub fn new(catalog: Arc<BatchCatalog>, others: Vec<BackupExtra>) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { catalog, others, turn: one(), trims: one() }
    }

    /// Lets the journal be trimmed; `None` while one is being taken, since a journal in the storage
    /// must then stay as it is.
    #[must_use]
    pub fn trim_permit(&self) -> Option<TrimPermit> {
        Arc::clone(&self.trims).try_acquire_owned().ok()
    }

    /// Takes one; `None` while another is being taken.
    ///
    /// # Errors
    /// As [`Backup::take`].
    pub async fn take(&self) -> Option<Result<Backup, JournalError>> {
        let turn = Arc::clone(&self.turn).try_acquire_owned().ok()?;
        // Waits for a trim to end. Nothing closes it.
        let trims = Arc::clone(&self.trims).acquire_owned().await.ok()?;
        let taken = Backup::take(&self.catalog, self.others.clone()).await;
        Some(taken.map(|backup| Backup { held: Some((turn, trims)), ..backup }))
    }
}

fn other(error: impl fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// Where an archive goes, piece by piece.
struct ArchiveWriter(mpsc::Sender<io::Result<Bytes>>);

impl ArchiveWriter {
    async fn head(&self, name: &str, size_bytes: u64) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_size(size_bytes);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.piece(Bytes::copy_from_slice(header.as_bytes())).await
    }

    async fn extra(&self, extra: &BackupExtra) -> io::Result<()> {
        match extra {
            BackupExtra::File { name, path } => match tokio::fs::File::open(path).await {
                Ok(file) => {
                    let size_bytes = file.metadata().await?.len();
                    self.file(name, file, size_bytes).await
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            },
            BackupExtra::Lines { store, folder } => {
                let text = line_objects::read_lines(Arc::clone(store), folder).await;
                let Some(text) = text.map_err(other)? else { return Ok(()) };
                let size_bytes = text.len() as u64;
                self.head(&line_objects::copy_name(folder), size_bytes).await?;
                self.piece(text.into()).await?;
                self.fill(size_bytes).await
            }
        }
    }

    /// The first `size_bytes` of a file.
    async fn file(&self, name: &str, file: tokio::fs::File, size_bytes: u64) -> io::Result<()> {
        self.head(name, size_bytes).await?;
        let mut file = file.take(size_bytes);
        let mut left = size_bytes;
        while left > 0 {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let count = file.read_buf(&mut piece).await?;
            if count == 0 {
                return Err(other(format!("`{name}` ends {left} bytes early")));
            }
            left -= count as u64;
            self.piece(piece.into()).await?;
        }
        self.fill(size_bytes).await
    }

    /// Fills up the last block of an entry.
    async fn fill(&self, size_bytes: u64) -> io::Result<()> {
        let over = (size_bytes % BLOCK_BYTES as u64) as usize;
        match over {
            0 => Ok(()),
            over => self.piece(vec![0; BLOCK_BYTES - over].into()).await,
        }
    }

    async fn piece(&self, piece: Bytes) -> io::Result<()> {
        match timeout(PATIENCE, self.0.send(Ok(piece))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(other("the client of the back-up has gone")),
        }
    }

    /// An archive that breaks off shall not look like one that ended.
    async fn fail(&self, error: io::Error) {
        let _ = timeout(PATIENCE, self.0.send(Err(error))).await;
    }
}

/// A back-up as it is taken: a stream, or outside of a runtime a reader that blocks.
#[derive(Debug)]
pub struct BackupStream {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Stream for BackupStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_recv(context)
    }
}

impl Read for BackupStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.rest = piece?,
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.split_to(count).copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
