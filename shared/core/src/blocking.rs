//! Work that blocks or keeps a processor busy: it leaves the threads that serve requests.

/// A worker thread that gave no result: its work panicked, or the service stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a worker thread failed: {0}")]
pub struct WorkerFailure(String);

/// Runs work on a thread that may block.
///
/// # Errors
/// Those of the work, or a [`WorkerFailure`].
pub async fn run_blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<WorkerFailure> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(WorkerFailure(error.to_string()).into()),
    }
}
