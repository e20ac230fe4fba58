//! What the batch layer keeps, opened for a service, or for a command while the service is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use batch_layer::backup::{Backup, BackupExtra, BackupStream};
use batch_layer::catalog::{BatchCatalog, CatalogSettings};
use batch_layer::job::RunQueue;
use batch_layer::journal::{
    DirectoryLock, JOURNAL_DIRECTORY, JournalLocation, JournalSettings, ObjectJournal, open_claimed,
};
use batch_layer::line_objects::LineObjects;
use batch_layer::storage::{Storage, StorageAddress};
use batch_layer::view::ParquetViews;
use merganser_api::key::{KeyDocument, KeyRequest};
use merganser_core::clock::{Clock, SystemClock};
use merganser_core::ids::Fence;
use merganser_core::journal::Journal;
use merganser_core::line_store::{LineStore, LineStoreError};
use object_store::ObjectStore;
use speed_layer::intake::{LineFile, Quarantine};
use tokio::task::spawn_blocking;

use crate::access::{self, KeyRoutes};
use crate::settings::Settings;

/// The quarantine's folder within the data directory, or the storage.
const QUARANTINE: &str = "quarantine";

/// Where a service keeps what it knows.
#[derive(Clone, Debug)]
pub(crate) struct DataPlace {
    /// The directory on this machine.
    pub(crate) data_dir: PathBuf,
    /// Where master dataset, views and manifest are.
    pub(crate) storage: StorageAddress,
    /// Where the journal is.
    pub(crate) journal: JournalLocation,
    /// Files of a storage on other machines that are kept in the directory.
    pub(crate) cache_bytes: u64,
}

impl DataPlace {
    /// As the settings say.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            data_dir: settings.data_dir.clone(),
            storage: settings.storage.0.clone(),
            journal: settings.journal.0,
            cache_bytes: settings.storage_cache_bytes.0,
        }
    }

    /// The place of a service that is stopped. Nothing is kept of a storage on other machines.
    pub(crate) fn offline(
        data_dir: &Path,
        storage: StorageAddress,
        journal: JournalLocation,
    ) -> Self {
        Self { data_dir: data_dir.to_owned(), storage, journal, cache_bytes: 0 }
    }
}

/// What the batch layer keeps, open. Clones share it.
#[derive(Clone)]
pub(crate) struct OpenBatchLayer {
    pub(crate) journal: Arc<dyn Journal>,
    /// Where a journal in the storage is, for another handle on it, and the quarantine beside it.
    pub(crate) journal_store: Arc<dyn ObjectStore>,
    pub(crate) catalog: Arc<BatchCatalog>,
    pub(crate) views: Arc<ParquetViews>,
    pub(crate) queue: RunQueue,
    quarantine: QuarantineLocation,
    /// Freed last, when nothing writes any more.
    _lock: Arc<DirectoryLock>,
}

impl OpenBatchLayer {
    /// The same with another handle on a journal in the storage, which it has claimed.
    pub(crate) fn with_claimed(&self, journal: Arc<dyn Journal>, fence: Fence) -> Self {
        let quarantine = QuarantineLocation::Storage(fence);
        Self { journal, quarantine, ..self.clone() }
    }

    /// The quarantine's lines, for who claimed the journal.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub(crate) fn quarantine(&self) -> Result<Box<dyn LineStore>, LineStoreError> {
        match &self.quarantine {
            QuarantineLocation::File(path) => Ok(Box::new(LineFile::new(path.clone()))),
            QuarantineLocation::Storage(fence) => {
                let store = Arc::clone(&self.journal_store);
                Ok(Box::new(LineObjects::new(store, QUARANTINE, *fence)?))
            }
        }
    }

    /// What a back-up holds beside what the batch layer keeps.
    pub(crate) fn backup_extras(&self) -> Vec<BackupExtra> {
        vec![match &self.quarantine {
            QuarantineLocation::File(path) => BackupExtra::File {
                name: format!("{QUARANTINE}/{}", Quarantine::FILE),
                path: path.clone(),
            },
            QuarantineLocation::Storage(_) => BackupExtra::Lines {
                store: Arc::clone(&self.journal_store),
                folder: QUARANTINE.to_owned(),
            },
        }]
    }

    /// Opens it for this process alone.
    ///
    /// # Errors
    /// When another process has it, or it cannot be read.
    pub(crate) async fn open(
        place: &DataPlace,
        settings: CatalogSettings,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let opened = OpenStorage::open(place).await?;
        let (location, lock, store) =
            (place.journal, Arc::clone(&opened.lock), Arc::clone(&opened.journal_store));
        let open = move || open_claimed(location, &lock, store);
        let (journal, fence) = spawn_blocking(open).await??;
        let quarantine = QuarantineLocation::of(place, fence);
        opened.with_journal(journal, quarantine, settings, clock).await
    }
}

impl OpenBatchLayer {
    /// Opens it for a command: a directory whose service is stopped, or a storage that is shared,
    /// where a cluster may go on.
    ///
    /// # Errors
    /// As [`OpenBatchLayer::open`].
    async fn open_for_command(place: &DataPlace, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        if place.journal == JournalLocation::Directory {
            return Self::open(place, CatalogSettings::default(), clock).await;
        }
        let opened = OpenStorage::open(place).await?;
        let store = Arc::clone(&opened.journal_store);
        // Not claimed: its owner goes on to write.
        let open = move || ObjectJournal::open(store, JournalSettings::default());
        let journal = Arc::new(spawn_blocking(open).await??);
        let settings = CatalogSettings { is_shared: true, ..CatalogSettings::default() };
        opened.with_follower(journal, settings, clock).await
    }
}

/// Where the quarantine is kept: where the journal is.
#[derive(Clone, Debug)]
enum QuarantineLocation {
    /// In a file of this machine.
    File(PathBuf),
    /// In the storage; whoever claimed the journal with this fence writes it.
    Storage(Fence),
}

impl QuarantineLocation {
    fn of(place: &DataPlace, fence: Fence) -> Self {
        match place.journal {
            JournalLocation::Storage => Self::Storage(fence),
            JournalLocation::Directory => {
                Self::File(place.data_dir.join(QUARANTINE).join(Quarantine::FILE))
            }
        }
    }
}

/// The storage, and the lock of the directory on this machine.
pub(crate) struct OpenStorage {
    pub(crate) storage: Storage,
    /// For the journal alone.
    pub(crate) journal_store: Arc<dyn ObjectStore>,
    lock: Arc<DirectoryLock>,
}

impl OpenStorage {
    /// Opens the storage, for one process a directory.
    ///
    /// # Errors
    /// When another process has the directory, or the storage cannot be used.
    pub(crate) async fn open(place: &DataPlace) -> anyhow::Result<Self> {
        let lock = Arc::new(DirectoryLock::acquire(&place.data_dir)?);
        let storage = Storage::open(&place.storage, &lock, place.cache_bytes).await?;
        let journal_store = storage.journal_store(&place.storage)?;
        Ok(Self { storage, journal_store, lock })
    }

    /// The whole batch layer, with a journal in the storage that this process only reads.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub(crate) async fn with_follower(
        self,
        journal: Arc<dyn Journal>,
        settings: CatalogSettings,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<OpenBatchLayer> {
        let quarantine = QuarantineLocation::Storage(Fence::ZERO);
        self.with_journal(journal, quarantine, settings, clock).await
    }

    async fn with_journal(
        self,
        journal: Arc<dyn Journal>,
        quarantine: QuarantineLocation,
        settings: CatalogSettings,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<OpenBatchLayer> {
        let Self { storage, journal_store, lock } = self;
        let views = Arc::new(ParquetViews::new(storage.clone()));
        let (queue, clock) = (RunQueue::default(), Arc::clone(clock));
        let opened =
            BatchCatalog::open(settings, storage, Arc::clone(&journal), clock, queue.clone());
        let catalog = Arc::new(opened.await.context("the manifest")?);
        let _lock = lock;
        Ok(OpenBatchLayer { journal, journal_store, catalog, views, queue, quarantine, _lock })
    }
}

/// Makes a key in the directory of a service that is stopped, or in the storage of a cluster: what
/// is shown of it, with its text.
///
/// # Errors
/// When the service is not stopped, or there is no such key.
pub(crate) async fn create_offline_key(
    place: &DataPlace,
    request: KeyRequest,
) -> anyhow::Result<KeyDocument> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let batch = OpenBatchLayer::open_for_command(place, &clock).await?;
    let keys = KeyRoutes { catalog: Arc::clone(&batch.catalog) as _, clock };
    let made = access::create_key(&keys, request).await;
    made.map_err(|problem| anyhow::anyhow!("{}", problem.detail()))
}

/// A back-up of the directory of a service that is stopped.
pub(crate) struct OfflineBackup {
    /// The generation that it holds.
    pub(crate) generation: u64,
    /// It.
    pub(crate) archive: BackupStream,
    /// Keeps the service from being started meanwhile.
    _batch: OpenBatchLayer,
}

/// Takes a back-up of the directory of a service that is stopped.
///
/// # Errors
/// When the service is not stopped, or the directory cannot be read.
pub(crate) async fn back_up(place: &DataPlace) -> anyhow::Result<OfflineBackup> {
    let DataPlace { data_dir, .. } = place;
    let is_one =
        place.journal == JournalLocation::Storage || data_dir.join(JOURNAL_DIRECTORY).is_dir();
    anyhow::ensure!(is_one, "`{}` is no data directory of a service", data_dir.display());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let batch = OpenBatchLayer::open_for_command(place, &clock).await?;
    let backup = Backup::take(&batch.catalog, batch.backup_extras()).await?;
    let (generation, archive) = (backup.generation().0, backup.archive());
    Ok(OfflineBackup { generation, archive, _batch: batch })
}
