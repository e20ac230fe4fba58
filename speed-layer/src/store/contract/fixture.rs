//! A writer as small as it can be, with the tables that the store is compared with.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use merganser_core::decimal::{self, Scale};
use merganser_core::ids::{Epoch, Fence, JournalId, MetricId, Offset, PartitionId};
use merganser_core::omissions::{DefinitionUse, MetricOmissions};
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::definition::from_json;
use merganser_metric::layout::StateLayout;
use merganser_metric::measure::{ExtremeType, LatestState, StateKind};
use merganser_metric::table::StateTable;
use merganser_metric::views::{ReadColumns, SpeedReadRequest, SpeedViewStates};
use uuid::Uuid;

use crate::store::{
    EpochCounters, EpochStates, JournalPosition, SpaceStage, SpeedStore, SpeedView, StoreError,
    StoreReadError, ViewChange, ViewSpace,
};

/// One event: bucket start, dimensions, value.
pub(crate) type Row<'a> = (i64, Option<&'a str>, Option<&'a str>, Option<i128>);

pub(crate) fn journal(number: u128) -> JournalId {
    JournalId(Uuid::from_u128(number))
}

/// Two dimensions and states of each kind, of numbers with several places and of times.
pub(crate) fn layout() -> StateLayout {
    use StateKind::{Count, Distinct, Latest, Max, Min, Quantile, Sum};
    let (whole, long) = (Scale::new(0).unwrap(), Scale::new(18).unwrap());
    StateLayout {
        dimensions: vec!["a".into(), "b".into()],
        states: vec![
            Count,
            Sum(Scale::DEFAULT),
            Min(ExtremeType::Number(Scale::DEFAULT)),
            Max(ExtremeType::Number(Scale::DEFAULT)),
            Distinct,
            Quantile,
            Latest,
            Sum(long),
            Sum(whole),
            Min(ExtremeType::Number(long)),
            Max(ExtremeType::Number(whole)),
            Min(ExtremeType::Time),
            Max(ExtremeType::Time),
        ],
    }
}

/// That one, and the least there can be.
pub(crate) fn layouts() -> [StateLayout; 2] {
    [layout(), StateLayout { dimensions: Vec::new(), states: vec![StateKind::Count] }]
}

/// A view and its only writer.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) view: SpeedView,
    pub(crate) fence: Fence,
    pub(crate) space: ViewSpace,
    pub(crate) serial: u64,
    pub(crate) flushes: u64,
    pub(crate) at: JournalPosition,
    pub(crate) stage: SpaceStage,
    pub(crate) tables: BTreeMap<Epoch, StateTable>,
}

impl Fixture {
    pub(crate) fn new(journal: JournalId, metric: u64, grain: Grain, layout: StateLayout) -> Self {
        let definition = br#"{"event":"e","measures":{"n":{"kind":"count"}}}"#;
        let definition = from_json(definition).unwrap();
        Self {
            view: SpeedView::new(journal, MetricId(metric), grain, layout, &definition),
            fence: Fence(1),
            space: ViewSpace { fence: Fence(1), number: 0 },
            serial: 0,
            flushes: 0,
            at: JournalPosition::default(),
            stage: SpaceStage::Building,
            tables: BTreeMap::new(),
        }
    }

    /// A view of minutes that is begun and complete, but empty.
    pub(crate) async fn begun(store: &dyn SpeedStore) -> Self {
        let mut fixture = Self::new(journal(7), 1, Grain::Minute, layout());
        fixture.begin(store, Epoch::ZERO).await.unwrap();
        fixture.write(store, Vec::new(), 0).await.unwrap();
        fixture
    }

    /// Begins in the next space.
    pub(crate) async fn begin(
        &mut self,
        store: &dyn SpeedStore,
        first: Epoch,
    ) -> Result<(), StoreError> {
        let space = ViewSpace { fence: self.fence, number: self.space.number + 1 };
        store.begin(&self.view, space, first).await?;
        (self.space, self.serial, self.at) = (space, 0, JournalPosition::default());
        (self.stage, self.flushes) = (SpaceStage::Building, 0);
        Ok(())
    }

    /// Folds rows into the table of an epoch; returns the states of their groups.
    pub(crate) fn fold(&mut self, epoch: u64, rows: &[Row<'_>]) -> EpochStates {
        let layout = self.view.layout.clone();
        let table = self.tables.entry(Epoch(epoch)).or_insert_with(|| StateTable::new(&layout));
        let times: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let a: StringArray = rows.iter().map(|row| row.1).collect();
        let b: StringArray = rows.iter().map(|row| row.2).collect();
        let values: Decimal128Array = rows.iter().map(|row| row.3).collect();
        let texts: StringArray =
            rows.iter().map(|row| row.3.map(|value| format!("v{}", value % 1000))).collect();
        let values: ArrayRef = Arc::new(values.with_data_type(decimal::value_type()));
        let last = texts.iter().enumerate().map(|(row, text)| {
            let place = (PartitionId::ONLY, Offset(row as u64));
            text.map(|text| LatestState::of(Timestamp(times[row]), place, text.as_bytes()))
        });
        let last: ArrayRef = Arc::new(last.collect::<BinaryArray>());
        let texts: ArrayRef = Arc::new(texts);
        let instants = rows.iter().map(|row| row.3.map(|value| row.0 + (value % 1000) as i64));
        let instants: ArrayRef = Arc::new(instants.collect::<TimestampMicrosecondArray>());
        let dimensions = &[&a, &b][..layout.dimensions.len()];
        let groups = table.groups(&times, dimensions).unwrap();
        let arguments: Vec<Option<&ArrayRef>> = layout
            .states
            .iter()
            .map(|kind| match kind {
                StateKind::Count => None,
                StateKind::Distinct => Some(&texts),
                StateKind::Latest => Some(&last),
                StateKind::Min(ExtremeType::Time) | StateKind::Max(ExtremeType::Time) => {
                    Some(&instants)
                }
                _ => Some(&values),
            })
            .collect();
        table.update(&groups, &arguments).unwrap();
        let mut touched = groups;
        touched.sort_unstable();
        touched.dedup();
        self.states(epoch, &touched)
    }

    /// The states of some groups.
    pub(crate) fn states(&self, epoch: u64, groups: &[usize]) -> EpochStates {
        let states = self.tables[&Epoch(epoch)].emit(groups);
        let slots = groups.iter().map(|group| *group as u32).collect();
        EpochStates { epoch: Epoch(epoch), states, slots }
    }

    /// All that the tables hold.
    pub(crate) fn everything(&self) -> Vec<EpochStates> {
        let all = |(epoch, table): (&Epoch, &StateTable)| {
            self.states(epoch.0, &(0..table.len()).collect::<Vec<_>>())
        };
        self.tables.iter().map(all).collect()
    }

    /// The next change, which goes to `to` and completes the view.
    pub(crate) fn change(&self, states: Vec<EpochStates>, to: u64) -> ViewChange {
        let to = JournalPosition { offset: Offset(to), checksum: (to as u32).wrapping_mul(31) };
        ViewChange {
            fence: self.fence,
            space: self.space,
            serial: self.serial,
            flushes: self.flushes,
            from: self.at.offset,
            to,
            reach: to,
            stage: SpaceStage::Complete,
            states,
            counters: Vec::new(),
        }
    }

    /// The next change of a flush that goes to `to` and needs more of them.
    pub(crate) fn half(&self, states: Vec<EpochStates>, to: u64) -> ViewChange {
        let whole = self.change(states, to);
        ViewChange { to: self.at, stage: self.stage, ..whole }
    }

    /// Applies a change and goes on from there.
    pub(crate) async fn apply(
        &mut self,
        store: &dyn SpeedStore,
        change: &ViewChange,
    ) -> Result<(), StoreError> {
        store.apply(&self.view, change).await?;
        self.serial += 1;
        self.flushes = change.flushes_after();
        (self.at, self.stage) = (change.to, change.stage);
        Ok(())
    }

    /// Applies the next change.
    pub(crate) async fn write(
        &mut self,
        store: &dyn SpeedStore,
        states: Vec<EpochStates>,
        to: u64,
    ) -> Result<(), StoreError> {
        let change = self.change(states, to);
        self.apply(store, &change).await
    }

    pub(crate) async fn read(
        &self,
        store: &dyn SpeedStore,
        from: u64,
        range: TimeRange,
    ) -> Result<SpeedViewStates, StoreReadError> {
        let read = SpeedReadRequest { from: Epoch(from), to: None, range, columns: None };
        store.read(&self.view, &read, 1_000_000).await
    }

    /// What a read of these epochs has to give, in order.
    pub(crate) fn expected(&self, read: &SpeedReadRequest) -> RecordBatch {
        let is_in_range = |epoch: &Epoch| read.to.is_none_or(|to| *epoch < to);
        let tables = self.tables.range(read.from..).filter(|(epoch, _)| is_in_range(epoch));
        let parts: Vec<RecordBatch> =
            tables.map(|(_, table)| table.emit(&table.within(read.range))).collect();
        self.merged(&parts)
    }

    /// States of groups that may occur several times, each once and in order.
    pub(crate) fn merged(&self, parts: &[RecordBatch]) -> RecordBatch {
        let mut all = StateTable::new(&self.view.layout);
        parts.iter().for_each(|part| all.merge(part).unwrap());
        all.emit(&all.sorted())
    }

    /// Reads and compares with the tables.
    pub(crate) async fn check(&self, store: &dyn SpeedStore, read: &SpeedReadRequest) {
        let part = store.read(&self.view, read, 1_000_000).await.unwrap();
        assert_eq!((part.through, part.reach), (self.at.offset, self.at.offset));
        assert_eq!(self.merged(&part.states), self.expected(read), "{read:?}");
        let rows: usize = part.states.iter().map(RecordBatch::num_rows).sum();
        let is_in_range = |epoch: &Epoch| read.to.is_none_or(|to| *epoch < to);
        let tables = self.tables.range(read.from..).filter(|(epoch, _)| is_in_range(epoch));
        let groups: usize = tables.map(|(_, table)| table.within(read.range).len()).sum();
        assert_eq!(rows, groups, "a group came twice, or not at all");
        self.check_columns(store, read).await;
    }

    /// Reads some columns only, all of which have to be there.
    async fn check_columns(&self, store: &dyn SpeedStore, read: &SpeedReadRequest) {
        let layout = &self.view.layout;
        let dimensions: Vec<usize> = layout.dimensions.len().checked_sub(1).into_iter().collect();
        let states: Vec<usize> = (0..layout.states.len()).step_by(2).collect();
        let few = layout.project(&dimensions, &states);
        let names = std::iter::once("time".to_owned()).chain(few.dimensions.iter().cloned());
        let names = names.chain(states.iter().map(|state| layout.state_name(*state)));
        let names: Vec<String> = names.collect();
        let merged = |parts: &[RecordBatch]| {
            let mut table = StateTable::new(&few);
            for part in parts {
                let at = names.iter().map(|name| part.schema_ref().index_of(name).unwrap());
                table.merge(&part.project(&at.collect::<Vec<_>>()).unwrap()).unwrap();
            }
            table.emit(&table.sorted())
        };
        let columns = Some(ReadColumns { dimensions, states });
        let some = SpeedReadRequest { columns, ..read.clone() };
        let part = store.read(&self.view, &some, 1_000_000).await.unwrap();
        assert_eq!(merged(&part.states), merged(&[self.expected(read)]), "{some:?}");
    }

    /// Reads everything and compares with the tables.
    pub(crate) async fn check_all(&self, store: &dyn SpeedStore) {
        let first = self.tables.keys().next().copied().unwrap_or_default();
        self.check(
            store,
            &SpeedReadRequest { from: first, to: None, range: TimeRange::ALL, columns: None },
        )
        .await;
    }

    pub(crate) fn counters(mismatches: u64, dropped: u64) -> EpochCounters {
        let mut omissions = MetricOmissions::default();
        omissions.of(&DefinitionUse::Filter).no_result.add_count(mismatches);
        EpochCounters { mismatches, omissions, dropped }
    }
}
