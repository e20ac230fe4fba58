//! Leases: which of several processes does what only one shall do.
//!
//! A lease is a row of numbered objects, `leases/<name>/<number>.json`, each made by put-if-absent;
//! the newest one says who holds it. The holder puts the next one every now and then. Who has seen
//! no new one for longer than a lease lasts takes the next number for itself, and of several one
//! gets it. No clock is compared with another: each process measures by its own since when it has
//! seen the newest.
//!
//! **A lease decides speed only.** Between its end and the moment its former holder notices, two
//! may believe to have it. What must not happen twice is prevented elsewhere: by the journal's
//! claims, the manifest's generations, and the speed store's fences.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use merganser_core::ids::Fence;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::storage::{Storage, StorageError, unique_name};

/// Objects that are kept of a lease.
const KEPT: u64 = 8;

/// How long it is waited until a lease that is given back is free.
const RELEASE: Duration = Duration::from_secs(3);

/// How long leases last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseSettings {
    /// How long one lasts since it was renewed last.
    pub lasts: Duration,
    /// How often its holder renews it.
    pub renew: Duration,
    /// How often others look.
    pub look: Duration,
}

impl Default for LeaseSettings {
    /// 5 s, 1.5 s and 0.5 s: somebody else has it 6 s after its holder was killed.
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(5),
            renew: Duration::from_millis(1500),
            look: Duration::from_millis(500),
        }
    }
}

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseHolder {
    /// The process, by a name that it has made for itself.
    pub process: String,
    /// Where it answers.
    pub url: String,
    /// The fence of what it writes to the speed store, once it writes.
    pub fence: Option<Fence>,
}

/// One object of the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseRecord {
    /// None once it was given back.
    holder: Option<LeaseHolder>,
    /// Of this object, and of no other.
    nonce: String,
}

/// A lease as a process sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// Who holds it; none if nobody does, as far as is known.
    pub holder: Option<LeaseHolder>,
    /// Whether it is this process.
    pub is_mine: bool,
    /// Whether this process has seen it being taken or renewed. What was found at the start may be
    /// of a history that ended, as of a storage that was put back to what it was.
    pub is_alive: bool,
}

/// A process's view of a lease, and its wish to hold it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lease {
    state: watch::Receiver<LeaseState>,
    wish: Arc<Mutex<LeaseWish>>,
    /// Wakes the worker, as the wish has changed.
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct LeaseWish {
    is_candidate: bool,
    me: LeaseHolder,
}

impl Lease {
    /// Begins to look at the lease `name`, until `stop`.
    #[must_use]
    pub fn follow(
        storage: Storage,
        name: &'static str,
        me: LeaseHolder,
        settings: LeaseSettings,
        stop: CancellationToken,
    ) -> Self {
        metrics::describe_gauge!(
            "merganser_lease_held",
            metrics::Unit::Count,
            "Whether this process holds a lease: 1 if it does, 0 otherwise"
        );
        let (states, state) = watch::channel(LeaseState::default());
        let wish = Arc::new(Mutex::new(LeaseWish { is_candidate: false, me }));
        let changed = Arc::new(Notify::new());
        let worker = LeaseWorker {
            changed: Arc::clone(&changed),
            storage,
            name,
            settings,
            wish: Arc::clone(&wish),
            states,
            newest: NewestRecord::default(),
            found: None,
            renewed: None,
        };
        tokio::spawn(worker.run(stop));
        Self { state, wish, changed }
    }

    /// Who holds it, as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LeaseState> {
        self.state.clone()
    }

    /// Whether this process wants it. One that does not want it any more gives it back.
    pub fn set_candidate(&self, is_candidate: bool) {
        self.wish().is_candidate = is_candidate;
        self.changed.notify_one();
    }

    /// Gives it back, if this process holds it, and waits a while until that is known.
    pub async fn release(&self) {
        self.set_candidate(false);
        let mut state = self.state.clone();
        let is_given_back = state.wait_for(|state| !state.is_mine);
        // Otherwise it ends by itself.
        let _ = tokio::time::timeout(RELEASE, is_given_back).await;
    }

    /// What the holder writes with, said with the next renewal.
    pub fn set_fence(&self, fence: Option<Fence>) {
        self.wish().me.fence = fence;
        self.changed.notify_one();
    }

    fn wish(&self) -> std::sync::MutexGuard<'_, LeaseWish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest object, and since when it is known.
#[derive(Debug)]
struct NewestRecord {
    number: u64,
    holder: Option<LeaseHolder>,
    seen: Instant,
    is_alive: bool,
}

impl Default for NewestRecord {
    fn default() -> Self {
        Self { number: 0, holder: None, seen: Instant::now(), is_alive: false }
    }
}

struct LeaseWorker {
    changed: Arc<Notify>,
    storage: Storage,
    name: &'static str,
    settings: LeaseSettings,
    wish: Arc<Mutex<LeaseWish>>,
    states: watch::Sender<LeaseState>,
    newest: NewestRecord,
    /// The number that was the newest when this process began to look; none until it has.
    found: Option<u64>,
    /// When this process took or renewed it last, while it holds it.
    renewed: Option<Instant>,
}

impl LeaseWorker {
    async fn run(mut self, stop: CancellationToken) {
        let mut is_failing = false;
        loop {
            // Whoever is not answered must know that its lease ends meanwhile.
            let looked = timeout(self.settings.renew, self.look()).await;
            let looked = looked.unwrap_or_else(|_| {
                Err(StorageError::Io(format!("no answer within {:?}", self.settings.renew)))
            });
            match looked {
                Ok(()) => is_failing = false,
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    warn!(lease = self.name, %error, "a lease cannot be read or renewed");
                }
                Err(_) => {}
            }
            self.publish();
            tokio::select! {
                () = tokio::time::sleep(self.settings.look) => {}
                () = self.changed.notified() => {}
                () = stop.cancelled() => break,
            }
        }
        let is_held = self.renewed.is_some();
        if is_held && !matches!(timeout(RELEASE, self.put(None)).await, Ok(Ok(()))) {
            warn!(lease = self.name, "a lease was not given back; it ends by itself");
        }
    }

    /// One look: what others have done, and what this process wants.
    async fn look(&mut self) -> Result<(), StorageError> {
        let (is_candidate, me) = {
            let wish = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
            (wish.is_candidate, wish.me.clone())
        };
        if self.renewed.is_some_and(|renewed| renewed.elapsed() >= self.settings.lasts) {
            self.lose();
        }
        if let Some(renewed) = self.renewed {
            if !is_candidate {
                self.put(None).await?;
            } else if renewed.elapsed() >= self.settings.renew
                || self.newest.holder.as_ref() != Some(&me)
            {
                self.put(Some(me)).await?;
            }
            return Ok(());
        }
        self.read_newest().await?;
        // One of its own that it does not know of was put by a try whose answer was lost.
        let is_own = |holder: &LeaseHolder| holder.process == me.process;
        let is_free = self.newest.holder.as_ref().is_none_or(is_own) || self.is_over();
        if is_candidate && is_free {
            self.put(Some(me)).await?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.newest.seen.elapsed() >= self.settings.lasts
    }

    fn path(&self, number: u64) -> String {
        format!("leases/{}/{number:020}.json", self.name)
    }

    /// Reads on from the newest object that is known. Who has fallen behind so far that the next
    /// one is deleted sees no change, and looks at all names before it takes the lease for over.
    async fn read_newest(&mut self) -> Result<(), StorageError> {
        while self.newest.number > 0 {
            let next = self.newest.number + 1;
            match self.storage.read_document::<LeaseRecord>(&self.path(next)).await {
                Ok(record) => self.note(next, record),
                Err(StorageError::Missing(_)) if !self.is_over() => return Ok(()),
                Err(StorageError::Missing(_)) => break,
                Err(error) => return Err(error),
            }
        }
        let folder = format!("leases/{}", self.name);
        let names = self.storage.list(&folder).await?.into_iter().map(|(name, _)| name);
        let newest = names.filter_map(|name| number_of(&name)).max().unwrap_or(0);
        self.found.get_or_insert(newest);
        if newest > self.newest.number {
            let record = self.storage.read_document(&self.path(newest)).await?;
            self.note(newest, record);
        }
        Ok(())
    }

    fn note(&mut self, number: u64, record: LeaseRecord) {
        self.newest = self.record(number, record.holder, Instant::now());
    }

    fn record(&self, number: u64, holder: Option<LeaseHolder>, seen: Instant) -> NewestRecord {
        let is_alive = self.found.is_some_and(|found| number > found);
        NewestRecord { number, holder, seen, is_alive }
    }

    /// Puts the next object. Somebody else's in its place means that this process does not hold it.
    async fn put(&mut self, holder: Option<LeaseHolder>) -> Result<(), StorageError> {
        loop {
            let number = self.newest.number + 1;
            let path = self.path(number);
            let record = LeaseRecord { holder: holder.clone(), nonce: unique_name() };
            // Before it is asked for: it is not to last longer than others believe.
            let asked = Instant::now();
            let there = match self.storage.create_document(&path, &record).await {
                Ok(()) => record.clone(),
                Err(StorageError::Exists(_)) => self.storage.read_document(&path).await?,
                Err(error) => return Err(error),
            };
            self.storage.mark_published([&*path]);
            // Old ones are deleted: who was held up for long finds a name free that was taken.
            let is_next = number == 1 || self.storage.exists(&self.path(number - 1)).await?;
            if there == record && !is_next {
                self.lose();
                return Ok(());
            }
            if there == record {
                self.renewed = holder.is_some().then_some(asked);
                self.newest = self.record(number, holder, asked);
                self.delete_old(number).await;
                return Ok(());
            }
            // Its own, of a try that was given up: it is not known when others saw it.
            let process = |holder: &LeaseHolder| holder.process.clone();
            let is_own = self.renewed.is_some()
                && there.holder.as_ref().map(process) == Some(self.me().process);
            self.note(number, there);
            if !is_own {
                self.renewed = None;
                return self.read_newest().await;
            }
        }
    }

    fn me(&self) -> LeaseHolder {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner).me.clone()
    }

    /// Others may have it by now: it is looked anew who does.
    fn lose(&mut self) {
        self.renewed = None;
        self.newest.number = 0;
    }

    async fn delete_old(&self, number: u64) {
        if let Some(old) = number.checked_sub(KEPT) {
            // What stays is deleted by hand, or never; it harms nobody.
            let _ = self.storage.delete(&self.path(old)).await;
        }
    }

    fn publish(&mut self) {
        if self.renewed.is_some_and(|renewed| renewed.elapsed() >= self.settings.lasts) {
            // It could not be renewed in time, so others may have it by now.
            self.renewed = None;
        }
        let holder = self.newest.holder.clone().filter(|_| !self.is_over());
        let is_alive = holder.is_some() && self.newest.is_alive;
        let state = LeaseState { holder, is_mine: self.renewed.is_some(), is_alive };
        metrics::gauge!("merganser_lease_held", "lease" => self.name)
            .set(f64::from(u8::from(state.is_mine)));
        self.states.send_if_modified(|before| {
            let is_new = *before != state;
            if is_new && before.is_mine != state.is_mine {
                let (lease, is_mine) = (self.name, state.is_mine);
                info!(lease, is_mine, "a lease has changed hands");
            }
            *before = state;
            is_new
        });
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.rsplit_once('/')?.1.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests;
