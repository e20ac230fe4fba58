//! Which speed view is meant, the shape of its states, and the space that they are in.

use std::fmt;
use std::str::FromStr;

use arrow::datatypes::SchemaRef;
use merganser_core::ids::{Fence, JournalId, MetricId};
use merganser_core::time::Grain;
use merganser_metric::catalog::MetricVersion;
use merganser_metric::definition::MetricDefinition;
use merganser_metric::layout::StateLayout;
use xxhash_rust::xxh3::xxh3_64;

/// Version of what is stored. A view of another version is not read but rebuilt. The second has
/// what each use could not take, by epoch, and what flushes overwrite.
pub(super) const FORMAT: u64 = 2;

/// Which speed view: one metric version's, over one journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId {
    /// The journal whose events are counted, as its number.
    journal: u128,
    /// The metric version.
    pub metric: MetricId,
}

impl ViewId {
    /// The view of `metric` over `journal`.
    #[must_use]
    pub fn new(journal: JournalId, metric: MetricId) -> Self {
        Self { journal: journal.0.as_u128(), metric }
    }

    /// The journal whose events are counted.
    #[must_use]
    pub fn journal(&self) -> JournalId {
        JournalId(uuid::Uuid::from_u128(self.journal))
    }
}

/// A speed view and the shape of its states.
#[derive(Clone, Debug)]
pub struct SpeedView {
    /// Which one.
    pub id: ViewId,
    /// Its base bucket.
    pub grain: Grain,
    /// The columns of its states.
    pub layout: StateLayout,
    /// The layout's schema.
    pub schema: SchemaRef,
    /// Digest of the definition and of [`FORMAT`]: states of another definition are never taken for
    /// this one's, even where a restored back-up uses a metric's number again.
    pub definition: u64,
    /// States of writers with a lower fence are not read. A reader in the writer's process trusts
    /// all of them, since it asks the writer first.
    pub trusted: Fence,
}

impl SpeedView {
    /// The view of a metric version.
    #[must_use]
    pub fn of(journal: JournalId, metric: &MetricVersion) -> Self {
        let layout = metric.compiled.layout().clone();
        Self::new(journal, metric.id, metric.compiled.grain(), layout, &metric.definition)
    }

    /// The same view, of which only states of writers from `trusted` on are read.
    #[must_use]
    pub fn trusting(self, trusted: Fence) -> Self {
        Self { trusted, ..self }
    }

    pub(super) fn new(
        journal: JournalId,
        metric: MetricId,
        grain: Grain,
        layout: StateLayout,
        definition: &MetricDefinition,
    ) -> Self {
        // A definition is made of texts, numbers and lists, all of which JSON can hold.
        let text = serde_json::to_vec(definition).unwrap_or_default();
        Self {
            id: ViewId::new(journal, metric),
            grain,
            schema: layout.schema(),
            layout,
            definition: xxh3_64(&text) ^ FORMAT,
            trusted: Fence::ZERO,
        }
    }
}

/// Where a rebuild puts its states: never used before, so that a write which was meant for an
/// earlier one can do no harm. Made of its writer's fence and a number of the writer's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewSpace {
    /// The fence of the writer that began it.
    pub fence: Fence,
    /// Counted by that writer.
    pub number: u64,
}

impl fmt::Display for ViewSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.fence, self.number)
    }
}

impl FromStr for ViewSpace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(fence, number)| {
            Some(Self { fence: Fence(fence.parse().ok()?), number: number.parse().ok()? })
        });
        parts.ok_or_else(|| format!("`{text}` is not a space; expected `fence-number`"))
    }
}
