//! A store that loses calls, answers and states.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use merganser_core::clock::Clock;
use merganser_core::ids::{Epoch, MetricId, Offset};
use merganser_core::journal::Journal;
use merganser_core::time::TimeRange;
use merganser_metric::views::{SpeedReadRequest, SpeedViewError, SpeedViews};

use super::oracle;
use super::parts::{Fault, FaultyStore};
use super::rig::{Rig, settings, some, until};
use crate::fold::SpeedSettings;

const ONE: MetricId = MetricId(1);

#[tokio::test]
async fn every_fault_of_a_call_heals() {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0, 1, 2]).await;
    let faults = [Fault::LostBefore, Fault::LostAfter, Fault::Refused, Fault::Emptied];
    let mut from = 0;
    for first in faults {
        for second in faults {
            store.plan([first, second]);
            rig.send(&some(from, 9)).await;
            from += 9;
            rig.check().await;
        }
    }
}

#[tokio::test]
async fn a_retirement_that_fails_is_done_later() {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0, 2]).await;
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Refused, Fault::Emptied] {
        rig.send(&some(rig.events.len() as u64, 20)).await;
        rig.check().await;
        let boundary = rig.journal.seal().unwrap();
        let old = rig.metrics[&ONE].boundary.epoch;
        rig.metrics.values_mut().for_each(|metric| metric.boundary = boundary);
        store.plan([fault, fault]);
        rig.publish();
        until("retired", async || {
            matches!(rig.read(ONE, old).await, Err(SpeedViewError::Retired { .. }))
        })
        .await;
        rig.check().await;
    }
}

/// Nobody writes and nobody reads: the service looks by itself.
#[tokio::test]
async fn an_emptied_store_is_noticed_without_any_event() {
    let store = Arc::new(FaultyStore::default());
    let mut rig = Rig::start(Arc::clone(&store) as Arc<_>, &[0]).await;
    rig.send(&some(0, 20)).await;
    rig.check().await;
    let begun = store.begun.load(Ordering::SeqCst);
    store.empty();
    until("begun", async || store.begun.load(Ordering::SeqCst) > begun).await;
    rig.check().await;
    // A reader does not have to wait for that.
    let settings = SpeedSettings { look_interval: Duration::from_secs(600), ..settings() };
    let mut rig = Rig::start_with(Arc::clone(&store) as Arc<_>, &[0, 2], settings).await;
    rig.send(&some(0, 20)).await;
    rig.check().await;
    store.empty();
    rig.check().await;
}

#[tokio::test]
async fn a_store_that_is_away_holds_up_intake_only_at_the_bound() {
    let store = Arc::new(FaultyStore::default());
    let read_patience = Duration::from_millis(50);
    let settings = SpeedSettings { unapplied_max: 1000, read_patience, ..settings() };
    let mut rig = Rig::start_with(Arc::clone(&store) as Arc<_>, &[0, 1, 2], settings).await;
    rig.send(&some(0, 50)).await;
    rig.check().await;
    store.away(Some(Fault::LostBefore));
    let mut batches = 0;
    let feed = rig.feed.clone().unwrap();
    loop {
        let batch = rig.append(&some(rig.events.len() as u64, 100));
        if tokio::time::timeout(Duration::from_millis(500), feed.send(batch)).await.is_err() {
            break;
        }
        batches += 1;
        assert!(batches < 200, "the feed is taken from without end");
    }
    assert!(batches >= 10, "{batches}");
    let end = rig.journal.end();
    assert!(!rig.handle.wait_applied(end, Duration::from_millis(50)).await);
    let error = rig.read(ONE, Epoch(0)).await.unwrap_err();
    assert!(matches!(error, SpeedViewError::Unavailable(_)), "{error}");
    // The writer's own states are there all the same.
    let read = SpeedReadRequest { from: Epoch(0), to: None, range: TimeRange::ALL, columns: None };
    let own = rig.handle.read_local(&rig.version(ONE), read).await.unwrap();
    assert!(own.through >= Offset(1050));
    let below = rig.events[..own.through.0 as usize].iter().map(|(_, event)| event);
    assert_eq!(oracle::read_states(0, &own.states), oracle::count(0, below));
    store.away(None);
    // The last batch did not get into the feed; the next one shows the gap.
    rig.send(&some(rig.events.len() as u64, 1)).await;
    rig.check().await;
}

/// Whether anything is written or not: the service asks the store by itself.
#[tokio::test]
async fn a_store_that_fails_or_hangs_is_reported_until_it_works_again() {
    let store = Arc::new(FaultyStore::default());
    let settings = SpeedSettings { failing_after: Duration::from_millis(300), ..settings() };
    let mut rig = Rig::start_with(Arc::clone(&store) as Arc<_>, &[0, 1], settings).await;
    for (fault, says) in
        [(Fault::LostBefore, "answer"), (Fault::Hanging, "does not answer"), (Fault::Refused, "")]
    {
        for events in [0, 20] {
            rig.send(&some(rig.events.len() as u64, 20)).await;
            rig.check().await;
            assert_eq!(rig.handle.failure(), None, "{fault:?}");
            store.away(Some(fault));
            if events > 0 {
                rig.send(&some(rig.events.len() as u64, events)).await;
            }
            until("the failure is reported", async || rig.handle.failure().is_some()).await;
            let failure = rig.handle.failure().unwrap();
            assert!(failure.since < rig.clock.now(), "{failure:?}");
            assert!(failure.reason.contains(says) || events == 0, "{fault:?}: {failure:?}");
            store.away(None);
            until("over", async || rig.handle.failure().is_none()).await;
            rig.check().await;
        }
    }
}

#[tokio::test]
async fn a_service_that_ends_while_the_store_is_away_ends_in_time() {
    let store = Arc::new(FaultyStore::default());
    let settings = SpeedSettings { stop_timeout: Duration::from_millis(100), ..settings() };
    let mut rig = Rig::start_with(Arc::clone(&store) as Arc<_>, &[0], settings).await;
    rig.send(&some(0, 50)).await;
    rig.check().await;
    store.away(Some(Fault::LostAfter));
    rig.send(&some(50, 50)).await;
    rig.stop().await;
    store.away(None);
    rig.start_again().await;
    rig.check().await;
}
