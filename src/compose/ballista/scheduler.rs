//! Ballista's scheduler: who asks for parts is given them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::create_scheduler;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tracing::{info, warn};

use super::MESSAGE_BYTES_MAX;
use super::credentials::SchedulerCredentials;
use super::plan::PartCodec;

/// Threads of a scheduler: it hands out some hundred parts a minute.
const THREADS: usize = 1;
/// After how long without a word an executor is gone, and how often it is looked for those.
const EXECUTOR_GONE_S: u64 = 15;
const EXECUTOR_LOOK_S: u64 = 3;
/// How long a job waits for executors.
const WAIT_FOR_EXECUTORS_S: u64 = 24 * 3600;
/// How long jobs that have ended are remembered.
const REMEMBERED_S: u64 = 600;

/// A running scheduler, until it is dropped.
pub(crate) struct BallistaScheduler {
    address: SocketAddr,
    /// Its own, with which all that it has spawned ends.
    _runtime: ScopedRuntime,
    served: JoinHandle<()>,
}

impl BallistaScheduler {
    /// Listens at a place.
    ///
    /// # Errors
    /// When it is taken, or the scheduler cannot be started.
    pub(crate) async fn start(
        listen: &str,
        credentials: SchedulerCredentials,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("merganser-scheduler")
            .enable_all()
            .build()
            .context("the scheduler's threads")?;
        let runtime = ScopedRuntime(Some(runtime));
        let listen = listen.to_owned();
        let started = runtime.handle()?.spawn(async move {
            let listener = TcpListener::bind(&listen).await;
            let listener =
                listener.with_context(|| format!("the scheduler cannot listen on `{listen}`"))?;
            let address = listener.local_addr()?;
            let served = serve(listener, credentials).await?;
            Ok::<_, anyhow::Error>((address, served))
        });
        let (address, served) = started.await.context("the scheduler's start")??;
        info!(%address, "Ballista's scheduler listens");
        Ok(Self { address, _runtime: runtime, served })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when it has ended, which it does not by itself.
    pub(crate) async fn ended(&mut self) {
        // What went wrong was said.
        let _ = (&mut self.served).await;
    }
}

/// A runtime that may be dropped wherever it is.
struct ScopedRuntime(Option<Runtime>);

impl ScopedRuntime {
    fn handle(&self) -> anyhow::Result<&tokio::runtime::Handle> {
        self.0.as_ref().map(Runtime::handle).context("the scheduler's runtime has ended")
    }
}

impl Drop for ScopedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(
    listener: TcpListener,
    credentials: SchedulerCredentials,
) -> anyhow::Result<JoinHandle<()>> {
    let config = SchedulerConfig {
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: EXECUTOR_GONE_S,
        expire_dead_executor_interval_seconds: EXECUTOR_LOOK_S,
        no_executors_grace_period_seconds: WAIT_FOR_EXECUTORS_S,
        finished_job_state_clean_up_interval_seconds: REMEMBERED_S,
        override_physical_codec: Some(Arc::new(PartCodec::new(None))),
        ..SchedulerConfig::default()
    };
    let failed = |error: ballista_core::error::BallistaError| {
        anyhow::anyhow!("Ballista's scheduler cannot be started: {error}")
    };
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
    let scheduler =
        create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config));
    let scheduler = SchedulerGrpcServer::new(scheduler.await.map_err(failed)?)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut server = Server::builder();
    if let Some(tls) = &credentials.tls {
        server = server.tls_config(tls.of_server()).context("TLS of the scheduler")?;
    }
    let service = InterceptedService::new(scheduler, credentials.asked_for());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(tokio::spawn(async move {
        let served = server.add_service(service).serve_with_incoming(incoming).await;
        if let Err(error) = served {
            warn!(%error, "Ballista's scheduler has ended");
        }
    }))
}
