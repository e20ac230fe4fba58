//! Where recomputations run.

use std::future::Future;

use super::error::RunError;

/// Threads of their own for recomputations, so that they do not hold up requests.
pub(super) struct ComputePool {
    runtime: Option<tokio::runtime::Runtime>,
    threads: usize,
}

impl ComputePool {
    pub(super) fn new(threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("merganser-batch")
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime), threads })
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Does some work on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, RunError>> + Send + 'static,
    ) -> Result<T, RunError> {
        let Some(runtime) = &self.runtime else {
            return Err(RunError::Failed("the service is stopping".to_owned()));
        };
        let joined = runtime.spawn(work).await;
        joined.map_err(|e| RunError::Failed(format!("a recomputation failed: {e}")))?
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
