//! How many queries are answered at a time, who waits, and for how long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use merganser_core::testing::event;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::answer::QueryAnswer;
use crate::query::Query;
use crate::serve::{PermitRequest, ServingLayer, ServingSettings};
use crate::testing::{NOW, World, metric};

const METRIC: &str =
    r#"{"name":"m","event":"e","dimensions":["a"],"measures":{"n":{"kind":"count"}}}"#;

fn world() -> Arc<World> {
    World::new(metric(METRIC), vec![event("e", NOW.0, None); 5], 2)
}

type Asked = JoinHandle<Result<QueryAnswer, Problem>>;

fn ask(serving: &Arc<ServingLayer>, group_by: &[&str]) -> Asked {
    let serving = Arc::clone(serving);
    let fields = [("metric".to_owned(), json!("m")), ("group_by".to_owned(), json!(group_by))];
    tokio::spawn(async move {
        let query = Query::from_json(fields).unwrap();
        serving.answer(&query).await.map_err(Problem::from)
    })
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn serving(world: &Arc<World>, timeout_ms: u64) -> Arc<ServingLayer> {
    let timeout = Duration::from_millis(timeout_ms);
    world.serving(ServingSettings { queries_max: 1, timeout, ..Default::default() })
}

#[tokio::test]
async fn equal_queries_that_wait_share_a_turn() {
    let world = world();
    let serving = serving(&world, 20_000);
    let reads = || world.speed_reads.load(Ordering::SeqCst);
    let gate = world.gate.write().await;
    let applied = std::mem::take(&mut world.lag.lock().unwrap().applied);
    let first = ask(&serving, &[]);
    until("the first is being answered", || reads() == 1).await;
    // More is applied, so that the first result does not answer the later queries.
    world.lag.lock().unwrap().applied = applied;
    let mut others = vec![ask(&serving, &["a"])];
    others.extend((0..20).map(|_| ask(&serving, &[])));
    until("two queries wait for a permit", || serving.admission.waiting_count() == 2).await;
    // A query that gives up takes no permit away from another.
    others.remove(1).abort();
    assert_eq!(reads(), 1);
    drop(gate);
    let first = first.await.unwrap().unwrap();
    for (at, other) in others.into_iter().enumerate() {
        let other = other.await.unwrap().unwrap();
        assert!(at == 0 || other.rows == first.rows);
    }
    assert_eq!(reads(), 3);
    assert_eq!(serving.admission.waiting_count(), 0);
}

#[tokio::test]
async fn a_query_that_gets_no_permit_in_time_is_refused_as_overloaded() {
    let world = world();
    let serving = serving(&world, 300);
    let gate = world.gate.write().await;
    let first = ask(&serving, &[]);
    until("the first is being answered", || world.speed_reads.load(Ordering::SeqCst) == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (second, third) = (ask(&serving, &["a"]), ask(&serving, &["a"]));
    let late = first.await.unwrap().unwrap_err();
    assert_eq!((late.code(), late.status().as_u16()), ("query_timeout", 504));
    // Now the second has the permit, and does not end in time either.
    for waited in [second, third] {
        assert_eq!(waited.await.unwrap().unwrap_err().code(), "query_timeout");
    }
    assert_eq!(serving.admission.waiting_count(), 0);
    drop(gate);

    let held = serving.admission.acquire_all(&PermitRequest::query(CallerId::default()));
    assert_eq!(held.len(), 2, "one of each kind");
    let refused = ask(&serving, &[]).await.unwrap().unwrap_err();
    assert_eq!((refused.code(), refused.status().as_u16()), ("overloaded", 503));
    assert!(refused.detail().contains("busy with other queries"), "{}", refused.detail());
    assert_eq!(serving.admission.waiting_count(), 0, "no query is left waiting");
    drop(held);
    assert!(ask(&serving, &[]).await.unwrap().is_ok());
}
