//! kill -9 at any moment: what was acknowledged is there after the restart, once.

use std::thread;
use std::time::Duration;

use crate::http::Http;
use crate::in_both_stores;
use crate::load::{Load, Random, Sent, tick, total, total_below};
use crate::server::{Place, Store};
use crate::wait::until;

const ROUNDS: u64 = 6;

fn every_acknowledged_event_survives_kills(store: Store) {
    let place = Place::new(store);
    let mut random = Random::new();
    let mut server = place.start();
    let load = Load::start(server.http.clone());
    for round in 0..ROUNDS {
        let before = load.sent().acknowledged;
        until("the load goes on", Duration::from_secs(60), || {
            (load.sent().acknowledged > before).then_some(())
        });
        // A run may be anywhere in its course when the process dies; so may a group commit.
        if round % 2 == 1 {
            let mode = if random.below(2) == 0 { "incremental" } else { "full" };
            server.start_run(mode);
        }
        thread::sleep(Duration::from_millis(random.below(400)));
        server.kill();
        let acknowledged = load.sent().acknowledged;
        server = place.start();
        let counted = counted(&server.http);
        let tried = load.sent().tried;
        assert!(
            (acknowledged..=tried).contains(&counted),
            "round {round}: {acknowledged} acknowledged, {tried} tried, {counted} counted"
        );
    }
    let sent = load.stop();
    settle(&server.http, sent);
    server.run("full");
    assert_eq!(total(&server.http).unwrap().0, total_below(sent.tried));
    server.stop();
    // A kill in the middle of a write leaves a torn record, for which no client got an answer.
    place.check_log(&["a record that was not written whole"]);
}

/// Sends again what was not acknowledged; then everything is there, once.
fn settle(http: &Http, sent: Sent) {
    let all: Vec<String> = (0..sent.tried).map(tick).collect();
    let (accepted, duplicates) = http.send(&all);
    assert_eq!((accepted + duplicates) as u64, sent.tried);
    assert!(duplicates as u64 >= sent.acknowledged, "{duplicates} duplicates of {sent:?}");
    assert_eq!(total(http).unwrap().0, total_below(sent.tried));
}

/// Events that a ready server counts, once its speed view has caught up with what it recovered.
fn counted(http: &Http) -> u64 {
    until("the server answers", Duration::from_secs(30), || {
        total(http).map(|((events, _), _)| events)
    })
}

fn a_restart_goes_on_where_it_stopped(store: Store) {
    let place = Place::new(store);
    for round in 1..=3 {
        let server = place.start();
        let ticks: Vec<String> = (0..round * 1000).map(tick).collect();
        assert_eq!(server.http.send(&ticks), (1000, ticks.len() - 1000));
        if round == 2 {
            server.run("incremental");
        }
        assert_eq!(total(&server.http).unwrap().0, total_below(round * 1000));
        server.stop();
    }
    place.check_log(&[]);
}

in_both_stores!(every_acknowledged_event_survives_kills, a_restart_goes_on_where_it_stopped);
