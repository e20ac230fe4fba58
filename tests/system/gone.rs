//! The data directory is deleted, renamed or replaced under a running service: nothing is
//! acknowledged from then on, and every way to ask says why.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use serde_json::json;

use crate::http::Http;
use crate::load::{Load, tick, total, total_below};
use crate::server::{Place, Server, Store};
use crate::wait::until;

/// It is looked once a second.
const NOTICED: Duration = Duration::from_secs(20);
const PUT_BACK: &str = "put it back and restart the service";

crate::in_both_stores!(
    a_directory_that_is_deleted,
    a_directory_that_is_renamed_under_load,
    a_directory_that_is_replaced,
);

fn ticks(from: u64, to: u64) -> Vec<String> {
    (from..to).map(tick).collect()
}

/// What was sent is refused, saying why.
fn refuses(http: &Http, lines: &[String]) {
    let reply = http.try_send(lines, "durable").unwrap();
    assert_eq!((reply.status, &reply.body["code"]), (503, &json!("data_directory_gone")));
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains("/data ") && detail.contains(PUT_BACK), "{detail}");
}

fn is_unready(server: &Server) {
    let reply = until("it is not ready any more", NOTICED, || {
        Some(server.http.get("/readyz")).filter(|reply| reply.status == 503)
    });
    assert!(reply.body.to_string().contains("no longer the one"), "{}", reply.body);
}

fn a_directory_that_is_deleted(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    server.http.send(&ticks(0, 50));
    fs::remove_dir_all(place.data_dir()).unwrap();
    // At once, before any look: new events, those that are known already, and invalid ones.
    refuses(&server.http, &ticks(50, 100));
    refuses(&server.http, &ticks(0, 50));
    refuses(&server.http, &["{}".to_owned()]);
    is_unready(&server);
    let key = server.http.post("/v1/keys", &json!({ "role": "admin" }));
    assert_eq!(key.status, 503, "{}", key.body);
    let schedule = json!({ "incremental": "", "full": "", "timezone": "UTC" });
    let schedule = server.http.put("/v1/schedule", &schedule);
    assert_eq!(schedule.status, 503, "{}", schedule.body);
    assert!(!place.data_dir().exists(), "nothing is made anew in its place");
    server.stop();
    place.check_log(&["intake has stopped"]);
}

fn a_directory_that_is_renamed_under_load(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let away = place.dir.path().join("away");
    let load = Load::start(server.http.clone());
    until("events are sent", NOTICED, || (load.sent().acknowledged > 500).then_some(()));
    fs::rename(place.data_dir(), &away).unwrap();
    is_unready(&server);
    // It is not trusted again, since its changes in between are unknown.
    fs::rename(&away, place.data_dir()).unwrap();
    refuses(&server.http, &ticks(0, 50));
    let sent = load.stop();
    is_unready(&server);
    server.stop();
    place.check_log(&["intake has stopped"]);
    let server = place.start();
    let ((count, sum), _) = total(&server.http).unwrap();
    assert_eq!((count, sum), total_below(count));
    assert!((sent.acknowledged..=sent.tried).contains(&count), "{count} of {sent:?}");
    server.stop();
}

fn a_directory_that_is_replaced(store: Store) {
    let (place, other) = (Place::new(store), Place::new(store));
    let server = place.start();
    server.http.send(&ticks(0, 50));
    server.run("incremental");
    // A directory of another service takes its place, and that service goes on there.
    let second = other.start();
    second.http.send(&ticks(0, 10));
    second.run("incremental");
    second.stop();
    fs::rename(place.data_dir(), place.dir.path().join("away")).unwrap();
    fs::rename(other.data_dir(), place.data_dir()).unwrap();
    symlink(place.data_dir(), other.data_dir()).unwrap();
    let second = other.start();
    refuses(&server.http, &ticks(50, 60));
    is_unready(&server);
    second.http.send(&ticks(10, 20));
    // Nor does a run of the first one touch what is the second one's.
    let run = server.start_run("full");
    let body = server.http.delete(&run).body;
    let ended = || server.http.get(&run).body["state"] != "running";
    until("the run has ended", NOTICED, || ended().then_some(()));
    second.run("full");
    assert_eq!(total(&second.http).unwrap().0, total_below(20), "{body}");
    server.kill();
    second.stop();
    let second = other.start();
    second.run("incremental");
    assert_eq!(total(&second.http).unwrap().0, total_below(20));
    second.stop();
    other.check_log(&[]);
}
