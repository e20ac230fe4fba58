//! What an answer says about itself, and what happens when views move on, lack something or are
//! away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use merganser_core::event::Event;
use merganser_core::ids::{Epoch, Offset};
use merganser_core::testing::event;
use merganser_core::time::{DAY_US, Grain, HOUR_US};
use merganser_metric::catalog::{LifecycleStage, MetricVersion};
use merganser_metric::views::{SpeedViewError, SpeedViewLag};
use serde_json::{Value, json};

use crate::answer::QueryAnswer;
use crate::error::ServingError;
use crate::query::Query;
use crate::serve::ServingSettings;
use crate::subscriptions::QuerySubscriptions;
use crate::testing::{NOW, World, metric, read_of};

const METRIC: &str = r#"{"name":"m","event":"e","dimensions":["a"],
    "measures":{"n":{"kind":"count"},"u":{"kind":"distinct","of":"v"},
    "s":{"kind":"sum","of":"v"},"r":{"kind":"expr","expr":"u / n"}}}"#;

/// One event an hour, the last one now.
fn events(count: i64) -> Vec<Event> {
    let hour = |at: i64| event("e", NOW.0 - at * HOUR_US, Some(r#"{"a":"x","v":2}"#));
    (0..count).rev().map(hour).collect()
}

fn world() -> Arc<World> {
    World::new(metric(METRIC), events(100), 60)
}

async fn ask(world: &Arc<World>, query: Value) -> Result<QueryAnswer, Problem> {
    let settings =
        ServingSettings { groups_max: 50, timeout: Duration::from_secs(5), ..Default::default() };
    let Value::Object(query) = query else { panic!("{query}") };
    let query = Query::from_json(query).unwrap();
    world.serving(settings).answer(&query).await.map_err(Problem::from)
}

#[tokio::test]
async fn an_answer_says_what_it_is_made_of() {
    let world = world();
    *world.lag.lock().unwrap() = SpeedViewLag { lag_ms: 12, applied: Offset(90), owed: Offset(95) };
    let answer = ask(&world, json!({"metric": "m", "granularity": "day"})).await.unwrap();
    let provenance = serde_json::to_value(&answer.provenance).unwrap();
    assert_eq!(
        provenance,
        json!({
            "generation": 1, "metric_version": 1, "complete": true, "missing": [],
            "batch": {"events": 60, "published_at": "2013-04-05T06:07:08Z"},
            "speed": {"events": 40, "through": {"0": 100}, "behind_events": 0, "lag_ms": 12},
            "approximate": {
                "u": {"method": "hll", "relative_error": 0.01625},
                "r": {"method": "hll", "relative_error": null},
            },
            "open_bucket": "2013-04-05T00:00:00Z",
            "partial_buckets": [],
        })
    );
    let closed = json!({"metric": "m", "granularity": "day", "to": "2013-04-05"});
    assert_eq!(ask(&world, closed).await.unwrap().provenance.open_bucket, None);
    *world.lag.lock().unwrap() =
        SpeedViewLag { lag_ms: 2001, applied: Offset(90), owed: Offset(0) };
    assert!(!ask(&world, json!({"metric": "m"})).await.unwrap().provenance.complete);
}

#[tokio::test]
async fn until_all_is_in_that_was_acknowledged_before_the_store_failed_nothing_is_complete() {
    let world = world();
    for (owed, complete) in [(100, true), (101, false)] {
        *world.lag.lock().unwrap() = SpeedViewLag { owed: Offset(owed), ..SpeedViewLag::default() };
        let answer = ask(&world, json!({"metric": "m"})).await.unwrap();
        assert_eq!(answer.provenance.complete, complete, "{owed}");
    }
}

#[tokio::test]
async fn an_answer_between_two_positions_names_both_and_is_not_complete() {
    let world = world();
    world.ahead.store(7, std::sync::atomic::Ordering::SeqCst);
    let provenance = ask(&world, json!({"metric": "m"})).await.unwrap().provenance;
    assert!(!provenance.complete);
    let speed = serde_json::to_value(&provenance.speed).unwrap();
    assert_eq!((&speed["through"], &speed["reach"]), (&json!({"0": 100}), &json!({"0": 107})));
    // It is not kept: the store may be able to do better.
    world.ahead.store(0, std::sync::atomic::Ordering::SeqCst);
    let answer = ask(&world, json!({"metric": "m"})).await.unwrap();
    assert!(answer.provenance.complete && answer.provenance.speed.reach.is_none());
}

/// Of the speed view, since it moves on between two reads.
#[tokio::test]
async fn both_ranges_of_a_comparison_are_read_at_once() {
    let world = world();
    let before = || world.speed_reads.load(std::sync::atomic::Ordering::SeqCst);
    for query in [
        json!({"from": "2013-04-05", "to": "2013-04-06", "compare": "previous_period"}),
        json!({"granularity": "day", "compare": "previous_year"}),
        json!({"granularity": "day", "from": "2013-04-05", "compare": "previous_period"}),
    ] {
        let (mut query, reads) = (query, before());
        query["metric"] = json!("m");
        ask(&world, query.clone()).await.unwrap();
        assert_eq!(before() - reads, 1, "{query}");
    }
}

#[tokio::test]
async fn edges_are_widened_to_base_buckets_and_the_answer_names_them() {
    let answer = |query| async move {
        let answer = ask(&world(), query).await.unwrap();
        let edge = |time: Option<merganser_core::time::Timestamp>| {
            time.map(|time| answer.rows.calendar.zone().format(time))
        };
        (edge(answer.rows.edges.from), edge(answer.rows.edges.to))
    };
    let text = |text: &str| Some(text.to_owned());
    let narrow = json!({"metric": "m", "from": "2013-04-04T00:00:30Z", "to": "now"});
    assert_eq!(answer(narrow).await, (text("2013-04-04T00:00:00Z"), text("2013-04-05T06:08:00Z")));
    assert_eq!(answer(json!({"metric": "m"})).await, (None, None));
    let open = json!({"metric": "m", "granularity": "week", "timezone": "Asia/Kolkata"});
    assert_eq!(
        answer(open).await,
        (text("2013-04-01T00:00:00+05:30"), text("2013-04-08T00:00:00+05:30"))
    );
}

#[tokio::test]
async fn a_view_that_moved_on_is_read_again_under_the_next_snapshot() {
    let world = world();
    let retired = || SpeedViewError::Retired { first: Epoch(4) };
    world.failures.lock().unwrap().extend([retired(), retired()]);
    let answer = ask(&world, json!({"metric": "m"})).await.unwrap();
    assert_eq!(answer.rows.total_rows, 1);
    world.failures.lock().unwrap().extend((0..100).map(|_| retired()));
    let problem = ask(&world, json!({"metric": "m"})).await.unwrap_err();
    assert_eq!((problem.code(), problem.status().as_u16()), ("views_moving", 503));
}

#[tokio::test]
async fn without_the_speed_view_there_is_no_answer_unless_partial_is_allowed() {
    let world = world();
    let away = || SpeedViewError::Unavailable("no route to it".into());
    world.failures.lock().unwrap().extend([away(), away()]);
    assert!(ask(&world, json!({"metric": "m"})).await.is_ok(), "it came back soon");
    world.failures.lock().unwrap().extend((0..1000).map(|_| away()));
    let problem = ask(&world, json!({"metric": "m"})).await.unwrap_err();
    assert_eq!((problem.code(), problem.status().as_u16()), ("speed_unavailable", 503));
    let answer = ask(&world, json!({"metric": "m", "partial": "allow"})).await.unwrap();
    assert!(!answer.provenance.complete);
    assert!(answer.provenance.missing[0].starts_with("speed"), "{:?}", answer.provenance.missing);
    assert_eq!(answer.provenance.speed.events, 0);
}

#[tokio::test]
async fn an_incomplete_answer_is_refused_unless_partial_is_allowed() {
    let world = world();
    world.missing.lock().unwrap().push("groups beyond 10".into());
    let problem = ask(&world, json!({"metric": "m"})).await.unwrap_err();
    assert_eq!((problem.code(), problem.status().as_u16()), ("incomplete", 503));
    let answer = ask(&world, json!({"metric": "m", "partial": "allow"})).await.unwrap();
    assert_eq!(answer.provenance.missing, ["groups beyond 10"]);
    world.missing.lock().unwrap().clear();
    *world.lag.lock().unwrap() = SpeedViewLag { applied: Offset(101), ..SpeedViewLag::default() };
    assert_eq!(ask(&world, json!({"metric": "m"})).await.unwrap_err().code(), "incomplete");
}

#[tokio::test]
async fn a_metric_that_is_backfilled_first_answers_only_if_partial_is_allowed() {
    let version = MetricVersion { stage: LifecycleStage::Backfilling, ..metric(METRIC) };
    let world = World::new(version, events(10), 0);
    let problem = ask(&world, json!({"metric": "m"})).await.unwrap_err();
    assert_eq!((problem.code(), problem.status().as_u16()), ("backfilling", 503));
    assert_eq!(problem.to_json()["progress"], 0.25);
    let answer = ask(&world, json!({"metric": "m", "partial": "allow"})).await.unwrap();
    assert!(answer.provenance.missing[0].contains("25 %"), "{:?}", answer.provenance);
}

#[tokio::test]
async fn an_answer_with_too_many_groups_is_refused() {
    let hours = json!({"metric": "m", "granularity": "hour"});
    let problem = ask(&world(), hours).await.unwrap_err();
    assert_eq!((problem.code(), problem.status().as_u16()), ("too_many_groups", 413));
    let filled = json!({"metric": "m", "granularity": "minute", "from": "2013-04-05T00:00:00Z",
        "to": "2013-04-05T02:00:00Z", "fill": "zero"});
    assert_eq!(ask(&world(), filled).await.unwrap_err().code(), "too_many_groups");
}

#[tokio::test]
async fn a_position_that_does_not_come_is_a_time_out() {
    let world = world();
    assert!(ask(&world, json!({"metric": "m", "after": {"0": 100}})).await.is_ok());
    let late = ask(&world, json!({"metric": "m", "after": "0:101"})).await.unwrap_err();
    assert_eq!((late.code(), late.status().as_u16()), ("position_not_reached", 504));
    let other = ask(&world, json!({"metric": "m", "after": "1:7"})).await.unwrap_err();
    assert_eq!(other.status().as_u16(), 400);
}

#[tokio::test]
async fn the_coarsest_rollup_that_will_do_is_read_and_only_once_a_generation() {
    let world = world();
    let settings = ServingSettings::default();
    let serving = world.serving(settings);
    let ask = |query: Value| {
        let Value::Object(query) = query else { panic!("{query}") };
        let serving = Arc::clone(&serving);
        async move { serving.answer(&Query::from_json(query).unwrap()).await.unwrap() }
    };
    for _ in 0..3 {
        ask(json!({"metric": "m"})).await;
    }
    assert!(read_of(&world, Grain::Day) && !read_of(&world, Grain::Hour));
    assert_eq!(world.batch_reads.lock().unwrap().len(), 1);
    ask(json!({"metric": "m", "granularity": "day", "timezone": "America/New_York"})).await;
    assert!(read_of(&world, Grain::Hour) && !read_of(&world, Grain::Minute));
    ask(json!({"metric": "m", "granularity": "day", "timezone": "Asia/Kolkata"})).await;
    assert!(read_of(&world, Grain::Minute));
    let reads = world.batch_reads.lock().unwrap().len();
    let mut next = metric(METRIC);
    next.boundary.epoch = Epoch(3);
    next.boundary.offset = Offset(60);
    world.publish(next);
    ask(json!({"metric": "m"})).await;
    assert_eq!(world.batch_reads.lock().unwrap().len(), reads, "it has no files now");
}

#[tokio::test]
async fn rows_are_compared_with_the_same_bucket_of_the_period_before() {
    // On New York's clock: three a day in February, two a day in March, whose 10th has 23 hours.
    let day = |first: i64, at: i64, count: i64| {
        (0..count).map(move |n| event("e", first + at * DAY_US + n * HOUR_US, None))
    };
    let february = 1_359_694_800_000_000 + 3 * HOUR_US;
    let march = february + 28 * DAY_US;
    let events: Vec<Event> = (0..28)
        .flat_map(|at| day(february, at, 3))
        .chain((0..31).flat_map(|at| day(march, at, 2)))
        .collect();
    let world = World::new(metric(METRIC), events, 70);
    let query = |granularity: &str, how: &str| {
        json!({"metric": "m", "measures": "n", "granularity": granularity, "compare": how,
            "timezone": "America/New_York", "from": "2013-03-01", "to": "2013-04-01"})
    };
    let answer = ask(&world, query("month", "previous_period")).await.unwrap();
    let counts = |batch: &arrow::array::RecordBatch, name: &str| -> Vec<Option<i64>> {
        use arrow::array::AsArray;
        let column = batch.column_by_name(name).unwrap();
        column.as_primitive::<arrow::datatypes::Int64Type>().iter().collect()
    };
    assert_eq!(counts(&answer.rows.values, "n"), [Some(62)]);
    assert_eq!(counts(answer.rows.compared.as_ref().unwrap(), "n"), [Some(84)]);
    let answer = ask(&world, query("day", "previous_period")).await.unwrap();
    let before = counts(answer.rows.compared.as_ref().unwrap(), "n");
    assert_eq!(before[..28], [Some(3); 28]);
    assert_eq!(before[28..], [None; 3]);
    let answer = ask(&world, query("month", "previous_year")).await.unwrap();
    assert_eq!(counts(answer.rows.compared.as_ref().unwrap(), "n"), [None]);
    let total = json!({"metric": "m", "measures": "n", "compare": "previous_period"});
    assert_eq!(ask(&world, total).await.unwrap_err().code(), "open_range");
}

#[test]
fn every_error_has_a_status_a_code_and_advice() {
    let errors = [
        ServingError::Moving(3),
        ServingError::SpeedUnavailable("x".into()),
        ServingError::Incomplete(vec!["x".into()]),
        ServingError::TooManyGroups { limit: 7 },
        ServingError::TooManyRows { rows: 9, limit: 7 },
        ServingError::Timeout { seconds: 30 },
        ServingError::Internal("x".into()),
    ];
    for error in errors {
        let problem = Problem::from(error.clone());
        assert!(problem.status().as_u16() >= 400, "{error:?}");
        assert!(!problem.code().is_empty() && !problem.detail().is_empty(), "{error:?}");
    }
}

#[tokio::test]
async fn rows_are_made_once_until_more_is_applied_or_published() {
    let world = world();
    let serving = world.serving(ServingSettings::default());
    let reads = || world.speed_reads.load(Ordering::SeqCst);
    let ask = |fields: Value| {
        let Value::Object(fields) = fields else { unreachable!() };
        let (serving, query) = (Arc::clone(&serving), Query::from_json(fields).unwrap());
        async move { serving.answer(&query).await.unwrap() }
    };
    let first = ask(json!({"metric": "m"})).await;
    world.lag.lock().unwrap().lag_ms = 60_000;
    let again = ask(json!({"metric": "m", "format": "csv", "after": {"0": 7}})).await;
    assert_eq!((reads(), &again.rows), (1, &first.rows));
    assert!(
        first.provenance.complete && !again.provenance.complete,
        "provenance is computed for each answer"
    );
    ask(json!({"metric": "m", "from": "now-1h"})).await;
    ask(json!({"metric": "m", "from": "now-2h"})).await;
    ask(json!({"metric": "m", "limit": 1})).await;
    assert_eq!(reads(), 4, "other questions");
    // What lacks something is not kept.
    world.lag.lock().unwrap().applied = Offset(101);
    for reads_after in [5, 6] {
        let partial = ask(json!({"metric": "m", "partial": "allow"})).await;
        assert_eq!((reads(), partial.provenance.missing.len()), (reads_after, 1));
    }
    world.lag.lock().unwrap().applied = Offset(100);
    let mut next = metric(METRIC);
    next.boundary.epoch = Epoch(3);
    next.boundary.offset = Offset(60);
    world.publish(next);
    assert_ne!(ask(json!({"metric": "m"})).await.rows, first.rows);
    assert_eq!(reads(), 7);
}

#[tokio::test]
async fn a_subscription_sends_the_answer_again_when_it_changes() {
    use futures::StreamExt;
    let world = world();
    let serving = world.serving(ServingSettings::default());
    let Value::Object(query) = json!({"metric": "m", "measures": "n"}) else { unreachable!() };
    let query = Query::from_json(query).unwrap();
    let subscriptions = Arc::new(QuerySubscriptions::new(serving));
    let follow = |query: Query| {
        let subscriptions = Arc::clone(&subscriptions);
        async move {
            let messages = subscriptions.subscribe(CallerId::default(), query).await.unwrap();
            Box::pin(messages.map(|message| {
                let text: Vec<u8> = message.pieces.flat_map(|piece| piece.unwrap()).collect();
                (message.event, String::from_utf8(text).unwrap())
            }))
        }
    };
    let (mut one, mut two) = (follow(query.clone()).await, follow(query).await);
    let first = one.next().await.unwrap();
    assert!(first.1.contains(r#""rows":[{"n":100}]"#), "{first:?}");
    assert_eq!(two.next().await.unwrap(), first);
    // The same events in another generation are the same answer; with fewer it is another.
    let mut next = metric(METRIC);
    next.boundary.epoch = Epoch(3);
    next.boundary.offset = Offset(60);
    world.publish(next);
    let second = one.next().await.unwrap();
    assert!(second.1.contains(r#""rows":[{"n":40}]"#), "{second:?}");
    assert_eq!(two.next().await.unwrap(), second);
    // Nothing is read while nothing has come, and no text is held that all have taken.
    let reads = world.speed_reads.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(world.speed_reads.load(Ordering::SeqCst), reads);
    // More was applied, and is missing: what was answered before is no answer any more.
    world.lag.lock().unwrap().applied = Offset(101);
    world.missing.lock().unwrap().push("something".into());
    assert_eq!(one.next().await.unwrap().0, "problem");
    subscriptions.stop();
    assert_eq!(one.next().await, None);
}
