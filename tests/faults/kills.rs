//! kill -9 and cuts of power at any moment, again and again.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::ledger::Violation;
use crate::load::{Load, ask_until_whole, run, settle};
use crate::random::Random;
use crate::redis::Redis;
use crate::report::Report;
use crate::service::{Options, Place, Service};

/// Kills at a place, before all that was sent there is settled and a new place is taken.
const CYCLES: u64 = 20;

/// Places at which a cut of power comes at a random moment.
const POWER: &[&str] = &[
    "journal.sync.before",
    "journal.write.after",
    "intake.ack.after",
    "intake.ack.after",
    "journal.directory.before",
    "files.directory.before",
    "files.rename.after",
    "run.publish.after",
    "run.view.before",
];

/// Kills until the time is over.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let end = Instant::now() + a.share(70, Duration::from_secs(25));
    let mut round = 0;
    while Instant::now() < end {
        let redis = (round % 2 == 1).then(Redis::start);
        at_one_place(None, redis.as_ref(), end, report, random)?;
        round += 1;
    }
    Ok(())
}

/// Some cycles at a place of their own, and then everything is settled.
pub(crate) fn at_one_place(
    planted: Option<&str>,
    redis: Option<&Redis>,
    end: Instant,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let store = redis.map_or_else(|| "memory".to_owned(), |redis| Redis::url(redis.port));
    let place = Place::new(&store, planted);
    let service = place.start()?;
    let mut load = Load::start(&service.http, 60, 6, random);
    let result = cycles(&place, service, &load, end, report, random);
    let paused = load.pause();
    let result = result.and(paused).and_then(|()| finish(&place, &load));
    report.add_load(&load.common);
    result.map_err(|violation| keep(&place, violation))
}

/// Keeps the place of a violation, to look into it.
pub(crate) fn keep(place: &Place, violation: Violation) -> Violation {
    let Some(kept) = std::env::var_os("FAULTS_KEEP") else { return violation };
    let kept = std::path::PathBuf::from(kept).join(place.path().file_name().unwrap());
    let copied = std::process::Command::new("cp").arg("-r").arg(place.path()).arg(&kept).status();
    let said = copied.map_or_else(|error| error.to_string(), |_| kept.display().to_string());
    format!("{violation}\nkept at {said}")
}

fn cycles(
    place: &Place,
    mut service: crate::service::Service,
    load: &Load,
    end: Instant,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    for _ in 0..CYCLES {
        if Instant::now() > end {
            break;
        }
        load.common.violation()?;
        if random.percent(40) {
            let mode = if random.percent(25) { "full" } else { "incremental" };
            service.http.start_run(mode);
        }
        if random.percent(10) {
            let _ = define(&service.http, random.below(3));
        }
        thread::sleep(Duration::from_millis(30 + random.below(200)));
        service.kill();
        report.add("kills of the service", 1);
        if random.percent(20) {
            // Killed while it recovers.
            let starting = place.spawn(&Options::default());
            thread::sleep(Duration::from_millis(random.below(120)));
            starting.kill();
            report.add("kills of the service", 1);
        }
        if random.percent(35) {
            cut_power(place, load, report, random)?;
        }
        service = place.start()?;
        let took = ask_until_whole(&service.http, &load.common)?;
        report.highest("longest until an answer was whole after a start, in ms", millis(took));
    }
    Ok(())
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A start that ends by a cut of power.
fn cut_power(
    place: &Place,
    load: &Load,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let (point, skip) = (random.pick(POWER), random.below(30));
    let options = Options {
        failpoints: format!("{point}={skip}*off->return(powercut)"),
        power_seed: Some(random.below(1 << 40)),
    };
    let mut service = place.spawn(&options);
    if service.wait_ready() {
        ask_until_ended(&mut service, load, random)?;
    }
    service.kill();
    report.add("kills of the service", 1);
    report.add("of these by a cut of power", place.fired(point, "powercut").min(1) as u64);
    Ok(())
}

fn ask_until_ended(
    service: &mut crate::service::Service,
    load: &Load,
    random: &mut Random,
) -> Result<(), Violation> {
    let end = Instant::now() + Duration::from_millis(400);
    let run_at = Instant::now() + Duration::from_millis(random.below(200));
    let mut is_started = false;
    while Instant::now() < end && service.ended().is_none() {
        load.common.violation()?;
        if Instant::now() > run_at && !is_started {
            is_started = true;
            service.http.start_run("incremental");
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Defines a metric anew, so that backfills happen. Whether that was accepted.
pub(crate) fn define(http: &crate::http::Http, variant: u64) -> bool {
    let definition = serde_json::json!({
        "name": "side", "event": "item", "granularity": "day",
        "filter": format!("w > {variant}"),
        "measures": { "n": { "kind": "count" } },
    });
    let reply = http.put("/v1/metrics/side", &definition);
    reply.is_ok_and(|reply| matches!(reply.status, 200 | 202))
}

/// Ends a service that was under load: everything is settled at its place and noted.
pub(crate) fn conclude(
    place: &Place,
    service: Service,
    load: &mut Load,
    report: &Report,
    result: Result<(), Violation>,
) -> Result<(), Violation> {
    let paused = load.pause();
    service.kill();
    let result = result.and(paused).and_then(|()| finish(place, load));
    report.add_load(&load.common);
    result.map_err(|violation| keep(place, violation))
}

/// Sends what is uncertain, then everything must be there once, whichever layer holds it.
pub(crate) fn finish(place: &Place, load: &Load) -> Result<(), Violation> {
    let service = place.start()?;
    settle(&service.http, &load.common)?;
    ask_until_whole(&service.http, &load.common)?;
    run(&service.http, "incremental")?;
    ask_until_whole(&service.http, &load.common)?;
    run(&service.http, "full")?;
    ask_until_whole(&service.http, &load.common)?;
    service.kill();
    let service = place.start()?;
    ask_until_whole(&service.http, &load.common)?;
    let _ = fs::remove_dir_all(place.path().join("kept"));
    Ok(())
}
