//! The contract on real servers, and what can only go wrong with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use merganser_core::ids::Epoch;
use merganser_core::time::{Grain, HOUR_US, MINUTE_US, TimeRange, Timestamp};
use proptest::test_runner::{Config, TestRunner};

use super::server::{RedisServer, free_port};
use crate::store::contract::{
    Fixture, Row, contract, journal, random_changes, same_on_both, sweep,
};
use crate::store::memory::MemoryStore;
use crate::store::{SpeedStore, StoreError, StoreReadError, connect};

async fn single() -> (Arc<dyn SpeedStore>, RedisServer) {
    let server = RedisServer::start(&[]);
    let store = connect(&server.url()).await.unwrap();
    assert_eq!(store.kind(), "redis");
    (store, server)
}

mod on_one_server {
    use super::*;
    contract!(single());
}

mod on_a_cluster {
    use super::*;

    async fn cluster() -> (Arc<dyn SpeedStore>, Vec<RedisServer>) {
        let nodes = RedisServer::cluster();
        let url = format!("redis-cluster://127.0.0.1:{}", nodes[0].port());
        let store = connect(&url).await.unwrap();
        assert_eq!(store.kind(), "redis-cluster");
        (store, nodes)
    }

    contract!(cluster());
}

const ROWS: [Row<'static>; 3] = [
    (1_357_017_780_000_000, Some("UA"), None, Some(-7_500_000_000)),
    (1_357_017_780_000_000, Some("\"B6"), Some("x"), None),
    (1_357_021_380_000_000, None, None, Some(1)),
];

/// A view with some groups in two chunks.
async fn filled(store: &dyn SpeedStore) -> Fixture {
    let mut fixture = Fixture::begun(store).await;
    let states = fixture.fold(12, &ROWS);
    fixture.write(store, vec![states], 3).await.unwrap();
    fixture
}

const BASE: &str = "mg:{m1.0.00000000000000000000000000000007}";

#[test]
fn random_changes_leave_the_same_in_redis_as_in_memory() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (redis, _server) = runtime.block_on(single());
    let number = AtomicU64::new(100);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&random_changes(), |(grain, steps)| {
        let number = u128::from(number.fetch_add(1, Ordering::SeqCst));
        let memory = MemoryStore::default();
        runtime.block_on(same_on_both(&memory, &*redis, number, grain, steps));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn a_person_can_read_the_counters() {
    let (store, server) = single().await;
    let fixture = filled(&*store).await;
    let chunk = format!("{BASE}:1-1:12:2013-01-01T05");
    let value = server.send(&["HGET", &chunk, "23[\"UA\",null]"]);
    assert!(value.contains("[1,\"-7.5\",\"-7.5\",\"-7.5\",\"AQI"), "{value}");
    let value = server.send(&["HGET", &chunk, "23[\"\\\"B6\",\"x\"]"]);
    assert!(value.contains("[1,null,null,null,\"AQI"), "{value}");
    let meta = server.send(&["HGETALL", &format!("{BASE}:meta")]).replace("\r\n", " ");
    for says in
        ["$5 stage $8 complete", "$7 through $1 3", "$9 chunks:12 $1 2", "$5 grain $6 minute"]
    {
        assert!(meta.contains(says), "{says} in {meta}");
    }
    assert!(meta.contains("a b count:0 sum:1 min:2 max:3 distinct:4 quantile:5"), "{meta}");
    let index = server.send(&["ZRANGE", &format!("{BASE}:index"), "0", "-1"]);
    assert!(index.contains("1-1:12:2013-01-01T05\r\n") && index.contains("T06\r\n"), "{index}");
    fixture.check_all(&*store).await;
}

#[tokio::test]
async fn lost_and_altered_states_are_found() {
    let (store, server) = single().await;
    let chunk = format!("{BASE}:1-1:12:2013-01-01T05");
    let (index, meta) = (format!("{BASE}:index"), format!("{BASE}:meta"));
    let long = "x".repeat(100);
    let field = "23[\"UA\",null]";
    let damage: &[&[&str]] = &[
        &["DEL", &chunk],
        &["DEL", &index],
        &["ZREM", &index, "1-1:12:2013-01-01T06"],
        &["ZADD", &index, "0", "1-1:12:2013-01-01T05:30"],
        &["SET", &index, "x"],
        &["SET", &chunk, "x"],
        &["HSET", &chunk, field, "[1,\"-7.5\"]"],
        &["HSET", &chunk, field, "[1,\"-7.50\",\"-7.5\",\"-7.5\",null,null]"],
        &["HSET", &chunk, field, "[1,\"-7.5\",\"1e3\",\"-7.5\",null,null]"],
        &["HSET", &chunk, field, "[1,null,null,null,\"AAAA\",null]"],
        &["HSET", &chunk, field, "[null,null,null,null,null,null]"],
        &["HSET", &chunk, field, &long],
        &["HSET", &chunk, "60[\"UA\",null]", "[1,null,null,null,null,null]"],
        &["HSET", &chunk, "-1[\"UA\",null]", "[1,null,null,null,null,null]"],
        &["HSET", &chunk, "1[\"UA\"]", "[1,null,null,null,null,null]"],
        &["HSET", &chunk, "x", "[1,null,null,null,null,null]"],
    ];
    for words in damage {
        server.send(&["FLUSHALL"]);
        let fixture = filled(&*store).await;
        fixture.check_all(&*store).await;
        server.send(words);
        match fixture.read(&*store, 12, TimeRange::ALL).await {
            Err(StoreReadError::Damaged { space, .. }) => assert_eq!(space, fixture.space),
            other => panic!("{other:?} after {words:?}"),
        }
        heals(&*store, fixture).await;
    }
    let absent: &[&[&str]] = &[
        &["FLUSHALL"],
        &["DEL", &meta],
        &["SET", &meta, "x"],
        &["HDEL", &meta, "through"],
        &["HSET", &meta, "serial", "x"],
        &["HSET", &meta, "stage", "x"],
        &["HSET", &meta, "space", "x"],
        &["HSET", &meta, "chunks:12", "x"],
        &["HSET", &meta, "fence", "x"],
        &["HSET", &meta, "journal", "00000000000000000000000000000008"],
        &["HSET", &meta, "definition", "0"],
        &["HSET", &meta, "format", "1"],
        &["HSET", &meta, "flushes", "x"],
    ];
    for words in absent {
        server.send(&["FLUSHALL"]);
        let fixture = filled(&*store).await;
        server.send(words);
        let read = fixture.read(&*store, 12, TimeRange::ALL).await;
        assert_eq!(read.unwrap_err(), StoreReadError::Absent, "{words:?}");
        heals(&*store, fixture).await;
    }
}

/// A writer that meets the damage writes everything anew, and then all is well.
async fn heals(store: &dyn SpeedStore, mut fixture: Fixture) {
    let change = fixture.change(vec![fixture.states(12, &[0])], 4);
    match store.apply(&fixture.view, &change).await {
        Ok(()) | Err(StoreError::Refused { .. } | StoreError::Damaged(_)) => {}
        Err(error) => panic!("{error}"),
    }
    fixture.begin(store, Epoch(12)).await.unwrap();
    let all = fixture.everything();
    fixture.write(store, all, 3).await.unwrap();
    sweep(store, fixture.view.id).await;
    fixture.check_all(store).await;
}

#[tokio::test]
async fn nothing_is_left_of_states_that_no_reader_needs() {
    let (store, server) = single().await;
    let mut fixture = Fixture::begun(&*store).await;
    let rows: Vec<Row<'_>> =
        (0..1300).map(|hour| (hour * HOUR_US, Some("x"), None, Some(1))).collect();
    let states = vec![fixture.fold(3, &rows), fixture.fold(4, &rows[..2])];
    fixture.write(&*store, states, 1300).await.unwrap();
    let keys = || {
        let all = server.send(&["KEYS", "mg:*"]);
        // What was overwritten goes by itself.
        let names = all.lines().filter(|line| line.starts_with("mg:"));
        let (lists, others): (Vec<_>, Vec<_>) =
            names.partition(|name| name.contains(":overwritten:"));
        for list in lists {
            let left = server.send(&["PTTL", list]);
            let left: i64 = left.trim().trim_start_matches(':').parse().unwrap();
            assert!((1..=10_000).contains(&left), "{list}: {left}");
        }
        others.len()
    };
    // The service, meta, index, and a chunk an hour and epoch.
    assert_eq!(keys(), 1305);
    store.retire(&fixture.view, fixture.fence, Epoch(4)).await.unwrap();
    sweep(&*store, fixture.view.id).await;
    assert_eq!(keys(), 5);
    let meta = server.send(&["HGETALL", &format!("{BASE}:meta")]);
    assert!(meta.contains("chunks:4") && !meta.contains("chunks:3"), "{meta}");
    fixture.tables.remove(&Epoch(3));
    fixture.begin(&*store, Epoch(4)).await.unwrap();
    let all = fixture.everything();
    fixture.write(&*store, all, 1300).await.unwrap();
    assert_eq!(keys(), 7);
    sweep(&*store, fixture.view.id).await;
    assert_eq!(keys(), 5);
    fixture.check_all(&*store).await;
    store.drop_view(fixture.view.id, fixture.fence).await.unwrap();
    sweep(&*store, fixture.view.id).await;
    assert_eq!(keys(), 0);
}

#[tokio::test]
async fn a_server_without_memory_takes_nothing_of_a_change() {
    let (store, server) = single().await;
    let mut fixture = filled(&*store).await;
    server.send(&["CONFIG", "SET", "maxmemory", "1000000"]);
    let before = fixture.clone();
    let texts: Vec<String> = (0..20_000).map(|n| format!("{n:0>50}")).collect();
    let rows: Vec<Row<'_>> =
        texts.iter().map(|text| (MINUTE_US, Some(&**text), None, Some(1))).collect();
    let states = fixture.fold(12, &rows);
    let change = fixture.change(vec![states], 9);
    let mut refused = store.apply(&fixture.view, &change).await;
    if refused.is_ok() {
        // A script that has begun may end; the next one may not begin.
        let next = fixture.change(Vec::new(), 9);
        let next =
            crate::store::ViewChange { serial: next.serial + 1, from: change.to.offset, ..next };
        refused = store.apply(&fixture.view, &next).await;
    } else {
        before.check_all(&*store).await;
    }
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    server.send(&["CONFIG", "SET", "maxmemory", "0"]);
    let stored = store.open(&fixture.view).await.unwrap().unwrap();
    if !stored.is_after(&change) {
        fixture.apply(&*store, &change).await.unwrap();
    }
}

#[tokio::test]
async fn evictions_are_noticed() {
    let (store, server) = single().await;
    assert_eq!(store.losses().await, Ok(0));
    server.send(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    filled(&*store).await;
    server.send(&["CONFIG", "SET", "maxmemory", "1"]);
    server.send(&["GET", "x"]);
    assert!(store.losses().await.unwrap() > 0);
}

#[tokio::test]
async fn an_unfit_server_is_refused_with_one_line() {
    let refused = |result: Result<Arc<dyn SpeedStore>, _>, says: &str| {
        let line: crate::store::StoreConnectError = result.err().unwrap();
        let line = line.to_string();
        assert!(line.contains(says) && !line.contains('\n'), "{line}");
        assert!(!line.contains("secret"), "{line}");
    };
    let evicting = RedisServer::start(&["--maxmemory-policy", "allkeys-lru"]);
    refused(connect(&evicting.url()).await, "set it to noeviction");
    let guarded = RedisServer::start(&["--requirepass", "right"]);
    let port = guarded.port();
    refused(connect(&format!("redis://:secret@127.0.0.1:{port}")).await, "cannot be reached");
    assert!(connect(&format!("redis://:right@127.0.0.1:{port}")).await.is_ok());
    let url = format!("redis://127.0.0.1:{}", free_port());
    refused(connect(&url).await, &url);
    let cluster = format!("redis-cluster://127.0.0.1:{}", free_port());
    refused(connect(&cluster).await, &cluster);
    refused(connect("redis://127.0.0.1:x").await, "cannot be reached");
    refused(connect("etcd://127.0.0.1").await, "expected `memory`");
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let (store, mut server) = single().await;
    let mut fixture = filled(&*store).await;
    server.kill();
    let change = fixture.change(Vec::new(), 5);
    let lost = store.apply(&fixture.view, &change).await.unwrap_err();
    assert!(!lost.is_determinate(), "{lost}");
    let read = fixture.read(&*store, 12, TimeRange::ALL).await.unwrap_err();
    assert!(matches!(read, StoreReadError::Unreachable(_)), "{read}");
    server.restart();
    let mut answer = store.apply(&fixture.view, &change).await;
    while matches!(answer, Err(StoreError::Uncertain(_))) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = store.apply(&fixture.view, &change).await;
    }
    assert_eq!(answer, Err(StoreError::Refused { stored: None }));
    fixture.begin(&*store, Epoch(12)).await.unwrap();
    let all = fixture.everything();
    fixture.write(&*store, all, 5).await.unwrap();
    fixture.check_all(&*store).await;
}

#[tokio::test]
async fn a_change_that_was_not_answered_may_land_later_and_only_once() {
    let (store, server) = single().await;
    let mut fixture = filled(&*store).await;
    let states = fixture.fold(12, &ROWS[..1]);
    let change = fixture.change(vec![states], 4);
    server.pause();
    let error = store.apply(&fixture.view, &change).await.unwrap_err();
    assert!(!error.is_determinate(), "{error}");
    server.go_on();
    let again = store.apply(&fixture.view, &change).await;
    let Err(StoreError::Refused { stored: Some(stored) }) = again else {
        // The first one did not get out.
        assert_eq!(again, Ok(()));
        return;
    };
    assert!(stored.is_after(&change));
    (fixture.serial, fixture.at) = (stored.serial, stored.through);
    fixture.check_all(&*store).await;
}

#[tokio::test]
async fn every_grain_has_readable_chunks() {
    let (store, server) = single().await;
    for (metric, grain, name) in
        [(2, Grain::Hour, "2013-01-01"), (3, Grain::Day, "2012-12-06"), (4, Grain::Minute, "T05")]
    {
        let layout = crate::store::contract::layout();
        let mut fixture = Fixture::new(journal(7), metric, grain, layout);
        fixture.begin(&*store, Epoch(0)).await.unwrap();
        let time = grain.floor(Timestamp(ROWS[0].0)).0;
        let states = fixture.fold(0, &[(time, None, None, None)]);
        fixture.write(&*store, vec![states], 1).await.unwrap();
        let keys = server.send(&["KEYS", &format!("mg:{{m{metric}.*:0:*{name}")]);
        assert!(keys.starts_with("*1\r\n"), "{keys}");
        fixture.check_all(&*store).await;
    }
}

/// A reader that cannot find overwritten states names both positions; states that expired in the
/// middle of a flush are not taken for those of before.
#[tokio::test]
async fn a_reader_names_both_positions_when_overwritten_states_are_forgotten() {
    let (store, server) = single().await;
    let mut fixture = filled(&*store).await;
    let list = format!("{BASE}:1-1:overwritten:{}", fixture.flushes);
    let states = fixture.fold(12, &ROWS[..1]);
    fixture.apply(&*store, &fixture.half(vec![states], 5)).await.unwrap();
    assert_eq!(server.send(&["DEL", &list]), ":1\r\n");
    let through_and_reach = async |fixture: &Fixture| {
        let part = fixture.read(&*store, 12, TimeRange::ALL).await.unwrap();
        (part.through.0, part.reach.0)
    };
    assert_eq!(through_and_reach(&fixture).await, (3, 5));
    // The writer goes on with the same flush.
    let states = fixture.fold(12, &ROWS[1..2]);
    fixture.apply(&*store, &fixture.half(vec![states], 5)).await.unwrap();
    assert_eq!(through_and_reach(&fixture).await, (3, 5));
    fixture.write(&*store, Vec::new(), 5).await.unwrap();
    fixture.check_all(&*store).await;
}

/// What a flush overwrites takes no more than so much.
#[tokio::test]
async fn a_list_of_what_was_overwritten_is_given_up_when_it_is_large() {
    let (store, server) = single().await;
    let mut fixture = Fixture::begun(&*store).await;
    let texts: Vec<String> = (0..400).map(|n| format!("{n:0>50000}")).collect();
    let rows: Vec<Row<'_>> =
        texts.iter().map(|text| (MINUTE_US, Some(&**text), None, Some(1))).collect();
    let states = fixture.fold(12, &rows);
    fixture.write(&*store, vec![states], 400).await.unwrap();
    let list = format!("{BASE}:1-1:overwritten:{}", fixture.flushes);
    let length = || server.send(&["LLEN", &list]);
    let states = fixture.fold(12, &rows);
    fixture.apply(&*store, &fixture.half(vec![states.clone()], 900)).await.unwrap();
    assert_eq!(length(), ":804\r\n", "serial, chunks, name, groups, and 400 pairs");
    let part = fixture.read(&*store, 12, TimeRange::ALL).await.unwrap();
    assert_eq!((part.through.0, part.reach.0), (400, 400));
    fixture.apply(&*store, &fixture.half(vec![states], 900)).await.unwrap();
    assert_eq!(length(), ":1\r\n");
    let part = fixture.read(&*store, 12, TimeRange::ALL).await.unwrap();
    assert_eq!((part.through.0, part.reach.0), (400, 900));
    fixture.write(&*store, Vec::new(), 900).await.unwrap();
    fixture.check_all(&*store).await;
}
