//! Parts of runs that executors make: what the leader has them made with, and what an executor
//! does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::http::Uri;
use batch_layer::lease::{LeaseHolder, LeaseState};
use batch_layer::run::{
    PartCluster, PartClusterError, PartJobState, PartMaker, PartMakerParts, WorkSettings,
    WorkSharingParts,
};
use tokio::sync::watch;
use tokio::time::{interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::followers::Followed;
use super::internal::{SCHEDULER, SchedulerResponse};
use crate::access::{CLUSTER_SECRET, ClusterSecret};
use crate::compose::ballista::{
    BallistaClient, BallistaExecutor, BallistaScheduler, SchedulerCredentials, SchedulerTls,
};
use crate::http::Readiness;
use crate::settings::{SchedulerPlace, Settings};

/// How often an executor looks where the leader's scheduler is, and how long the answer may take.
const LOOK: Duration = Duration::from_secs(1);
/// The pause before a scheduler that could not be started, or has ended, is started again.
const RESTART: Duration = Duration::from_secs(2);
/// Memory for a part, and for what the process is beside parts and queries.
const PART_BYTES: u64 = 1 << 30;
const PROCESS_BYTES: u64 = 512 << 20;

/// The scheduler that a leader has parts made by. One in its process is started, and started again,
/// beside all that the leader does: runs do not wait for it.
pub(super) struct LeaderScheduler {
    started: watch::Receiver<Option<StartedScheduler>>,
    /// Keeps the one in this process.
    _keeper: Option<DropGuard>,
}

/// A scheduler that can be asked.
#[derive(Clone)]
struct StartedScheduler {
    url: String,
    client: Arc<BallistaClient>,
}

impl LeaderScheduler {
    /// Where executors find the scheduler, once it is there.
    pub(super) fn url(&self) -> Option<String> {
        self.started.borrow().as_ref().map(|started| started.url.clone())
    }

    /// Begins with it as the settings say; none where the leader makes all parts.
    ///
    /// # Errors
    /// When a certificate cannot be read, or an address is none.
    pub(super) fn start(
        settings: &Settings,
        me: &LeaseHolder,
        secret: &ClusterSecret,
    ) -> anyhow::Result<Option<(Self, WorkSharingParts)>> {
        let credentials = credentials(settings, secret)?;
        let process = me.process.clone();
        let (started, keeper) = match &settings.ballista_scheduler {
            SchedulerPlace::Nowhere => return Ok(None),
            SchedulerPlace::At(url) => {
                let client = Arc::new(BallistaClient::new(url, credentials, &process)?);
                let started = StartedScheduler { url: url.clone(), client };
                (watch::Sender::new(Some(started)).subscribe(), None)
            }
            SchedulerPlace::Leader => {
                let (listen, me) = (settings.ballista_listen.0.clone(), me.clone());
                let (sender, started) = watch::channel(None);
                let stop = CancellationToken::new();
                let kept = keep_scheduler(listen, me, credentials, sender);
                tokio::spawn(stop.clone().run_until_cancelled_owned(kept));
                (started, Some(stop.drop_guard()))
            }
        };
        let sharing = WorkSharingParts {
            cluster: Arc::new(SchedulerParts { started: started.clone() }),
            process,
            settings: WorkSettings {
                min_events: settings.ballista_min_events,
                ..WorkSettings::default()
            },
        };
        Ok(Some((Self { started, _keeper: keeper }, sharing)))
    }
}

/// Starts a scheduler in this process, and again when that fails or it ends, for ever.
async fn keep_scheduler(
    listen: String,
    me: LeaseHolder,
    credentials: SchedulerCredentials,
    started: watch::Sender<Option<StartedScheduler>>,
) {
    loop {
        match start_scheduler(&listen, &me, &credentials).await {
            Ok((mut scheduler, now)) => {
                started.send_replace(Some(now));
                scheduler.ended().await;
                started.send_replace(None);
            }
            Err(error) => {
                let error = format!("{error:#}");
                warn!(error, "no executor is given parts; the scheduler's start is tried again");
            }
        }
        sleep(RESTART).await;
    }
}

async fn start_scheduler(
    listen: &str,
    me: &LeaseHolder,
    credentials: &SchedulerCredentials,
) -> anyhow::Result<(BallistaScheduler, StartedScheduler)> {
    let scheduler = BallistaScheduler::start(listen, credentials.clone()).await?;
    let uri: Uri = me.url.parse().context("where this process is reached")?;
    let (scheme, port) = (credentials.scheme(), scheduler.address().port());
    let url = format!("{scheme}://{}:{port}", uri.host().unwrap_or("localhost"));
    let client = Arc::new(BallistaClient::new(&url, credentials.clone(), &me.process)?);
    Ok((scheduler, StartedScheduler { url, client }))
}

/// Has parts made by the scheduler, once it is there.
struct SchedulerParts {
    started: watch::Receiver<Option<StartedScheduler>>,
}

impl SchedulerParts {
    fn client(&self) -> Result<Arc<BallistaClient>, PartClusterError> {
        let started = self.started.borrow();
        let client = started.as_ref().map(|started| Arc::clone(&started.client));
        client.ok_or_else(|| PartClusterError("the scheduler was not started yet".to_owned()))
    }
}

#[async_trait]
impl PartCluster for SchedulerParts {
    async fn submit(&self, work: &str, parts: &[usize]) -> Result<String, PartClusterError> {
        self.client()?.submit(work, parts).await
    }

    async fn state(&self, job: &str) -> Result<PartJobState, PartClusterError> {
        self.client()?.state(job).await
    }

    async fn cancel(&self, job: &str) {
        if let Ok(client) = self.client() {
            client.cancel(job).await;
        }
    }
}

/// What processes show to the scheduler.
///
/// # Errors
/// When a certificate cannot be read.
pub(crate) fn credentials(
    settings: &Settings,
    secret: &ClusterSecret,
) -> anyhow::Result<SchedulerCredentials> {
    let Settings { ballista_tls_certificate, ballista_tls_key, ballista_tls_authority, .. } =
        settings;
    let tls = match ballista_tls_certificate.as_os_str().is_empty() {
        true => None,
        false => Some(SchedulerTls::read(
            ballista_tls_certificate,
            ballista_tls_key,
            ballista_tls_authority,
        )?),
    };
    SchedulerCredentials::new(secret, tls)
}

/// Makes parts as an executor, if the process is one, until `stop`.
///
/// # Errors
/// When there can be no more threads, or a certificate cannot be read.
pub(super) fn execute(
    settings: &Settings,
    followed: &Followed,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> anyhow::Result<Option<tokio::task::JoinHandle<()>>> {
    if !settings.role.0.executor {
        return Ok(None);
    }
    let parts_max = match settings.executor_parts_max {
        0 => parts_by_machine(settings.query_memory_bytes.0),
        parts => parts,
    };
    let maker = PartMaker::new(PartMakerParts {
        catalog: Arc::clone(&followed.batch.catalog),
        views: Arc::clone(&followed.batch.views),
        speed: Arc::new(followed.replica.clone()),
        process: followed.me.process.clone(),
        threads: parts_max,
    });
    let executor = BallistaExecutor {
        maker: Arc::new(maker.context("threads of the executor")?),
        credentials: credentials(settings, &followed.secret)?,
        parts_max,
        process: followed.me.process.clone(),
    };
    let url = match &settings.ballista_scheduler {
        SchedulerPlace::Nowhere => return Ok(None),
        SchedulerPlace::At(url) => watch::Sender::new(Some(url.clone())),
        SchedulerPlace::Leader => follow_scheduler(followed, stop)?,
    };
    let (readiness, stop) = (readiness.clone(), stop.clone());
    Ok(Some(tokio::spawn(async move {
        let ready = |state| match state {
            Ok(()) => readiness.set_ready("executor"),
            Err(reason) => readiness.set_not_ready("executor", reason),
        };
        executor.run(url.subscribe(), ready, stop).await;
    })))
}

/// Where the scheduler of the leader is, as leaders change.
fn follow_scheduler(
    followed: &Followed,
    stop: &CancellationToken,
) -> anyhow::Result<watch::Sender<Option<String>>> {
    let client = reqwest::Client::builder().timeout(LOOK).build();
    let client = client.context("the client for the leader")?;
    let url = watch::Sender::new(None);
    let (known, leader) = (url.clone(), followed.leader.state());
    let (secret, stop) = (followed.secret.clone(), stop.clone());
    tokio::spawn(async move {
        let mut tick = interval(LOOK);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            // One that does not answer may have its scheduler all the same.
            if let Ok(found) = ask_leader(&client, &leader, &secret).await {
                known.send_if_modified(|url| std::mem::replace(url, found.clone()) != found);
            }
        }
    });
    Ok(url)
}

async fn ask_leader(
    client: &reqwest::Client,
    leader: &watch::Receiver<LeaseState>,
    secret: &ClusterSecret,
) -> Result<Option<String>, reqwest::Error> {
    let holder = leader.borrow().holder.clone();
    let Some(LeaseHolder { url, .. }) = holder else { return Ok(None) };
    let asked = client.get(format!("{url}{SCHEDULER}")).header(CLUSTER_SECRET, secret.value());
    let answer = asked.send().await?.error_for_status()?.bytes().await?;
    let found = serde_json::from_slice::<SchedulerResponse>(&answer);
    Ok(found.ok().map(|found| found.url))
}

/// One a processor, as long as each has its memory beside the queries that the process answers.
fn parts_by_machine(queries: u64) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    parts_within(processors, memory_bytes().unwrap_or(u64::MAX), queries)
}

fn parts_within(processors: usize, memory: u64, queries: u64) -> usize {
    let parts = memory.saturating_sub(queries.saturating_add(PROCESS_BYTES)) / PART_BYTES;
    processors.min(usize::try_from(parts).unwrap_or(usize::MAX)).max(1)
}

/// Memory that the process may use, as far as the system says: of the machine, or of its group.
fn memory_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let machine = machine.and_then(|text| text.trim().strip_suffix("kB"));
    let machine = machine.and_then(|kib| kib.trim().parse::<u64>().ok()).map(|kib| kib * 1024);
    let group = Path::new("/sys/fs/cgroup/memory.max");
    let group = std::fs::read_to_string(group).ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(group).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_have_memory_for_parts_beside_queries() {
        const GIB: u64 = 1 << 30;
        assert_eq!(parts_within(8, u64::MAX, GIB), 8);
        assert_eq!(parts_within(8, 4 * GIB, GIB), 2);
        assert_eq!(parts_within(1, 64 * GIB, GIB), 1);
        assert_eq!(parts_within(8, GIB, GIB), 1);
    }

    /// As where the leader of before still has the port.
    #[tokio::test]
    async fn executors_are_given_parts_once_the_scheduler_can_listen() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap().to_string();
        let (process, url) = ("a process".to_owned(), "http://127.0.0.1:1".to_owned());
        let me = LeaseHolder { process, url, fence: None };
        let secret = ClusterSecret::new("secret").unwrap();
        let credentials = SchedulerCredentials::new(&secret, None).unwrap();
        let (sender, mut started) = watch::channel(None);
        let parts = SchedulerParts { started: started.clone() };
        let kept = tokio::spawn(keep_scheduler(listen.clone(), me, credentials, sender));
        let first = tokio::time::timeout(RESTART / 4, started.changed()).await;
        assert!(first.is_err(), "it listens where somebody else does");
        let refused = parts.submit("work", &[0]).await.unwrap_err();
        assert!(refused.to_string().contains("not started yet"), "{refused}");
        drop(taken);
        let url = started.wait_for(Option::is_some).await.unwrap().clone().unwrap().url;
        assert_eq!(url, format!("http://{listen}"));
        kept.abort();
    }
}
