//! The properties that metrics use: they are found while an event's text is read for its own sake.

use std::sync::{Arc, PoisonError, RwLock};

use merganser_core::ids::Generation;
use merganser_metric::catalog::CatalogSnapshot;
use merganser_metric::extract::PropertyExtractor;
use tokio::sync::watch;

/// What the newest snapshot's metrics use. It may be older than what the fold wants by now: the
/// fold reads by itself what was not found.
#[derive(Debug)]
pub(super) struct ActiveProperties {
    snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    known: RwLock<(Generation, Arc<PropertyExtractor>)>,
}

impl ActiveProperties {
    pub(super) fn new(snapshots: watch::Receiver<Arc<CatalogSnapshot>>) -> Self {
        let known = extractor_of(&snapshots.borrow());
        Self { snapshots, known: RwLock::new(known) }
    }

    pub(super) fn current(&self) -> Arc<PropertyExtractor> {
        let generation = self.snapshots.borrow().generation;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        if known.0 == generation {
            return known.1;
        }
        let new = extractor_of(&self.snapshots.borrow());
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = new.clone();
        new.1
    }
}

fn extractor_of(snapshot: &CatalogSnapshot) -> (Generation, Arc<PropertyExtractor>) {
    (snapshot.generation, Arc::new(snapshot.extractor()))
}
