//! Every failpoint that the sources name, with every action.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::http::Http;
use crate::kills::{conclude, define, keep};
use crate::ledger::Violation;
use crate::load::{Load, ask_until_whole, run};
use crate::random::Random;
use crate::redis::Redis;
use crate::report::Report;
use crate::service::{Options, Place, Service};

const ACTIONS: [&str; 4] = ["crash", "powercut", "eio", "enospc"];

/// Only the leader of a cluster comes there: `hosts` has it fail now and then.
pub(crate) const OF_LEADERS: &str = "gc.condemned.before";

/// Only who makes parts for others comes there.
const OF_EXECUTORS: &str = "part.";

/// How long a place may take to be reached.
const REACH: Duration = Duration::from_secs(25);
/// How long a service goes on after a failure that it survived.
const GO_ON: Duration = Duration::from_millis(300);

/// Failpoints by name, and whether they can return an error.
pub(crate) fn points() -> Vec<(String, bool)> {
    let mut found = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["batch-layer/src", "speed-layer/src", "serving-layer/src"] {
        collect(&root.join(folder), &mut found);
    }
    assert!(found.len() > 40, "only {} failpoints in the sources", found.len());
    found.retain(|(point, _)| point != OF_LEADERS && !point.starts_with(OF_EXECUTORS));
    found.into_iter().collect()
}

fn collect(folder: &Path, found: &mut BTreeSet<(String, bool)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (call, can_fail) in
                [("hit(\"", true), ("failed(\"", true), ("uncertain(\"", true), ("pass(\"", false)]
            {
                for (at, _) in text.match_indices(call) {
                    let name = text[at + call.len()..].split('"').next().unwrap();
                    if name.contains('.') {
                        found.insert((name.to_owned(), can_fail));
                    }
                }
            }
        }
    }
}

/// All of them, or some in the bounded share.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let mut points = points();
    let end = Instant::now() + Duration::from_secs(30);
    if !a.is_long() {
        // Others in each run: the seed chooses.
        points.sort_by_cached_key(|_| random.below(u64::MAX));
    }
    let mut missed = Vec::new();
    for (point, can_fail) in &points {
        let mut actions = ACTIONS[..if *can_fail { 4 } else { 2 }].to_vec();
        if !a.is_long() {
            if Instant::now() > end {
                break;
            }
            actions = vec![*random.pick(&actions)];
        }
        missed.extend(at_point(None, point, &actions, report, random)?);
    }
    publications_in_doubt(None, report, random)?;
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("these failpoints were never reached: {}", missed.join(", ")))
}

/// One failpoint with some actions. Returns what was not reached.
pub(crate) fn at_point(
    planted: Option<&str>,
    point: &str,
    actions: &[&str],
    report: &Report,
    random: &mut Random,
) -> Result<Vec<String>, Violation> {
    let redis = point.starts_with("speed.").then(Redis::start);
    let store = redis.as_ref().map_or_else(|| "memory".to_owned(), |r| Redis::url(r.port));
    let mut place = Place::new(&store, planted);
    // Few, so that the journal is trimmed while we watch; and many more than a client sends while
    // the other one waits for an answer.
    place.window = 20_000;
    // Its file is rewritten when it holds much that is gone.
    place.more = vec!["--quarantine-max-events".to_owned(), "50".to_owned()];
    let of_objects = ["journal.put", "journal.joined", "lines.put"];
    if of_objects.iter().any(|of| point.starts_with(of)) {
        place.more.extend(["--journal", "storage"].map(str::to_owned));
    }
    let http = Http::new(place.url());
    let mut load = Load::start(&http, 150, 4, random);
    load.common.is_forgetful.store(true, Ordering::Relaxed);
    let mut missed = Vec::new();
    let result = actions.iter().try_for_each(|action| {
        let reached = one_action(&place, &load, point, action, random)?;
        report.add("failpoints × actions", 1);
        if !reached {
            missed.push(format!("{point} × {action}"));
        }
        Ok(())
    });
    let paused = load.pause();
    let result = result.and(paused).and_then(|()| finish(&place, &load));
    report.add_load(&load.common);
    let named = |v| keep(&place, format!("at {point} × {actions:?}: {v}"));
    result.map(|()| missed).map_err(named)
}

/// A storage that never says that a generation was created: each publication counts once all the
/// same.
pub(crate) fn publications_in_doubt(
    planted: Option<&str>,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let place = Place::new("memory", planted);
    let service = place.start_with("publish.manifest.created=return(eio)")?;
    let mut load = Load::start(&service.http, 50, 6, random);
    let result = (1..=3_u64).try_for_each(|round| {
        run(&service.http, if round == 2 { "full" } else { "incremental" })?;
        if !define(&service.http, round) {
            return Err("a definition was refused".to_owned());
        }
        let side = service.http.get("/v1/metrics/side").map_err(|error| error.to_string())?;
        let body = side.json();
        let version = body.pointer("/next/version").unwrap_or(&body["version"]);
        if *version != round {
            return Err(format!("{round} definitions made version {version}"));
        }
        ask_until_whole(&service.http, &load.common).map(|_| ())
    });
    let doubts = place.fired("publish.manifest.created", "eio");
    report.add("publications in doubt", doubts as u64);
    let enough = match doubts {
        0..6 => Err(format!("only {doubts} publications were in doubt")),
        _ => Ok(()),
    };
    conclude(&place, service, &mut load, report, result.and(enough))
}

fn one_action(
    place: &Place,
    load: &Load,
    point: &str,
    action: &str,
    random: &mut Random,
) -> Result<bool, Violation> {
    let before = place.fired(point, action);
    let skip = match point {
        "journal.write.before" | "journal.write.after" | "journal.sync.before" => random.below(30),
        _ => random.below(2),
    };
    let mut failpoints = format!("{point}={skip}*off->1*return({action})");
    if point == "journal.truncate" {
        // It is cut when a write found no room.
        failpoints =
            format!("{point}=1*return({action});journal.write.after=9*off->1*return(enospc)");
    }
    let options = Options { failpoints, power_seed: Some(random.below(1 << 40)) };
    let mut service = place.spawn(&options);
    let end = Instant::now() + REACH;
    let mut step = 0;
    while Instant::now() < end && place.fired(point, action) == before {
        load.common.violation()?;
        if service.ended().is_some() {
            break;
        }
        stir(&service, step);
        if point.starts_with("quarantine.") {
            fill_quarantine(&service);
        }
        step += 1;
        thread::sleep(Duration::from_millis(40));
    }
    let reached = place.fired(point, action) > before;
    if matches!(action, "crash" | "powercut") && reached {
        if service.ends_within(Duration::from_secs(10)).is_none() {
            return Err(format!("the service lives on after {action}"));
        }
    } else if reached {
        thread::sleep(GO_ON);
    }
    service.kill();
    let service = place.start()?;
    ask_until_whole(&service.http, &load.common)?;
    service.kill();
    Ok(reached)
}

/// Sends invalid events of some MiB together: the quarantine's file is rewritten when it has grown
/// by that much. None is like another, since what comes again is only counted.
fn fill_quarantine(service: &Service) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let event = |_| {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        format!(r#"{{"event":"item","unknown":"{n}{}"}}"#, "x".repeat(50_000))
    };
    let body = (0..50).map(event).collect::<Vec<_>>().join("\n");
    let _ = service.http.post("/v1/events", "application/x-ndjson", body.as_bytes());
}

/// Has something of everything happen.
fn stir(service: &Service, step: u64) {
    match step % 8 {
        1 | 5 => drop(service.http.start_run("incremental")),
        3 => drop(service.http.start_run("full")),
        6 => drop(define(&service.http, step / 8)),
        _ => {}
    }
}

fn finish(place: &Place, load: &Load) -> Result<(), Violation> {
    let service = place.start()?;
    ask_until_whole(&service.http, &load.common)?;
    run(&service.http, "incremental")?;
    run(&service.http, "full")?;
    ask_until_whole(&service.http, &load.common)?;
    Ok(())
}
