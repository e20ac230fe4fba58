//! The file of metric definitions, applied at every start: it creates and changes what it names.

use std::fs;
use std::path::Path;

use anyhow::Context;
use merganser_metric::catalog::{Catalog, DefineOutcome};
use merganser_metric::compile::Metric;
use merganser_metric::definition::{MetricDefinition, from_toml};
use tracing::{info, warn};

/// Reads the file, before anything else is touched: definitions that compile.
///
/// # Errors
/// With the file's name and the place in it.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<MetricDefinition>> {
    let place = || format!("the metrics file `{}`", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    let definitions = from_toml(&text).with_context(place)?;
    for definition in &definitions {
        Metric::compile(definition)
            .with_context(|| format!("`{}` in {}", definition.name, place()))?;
    }
    Ok(definitions)
}

/// Makes metrics anew whose states depend on a way of folding that is no longer the newest. The
/// version that there is answers until the new one is complete. What cannot be made anew now is by
/// the next start.
pub(crate) async fn rebuild_outdated(catalog: &dyn Catalog) {
    let current = catalog.current();
    for name in current.names() {
        let Some(version) = current.newest_version(name).filter(|v| v.compiled.is_outdated())
        else {
            continue;
        };
        match catalog.define(version.definition.clone()).await {
            Ok(DefineOutcome::Unchanged) => {}
            Ok(DefineOutcome::Accepted { run }) => {
                info!(metric = name, run, "values are counted in a new way: made anew");
            }
            Err(error) => warn!(metric = name, %error, "it is made anew by the next start"),
        }
    }
}

/// Creates and changes metrics.
///
/// # Errors
/// With the name of the first one that cannot be.
pub(crate) async fn apply(
    catalog: &dyn Catalog,
    definitions: Vec<MetricDefinition>,
) -> anyhow::Result<()> {
    for definition in definitions {
        let name = definition.name.clone();
        let defined = catalog.define(definition).await;
        match defined.with_context(|| format!("the metric `{name}` of the metrics file"))? {
            DefineOutcome::Unchanged => {}
            DefineOutcome::Accepted { run } => info!(metric = name, run, "defined"),
        }
    }
    Ok(())
}
