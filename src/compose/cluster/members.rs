//! Which processes there are: each says so in an object of its own, which it replaces every now and
//! then. Nothing depends on it; it is for those who look at the cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use batch_layer::lease::LeaseState;
use batch_layer::storage::{Storage, StorageError};
use merganser_api::schedule::NextRuns;
use merganser_api::status::{ClusterProcess, ClusterStatus};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

const FOLDER: &str = "processes";
/// How often a process says that it is there, and looks who else is.
const BEAT: Duration = Duration::from_secs(10);
/// How long one that says nothing is shown, and after how long its object is deleted.
const SHOWN: Duration = Duration::from_secs(35);
const FORGOTTEN: Duration = Duration::from_secs(120);

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) process: String,
    pub(super) url: String,
    pub(super) roles: String,
    pub(super) version: String,
    pub(super) started_at: String,
    /// How far its speed views were behind when it said so.
    pub(super) lag_ms: u64,
    /// Of runs, while it does them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) runs: Option<RunFigures>,
    /// Grows each time.
    pub(super) beat: u64,
}

/// What the process that does the runs says of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunFigures {
    /// Events a second that the newest incremental run covered.
    pub(super) covered_per_second: u64,
    pub(super) next: NextRuns,
}

/// What a process says anew each time.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberFigures {
    pub(super) lag_ms: u64,
    pub(super) runs: Option<RunFigures>,
}

/// All processes, as this one knows them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Members(Arc<MembersInner>);

struct MembersInner {
    storage: Storage,
    me: Mutex<Member>,
    known: Mutex<BTreeMap<String, (Member, Instant)>>,
    owner: watch::Receiver<LeaseState>,
    leader: watch::Receiver<LeaseState>,
}

impl Members {
    /// Says that `me` is there, with these figures, and looks who else is, until `stop`.
    pub(super) fn follow(
        storage: Storage,
        me: Member,
        (owner, leader): (watch::Receiver<LeaseState>, watch::Receiver<LeaseState>),
        figures: impl Fn() -> MemberFigures + Send + 'static,
        stop: CancellationToken,
    ) -> Self {
        let (me, known) = (Mutex::new(me), Mutex::default());
        let members = Self(Arc::new(MembersInner { storage, me, known, owner, leader }));
        let inner = Arc::clone(&members.0);
        tokio::spawn(async move {
            let mut tick = interval(BEAT);
            while stop.run_until_cancelled(tick.tick()).await.is_some() {
                if let Err(error) = inner.beat(figures()).await {
                    warn!(%error, "the list of processes cannot be read or written");
                }
            }
            let path = inner.path(&inner.me().process);
            // What stays is deleted by another process.
            let _ = inner.storage.delete(&path).await;
        });
        members
    }

    /// Where the others answer.
    pub(super) fn other_urls(&self) -> Vec<String> {
        let me = self.0.me().url;
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = known.values().filter(|(_, seen)| seen.elapsed() < SHOWN);
        let urls = shown.map(|(member, _)| member.url.clone());
        urls.filter(|url| *url != me).collect()
    }

    /// What the process says of runs that does them.
    pub(super) fn runs(&self) -> Option<RunFigures> {
        let leader = self.0.leader.borrow().holder.as_ref()?.process.clone();
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().find(|(member, _)| member.process == leader)?.0.runs.clone()
    }

    /// For the status page.
    pub(super) fn status(&self) -> ClusterStatus {
        let url = |state: &watch::Receiver<LeaseState>| {
            state.borrow().holder.as_ref().map(|holder| holder.url.clone())
        };
        let (owner, leader) = (url(&self.0.owner), url(&self.0.leader));
        let holder = |state: &watch::Receiver<LeaseState>| {
            state.borrow().holder.as_ref().map(|holder| holder.process.clone())
        };
        let (owning, leading) = (holder(&self.0.owner), holder(&self.0.leader));
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = known.values().filter(|(_, seen)| seen.elapsed() < SHOWN);
        let processes = shown.map(|(member, seen)| ClusterProcess {
            is_leader: leading.as_ref() == Some(&member.process),
            is_owner: owning.as_ref() == Some(&member.process),
            lag_ms: member.lag_ms,
            process: member.process.clone(),
            roles: member.roles.clone(),
            seen_ms: u64::try_from(seen.elapsed().as_millis()).unwrap_or(u64::MAX),
            started_at: member.started_at.clone(),
            url: member.url.clone(),
            version: member.version.clone(),
        });
        let processes = processes.collect();
        ClusterStatus { leader, owner, process: self.0.me().process, processes }
    }
}

impl MembersInner {
    fn path(&self, process: &str) -> String {
        format!("{FOLDER}/{process}.json")
    }

    fn me(&self) -> Member {
        self.me.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn beat(&self, figures: MemberFigures) -> Result<(), StorageError> {
        let me = {
            let mut me = self.me.lock().unwrap_or_else(PoisonError::into_inner);
            me.beat += 1;
            (me.lag_ms, me.runs) = (figures.lag_ms, figures.runs);
            me.clone()
        };
        self.storage.replace_document(&self.path(&me.process), &me).await?;
        let mut there = BTreeMap::new();
        for (path, _) in self.storage.list(FOLDER).await? {
            match self.storage.read_document::<Member>(&path).await {
                Ok(member) => drop(there.insert(path, member)),
                Err(StorageError::Missing(_)) => {}
                // One of another build may say it otherwise.
                Err(StorageError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let gone: Vec<String> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|path, _| there.contains_key(path));
            for (path, member) in there {
                match known.get(&path) {
                    Some((before, _)) if before.beat == member.beat => {}
                    _ => drop(known.insert(path, (member, Instant::now()))),
                }
            }
            let is_gone =
                |(_, (_, seen)): &(&String, &(Member, Instant))| seen.elapsed() > FORGOTTEN;
            known.iter().filter(is_gone).map(|(path, _)| path.clone()).collect()
        };
        for path in gone {
            self.storage.delete(&path).await?;
        }
        Ok(())
    }
}
