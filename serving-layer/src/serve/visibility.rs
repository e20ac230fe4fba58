//! What a caller may see: the only place that finds a metric by its name and lists the names of
//! metrics.
//!
//! A metric that a key's filter does not fit is refused before an error describes it. It is neither
//! listed nor suggested.

use merganser_api::error_code::ErrorCode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use merganser_core::access::AccessScope;
use merganser_core::ids::MetricId;
use merganser_core::text::{clipped, suggestion};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion};

use super::ServingLayer;
use crate::error::ServingError;
use crate::query::QueryError;

/// Pairs of a filter and a metric's version that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Which metrics filters fit: to find out is to plan them, which takes longer than many an answer.
#[derive(Debug, Default)]
pub(super) struct FilterFitCache(Mutex<HashMap<MetricId, HashMap<String, bool>>>);

impl FilterFitCache {
    fn fits(&self, metric: &MetricVersion, filter: &str) -> bool {
        let known = |known: &HashMap<MetricId, HashMap<String, bool>>| {
            known.get(&metric.id).and_then(|filters| filters.get(filter)).copied()
        };
        if let Some(fits) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return fits;
        }
        let fits = metric.compiled.condition(filter).is_ok();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.values().map(HashMap::len).sum::<usize>() >= REMEMBERED_MAX {
            known.clear();
        }
        known.entry(metric.id).or_default().insert(filter.to_owned(), fits);
        fits
    }
}

impl ServingLayer {
    /// Whether a version has the dimensions of the caller's filter, if there is one.
    pub(crate) fn fits(&self, scope: &AccessScope, metric: &MetricVersion) -> bool {
        scope.filter.as_ref().is_none_or(|filter| self.fits.fits(metric, filter))
    }

    /// The versions that answer and may be seen.
    pub(crate) fn visible_metrics<'a>(
        &self,
        snapshot: &'a CatalogSnapshot,
        scope: &AccessScope,
    ) -> impl Iterator<Item = &'a Arc<MetricVersion>> {
        let names = snapshot.names().into_iter().filter(|name| scope.allows_metric(name));
        names
            .filter_map(|name| snapshot.serving_version(name))
            .filter(|metric| self.fits(scope, metric))
    }

    /// The version that answers for a name, if it may be seen.
    ///
    /// # Errors
    /// When the caller may see no such metric, or the caller's filter does not fit it.
    pub(crate) fn find<'a>(
        &self,
        snapshot: &'a CatalogSnapshot,
        scope: &AccessScope,
        name: &str,
    ) -> Result<&'a Arc<MetricVersion>, ServingError> {
        let found = snapshot.serving_version(name).filter(|_| scope.allows_metric(name));
        let metric = found.ok_or_else(|| self.unknown(snapshot, scope, name))?;
        if !self.fits(scope, metric) {
            let detail = format!("the key's own filter does not fit `{name}`");
            return Err(QueryError::new(ErrorCode::BeyondScope, "metric", detail).into());
        }
        Ok(metric)
    }

    /// Says that there is no such metric. Those that may not be seen are not there.
    pub(crate) fn unknown(
        &self,
        snapshot: &CatalogSnapshot,
        scope: &AccessScope,
        name: &str,
    ) -> ServingError {
        let short = clipped(name);
        let known = self.visible_metrics(snapshot, scope).map(|metric| &*metric.definition.name);
        let hint = suggestion(short, known);
        ServingError::UnknownMetric { name: short.to_owned(), hint }
    }
}
