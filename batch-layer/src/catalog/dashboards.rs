//! Dashboards as objects that the manifest names, one a version.

use std::sync::Arc;

use async_trait::async_trait;
use merganser_metric::catalog::Catalog;
use merganser_metric::dashboards::{
    DashboardCatalog, DashboardDraft, DashboardError, DashboardOutcome, DashboardSummary,
    ExpectedVersion, StoredDashboard,
};
use serde_json::Value;

use super::{BatchCatalog, CatalogInner, run_detached};
use crate::manifest::{DashboardChange, ManifestChange, PublishError, dashboard_path};
use crate::storage::{StorageError, unique_name};

impl CatalogInner {
    fn dashboard(&self, name: &str) -> Option<DashboardSummary> {
        let state = self.manifests.current();
        state.dashboards.iter().find(|one| one.name == name).cloned()
    }

    async fn document(&self, version: &str) -> Result<Value, DashboardError> {
        self.storage.read_document(&dashboard_path(version)).await.map_err(not_stored)
    }

    async fn write_dashboard(
        &self,
        draft: DashboardDraft,
        expected: ExpectedVersion,
    ) -> Result<DashboardOutcome, DashboardError> {
        let _turn = self.take_turn().await.map_err(not_stored)?;
        let DashboardDraft { name, title, charts, document } = draft;
        let updated_at = self.clock.now();
        let summary = DashboardSummary { name, title, charts, updated_at, version: unique_name() };
        let change = DashboardChange::Write { summary: summary.clone(), expected };
        change.check(&self.manifests.current().dashboards)?;
        let before = self.dashboard(&summary.name);
        if let Some(before) = &before
            && self.document(&before.version).await? == document
        {
            return Ok(DashboardOutcome::Unchanged(before.clone()));
        }
        // Kept from being collected until it is published, or was not.
        let storage = self.storage.for_work();
        let path = dashboard_path(&summary.version);
        storage.write_document(&path, &document).await.map_err(not_stored)?;
        self.publish_dashboards(&summary.name, change).await?;
        Ok(match before {
            None => DashboardOutcome::Created(summary),
            Some(_) => DashboardOutcome::Changed(summary),
        })
    }

    async fn delete_dashboard(
        &self,
        name: String,
        expected: ExpectedVersion,
    ) -> Result<(), DashboardError> {
        let _turn = self.take_turn().await.map_err(not_stored)?;
        let change = DashboardChange::Delete { name: name.clone(), expected };
        change.check(&self.manifests.current().dashboards)?;
        self.publish_dashboards(&name, change).await
    }

    /// The caller has its turn.
    async fn publish_dashboards(
        &self,
        name: &str,
        change: DashboardChange,
    ) -> Result<(), DashboardError> {
        match self.publish(&ManifestChange::Dashboards(change)).await {
            Ok(_) => Ok(()),
            // Another process came first.
            Err(PublishError::Discarded(_)) => Err(DashboardError::Changed(name.to_owned())),
            Err(PublishError::Storage(error)) => Err(not_stored(error)),
        }
    }
}

fn not_stored(error: StorageError) -> DashboardError {
    DashboardError::Store(error.to_string())
}

#[async_trait]
impl DashboardCatalog for BatchCatalog {
    fn list(&self) -> Vec<DashboardSummary> {
        self.state().dashboards.to_vec()
    }

    async fn read(&self, name: &str) -> Result<StoredDashboard, DashboardError> {
        // While it is held, what it names is not deleted.
        let _pinned = self.current();
        let summary = self.0.dashboard(name);
        let summary = summary.ok_or_else(|| DashboardError::Unknown(name.to_owned()))?;
        let document = self.0.document(&summary.version).await?;
        Ok(StoredDashboard { summary, document })
    }

    async fn write(
        &self,
        draft: DashboardDraft,
        expected: ExpectedVersion,
    ) -> Result<DashboardOutcome, DashboardError> {
        let inner = Arc::clone(&self.0);
        let work = async move { inner.write_dashboard(draft, expected).await };
        run_detached(work).await.map_err(not_stored)?
    }

    async fn delete(&self, name: &str, expected: ExpectedVersion) -> Result<(), DashboardError> {
        let (inner, name) = (Arc::clone(&self.0), name.to_owned());
        let work = async move { inner.delete_dashboard(name, expected).await };
        run_detached(work).await.map_err(not_stored)?
    }
}

#[cfg(test)]
mod tests;
