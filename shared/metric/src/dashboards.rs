//! Dashboards as they are kept: saved documents of charts, and the port to where they are.
//!
//! A document is opaque here: the route that takes one from a client has checked it. Each write
//! makes a version, and can say which one it is to take the place of: of two who change the same
//! one, the later learns of it.

use async_trait::async_trait;
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Dashboards at most.
pub const DASHBOARDS_MAX: usize = 1000;

/// A dashboard without its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DashboardSummary {
    /// Its name.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// How many charts it has.
    pub charts: usize,
    /// When this version was written.
    pub updated_at: Timestamp,
    /// Names the version; no other write of any dashboard has the same.
    pub version: String,
}

/// A dashboard with its document.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDashboard {
    /// What is known without it.
    pub summary: DashboardSummary,
    /// What was written.
    pub document: Value,
}

/// A dashboard that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct DashboardDraft {
    /// Its name.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// How many charts it has.
    pub charts: usize,
    /// All of it.
    pub document: Value,
}

/// What a change expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Whatever there is.
    Any,
    /// None of this name.
    Absent,
    /// This version.
    Exactly(String),
}

impl ExpectedVersion {
    /// Whether it is what there is.
    #[must_use]
    pub fn is_met(&self, current: Option<&DashboardSummary>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => current.is_none(),
            Self::Exactly(version) => current.is_some_and(|found| found.version == *version),
        }
    }
}

/// What a write led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DashboardOutcome {
    /// There was none of this name.
    Created(DashboardSummary),
    /// It took the place of another.
    Changed(DashboardSummary),
    /// The same document stands already.
    Unchanged(DashboardSummary),
}

/// Why dashboards stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DashboardError {
    /// There is none of this name.
    #[error("there is no dashboard `{0}`")]
    Unknown(String),
    /// Another version stands than the change expects.
    #[error("the dashboard `{0}` was changed by somebody else, or is not what was expected")]
    Changed(String),
    /// There are as many as there may be.
    #[error("there are {DASHBOARDS_MAX} dashboards already, the most that there can be")]
    TooMany,
    /// It could not be read or stored; nothing changed.
    #[error("the dashboard was not stored or read: {0}")]
    Store(String),
}

/// The dashboards that there are.
#[async_trait]
pub trait DashboardCatalog: Send + Sync + 'static {
    /// All of them, by name, without their documents.
    fn list(&self) -> Vec<DashboardSummary>;

    /// One of them.
    ///
    /// # Errors
    /// [`DashboardError::Unknown`], or when its document cannot be read.
    async fn read(&self, name: &str) -> Result<StoredDashboard, DashboardError>;

    /// Writes one, if `expected` is what there is when it is published.
    ///
    /// # Errors
    /// Why nothing was changed.
    async fn write(
        &self,
        draft: DashboardDraft,
        expected: ExpectedVersion,
    ) -> Result<DashboardOutcome, DashboardError>;

    /// Deletes one, likewise.
    ///
    /// # Errors
    /// Why nothing was changed.
    async fn delete(&self, name: &str, expected: ExpectedVersion) -> Result<(), DashboardError>;
}
