//! Several processes as one service, with one of each kind killed, or held up past its lease, under
//! load: every process gives the same exact answers.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Http;
use crate::load::{Load, tick, total, total_below};
use crate::redis_server::RedisServer;
use crate::s3_server::S3Server;
use crate::server::{Place, Server, Store, merganser};
use crate::wait::until;

/// Within which another process has taken over.
const TAKEOVER: Duration = Duration::from_secs(10);
/// Within which all processes know of everything.
const SETTLE: Duration = Duration::from_secs(30);

/// What a process may warn of when another one is hurt.
const EXPECTED: &[&str] =
    &["lease", "intake has stopped", "speed views", "the fold", "taken over", "was not trimmed"];

struct Cluster {
    redis: RedisServer,
    s3: S3Server,
}

impl Cluster {
    fn start() -> Self {
        Self { redis: RedisServer::start(), s3: S3Server::start() }
    }

    fn place(&self, role: &str) -> Place {
        Place::of_cluster(&self.redis.url(), &self.s3, role)
    }
}

/// Sends a signal.
fn signal(server: &Server, name: &str) {
    let pid = server.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// Whether a process holds the lease, by its log.
fn owns(place: &Place, what: &str) -> bool {
    let log = std::fs::read_to_string(place.log()).unwrap_or_default();
    let taken = log.matches(&format!("this process {what}")).count();
    taken > log.matches(&format!("this process no longer {what}")).count()
}

/// Every one of these counts exactly so many ticks.
fn all_count(servers: &[&Server], ticks: u64) {
    for server in servers {
        until("a process has everything", SETTLE, || {
            let ((events, sum), _) = total(&server.http)?;
            assert!(events <= ticks, "{events} of {ticks} events");
            ((events, sum) == total_below(ticks)).then_some(())
        });
    }
}

#[test]
fn an_owner_and_a_leader_are_killed_and_every_process_answers_exactly() {
    let cluster = Cluster::start();
    let places = ["ingest", "ingest", "batch", "batch", "serving"].map(|role| cluster.place(role));
    let [mut first, mut second, third, fourth, serving] = places.each_ref().map(Place::start);
    let load = Load::start(serving.http.clone());
    load.goes_on();
    serving.run("incremental");
    load.goes_on();

    // The owner, in the midst of it.
    let second_owns = owns(&places[1], "owns the journal");
    let began = Instant::now();
    if second_owns {
        second.kill();
        second = places[1].start();
    } else {
        first.kill();
        first = places[0].start();
    }
    load.goes_on();
    assert!(began.elapsed() < TAKEOVER, "the takeover took {:?}", began.elapsed());

    // The leader, in the midst of a run.
    let (leader, other) = match owns(&places[2], "does the runs") {
        true => (third, fourth),
        false => (fourth, third),
    };
    serving.start_run("full");
    leader.kill();
    until("another process does the runs", SETTLE, || {
        let runs = serving.http.try_get("/v1/runs").ok().filter(|reply| reply.status == 200)?;
        let states = runs.body["runs"].as_array()?.clone();
        states.iter().all(|run| run["state"] != "running" && run["state"] != "queued").then_some(())
    });

    let sent = load.stop();
    let all: Vec<String> = (0..sent.tried).map(tick).collect();
    first.http.send(&all);
    let living = [&first, &second, &other, &serving];
    all_count(&living, sent.tried);
    serving.run("full");
    all_count(&living, sent.tried);
    for server in [first, second, other, serving] {
        server.stop();
    }
    places.iter().for_each(|place| place.check_log(EXPECTED));
}

/// An owner that sleeps while another takes over wakes up, and nothing that it still does counts.
#[test]
fn an_owner_that_was_held_up_past_its_lease_is_fenced_off() {
    let cluster = Cluster::start();
    let (old_place, new_place) = (cluster.place("ingest,batch"), cluster.place("ingest,batch"));
    let old = old_place.start();
    assert!(owns(&old_place, "owns the journal"));
    let new = new_place.start();
    assert_eq!(new.http.send(&(0..500).map(tick).collect::<Vec<_>>()), (500, 0));
    // Its own clients send to it what it will not have acknowledged when it is held up.
    let load = Load::start(old.http.clone());
    load.goes_on();
    signal(&old, "-STOP");
    until("another process owns the journal", SETTLE, || {
        owns(&new_place, "owns the journal").then_some(())
    });
    let later: Vec<String> = (1_000_000..1_000_100).map(tick).collect();
    assert_eq!(new.http.send(&later), (100, 0));
    signal(&old, "-CONT");
    load.goes_on();
    let sent = load.stop();
    let all: Vec<String> = (0..sent.tried).map(tick).chain(later).collect();
    until("the one that was held up hands events on", TAKEOVER, || {
        (old.http.try_send(&all[..1], "durable").unwrap().status == 200).then_some(())
    });
    old.http.send(&all);
    let expected = sent.tried.max(500) + 100;
    for server in [&old, &new] {
        until("a process has everything", SETTLE, || {
            (total(&server.http)?.0.0 == expected).then_some(())
        });
    }
    new.run("full");
    let answers = [&old, &new].map(|server| {
        let query = json!({ "metric": "ticks", "group_by": ["kind"], "granularity": "day" });
        until("a process knows of the run", SETTLE, || {
            let answer = server.http.query(&query);
            (answer["provenance"]["speed"]["events"] == 0).then_some(answer["rows"].clone())
        })
    });
    assert_eq!(answers[0], answers[1]);
    old.stop();
    new.stop();
}

/// A key that is made or revoked at one process is so at all when the answer comes.
#[test]
fn keys_hold_for_all_processes() {
    let cluster = Cluster::start();
    let (one_place, other_place) = (cluster.place("ingest,batch"), cluster.place("serving"));
    let (one, other) = (one_place.start(), other_place.start());
    let made = one.http.post("/v1/keys", &json!({ "role": "admin" }));
    assert_eq!(made.status, 201, "{}", made.body);
    let admin = made.body["key"].as_str().unwrap();
    let (one_admin, other_admin) = (one.http.with_key(admin), other.http.with_key(admin));
    assert_eq!(other_admin.get("/v1/status").status, 200);
    let sender =
        other_admin.post("/v1/keys", &json!({ "role": "ingest", "set": { "tenant": "a" } }));
    assert_eq!(sender.status, 201, "{}", sender.body);
    let sender = other.http.with_key(sender.body["key"].as_str().unwrap());
    assert_eq!(sender.try_send(&[tick(0)], "durable").unwrap().status, 200);
    assert_eq!(other.http.try_send(&[tick(1)], "durable").unwrap().status, 401);
    assert_eq!(sender.get("/v1/runs").status, 403, "the leader judges by the sender's key");
    assert_eq!(other_admin.get("/v1/runs").status, 200);
    let keys = one_admin.get("/v1/keys").body["keys"].as_array().unwrap().clone();
    let ingest = keys.iter().find(|key| key["role"] == "ingest").unwrap()["id"].as_str().unwrap();
    assert_eq!(one_admin.delete(&format!("/v1/keys/{ingest}")).status, 204);
    assert_eq!(sender.try_send(&[tick(2)], "durable").unwrap().status, 401);
    let forged = other.http.post_as("/internal/v1/seal", "application/json", b"null");
    assert_eq!(forged.status, 403, "{}", forged.body);
    one.stop();
    other.stop();
}

/// A session of the page that one process opened is open at all, and closed at all.
#[test]
fn a_session_holds_at_every_process_until_it_is_closed() {
    let cluster = Cluster::start();
    let places = [cluster.place("ingest,batch"), cluster.place("serving")];
    let [one, other] = places.each_ref().map(Place::start);
    let made = one.http.post("/v1/keys", &json!({ "role": "admin" }));
    let key = made.body["key"].as_str().unwrap();
    let admin = one.http.with_key(key);
    until("both processes know each other", SETTLE, || {
        let known = |http: &Http| {
            let status = http.with_key(key).get("/v1/status").body;
            status["cluster"]["processes"].as_array().is_some_and(|all| all.len() == 2)
        };
        (known(&one.http) && known(&other.http)).then_some(())
    });
    let same = ("sec-fetch-site", "same-origin");
    let open = || {
        let opened = one.http.post_with("/v1/session", &[same], &json!({ "key": key }));
        assert_eq!(opened.status, 200, "{}", opened.body);
        opened.cookie.unwrap()
    };
    let (kept, closed) = (open(), open());
    let asked =
        |http: &Http, cookie: &str| http.get_with("/v1/status", &[same, ("cookie", cookie)]).status;
    for cookie in [&kept, &closed] {
        assert_eq!((asked(&one.http, cookie), asked(&other.http, cookie)), (200, 200));
    }
    let ended = other.http.delete_with("/v1/session", &[same, ("cookie", &closed)]);
    assert_eq!(ended.status, 204, "{}", ended.body);
    assert_eq!(asked(&other.http, &closed), 401);
    // On a machine that does much else the others are told later than it is waited for.
    let is_closed = |cookie: &str| {
        let both = (asked(&one.http, cookie), asked(&other.http, cookie));
        (both == (401, 401)).then_some(())
    };
    until("the session is closed everywhere", SETTLE, || is_closed(&closed));
    assert_eq!((asked(&one.http, &kept), asked(&other.http, &kept)), (200, 200));
    let id = made.body["id"].as_str().unwrap();
    let second = admin.post("/v1/keys", &json!({ "role": "admin" }));
    let second = one.http.with_key(second.body["key"].as_str().unwrap());
    assert_eq!(second.delete(&format!("/v1/keys/{id}")).status, 204);
    assert_eq!(asked(&one.http, &kept), 401);
    until("a revoked key opens nothing", SETTLE, || is_closed(&kept));
    one.stop();
    other.stop();
}

/// What was refused before a takeover is shown after it, whichever process is asked, and so is
/// what a copy of the cluster holds.
#[test]
fn the_quarantine_and_back_ups_are_the_clusters() {
    let cluster = Cluster::start();
    let places = ["ingest", "ingest", "batch", "serving"].map(|role| cluster.place(role));
    let [first, second, batch, serving] = places.each_ref().map(Place::start);
    assert_eq!(serving.http.send(&(0..500).map(tick).collect::<Vec<_>>()), (500, 0));
    let refused = || {
        let sent = serving.http.try_send(&["{\"event\":\"\"}".to_owned()], "durable").unwrap();
        assert_eq!(sent.status, 422, "{}", sent.body);
    };
    refused();
    let shown = |http: &Http| http.get("/v1/quarantine").body;
    let before = shown(&serving.http);
    assert_eq!(before["total"], 1, "{before}");
    let (owner, other, other_place) = match owns(&places[0], "owns the journal") {
        true => (first, second, &places[1]),
        false => (second, first, &places[0]),
    };
    owner.kill();
    until("another process owns the journal", SETTLE, || {
        owns(other_place, "owns the journal").then_some(())
    });
    until("the new owner is asked", SETTLE, || (shown(&serving.http) == before).then_some(()));
    refused();
    assert_eq!(shown(&batch.http)["entries"][0]["count"], 2);

    serving.run("incremental");
    assert_eq!(serving.http.send(&(500..600).map(tick).collect::<Vec<_>>()), (100, 0));
    let copy = Place::of_copy("memory");
    let mut command = merganser();
    command.args(["backup"]).arg(copy.data_dir()).env("MERGANSER_SERVER", places[3].url());
    assert!(command.status().unwrap().success());
    let after = shown(&serving.http);
    for server in [other, batch, serving] {
        server.stop();
    }
    let restored = copy.start();
    assert_eq!(shown(&restored.http), after);
    until("the copy has everything", SETTLE, || {
        (total(&restored.http)?.0 == total_below(600)).then_some(())
    });
    assert_eq!(restored.http.send(&(0..700).map(tick).collect::<Vec<_>>()), (100, 600));
    restored.stop();
}

/// What another process decodes for the owner is answered, counted and kept as what one process
/// takes by itself.
#[test]
fn a_front_answers_as_one_process_does() {
    let cluster = Cluster::start();
    let places = ["ingest,batch", "serving"].map(|role| cluster.place(role));
    let [owner, front] = places.each_ref().map(Place::start);
    let place = Place::new(Store::Memory);
    let alone = place.start();
    let ticks = |from: u64, to: u64| (from..to).map(tick).collect::<Vec<_>>().join("\n");
    let other = ticks(0, 300).replace("\"event\":\"", "\"subject\":\"s\",\"event\":\"");
    assert_ne!(other, ticks(0, 300), "ticks are written otherwise than this test thinks");
    let invalid = format!("{}\nnope\n{{\"event\":\"\"}}\n", ticks(300, 400));
    let csv: String = (0..300).map(|n| format!("row-{n},click,{n}.5\n")).collect();
    let csv = format!("id,event,amount\n{csv}broken\n");
    let nothing = format!("{}\n", "x\n".repeat(3_000));
    let (lines, table) = ("application/x-ndjson", "text/csv");
    let requests = [
        ("", lines, ticks(0, 300)),
        ("?wait=applied", lines, ticks(200, 300)),
        ("", lines, other),
        ("?wait=applied", lines, invalid.clone()),
        ("?on_invalid=reject", lines, invalid),
        ("?on_invalid=reject", lines, ticks(300, 410)),
        ("?wait=applied", table, csv),
        ("", lines, nothing),
        ("?wait=never", lines, ticks(0, 300)),
        ("", "text/plain", ticks(0, 300)),
    ];
    for (query, kind, body) in &requests {
        let ask = |http: &Http| {
            let mut reply = http.post_as(&format!("/v1/events{query}"), kind, body.as_bytes());
            if let Some(body) = reply.body.as_object_mut() {
                body.remove("journal");
            }
            (reply.status, reply.body)
        };
        assert_eq!(ask(&front.http), ask(&alone.http), "{query} {kind}");
    }
    let kept = |http: &Http| {
        let mut page = http.get("/v1/quarantine?limit=1000").body;
        for entry in page["entries"].as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            entry.retain(|name, _| !name.ends_with("received_at"));
        }
        page
    };
    let there = kept(&alone.http);
    assert!(there["total"].as_u64().unwrap() > 300, "conflicts and invalid events are kept");
    assert_eq!(kept(&front.http), there);
    all_count(&[&owner, &front, &alone], 410);
    for server in [owner, front, alone] {
        server.stop();
    }
}
