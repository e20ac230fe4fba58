//! What happens to a service that has a healthy store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use merganser_core::ids::{Boundary, Epoch, Fence, MetricId, Offset};
use merganser_core::journal::Journal;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::views::{SpeedReadRequest, SpeedViewError, SpeedViews};

use super::oracle::{self, Amount, Seen};
use super::parts::FaultyStore;
use super::rig::{Defined, Rig, settings, some, until};
use crate::fold::SpeedSettings;
use crate::store::memory::MemoryStore;
use crate::store::{SpeedStore, ViewId};

const ONE: MetricId = MetricId(1);
const TWO: MetricId = MetricId(2);

#[tokio::test]
async fn views_are_right_after_every_batch() {
    let mut rig = Rig::start(Arc::new(MemoryStore::default()), &[0, 1, 2]).await;
    rig.check().await;
    for n in 0..30 {
        rig.send(&some(n * 40, 1 + n * 7 % 40)).await;
        if n % 4 == 3 {
            rig.journal.seal().unwrap();
        }
        rig.check().await;
    }
    assert!(rig.handle.groups(ONE) > 100);
    rig.stop().await;
}

#[tokio::test]
async fn readers_of_an_older_manifest_have_their_grace() {
    let settings = SpeedSettings { retire_grace: Duration::from_millis(400), ..settings() };
    let store: Arc<dyn SpeedStore> = Arc::new(MemoryStore::default());
    let mut rig = Rig::start_with(store, &[0, 1, 2], settings).await;
    rig.send(&some(0, 50)).await;
    let boundary = rig.journal.seal().unwrap();
    rig.send(&some(50, 50)).await;
    rig.check().await;
    let (old, groups) = (rig.version(ONE), rig.handle.groups(ONE));
    rig.metrics.values_mut().for_each(|metric| metric.boundary = boundary);
    rig.publish();
    rig.check().await;
    let all = SpeedReadRequest { from: Epoch(0), to: None, range: TimeRange::ALL, columns: None };
    let part = rig.handle.read(&old, all.clone()).await.unwrap();
    assert_eq!(oracle::read_states(0, &part.states), rig.expected(ONE, Epoch(0)));
    until("retired", async || rig.handle.read(&old, all.clone()).await.is_err()).await;
    let retired = SpeedViewError::Retired { first: boundary.epoch }.to_string();
    let error = rig.handle.read(&old, all.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), retired);
    assert_eq!(rig.handle.read_local(&old, all).await.unwrap_err().to_string(), retired);
    rig.check().await;
    rig.send(&some(100, 10)).await;
    rig.check().await;
    assert!(rig.handle.groups(ONE) < groups);
    rig.restart().await;
    rig.check().await;
}

#[tokio::test]
async fn metrics_come_and_go() {
    let store = Arc::new(MemoryStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0]).await;
    rig.send(&some(0, 60)).await;
    let boundary = rig.journal.seal().unwrap();
    rig.send(&some(60, 30)).await;
    // One that begins in the past, and one that begins where the journal is.
    rig.metrics.insert(TWO, Defined { definition: 2, boundary });
    rig.publish();
    rig.check().await;
    let boundary = rig.journal.seal().unwrap();
    rig.metrics.insert(MetricId(3), Defined { definition: 1, boundary });
    rig.publish();
    rig.check().await;
    rig.send(&some(90, 30)).await;
    rig.check().await;
    rig.metrics.remove(&ONE);
    rig.publish();
    rig.check().await;
    let journal = rig.journal.id();
    until("dropped", async || {
        let mut left = store.metrics(journal).await.unwrap();
        left.sort_unstable();
        left == [TWO, MetricId(3)]
    })
    .await;
    rig.send(&some(120, 30)).await;
    rig.check().await;
    // What is gone while the service is away is dropped when it comes back.
    rig.stop().await;
    rig.metrics.remove(&TWO);
    rig.publish();
    rig.start_again().await;
    rig.check().await;
    until("dropped", async || store.metrics(journal).await.unwrap() == [MetricId(3)]).await;
}

/// A run is faster than the fold: the boundary is past what is folded.
#[tokio::test]
async fn a_boundary_may_be_ahead_of_the_fold() {
    let mut rig = Rig::start(Arc::new(MemoryStore::default()), &[0, 2]).await;
    rig.send(&some(0, 20)).await;
    rig.check().await;
    let late = rig.append(&some(20, 20));
    let boundary = rig.journal.seal().unwrap();
    rig.metrics.values_mut().for_each(|metric| metric.boundary = boundary);
    rig.publish();
    let part = rig.read(ONE, boundary.epoch).await.unwrap();
    assert_eq!((part.through, part.states.len()), (Offset(40), 0));
    rig.feed.as_ref().unwrap().send(late).await.unwrap();
    rig.check().await;
    rig.send(&some(40, 20)).await;
    rig.check().await;
}

#[tokio::test]
async fn batches_that_the_feed_repeats_or_leaves_out_are_counted_once() {
    let mut rig = Rig::start(Arc::new(MemoryStore::default()), &[0, 1, 2]).await;
    let first = rig.append(&some(0, 20));
    rig.append(&some(20, 20));
    let third = rig.append(&some(40, 20));
    for batch in [&first, &first, &third, &first, &third] {
        rig.feed.as_ref().unwrap().send(Arc::clone(batch)).await.unwrap();
    }
    rig.check().await;
}

#[tokio::test]
async fn a_service_without_metrics_applies_everything_at_once() {
    let mut rig = Rig::start(Arc::new(MemoryStore::default()), &[]).await;
    let end = rig.send(&some(0, 20)).await;
    assert!(rig.handle.wait_applied(end, Duration::from_secs(20)).await);
    assert!(!rig.handle.wait_applied(end.next(), Duration::from_millis(20)).await);
    assert_eq!(rig.handle.lag(ONE).lag_ms, 0);
    rig.metrics.insert(ONE, Defined { definition: 0, boundary: Boundary::default() });
    rig.publish();
    until("known", async || rig.handle.groups(ONE) > 0).await;
    rig.check().await;
}

#[tokio::test]
async fn events_from_before_the_end_are_stored() {
    let store = Arc::new(MemoryStore::default());
    let settings = SpeedSettings { flush_interval: Duration::from_secs(60), ..settings() };
    let mut rig = Rig::start_with(Arc::clone(&store) as Arc<_>, &[0, 1, 2], settings).await;
    for n in 0..10 {
        rig.send(&some(n * 10, 10)).await;
    }
    let views: Vec<_> = rig.metrics.keys().map(|id| rig.version(*id)).collect();
    rig.stop().await;
    for version in views {
        let view = crate::store::SpeedView::of(rig.journal.id(), &version);
        assert_eq!(store.open(&view).await.unwrap().unwrap().through.offset, Offset(100));
    }
}

#[tokio::test]
async fn a_restart_writes_only_what_came_since() {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0, 2]).await;
    rig.send(&some(0, 300)).await;
    rig.check().await;
    let begun = store.begun.load(Ordering::SeqCst);
    rig.stop().await;
    let written = store.groups_written.swap(0, Ordering::SeqCst);
    assert!(written >= 200, "{written}");
    rig.start_again().await;
    rig.check().await;
    assert_eq!(store.groups_written.load(Ordering::SeqCst), 0);
    rig.stop().await;
    rig.append(&some(300, 3));
    rig.start_again().await;
    rig.check().await;
    assert!(store.groups_written.load(Ordering::SeqCst) <= 6);
    assert_eq!(store.begun.load(Ordering::SeqCst), begun);
}

#[tokio::test]
async fn a_store_that_saw_another_history_is_written_anew() {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0, 2]).await;
    rig.send(&some(0, 20)).await;
    let back_up: MemoryJournal = rig.journal.fork();
    let kept = rig.events.clone();
    rig.send(&some(20, 20)).await;
    rig.check().await;
    rig.stop().await;
    // The back-up is behind what is stored, then at it with other events, then ahead.
    for more in [0, 20, 40] {
        let begun = store.begun.load(Ordering::SeqCst);
        rig.journal = Arc::new(back_up.fork());
        rig.events = kept.clone();
        if more > 0 {
            rig.append(&some(1000 * more, more));
        }
        rig.start_again().await;
        rig.check().await;
        assert_eq!(store.begun.load(Ordering::SeqCst), begun + 2, "{more}");
        rig.send(&some(5000 * more + 100, 7)).await;
        rig.check().await;
        rig.stop().await;
    }
    // A metric's number that now means something else.
    let begun = store.begun.load(Ordering::SeqCst);
    for (id, definition) in [(ONE, 1), (TWO, 0)] {
        rig.metrics.insert(id, Defined { definition, boundary: Boundary::default() });
    }
    rig.publish();
    rig.start_again().await;
    rig.check().await;
    assert_eq!(store.begun.load(Ordering::SeqCst), begun + 2);
}

#[tokio::test]
async fn a_metric_at_its_bound_says_what_is_missing_until_a_run() {
    let settings = SpeedSettings { groups_max: 30, ..settings() };
    let store: Arc<dyn SpeedStore> = Arc::new(MemoryStore::default());
    let mut rig = Rig::start_with(store, &[0, 1], settings).await;
    let mut full = rig.handle.full();
    rig.send(&some(0, 25)).await;
    rig.check().await;
    assert!(full.borrow().is_empty());
    let end = rig.send(&some(25, 300)).await;
    full.wait_for(|full| full.contains(&ONE)).await.unwrap();
    assert!(rig.handle.wait_applied(end, Duration::from_secs(20)).await);
    assert_eq!(rig.handle.groups(ONE), 30);
    let part = rig.read(ONE, Epoch(0)).await.unwrap();
    assert!(part.missing[0].contains("bound of groups"), "{:?}", part.missing);
    // Groups that it has go on to be counted; the other metric never noticed.
    let states = oracle::read_states(0, &part.states);
    let expected = rig.expected(ONE, Epoch(0));
    assert!(states.iter().all(|(key, values)| expected[key] == *values));
    let part = rig.read(TWO, Epoch(0)).await.unwrap();
    assert_eq!(oracle::read_states(1, &part.states), rig.expected(TWO, Epoch(0)));
    assert_eq!(part.missing, Vec::<String>::new());
    rig.restart().await;
    let part = rig.read(ONE, Epoch(0)).await.unwrap();
    assert!(!part.missing.is_empty());
    // A run covers it.
    let boundary = rig.journal.seal().unwrap();
    rig.metrics.values_mut().for_each(|metric| metric.boundary = boundary);
    rig.publish();
    let mut full = rig.handle.full();
    full.wait_for(|full| full.is_empty()).await.unwrap();
    until("room", async || rig.handle.groups(ONE) == 0).await;
    rig.send(&some(400, 20)).await;
    rig.check().await;
}

#[tokio::test]
async fn the_lag_is_the_age_of_the_oldest_event_that_is_missing() {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0]).await;
    rig.send(&some(0, 5)).await;
    rig.check().await;
    assert_eq!(rig.handle.lag(ONE).lag_ms, 0);
    store.away(Some(super::parts::Fault::LostBefore));
    rig.send(&some(5, 5)).await;
    // Events arrived at 1 s, and it is 5 s now.
    until("late", async || rig.handle.lag(ONE).lag_ms >= 4000).await;
    // From there on it is the time that goes by, not what the wall clock is set to.
    for set in [0, 86_400_000_000] {
        let before = rig.handle.lag(ONE).lag_ms;
        rig.clock.set(Timestamp(set));
        let lag = rig.handle.lag(ONE);
        assert!((before..before + 60_000).contains(&lag.lag_ms), "{before} and then {lag:?}");
        assert_eq!(lag.applied, Offset(5));
    }
    until("later", async || rig.handle.lag(ONE).lag_ms > 4100).await;
    store.away(None);
    rig.check().await;
    assert_eq!(rig.handle.lag(ONE).lag_ms, 0);
}

#[tokio::test]
async fn the_second_writer_stops_the_first() {
    let store = Arc::new(MemoryStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0]).await;
    rig.send(&some(0, 5)).await;
    rig.check().await;
    let version = rig.version(ONE);
    let view = crate::store::SpeedView::of(rig.journal.id(), &version);
    let fence = store.claim(rig.journal.id(), Fence(0)).await.unwrap();
    let space = crate::store::ViewSpace { fence, number: 1 };
    store.begin(&view, space, Epoch(0)).await.unwrap();
    let error = rig.handle.ended().await.unwrap_err().to_string();
    assert!(error.contains("another service"), "{error}");
    let read = rig.read(ONE, Epoch(0)).await.unwrap_err();
    assert!(matches!(read, SpeedViewError::Unavailable(_)), "{read}");
    assert_eq!(view.id, ViewId::new(rig.journal.id(), ONE));
}

/// A writer that finds everything as it should be has nothing to write; one that stood still
/// meanwhile and goes on must be kept out all the same.
#[tokio::test]
async fn a_writer_that_builds_on_what_is_stored_keeps_the_former_one_out() {
    let store = Arc::new(MemoryStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0]).await;
    rig.send(&some(0, 5)).await;
    rig.check().await;
    let view = crate::store::SpeedView::of(rig.journal.id(), &rig.version(ONE));
    let before = store.open(&view).await.unwrap().unwrap();
    rig.restart().await;
    rig.check().await;
    let after = store.open(&view).await.unwrap().unwrap();
    assert!(after.fence > before.fence, "{} after {}", after.fence, before.fence);
    assert_eq!((after.space, after.through), (before.space, before.through));
}

/// A store may be emptied under one writer, and be put back to what a former one left under it.
#[tokio::test]
async fn a_later_writer_has_the_higher_fence_also_in_an_empty_store() {
    let first = Arc::new(MemoryStore::default());
    let mut rig = Rig::start(Arc::clone(&first) as Arc<_>, &[0]).await;
    rig.send(&some(0, 5)).await;
    rig.check().await;
    let second = Arc::new(MemoryStore::default());
    rig.store = Arc::clone(&second) as Arc<_>;
    rig.clock.set(Timestamp(5_001_000));
    rig.restart().await;
    rig.check().await;
    let view = crate::store::SpeedView::of(rig.journal.id(), &rig.version(ONE));
    let before = first.open(&view).await.unwrap().unwrap().fence;
    let after = second.open(&view).await.unwrap().unwrap().fence;
    assert!(after > before, "{after} after {before}");
}

#[tokio::test]
async fn a_large_flush_goes_in_portions() {
    let mut rig = Rig::start(Arc::new(MemoryStore::default()), &[0, 2]).await;
    let many: Vec<Seen> = (0..70_000)
        .map(|n| Seen {
            kind: "buy",
            minute: n,
            country: Some("de"),
            plan: None,
            amount: Amount::Number(n % 45),
            subject: Some((n % 3) as u8),
        })
        .collect();
    rig.send(&many).await;
    rig.check().await;
    rig.send(&many[30_000..]).await;
    rig.check().await;
}
