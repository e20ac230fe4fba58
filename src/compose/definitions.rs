//! The file of metric definitions, applied at every start: it creates and changes what it names.

use std::fs;
use std::path::Path;

use anyhow::Context;
use shared::catalog::{Catalog, Defined};
use shared::compile::Metric;
use shared::definition::{Definition, from_toml};
use tracing::info;

/// Reads the file, before anything else is touched: definitions that compile.
///
/// # Errors
/// With the file's name and the place in it.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<Definition>> {
    let place = || format!("the metrics file `{}`", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    let definitions = from_toml(&text).with_context(place)?;
    for definition in &definitions {
        Metric::compile(definition)
            .with_context(|| format!("`{}` in {}", definition.name, place()))?;
    }
    Ok(definitions)
}

/// Creates and changes metrics.
///
/// # Errors
/// With the name of the first one that cannot be.
pub(super) async fn apply(
    catalog: &dyn Catalog,
    definitions: Vec<Definition>,
) -> anyhow::Result<()> {
    for definition in definitions {
        let name = definition.name.clone();
        let defined = catalog.define(definition).await;
        match defined.with_context(|| format!("the metric `{name}` of the metrics file"))? {
            Defined::Unchanged => {}
            Defined::Accepted { run } => info!(metric = name, run, "defined"),
        }
    }
    Ok(())
}
