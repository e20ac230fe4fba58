//! Ballista's executor: asks the scheduler for parts, and makes them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ballista_core::serde::protobuf::executor_resource::Resource;
use ballista_core::serde::protobuf::{
    ExecutorOperatingSystemSpecification, ExecutorRegistration, ExecutorResource,
    ExecutorSpecification, ExecutorStoppedParams,
};
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_core::utils::default_config_producer;
use ballista_core::{BALLISTA_PROTOCOL_VERSION, RuntimeProducer};
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use batch_layer::run::PartMaker;
use batch_layer::storage::unique_name;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tracing::{info, warn};

use super::client::{client, connect, probe, said};
use super::credentials::SchedulerCredentials;
use super::plan::PartCodec;

/// The pause before a scheduler that refused is asked again.
const PAUSE: Duration = Duration::from_secs(2);
/// How often it is looked whether the scheduler still answers.
const LOOK: Duration = Duration::from_millis(500);

/// An error, if the scheduler does not want this process.
fn check_refusal(url: &str, status: &Status) -> anyhow::Result<()> {
    match status.code() {
        Code::Unauthenticated | Code::FailedPrecondition => {
            anyhow::bail!("the scheduler at {url} refuses this process: {}", said(status))
        }
        _ => Ok(()),
    }
}

/// An executor.
pub(crate) struct BallistaExecutor {
    /// Who makes parts.
    pub(crate) maker: Arc<PartMaker>,
    pub(crate) credentials: SchedulerCredentials,
    /// Parts that are made at a time.
    pub(crate) parts_max: usize,
    /// What it is called.
    pub(crate) process: String,
}

impl BallistaExecutor {
    /// Makes parts for the scheduler that is at `url`, as that changes, until `stop`; tells `ready`
    /// whether it is asked for some.
    pub(crate) async fn run(
        self,
        mut url: watch::Receiver<Option<String>>,
        ready: impl Fn(Result<(), String>),
        stop: CancellationToken,
    ) {
        while !stop.is_cancelled() {
            let now = url.borrow_and_update().clone();
            let asked = async {
                match &now {
                    None => {
                        ready(Err("no scheduler is known".to_owned()));
                        stop.cancelled().await;
                        Ok(())
                    }
                    Some(url) => self.ask(url, &ready, &stop).await,
                }
            };
            tokio::select! {
                asked = asked => if let Err(error) = asked {
                    warn!(error = format!("{error:#}"), "parts cannot be asked for");
                    ready(Err(format!("{error:#}")));
                    let _ = timeout(PAUSE, stop.cancelled()).await;
                },
                Ok(()) = url.changed() => {}
            }
        }
    }

    /// Asks a scheduler for parts, until it refuses, or until `stop`, which it is told.
    async fn ask(
        &self,
        url: &str,
        ready: &impl Fn(Result<(), String>),
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let channel = connect(url, &self.credentials)?;
        let client = || client(channel.clone(), &self.credentials);
        let Some(probed) = stop.run_until_cancelled(probe(client())).await else { return Ok(()) };
        if let Err(status) = probed {
            check_refusal(url, &status)?;
            // It may answer later.
            warn!(scheduler = url, error = said(&status), "the scheduler does not answer");
        }
        info!(scheduler = url, parts = self.parts_max, "parts are asked for");
        let place = tempfile::tempdir().context("the place of Ballista's own files")?;
        let executor = Arc::new(self.executor(&place.path().display().to_string()));
        let executor_id = executor.metadata.id.clone();
        let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> = BallistaCodec::new(
            Arc::new(BallistaLogicalExtensionCodec::default()),
            Arc::new(PartCodec::new(Some(Arc::clone(&self.maker)))),
        );
        let (health, free) = (ExecutorHealth::new(), Arc::new(Semaphore::new(self.parts_max)));
        let polled = poll_loop(client(), executor, codec, None, Some(free), health.clone());
        let looked = async {
            loop {
                sleep(LOOK).await;
                if health.is_ready() {
                    ready(Ok(()));
                    continue;
                }
                ready(Err(format!("the scheduler at {url} does not answer")));
                // Ballista does not say why: another one may be there by now, which refuses.
                if let Err(status) = probe(client()).await {
                    check_refusal(url, &status)?;
                }
                sleep(PAUSE).await;
            }
        };
        tokio::select! {
            ended = polled => match ended {
                Ok(()) => anyhow::bail!("Ballista's executor has ended"),
                Err(error) => anyhow::bail!("Ballista's executor has ended: {error}"),
            },
            refused = looked => refused,
            () = stop.cancelled() => {
                // So that others are given at once what it has begun.
                let reason = "the process stops".to_owned();
                let mut client = client();
                let asked = ExecutorStoppedParams { executor_id, reason };
                let stopped = client.executor_stopped(asked);
                let _ = timeout(PAUSE, stopped).await;
                Ok(())
            }
        }
    }

    fn executor(&self, place: &str) -> Executor {
        let vcores = u32::try_from(self.parts_max).unwrap_or(u32::MAX);
        let registration = ExecutorRegistration {
            // A new one each time, so that what the former has begun is not taken for its own.
            id: format!("{}-{}", self.process, unique_name()),
            // Nobody connects to it.
            host: Some("127.0.0.1".to_owned()),
            port: 0,
            grpc_port: 0,
            specification: Some(ExecutorSpecification {
                resources: vec![ExecutorResource { resource: Some(Resource::Vcores(vcores)) }],
            }),
            os_info: Some(ExecutorOperatingSystemSpecification::default()),
            ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
        };
        let temporary = place.to_owned();
        let runtime: RuntimeProducer = Arc::new(move |_| {
            RuntimeEnvBuilder::new().with_temp_file_path(temporary.clone()).build_arc()
        });
        Executor::with_default_execution_engine(
            registration,
            place,
            runtime,
            Arc::new(default_config_producer),
            Arc::default(),
            Arc::new(LoggingMetricsCollector::default()),
            self.parts_max,
        )
    }
}
