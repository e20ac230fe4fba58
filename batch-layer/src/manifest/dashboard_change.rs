//! What a change of dashboards does to the state: pure.

use std::sync::Arc;

use merganser_metric::dashboards::{
    DASHBOARDS_MAX, DashboardError, DashboardSummary, ExpectedVersion,
};

use super::{ManifestState, StaleChangeError};

/// A change of one dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DashboardChange {
    /// A version, whose document is stored already, takes the place of the one that was expected.
    Write {
        /// The version.
        summary: DashboardSummary,
        /// What it takes the place of.
        expected: ExpectedVersion,
    },
    /// It goes.
    Delete {
        /// Its name.
        name: String,
        /// What is to go.
        expected: ExpectedVersion,
    },
}

impl DashboardChange {
    /// Whether it can be made on these dashboards.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, dashboards: &[DashboardSummary]) -> Result<(), DashboardError> {
        let current = |name: &str| dashboards.iter().find(|one| one.name == *name);
        match self {
            Self::Write { summary, expected } => {
                let found = current(&summary.name);
                if !expected.is_met(found) {
                    return Err(DashboardError::Changed(summary.name.clone()));
                }
                match found {
                    None if dashboards.len() >= DASHBOARDS_MAX => Err(DashboardError::TooMany),
                    _ => Ok(()),
                }
            }
            Self::Delete { name, expected } => match current(name) {
                None => Err(DashboardError::Unknown(name.clone())),
                found if expected.is_met(found) => Ok(()),
                _ => Err(DashboardError::Changed(name.clone())),
            },
        }
    }
}

impl ManifestState {
    /// Changes one dashboard, if it is what was expected.
    pub(super) fn change_dashboards(
        &mut self,
        change: &DashboardChange,
    ) -> Result<(), StaleChangeError> {
        change.check(&self.dashboards).map_err(|error| StaleChangeError(error.to_string()))?;
        let name = match change {
            DashboardChange::Write { summary, .. } => &summary.name,
            DashboardChange::Delete { name, .. } => name,
        };
        let others = self.dashboards.iter().filter(|one| one.name != *name);
        let mut dashboards: Vec<DashboardSummary> = others.cloned().collect();
        if let DashboardChange::Write { summary, .. } = change {
            dashboards.push(summary.clone());
        }
        dashboards.sort_by(|one, other| one.name.cmp(&other.name));
        self.dashboards = Arc::new(dashboards);
        self.manifest.dashboards = None;
        Ok(())
    }
}
