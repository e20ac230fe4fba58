//! Positions, fences, spaces, epochs: who may write what, and who may read it.

use std::sync::Arc;

use merganser_core::ids::{Epoch, Fence, Offset};
use merganser_core::time::{DAY_US, Grain, HOUR_US, MINUTE_US, TimeRange, Timestamp};
use merganser_metric::views::SpeedReadRequest;

use super::fixture::{Fixture, Row, journal, layout, layouts};
use crate::store::{
    EpochCounters, JournalPosition, SpaceStage, SpeedStore, SpeedView, StoreError, StoreReadError,
    SweepStatus, ViewChange, ViewId, ViewSpace,
};

type Store = Arc<dyn SpeedStore>;

const ROWS: [Row<'static>; 4] = [
    (0, Some("x"), None, Some(5)),
    (MINUTE_US, Some("x"), Some("1"), None),
    (0, None, None, Some(-7_000_000_000)),
    (0, Some("x"), None, Some(6)),
];

pub(crate) async fn sweep(store: &dyn SpeedStore, id: ViewId) {
    while store.sweep(id).await.unwrap() == SweepStatus::More {}
}

pub(crate) async fn nothing_is_there_before_it_is_begun(store: Store) {
    let fixture = Fixture::new(journal(1), 1, Grain::Minute, layout());
    assert_eq!(store.open(&fixture.view).await, Ok(None));
    assert_eq!(store.metrics(journal(1)).await.unwrap(), []);
    let change = fixture.change(Vec::new(), 0);
    let refused = StoreError::Refused { stored: None };
    assert_eq!(store.apply(&fixture.view, &change).await, Err(refused.clone()));
    assert_eq!(store.retire(&fixture.view, Fence(1), Epoch(1)).await, Err(refused));
    assert_eq!(store.drop_view(fixture.view.id, Fence(1)).await, Ok(()));
    let read = fixture.read(&*store, 0, TimeRange::ALL).await;
    assert_eq!(read.unwrap_err(), StoreReadError::Absent);
    assert_eq!(store.losses().await, Ok(0));
}

pub(crate) async fn a_view_is_read_only_when_it_is_complete(store: Store) {
    for layout in layouts() {
        let metric = layout.states.len() as u64;
        let mut fixture = Fixture::new(journal(1), metric, Grain::Minute, layout);
        fixture.begin(&*store, Epoch(3)).await.unwrap();
        let building = |read: Result<_, _>| assert_eq!(read.err(), Some(StoreReadError::Building));
        building(fixture.read(&*store, 3, TimeRange::ALL).await);
        let states = fixture.fold(3, &ROWS[..2]);
        let mut change = fixture.change(vec![states], 0);
        change.stage = SpaceStage::Building;
        change.reach = JournalPosition { offset: Offset(4), checksum: 9 };
        fixture.apply(&*store, &change).await.unwrap();
        building(fixture.read(&*store, 3, TimeRange::ALL).await);
        let stored = store.open(&fixture.view).await.unwrap().unwrap();
        assert_eq!(
            (stored.stage, stored.serial, stored.first),
            (SpaceStage::Building, 1, Epoch(3))
        );
        assert_eq!((stored.through, stored.reach), (JournalPosition::default(), change.reach));
        let states = fixture.fold(3, &ROWS[2..]);
        fixture.write(&*store, vec![states], 4).await.unwrap();
        fixture.check_all(&*store).await;
        let stored = store.open(&fixture.view).await.unwrap().unwrap();
        assert_eq!(
            (stored.stage, stored.serial, stored.space),
            (SpaceStage::Complete, 2, fixture.space)
        );
        assert_eq!((stored.through, stored.reach), (fixture.at, fixture.at));
        assert_eq!((stored.journal, stored.definition), (journal(1), fixture.view.definition));
    }
}

pub(crate) async fn only_what_follows_is_applied(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let states = fixture.fold(0, &ROWS);
    fixture.write(&*store, vec![states], 4).await.unwrap();
    let stored = store.open(&fixture.view).await.unwrap().unwrap();
    let mut other = fixture.clone();
    let states = other.fold(0, &ROWS);
    let good = fixture.change(vec![states], 8);
    let wrong: [fn(&mut ViewChange); 5] = [
        |change| change.serial += 1,
        |change| change.serial -= 1,
        |change| change.from = Offset(3),
        |change| change.space.number += 1,
        |change| change.space.fence = Fence(0),
    ];
    for spoil in wrong {
        let mut change = good.clone();
        spoil(&mut change);
        let refusal = store.apply(&fixture.view, &change).await.unwrap_err();
        assert_eq!(refusal, StoreError::Refused { stored: Some(Box::new(stored.clone())) });
        assert!(refusal.is_determinate());
        assert!(!stored.is_after(&change));
    }
    let changed = SpeedView { definition: fixture.view.definition ^ 1, ..fixture.view.clone() };
    let refusal = store.apply(&changed, &good).await.unwrap_err();
    assert_eq!(refusal, StoreError::Refused { stored: Some(Box::new(stored.clone())) });
    let read = SpeedReadRequest { from: Epoch(0), to: None, range: TimeRange::ALL, columns: None };
    assert_eq!(store.read(&changed, &read, 100).await.unwrap_err(), StoreReadError::Absent);
    assert_eq!(store.open(&fixture.view).await.unwrap().unwrap(), stored);
    fixture.check_all(&*store).await;
    other.apply(&*store, &good).await.unwrap();
    other.check_all(&*store).await;
}

pub(crate) async fn a_repeated_change_is_known_by_what_is_stored(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let states = fixture.fold(0, &ROWS);
    let change = fixture.change(vec![states], 4);
    fixture.apply(&*store, &change).await.unwrap();
    let Err(StoreError::Refused { stored: Some(stored) }) =
        store.apply(&fixture.view, &change).await
    else {
        panic!("a change that was stored was applied again")
    };
    assert!(stored.is_after(&change));
    fixture.check_all(&*store).await;
    // A change may leave the position where it is; its serial still shows whether it was stored.
    let states = fixture.states(0, &[1]);
    let stay = fixture.change(vec![states], 4);
    assert!(!stored.is_after(&stay));
    fixture.apply(&*store, &stay).await.unwrap();
    let stored = store.open(&fixture.view).await.unwrap().unwrap();
    assert!(stored.is_after(&stay) && !stored.is_after(&change));
}

pub(crate) async fn the_higher_fence_wins(store: Store) {
    let first = store.claim(journal(7), Fence(0)).await.unwrap();
    let second = store.claim(journal(7), Fence(0)).await.unwrap();
    let third = store.claim(journal(7), Fence(90)).await.unwrap();
    let other = store.claim(journal(8), Fence(0)).await.unwrap();
    assert!(first < second && Fence(90) < third && other < third);
    assert!(store.claim(journal(7), Fence(5)).await.unwrap() > third);

    let mut old = Fixture::begun(&*store).await;
    let mut new = Fixture { fence: Fence(2), ..old.clone() };
    let states = new.fold(0, &ROWS);
    new.write(&*store, vec![states], 4).await.unwrap();
    let fenced = |result: Result<(), StoreError>| {
        assert_eq!(result, Err(StoreError::Fenced { fence: Fence(2) }));
    };
    fenced(old.write(&*store, Vec::new(), 1).await);
    fenced(old.begin(&*store, Epoch(0)).await);
    fenced(store.retire(&old.view, Fence(1), Epoch(9)).await);
    fenced(store.drop_view(old.view.id, Fence(1)).await);
    new.check_all(&*store).await;
    new.begin(&*store, Epoch(0)).await.unwrap();
    assert_eq!(new.space, ViewSpace { fence: Fence(2), number: 2 });
}

pub(crate) async fn a_rebuild_starts_empty_in_a_higher_space(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let states = fixture.fold(0, &ROWS);
    let late = fixture.change(vec![states], 4);
    fixture.apply(&*store, &late).await.unwrap();
    let retained = fixture.space;
    fixture.begin(&*store, Epoch(0)).await.unwrap();
    let begun = store.open(&fixture.view).await.unwrap().unwrap();
    assert_eq!(
        (begun.serial, begun.stage, begun.through),
        (0, SpaceStage::Building, JournalPosition::default())
    );
    // Again, or an earlier one that was late: refused with what is there.
    for space in [fixture.space, retained] {
        let refused = store.begin(&fixture.view, space, Epoch(0)).await;
        let stored = Some(Box::new(begun.clone()));
        assert_eq!(refused, Err(StoreError::Refused { stored }));
    }
    assert!(matches!(store.apply(&fixture.view, &late).await, Err(StoreError::Refused { .. })));
    fixture.tables.clear();
    let states = fixture.fold(2, &ROWS[1..2]);
    fixture.write(&*store, vec![states], 9).await.unwrap();
    fixture
        .check(
            &*store,
            &SpeedReadRequest { from: Epoch(0), to: None, range: TimeRange::ALL, columns: None },
        )
        .await;
    sweep(&*store, fixture.view.id).await;
    fixture.check_all(&*store).await;
}

pub(crate) async fn reads_take_what_lies_in_their_range(store: Store) {
    for (metric, grain) in [(1, Grain::Minute), (2, Grain::Hour), (3, Grain::Day)] {
        let mut fixture = Fixture::new(journal(2), metric, grain, layout());
        fixture.begin(&*store, Epoch(0)).await.unwrap();
        let places = [-800 * DAY_US, -DAY_US, -HOUR_US, -1, 0, 1, HOUR_US, DAY_US, 40 * DAY_US];
        let rows: Vec<Row<'_>> = places
            .iter()
            .flat_map(|time| [*time, time + 59 * MINUTE_US])
            .map(|time| (grain.floor(Timestamp(time)).0, Some("x"), None, Some(i128::from(time))))
            .collect();
        let mut states = vec![fixture.fold(0, &rows), fixture.fold(1, &rows[3..])];
        states.push(fixture.fold(5, &rows[..7]));
        fixture.write(&*store, states, 10).await.unwrap();
        let edges = [-900 * DAY_US, -DAY_US, -MINUTE_US, 0, 60 * MINUTE_US, DAY_US, 99 * DAY_US];
        for from in edges {
            for to in edges {
                for (first, last) in [(0, None), (1, None), (1, Some(5)), (2, Some(5)), (6, None)] {
                    let range = TimeRange { from: Timestamp(from), to: Timestamp(to) };
                    let (from, to) = (Epoch(first), last.map(Epoch));
                    fixture
                        .check(&*store, &SpeedReadRequest { from, to, range, columns: None })
                        .await;
                }
            }
        }
        fixture.check_all(&*store).await;
    }
}

pub(crate) async fn retired_epochs_are_gone_and_the_others_stay(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let states: Vec<_> = (0..6).map(|epoch| fixture.fold(epoch, &ROWS)).collect();
    let mut change = fixture.change(states, 24);
    change.counters = (0..6).map(|n| (Epoch(n), Fixture::counters(n + 1, 0))).collect();
    fixture.apply(&*store, &change).await.unwrap();
    for (first, kept) in [(2, 2), (1, 2), (2, 2), (4, 4), (9, 9)] {
        store.retire(&fixture.view, Fence(1), Epoch(first)).await.unwrap();
        fixture.tables.retain(|epoch, _| *epoch >= Epoch(kept));
        let below = fixture.read(&*store, kept - 1, TimeRange::ALL).await;
        assert_eq!(below.unwrap_err(), StoreReadError::Retired { first: Epoch(kept) });
        if first == 4 {
            sweep(&*store, fixture.view.id).await;
        }
        let stored = store.open(&fixture.view).await.unwrap().unwrap();
        assert_eq!(stored.first, Epoch(kept));
        assert_eq!((stored.serial, stored.through), (fixture.serial, fixture.at));
        assert!(stored.counters.keys().all(|epoch| *epoch >= Epoch(kept)));
        fixture
            .check(
                &*store,
                &SpeedReadRequest {
                    from: Epoch(kept),
                    to: None,
                    range: TimeRange::ALL,
                    columns: None,
                },
            )
            .await;
    }
    let states = fixture.fold(9, &ROWS);
    fixture.write(&*store, vec![states], 30).await.unwrap();
    sweep(&*store, fixture.view.id).await;
    fixture.check_all(&*store).await;
}

pub(crate) async fn a_dropped_view_is_gone(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let states = fixture.fold(0, &ROWS);
    fixture.write(&*store, vec![states], 4).await.unwrap();
    let mut other = Fixture::new(journal(7), 2, Grain::Day, layout());
    other.begin(&*store, Epoch(0)).await.unwrap();
    let states = other.fold(0, &ROWS[2..3]);
    other.write(&*store, vec![states], 1).await.unwrap();
    let mut metrics = store.metrics(journal(7)).await.unwrap();
    metrics.sort_unstable();
    assert_eq!(metrics, [fixture.view.id.metric, other.view.id.metric]);
    for _ in 0..2 {
        store.drop_view(fixture.view.id, Fence(1)).await.unwrap();
        let read = fixture.read(&*store, 0, TimeRange::ALL).await;
        assert_eq!(read.unwrap_err(), StoreReadError::Absent);
        assert_eq!(store.open(&fixture.view).await, Ok(None));
        sweep(&*store, fixture.view.id).await;
        assert_eq!(store.metrics(journal(7)).await.unwrap(), [other.view.id.metric]);
    }
    other.check_all(&*store).await;
}

pub(crate) async fn views_do_not_touch_each_other(store: Store) {
    let mut fixtures = Vec::new();
    for (number, metric) in [(1, 1), (1, 2), (2, 1), (1, 11)] {
        let mut fixture = Fixture::new(journal(number), metric, Grain::Hour, layout());
        fixture.begin(&*store, Epoch(metric)).await.unwrap();
        let rows: Vec<Row<'_>> =
            (0..metric as i64 + 3).map(|n| (n * HOUR_US, Some("x"), None, Some(1))).collect();
        let states = fixture.fold(metric, &rows);
        fixture.write(&*store, vec![states], metric).await.unwrap();
        fixtures.push(fixture);
    }
    let gone = fixtures.remove(0);
    store.drop_view(gone.view.id, Fence(1)).await.unwrap();
    sweep(&*store, gone.view.id).await;
    for fixture in &fixtures {
        sweep(&*store, fixture.view.id).await;
        fixture.check_all(&*store).await;
    }
}

pub(crate) async fn counters_are_stored_and_reads_name_what_was_left_out(store: Store) {
    let mut fixture = Fixture::begun(&*store).await;
    let mut change = fixture.change(Vec::new(), 3);
    let (two, five) = (Fixture::counters(4, 0), Fixture::counters(0, 70));
    let empty = EpochCounters::default();
    change.counters = vec![(Epoch(2), two.clone()), (Epoch(5), five.clone()), (Epoch(6), empty)];
    fixture.apply(&*store, &change).await.unwrap();
    let stored = store.open(&fixture.view).await.unwrap().unwrap();
    assert_eq!(
        stored.counters.into_iter().collect::<Vec<_>>(),
        [(Epoch(2), two), (Epoch(5), five)]
    );
    for (from, to, says) in
        [(0, None, true), (5, Some(6), true), (0, Some(5), false), (6, None, false)]
    {
        let (from, to) = (Epoch(from), to.map(Epoch));
        let read = SpeedReadRequest { from, to, range: TimeRange::ALL, columns: None };
        let part = store.read(&fixture.view, &read, 10).await.unwrap();
        assert_eq!(part.missing.iter().any(|reason| reason.contains("70 events")), says);
    }
}
