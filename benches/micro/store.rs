//! Writing to the store of speed views.

use std::cell::Cell;
use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use merganser_core::ids::{Boundary, Epoch, Fence, JournalId, MetricId, Offset};
use merganser_core::omissions::MetricOmissions;
use merganser_metric::catalog::{LifecycleStage, MetricVersion};
use merganser_metric::definition;
use speed_layer::store::memory::MemoryStore;
use speed_layer::store::{
    EpochStates, JournalPosition, SpaceStage, SpeedStore, SpeedView, ViewChange, ViewSpace,
};
use tokio::runtime::Runtime;

use super::{METRIC, SAMPLE, folded};

fn view() -> SpeedView {
    let version = MetricVersion {
        id: MetricId(1),
        version: 1,
        stage: LifecycleStage::Active,
        boundary: Boundary::default(),
        definition: definition::from_toml(SAMPLE).unwrap().remove(0),
        compiled: Arc::clone(&METRIC),
        files: Vec::new(),
        mismatches: 0,
        omissions: MetricOmissions::default(),
    };
    let journal = JournalId::try_from("1".repeat(32)).unwrap();
    SpeedView::of(journal, &version)
}

/// A flush of all groups of the month, over what is there of them.
#[divan::bench]
fn apply_to_the_memory_store(bencher: Bencher<'_, '_>) {
    let (runtime, store, view) = (Runtime::new().unwrap(), MemoryStore::default(), view());
    let space = ViewSpace { fence: Fence(1), number: 1 };
    runtime.block_on(store.begin(&view, space, Epoch::ZERO)).unwrap();
    let states = folded().emit_all();
    let slots: Vec<u32> = (0..states.num_rows() as u32).collect();
    let serial = Cell::new(0);
    let change = || {
        let at = |serial| JournalPosition { offset: Offset(serial), checksum: 0 };
        let (from, to) = (Offset(serial.get()), at(serial.get() + 1));
        let part = EpochStates { epoch: Epoch::ZERO, states: states.clone(), slots: slots.clone() };
        ViewChange {
            fence: space.fence,
            space,
            serial: serial.replace(to.offset.0),
            flushes: from.0,
            from,
            to,
            reach: to,
            stage: SpaceStage::Complete,
            states: vec![part],
            counters: Vec::new(),
        }
    };
    bencher
        .counter(ItemsCount::new(slots.len()))
        .with_inputs(change)
        .bench_local_values(|change| runtime.block_on(store.apply(&view, &change)).unwrap());
}
