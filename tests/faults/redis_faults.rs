//! Redis killed, stopped, emptied, cut back, full, replaced by its replica, and behind a bad line.

use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::kills::{finish, keep, millis};
use crate::ledger::Violation;
use crate::load::{Load, ask_until_whole};
use crate::random::Random;
use crate::redis::{Manners, Proxy, Redis};
use crate::report::Report;
use crate::service::Place;

/// What is done to Redis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hurt {
    Killed,
    RestartedEmpty,
    Emptied,
    Stopped,
    CutBack,
    Full,
    Promoted,
    CutReplies,
    CutRequests,
    DroppedReplies,
    Slow,
}

pub(crate) const HURTS: [Hurt; 11] = [
    Hurt::Killed,
    Hurt::RestartedEmpty,
    Hurt::Emptied,
    Hurt::Stopped,
    Hurt::CutBack,
    Hurt::Full,
    Hurt::Promoted,
    Hurt::CutReplies,
    Hurt::CutRequests,
    Hurt::DroppedReplies,
    Hurt::Slow,
];

impl Hurt {
    /// Until when the service knows: what fails says so at once or is looked at, what hangs not.
    fn noticed_within(self) -> Duration {
        match self {
            Self::Killed
            | Self::RestartedEmpty
            | Self::Emptied
            | Self::CutBack
            | Self::Promoted => Duration::from_secs(1),
            Self::Stopped
            | Self::Full
            | Self::CutReplies
            | Self::CutRequests
            | Self::DroppedReplies
            | Self::Slow => Duration::from_secs(3),
        }
    }
}

/// Each of them, in turn or by chance.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let end = Instant::now() + a.share(10, Duration::from_secs(1));
    loop {
        let mut hurts = HURTS.to_vec();
        hurts.sort_by_cached_key(|_| random.below(u64::MAX));
        with(None, &hurts, report, random)?;
        if Instant::now() > end {
            break;
        }
    }
    away_for_long(a, report, random)
}

/// A service under load whose Redis suffers these.
pub(crate) fn with(
    planted: Option<&str>,
    hurts: &[Hurt],
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let mut redis = Redis::start();
    let proxy = Proxy::start(redis.port, random);
    let place = Place::new(&Redis::url(proxy.port), planted);
    let mut service = place.start()?;
    let mut load = Load::start(&service.http, 60, 6, random);
    let result = hurts.iter().try_for_each(|hurt| {
        thread::sleep(Duration::from_millis(random.below(200)));
        if random.percent(50) {
            service.http.start_run("incremental");
        }
        let (owed, noticed) = (load.common.ledger.book().position, hurt.noticed_within());
        *load.common.owed.lock().unwrap() = Some((owed, Instant::now() + noticed));
        do_it(*hurt, &mut redis, &proxy, random);
        load.common.violation()?;
        report.add("times that Redis was hurt", 1);
        let took = ask_until_whole(&service.http, &load.common)
            .map_err(|violation| format!("after {hurt:?}: {violation}"))?;
        report.highest("longest until an answer was whole after Redis, in ms", millis(took));
        if took > Duration::from_secs(10) {
            return Err(format!("after {hurt:?} an answer took {took:?}"));
        }
        if random.percent(30) {
            // A start must judge what it finds there.
            let new = place.spawn(&crate::service::Options::default());
            drop(std::mem::replace(&mut service, new));
            do_it(*random.pick(&HURTS[..5]), &mut redis, &proxy, random);
            if !service.wait_ready() {
                // It does not start without its Redis, and says so.
                service = place.start()?;
            }
            ask_until_whole(&service.http, &load.common)?;
        }
        Ok(())
    });
    let paused = load.pause();
    service.kill();
    let result = result.and(paused).and_then(|()| finish(&place, &load));
    report.add_load(&load.common);
    report.add("replies and requests of Redis cut or dropped", proxy.hurt());
    result.map_err(|violation| keep(&place, violation))
}

fn do_it(hurt: Hurt, redis: &mut Redis, proxy: &Proxy, random: &mut Random) {
    let some_time = Duration::from_millis(50 + random.below(700));
    let for_some_time = |manners| {
        proxy.behave(manners);
        thread::sleep(some_time);
        proxy.behave(Manners::default());
    };
    match hurt {
        Hurt::Killed => {
            redis.kill();
            thread::sleep(some_time);
            redis.restart();
        }
        Hurt::RestartedEmpty => {
            redis.kill();
            thread::sleep(some_time);
            redis.restart_empty();
        }
        Hurt::Emptied => drop(redis.command("FLUSHALL")),
        Hurt::Stopped => {
            redis.signal("STOP");
            thread::sleep(some_time * 3);
            redis.signal("CONT");
        }
        Hurt::CutBack => redis.restart_cut(random),
        Hurt::Full => {
            redis.command("CONFIG SET maxmemory 1mb");
            thread::sleep(some_time);
            redis.command("CONFIG SET maxmemory 0");
        }
        Hurt::Promoted => promote(redis, proxy, random),
        Hurt::CutReplies => for_some_time(Manners { cut_reply: 40, ..Manners::default() }),
        Hurt::CutRequests => for_some_time(Manners { cut_request: 40, ..Manners::default() }),
        Hurt::DroppedReplies => for_some_time(Manners { drop_reply: 30, ..Manners::default() }),
        Hurt::Slow => for_some_time(Manners { delay_ms: 60, ..Manners::default() }),
    }
}

/// The primary dies, and its replica, which may lack its last writes, takes its place.
fn promote(redis: &mut Redis, proxy: &Proxy, random: &mut Random) {
    let replica = Redis::start();
    replica.command(&format!("REPLICAOF 127.0.0.1 {}", redis.port));
    let end = Instant::now() + Duration::from_secs(5);
    while replica.command("DBSIZE").as_deref() == Some(":0") && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    if random.percent(50) {
        // It falls behind.
        replica.signal("STOP");
        thread::sleep(Duration::from_millis(100 + random.below(300)));
        redis.kill();
        replica.signal("CONT");
    }
    redis.kill();
    replica.command("REPLICAOF NO ONE");
    *redis = replica;
    proxy.switch(redis.port);
}

/// Redis is gone for a minute: ingestion goes on or says 503, and then all is whole within 10 s.
fn away_for_long(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let mut redis = Redis::start();
    let place = Place::new(&Redis::url(redis.port), None);
    let service = place.start()?;
    let mut load = Load::start(&service.http, 20, 8, random);
    thread::sleep(Duration::from_millis(500));
    redis.kill();
    let before = load.common.ledger.acknowledged();
    let away = if a.is_long() { Duration::from_secs(60) } else { Duration::from_secs(4) };
    thread::sleep(away);
    report.highest("seconds that Redis was gone", away.as_secs());
    report.add("events acknowledged meanwhile", load.common.ledger.acknowledged() - before);
    let partial = service.http.get(&format!("{}&partial=allow", crate::ledger::QUERY));
    let said = partial.map(|reply| (reply.status, reply.json()["provenance"].clone()));
    let is_honest = said.as_ref().is_ok_and(|(status, provenance)| {
        *status == 200
            && provenance["complete"] == false
            && provenance["missing"] != serde_json::json!([])
    });
    if !is_honest {
        return Err(format!("while Redis is away a partial answer says {said:?}"));
    }
    redis.restart_empty();
    let took = ask_until_whole(&service.http, &load.common)?;
    report.highest("longest until an answer was whole after Redis, in ms", millis(took));
    if took > Duration::from_secs(10) {
        return Err(format!("after {away:?} without Redis an answer took {took:?}"));
    }
    let result = load.pause();
    service.kill();
    let result = result.and_then(|()| finish(&place, &load));
    report.add_load(&load.common);
    result
}
