//! Parts of runs that executors make: what the leader has them made with, and what an executor
//! does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::Uri;
use batch_layer::lease::{LeaseHolder, LeaseState};
use batch_layer::run::{PartMaker, PartMakerParts, WorkSettings, WorkSharingParts};
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

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
/// Memory that a part takes at most.
const PART_BYTES: u64 = 1 << 30;

/// What a leader has parts made with.
pub(super) struct LeaderScheduler {
    url: String,
    /// It, where it is in this process.
    _own: Option<BallistaScheduler>,
}

impl LeaderScheduler {
    /// Where executors find the scheduler.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// Starts it as the settings say; none where the leader makes all parts.
    ///
    /// # Errors
    /// When the scheduler cannot be started, or a certificate not be read.
    pub(super) async fn start(
        settings: &Settings,
        me: &LeaseHolder,
        secret: &ClusterSecret,
    ) -> anyhow::Result<Option<(Self, WorkSharingParts)>> {
        let credentials = credentials(settings, secret)?;
        let (url, own) = match &settings.ballista_scheduler {
            SchedulerPlace::Nowhere => return Ok(None),
            SchedulerPlace::At(url) => (url.clone(), None),
            SchedulerPlace::Leader => {
                let listen = &settings.ballista_listen.0;
                let own = BallistaScheduler::start(listen, credentials.clone()).await?;
                let uri: Uri = me.url.parse().context("where this process is reached")?;
                let (scheme, port) = (credentials.scheme(), own.address().port());
                let host = uri.host().unwrap_or("localhost");
                (format!("{scheme}://{host}:{port}"), Some(own))
            }
        };
        let sharing = WorkSharingParts {
            cluster: Arc::new(BallistaClient::new(&url, credentials, &me.process)?),
            process: me.process.clone(),
            settings: WorkSettings {
                min_events: settings.ballista_min_events,
                ..WorkSettings::default()
            },
        };
        Ok(Some((Self { url, _own: own }, sharing)))
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
        0 => parts_by_machine(),
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

/// One a processor, as long as each has its memory.
fn parts_by_machine() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = memory_bytes().map_or(u64::MAX, |bytes| bytes / PART_BYTES);
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
