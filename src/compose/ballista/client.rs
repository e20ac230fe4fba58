//! Jobs of parts at a scheduler, as the leader of the runs has them.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, GetJobStatusParams, KeyValuePair, execute_query_result,
    job_status,
};
use ballista_core::version;
use batch_layer::run::{PartCluster, PartClusterError, PartJobState};
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::MESSAGE_BYTES_MAX;
use super::credentials::SchedulerCredentials;
use super::plan::{PartCodec, make_parts};

/// How long a connection may take to be made, and a request to be answered.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(20);

/// A connection to the scheduler at a URL, which is made when it is needed, and made again.
pub(super) fn connect(url: &str, credentials: &SchedulerCredentials) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .with_context(|| format!("`{url}` is no address of a scheduler"))?
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(CONNECT)
        .keep_alive_timeout(CONNECT)
        .keep_alive_while_idle(true);
    let endpoint = match &credentials.tls {
        Some(tls) => endpoint.tls_config(tls.of_client()).context("TLS to the scheduler")?,
        None => endpoint,
    };
    Ok(endpoint.connect_lazy())
}

/// Ballista's client, whose requests show what an interceptor adds.
pub(super) type SchedulerClient<I> = SchedulerGrpcClient<InterceptedService<Channel, I>>;

/// The client of a scheduler.
pub(super) fn client(
    channel: Channel,
    credentials: &SchedulerCredentials,
) -> SchedulerClient<impl Interceptor + Clone + use<>> {
    SchedulerGrpcClient::with_interceptor(channel, credentials.shown())
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// Asks a scheduler something that changes nothing.
///
/// # Errors
/// When it does not answer, or refuses.
pub(super) async fn probe(
    mut client: SchedulerClient<impl Interceptor + Clone>,
) -> Result<(), Status> {
    let question = GetJobStatusParams { job_id: String::new() };
    client.get_job_status(question).await.map(drop)
}

/// What went wrong, and why: a connection that fails says only that it did.
pub(super) fn said(status: &Status) -> String {
    let causes = std::iter::successors(status.source(), |&cause| cause.source());
    causes.fold(status.message().to_owned(), |said, cause| format!("{said}: {cause}"))
}

/// The scheduler, as somebody sees it who has parts made.
pub(crate) struct BallistaClient {
    channel: Channel,
    credentials: SchedulerCredentials,
    codec: PartCodec,
    /// Of all jobs of this process.
    session: String,
}

impl BallistaClient {
    /// The client of the scheduler at a URL.
    ///
    /// # Errors
    /// When that is none.
    pub(crate) fn new(
        url: &str,
        credentials: SchedulerCredentials,
        process: &str,
    ) -> anyhow::Result<Self> {
        let (channel, codec) = (connect(url, &credentials)?, PartCodec::new(None));
        Ok(Self { channel, credentials, codec, session: process.to_owned() })
    }

    /// Asks something that changes nothing.
    ///
    /// # Errors
    /// When the scheduler does not answer, or refuses this process.
    pub(crate) async fn probe(&self) -> anyhow::Result<()> {
        let answered = probe(self.scheduler()).await;
        answered.map_err(|status| anyhow::anyhow!("{}", said(&status)))
    }

    fn scheduler(&self) -> SchedulerClient<impl Interceptor + Clone + use<>> {
        client(self.channel.clone(), &self.credentials)
    }

    /// The job as it is sent.
    fn job(&self, work: &str, parts: &[usize]) -> datafusion::error::Result<ExecuteQueryParams> {
        let plan = make_parts(work, parts)?;
        let mut bytes = Vec::new();
        PhysicalPlanNode::try_from_physical_plan(plan, &self.codec)?.try_encode(&mut bytes)?;
        // One part a task, so that each is handed out by itself.
        let config = SessionConfig::new_with_ballista()
            .set_str("ballista.scheduler.max_partitions_per_task", "1")
            .set_str("ballista.job.name", work);
        let entries = config.options().entries().into_iter();
        let settings = entries.map(|entry| KeyValuePair { key: entry.key, value: entry.value });
        Ok(ExecuteQueryParams {
            query: Some(Query::PhysicalPlan(bytes)),
            settings: settings.collect(),
            session_id: self.session.clone(),
            operation_id: work.to_owned(),
        })
    }
}

fn refused(error: impl std::fmt::Display) -> PartClusterError {
    PartClusterError(error.to_string())
}

#[async_trait]
impl PartCluster for BallistaClient {
    async fn submit(&self, work: &str, parts: &[usize]) -> Result<String, PartClusterError> {
        let mut request = Request::new(self.job(work, parts).map_err(refused)?);
        version::insert_version_header(request.metadata_mut());
        let answer = self.scheduler().execute_query(request).await.map_err(refused)?;
        match answer.into_inner().result {
            Some(execute_query_result::Result::Success(job)) => Ok(job.job_id),
            Some(execute_query_result::Result::Failure(failure)) => {
                Err(refused(format!("{failure:?}")))
            }
            None => Err(refused("the scheduler does not say whether it took the job")),
        }
    }

    async fn state(&self, job: &str) -> Result<PartJobState, PartClusterError> {
        let asked = GetJobStatusParams { job_id: job.to_owned() };
        let answer = self.scheduler().get_job_status(asked).await.map_err(refused)?;
        let status = answer.into_inner().status.and_then(|status| status.status);
        Ok(match status {
            None => PartJobState::Unknown,
            Some(job_status::Status::Queued(_)) => PartJobState::Waiting,
            Some(job_status::Status::Running(_)) => PartJobState::Running,
            Some(job_status::Status::Successful(_)) => PartJobState::Ended(None),
            Some(job_status::Status::Failed(failed)) => PartJobState::Ended(Some(failed.error)),
        })
    }

    async fn cancel(&self, job: &str) {
        let asked = CancelJobParams { job_id: job.to_owned() };
        if let Err(error) = self.scheduler().cancel_job(asked).await {
            // Its parts are told that the work is over.
            tracing::debug!(job, %error, "a job of parts was not cancelled");
        }
    }
}
