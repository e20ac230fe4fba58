//! A real Redis that is emptied, killed, stopped and damaged under load.

use std::time::Duration;

use merganser_core::ids::{Epoch, MetricId};
use merganser_core::journal::Journal;
use merganser_metric::views::SpeedViews;

use super::oracle;
use super::rig::{Rig, some};
use crate::store::connect;
use crate::store::redis::server::RedisServer;

const ONE: MetricId = MetricId(1);

async fn start(server: &RedisServer) -> Rig {
    let store = connect(&server.url()).await.unwrap();
    Rig::start(store, &[0, 1, 2]).await
}

/// Sends batches while something else happens, and reads between them: no answer may be wrong.
async fn load(rig: &mut Rig, batches: u64) {
    for _ in 0..batches {
        rig.send(&some(rig.events.len() as u64, 11)).await;
        let version = rig.version(ONE);
        let read = merganser_metric::views::SpeedReadRequest {
            from: Epoch(0),
            to: None,
            range: merganser_core::time::TimeRange::ALL,
            columns: None,
        };
        let answer = rig.handle.read(&version, read);
        let Ok(Ok(part)) = tokio::time::timeout(Duration::from_millis(30), answer).await else {
            continue;
        };
        let counted: i128 =
            oracle::read_states(0, &part.states).values().filter_map(|v| v[0]).sum();
        let events = |below: usize| {
            rig.events[..below].iter().filter(|(_, event)| event.kind == "buy").count() as i128
        };
        let (least, most) = (events(part.through.0 as usize), events(rig.events.len()));
        assert!(least <= counted && counted <= most, "{counted} of {least} to {most}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_is_filled_again() {
    let server = RedisServer::start(&[]);
    let mut rig = start(&server).await;
    for _ in 0..3 {
        load(&mut rig, 20).await;
        server.send(&["FLUSHALL"]);
        server.send(&["FLUSHALL"]);
        load(&mut rig, 5).await;
        server.send(&["FLUSHALL"]);
        rig.check().await;
    }
    rig.journal.seal().unwrap();
    load(&mut rig, 5).await;
    rig.restart().await;
    rig.check().await;
    rig.stop().await;
    server.send(&["FLUSHALL"]);
    rig.start_again().await;
    rig.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_is_filled_again() {
    let mut server = RedisServer::start(&[]);
    let mut rig = start(&server).await;
    for _ in 0..2 {
        load(&mut rig, 20).await;
        server.kill();
        load(&mut rig, 20).await;
        server.restart();
        load(&mut rig, 5).await;
        rig.check().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stood_still_goes_on() {
    let server = RedisServer::start(&[]);
    let mut rig = start(&server).await;
    load(&mut rig, 10).await;
    server.pause();
    load(&mut rig, 100).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    load(&mut rig, 10).await;
    server.go_on();
    load(&mut rig, 10).await;
    rig.check().await;
}

/// An older state of the same view, as a server that restarts from a snapshot has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_redis_is_filled_again() {
    let mut server = RedisServer::start(&[]);
    let mut rig = start(&server).await;
    load(&mut rig, 10).await;
    rig.check().await;
    server.send(&["SAVE"]);
    load(&mut rig, 10).await;
    rig.check().await;
    server.kill();
    server.restart();
    rig.check().await;
    rig.stop().await;
    server.send(&["SAVE"]);
    rig.start_again().await;
    load(&mut rig, 10).await;
    rig.check().await;
    rig.stop().await;
    server.kill();
    server.restart();
    rig.start_again().await;
    rig.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_repaired_when_it_is_read() {
    let server = RedisServer::start(&[]);
    let mut rig = start(&server).await;
    load(&mut rig, 10).await;
    rig.check().await;
    let keys = server.send(&["KEYS", "mg:{m1.*-*"]);
    let keys: Vec<&str> = keys.split("\r\n").filter(|line| line.starts_with("mg:")).collect();
    assert!(keys.len() > 1);
    server.send(&["DEL", keys[0]]);
    rig.check().await;
    server.send(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    server.send(&["CONFIG", "SET", "maxmemory", "1"]);
    server.send(&["GET", "x"]);
    server.send(&["CONFIG", "SET", "maxmemory", "0"]);
    rig.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_filled_like_a_single_server() {
    let nodes = RedisServer::cluster();
    let url = format!("redis-cluster://127.0.0.1:{}", nodes[1].port());
    let mut rig = Rig::start(connect(&url).await.unwrap(), &[0, 1, 2]).await;
    load(&mut rig, 10).await;
    rig.check().await;
    nodes.iter().for_each(|node| {
        node.send(&["FLUSHALL"]);
    });
    load(&mut rig, 5).await;
    rig.journal.seal().unwrap();
    load(&mut rig, 5).await;
    rig.check().await;
    rig.restart().await;
    rig.check().await;
}
