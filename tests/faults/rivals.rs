//! Two of a kind: services on one directory, runs at once, and a service that was stopped while
//! another took its place.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::kills::{conclude, define, finish, keep};
use crate::ledger::Violation;
use crate::load::{Load, ask_anew, ask_until_whole, run};
use crate::random::Random;
use crate::redis::Redis;
use crate::report::Report;
use crate::service::{Place, binary};

/// Between two flushes of a service that is to be stopped before the second one.
const LATE_FLUSH_MS: u64 = 1_000;

/// All of them.
pub(crate) fn all(_: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    two_services_on_one_directory(report, random)?;
    two_runs_at_once(None, "", 4, report, random)?;
    for is_change_due in [false, true] {
        stopped_while_another_took_over(None, is_change_due, report, random)?;
    }
    directory_taken_away(None, report, random)?;
    restored_back_up(None, report, random)
}

/// The second one is refused, and the first one does not notice; nor that it stood still.
fn two_services_on_one_directory(report: &Report, random: &mut Random) -> Result<(), Violation> {
    let redis = Redis::start();
    let place = Place::new(&Redis::url(redis.port), None);
    let service = place.start()?;
    let mut load = Load::start(&service.http, 50, 6, random);
    for is_stopped in [false, true] {
        if is_stopped {
            service.signal("STOP");
        }
        let mut rival = Place::new(&place.speed_store, None);
        rival.more = vec!["--data-dir".to_owned(), place.data_dir().display().to_string()];
        let output = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(place.data_dir())
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(1) || !said.contains("in use by another process") {
            return Err(format!("a second service ended with {}: {said}", output.status));
        }
        if is_stopped {
            thread::sleep(Duration::from_millis(random.below(1500)));
            service.signal("CONT");
        }
        ask_until_whole(&service.http, &load.common)?;
    }
    report.add("services refused on a directory in use", 2);
    let result = load.pause();
    service.kill();
    let result = result.and_then(|()| finish(&place, &load));
    report.add_load(&load.common);
    result
}

/// A directory that is renamed or deleted under load. From then on nothing is acknowledged, and
/// what was before is in the one that was renamed.
pub(crate) fn directory_taken_away(
    planted: Option<&str>,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    for is_deleted in [false, true] {
        let place = Place::new("memory", planted);
        let service = place.start()?;
        let mut load = Load::start(&service.http, 50, 6, random);
        thread::sleep(Duration::from_millis(300 + random.below(1000)));
        let away = place.path().join("away");
        if is_deleted {
            load.pause()?;
            fs::remove_dir_all(place.data_dir()).map_err(|error| error.to_string())?;
        } else {
            fs::rename(place.data_dir(), &away).map_err(|error| error.to_string())?;
        }
        let event = br#"{"event":"stray"}"#;
        let reply = service.http.post("/v1/events", "application/json", event);
        let reply = reply.map_err(|error| error.to_string())?;
        if reply.status == 200 {
            return Err("an event was acknowledged into a directory that was gone".to_owned());
        }
        if is_deleted {
            service.kill();
            continue;
        }
        let paused = load.pause();
        service.kill();
        fs::rename(&away, place.data_dir()).map_err(|error| error.to_string())?;
        let result = paused.and_then(|()| finish(&place, &load));
        report.add_load(&load.common);
        result.map_err(|violation| keep(&place, violation))?;
    }
    report.add("directories taken away", 2);
    Ok(())
}

/// Runs, definitions and queries at the same time, in a service that may be slow somewhere.
pub(crate) fn two_runs_at_once(
    planted: Option<&str>,
    failpoints: &str,
    rounds: u64,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let mut place = Place::new("memory", planted);
    place.grace_ms = 2_000;
    let service = place.start_with(failpoints)?;
    let mut load = Load::start(&service.http, 50, 6, random);
    let result = (0..rounds).try_for_each(|round| {
        load.common.violation()?;
        let delay = Duration::from_millis(random.below(400));
        let starters: Vec<_> = (0..4)
            .map(|n| {
                let http = service.http.clone();
                thread::spawn(move || match n {
                    0 => {
                        // At any moment of the run.
                        thread::sleep(delay);
                        define(&http, round).then(String::new)
                    }
                    _ => http.start_run("incremental"),
                })
            })
            .collect();
        let mut started: Vec<String> =
            starters.into_iter().filter_map(|starter| starter.join().unwrap()).collect();
        let is_defined = started.iter().any(String::is_empty);
        started.retain(|run| !run.is_empty());
        if started.len() > 1 {
            return Err(format!("runs at the same time: {started:?}"));
        }
        report.add("rounds of runs at once", 1);
        run(&service.http, if round % 2 == 1 { "full" } else { "incremental" })?;
        let side = service.http.get("/v1/metrics/side").map_err(|error| error.to_string())?;
        if is_defined && !side.text.contains(&format!("\"w > {round}\"")) {
            return Err(format!("a definition that was accepted is gone: {}", side.text));
        }
        ask_until_whole(&service.http, &load.common).map(|_| ())
    });
    conclude(&place, service, &mut load, report, result)
}

/// A service stands still; a copy of its directory is started elsewhere on the same Redis. When
/// the first goes on, it must not touch the counters of the second: neither when it looks at them
/// first, nor when a change is due that it writes at once.
pub(crate) fn stopped_while_another_took_over(
    planted: Option<&str>,
    is_change_due: bool,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let redis = Redis::start();
    let mut old = Place::new(&Redis::url(redis.port), planted);
    if is_change_due {
        old.flush_interval_ms = LATE_FLUSH_MS;
    }
    let first = old.start()?;
    let mut load = Load::start(&first.http, 50, 6, random);
    thread::sleep(Duration::from_millis(400));
    load.pause()?;
    ask_until_whole(&first.http, &load.common)?;
    let new = copy_of(&old, planted)?;
    // What the first takes now is not the second's, whose answers must never show it. The first
    // event is written at once, the second waits for the next flush.
    let take_strangers = || -> Result<(), String> {
        for stranger in 0..2 {
            let event = crate::ledger::event(9, stranger, 0);
            let reply = first.http.post("/v1/events", "application/json", event.as_bytes());
            reply.map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    if is_change_due {
        take_strangers()?;
    }
    first.signal("STOP");
    let stopped = Instant::now();
    let second = new.start()?;
    ask_until_whole(&second.http, &load.common)?;
    if is_change_due {
        thread::sleep(Duration::from_millis(LATE_FLUSH_MS).saturating_sub(stopped.elapsed()));
    }
    first.signal("CONT");
    if !is_change_due {
        // It may have ended by now.
        let _ = take_strangers();
    }
    let written = (0..60).try_for_each(|number| {
        thread::sleep(Duration::from_millis(25));
        ask_anew(number, &second.http, &load.common).map(|_| ())
    });
    first.kill();
    written.map_err(|violation| format!("a service that was replaced wrote on: {violation}"))?;
    load.resume(&second.http, random);
    thread::sleep(Duration::from_millis(400));
    let result = load.pause();
    ask_until_whole(&second.http, &load.common)?;
    second.kill();
    report.add("services replaced while they stood still", 1);
    let result = result.and_then(|()| finish(&new, &load));
    report.add_load(&load.common);
    result.map_err(|violation| keep(&new, violation))
}

/// The directory is put back to what it was earlier; Redis knows of later events, which are gone.
pub(crate) fn restored_back_up(
    planted: Option<&str>,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let redis = Redis::start();
    let old = Place::new(&Redis::url(redis.port), planted);
    let service = old.start()?;
    let mut load = Load::start(&service.http, 50, 6, random);
    thread::sleep(Duration::from_millis(300));
    load.pause()?;
    ask_until_whole(&service.http, &load.common)?;
    let new = copy_of(&old, planted)?;
    let later: Vec<String> = (0..90).map(|number| crate::ledger::event(9, number, 0)).collect();
    let later = later.join("\n");
    let path = "/v1/events?wait=applied";
    let sent = service.http.post(path, "application/x-ndjson", later.as_bytes());
    if !sent.as_ref().is_ok_and(|reply| reply.status == 200) {
        return Err(format!("a healthy service says {sent:?}"));
    }
    service.kill();
    let service = new.start()?;
    let result = ask_until_whole(&service.http, &load.common).and_then(|_| {
        load.resume(&service.http, random);
        thread::sleep(Duration::from_millis(300));
        load.pause()?;
        ask_until_whole(&service.http, &load.common)
    });
    service.kill();
    report.add("back-ups restored beside a newer Redis", 1);
    let result = result.and_then(|_| finish(&new, &load));
    report.add_load(&load.common);
    result.map_err(|violation| keep(&new, violation))
}

/// A place with a copy of another one's directory, on the same Redis.
fn copy_of(old: &Place, planted: Option<&str>) -> Result<Place, Violation> {
    let new = Place::new(&old.speed_store, planted);
    let copied = Command::new("cp").arg("-r").arg(old.data_dir()).arg(new.data_dir()).status();
    if !copied.is_ok_and(|status| status.success()) {
        return Err("the directory could not be copied".to_owned());
    }
    Ok(new)
}
