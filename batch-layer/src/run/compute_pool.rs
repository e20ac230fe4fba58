//! Where the parts of runs are made: the archive, and recomputations.

use std::future::Future;

use futures::future::try_join_all;
use tokio::task::JoinError;

use super::error::RunError;
use super::inputs::PartSize;

/// Threads of their own for the parts of runs, so that they do not hold up requests.
pub(super) struct ComputePool {
    runtime: Option<tokio::runtime::Runtime>,
    size: PartSize,
}

impl ComputePool {
    /// Threads for parts of this size.
    pub(super) fn new(size: PartSize) -> std::io::Result<Self> {
        let threads = size.threads.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("merganser-batch")
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime), size: PartSize { threads, ..size } })
    }

    pub(super) fn threads(&self) -> usize {
        self.size.threads
    }

    /// How large the parts are that its threads share.
    pub(super) fn part_size(&self) -> PartSize {
        self.size
    }

    /// Does some jobs on the threads, all at the same time; their results are in the same order.
    pub(super) async fn run_all<T: Send + 'static>(
        &self,
        jobs: impl Iterator<Item = impl Future<Output = Result<T, RunError>> + Send + 'static>,
    ) -> Result<Vec<T>, RunError> {
        let Some(runtime) = &self.runtime else {
            return Err(RunError::Failed("the service is stopping".to_owned()));
        };
        let failed =
            |error: JoinError| RunError::Failed(format!("a part of a run failed: {error}"));
        let spawned = jobs.map(|job| runtime.spawn(job));
        try_join_all(spawned.map(|job| async move { job.await.map_err(failed)? })).await
    }
}

impl Drop for ComputePool {
    fn drop(&mut self) {
        // Dropping a runtime blocks, which an async thread must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
