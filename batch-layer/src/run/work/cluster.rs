//! The seam to an engine that has parts made by other processes.

use async_trait::async_trait;

/// Has parts made by other processes. It decides nothing: what counts are the records of parts.
#[async_trait]
pub trait PartCluster: Send + Sync {
    /// Has these parts of a work made, each by any process, about in this order: the name of the
    /// job.
    ///
    /// # Errors
    /// When it does not take the job now.
    async fn submit(&self, work: &str, parts: &[usize]) -> Result<String, PartClusterError>;

    /// How a job is.
    ///
    /// # Errors
    /// When it does not say so now.
    async fn state(&self, job: &str) -> Result<PartJobState, PartClusterError>;

    /// Begins with no more parts of a job. What was begun may still come to its end.
    async fn cancel(&self, job: &str);
}

/// How a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartJobState {
    /// No process works on it yet.
    Waiting,
    /// Some do.
    Running,
    /// None does any more, as all parts were made or for this reason.
    Ended(Option<String>),
    /// It is not known: whoever knew it has lost what it knew.
    Unknown,
}

/// Why it does not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PartClusterError(pub String);
