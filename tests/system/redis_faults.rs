//! Redis is emptied and killed while events come in: nothing wrong is answered, and it heals.

use std::thread;
use std::time::Duration;

use crate::http::Http;
use crate::load::{Load, Random, tick, total, total_below};
use crate::server::{Place, Store};
use crate::wait::until;

/// What a server may warn of when its Redis is hurt.
const EXPECTED: &[&str] = &["redis", "Redis", "speed store", "speed view"];

const HEAL: Duration = Duration::from_secs(30);

/// Waits until an answer covers what was acknowledged before; none on the way may be wrong.
fn heals(http: &Http, load: &Load) {
    let acknowledged = load.sent().acknowledged;
    until("the answers are whole again", HEAL, || {
        let ((events, _), through) = total(http)?;
        assert_eq!(events, through, "an answer is of one position");
        assert!(events <= load.sent().tried, "{events} events of {:?}", load.sent());
        (events >= acknowledged).then_some(())
    });
}

fn under_load(hurt: impl Fn(&mut Place, &mut Random)) {
    let mut place = Place::new(Store::Redis);
    let mut random = Random::new();
    let server = place.start();
    let load = Load::start(server.http.clone());
    for round in 0..4 {
        thread::sleep(Duration::from_millis(100 + random.below(500)));
        hurt(&mut place, &mut random);
        heals(&server.http, &load);
        if round == 1 {
            server.run("incremental");
        }
    }
    let sent = load.stop();
    let all: Vec<String> = (0..sent.tried).map(tick).collect();
    server.http.send(&all);
    assert_eq!(total(&server.http).unwrap().0, total_below(sent.tried));
    server.run("incremental");
    server.run("full");
    assert_eq!(total(&server.http).unwrap().0, total_below(sent.tried));
    server.stop();
    place.check_log(EXPECTED);
}

#[test]
fn an_emptied_redis_is_filled_again() {
    under_load(|place, _| {
        let redis = place.redis.as_ref().unwrap();
        assert_eq!(redis.command("FLUSHALL").as_deref(), Some("+OK"));
    });
}

#[test]
fn a_killed_redis_is_filled_again_when_it_is_back() {
    under_load(|place, random| {
        let redis = place.redis.as_mut().unwrap();
        redis.kill();
        thread::sleep(Duration::from_millis(random.below(1500)));
        redis.restart();
    });
}

#[test]
fn a_redis_that_was_emptied_while_the_server_was_away_is_filled_again() {
    let mut place = Place::new(Store::Redis);
    let server = place.start();
    let ticks: Vec<String> = (0..2_000).map(tick).collect();
    server.http.send(&ticks);
    server.stop();
    let redis = place.redis.as_mut().unwrap();
    redis.kill();
    redis.restart();
    let server = place.start();
    assert_eq!(total(&server.http).unwrap().0, total_below(2_000));
    server.stop();
    place.check_log(EXPECTED);
}

/// Neither events nor queries arrive meanwhile: the service finds out on its own.
fn is_reported(within: Duration, hurt: impl Fn(&mut Place), heal: impl Fn(&mut Place)) {
    let mut place = Place::new(Store::Redis);
    let server = place.start();
    server.http.send(&(0..100).map(tick).collect::<Vec<_>>());
    assert_eq!(server.http.get("/v1/status").body["speed_store"]["state"], "ok");
    hurt(&mut place);
    until("it is not ready", within, || {
        let reply = server.http.get("/readyz");
        let reasons = reply.body["reasons"].to_string();
        (reply.status == 503 && reasons.contains("speed store")).then_some(())
    });
    let store = server.http.get("/v1/status").body["speed_store"].clone();
    assert_eq!(store["state"], "failing", "{store}");
    assert!(store["lag_ms"].is_u64() && store["reason"].is_string(), "{store}");
    heal(&mut place);
    until("it is ready again", HEAL, || (server.http.get("/readyz").status == 200).then_some(()));
    assert_eq!(server.http.get("/v1/status").body["speed_store"]["state"], "ok");
    assert_eq!(total(&server.http).unwrap().0, total_below(100));
    server.stop();
    place.check_log(EXPECTED);
}

#[test]
fn a_redis_that_hangs_makes_the_service_unready_until_it_goes_on() {
    is_reported(
        Duration::from_secs(10),
        |place| place.redis.as_ref().unwrap().hang(),
        |place| place.redis.as_ref().unwrap().go_on(),
    );
}

#[test]
fn a_redis_that_is_away_makes_the_service_unready_until_it_is_back() {
    is_reported(
        Duration::from_secs(5),
        |place| place.redis.as_mut().unwrap().kill(),
        |place| place.redis.as_mut().unwrap().restart(),
    );
}

/// Two services on one Redis never touch each other's counters.
#[test]
fn two_services_share_a_redis() {
    let first = Place::new(Store::Redis);
    let second = Place::with_store(&first.redis.as_ref().unwrap().url());
    let one = first.start();
    let other = second.start();
    one.http.send(&(0..500).map(tick).collect::<Vec<_>>());
    other.http.send(&(0..300).map(tick).collect::<Vec<_>>());
    other.run("incremental");
    assert_eq!(total(&one.http).unwrap().0, total_below(500));
    assert_eq!(total(&other.http).unwrap().0, total_below(300));
    one.stop();
    other.stop();
    first.check_log(&[]);
    second.check_log(&[]);
}
