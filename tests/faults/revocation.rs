//! Keys that are revoked open nothing any more, whichever process is asked, within a bound.

use std::time::{Duration, Instant};

use crate::cluster::{Cluster, NewKey, Process, within};
use crate::kills::millis;
use crate::ledger::Violation;
use crate::network;
use crate::random::Random;
use crate::report::Report;

/// Within which every process knows of a key, and of its end. A process looks twice a second.
const KNOWN: Duration = Duration::from_secs(5);
/// Within which a process that is cut off from the storage answers nobody any more.
const KNOWN_CUT_OFF: Duration = Duration::from_secs(20);

/// Makes a key at one process and revokes it at another.
pub(crate) fn somewhere(
    cluster: &Cluster,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let key = NewKey::make(random.pick(&cluster.processes).http(), "read")?;
    let opens = |process: &Process| opens(&key, process) == Some(true);
    within(KNOWN, "a new key is not known everywhere", || {
        cluster.processes.iter().all(opens).then_some(())
    })?;
    let began = revoke(&key, random.pick(&cluster.processes))?;
    let is_over = || !cluster.processes.iter().any(opens);
    within(KNOWN, "a revoked key still opens", || is_over().then_some(()))?;
    report.highest("longest until a revoked key opened nothing, in ms", millis(began.elapsed()));
    report.add("keys revoked", 1);
    Ok(())
}

/// Revokes a key while a process is cut off from the storage, and cannot know.
pub(crate) fn cut_off(report: &Report) -> Result<(), Violation> {
    if !network::is_inside() {
        return Ok(());
    }
    let cluster = Cluster::start(None, 1000)?;
    let [front, .., apart] = &*cluster.processes else { return Ok(()) };
    let key = NewKey::make(front.http(), "read")?;
    within(KNOWN, "a new key is not known everywhere", || {
        (opens(&key, apart) == Some(true)).then_some(())
    })?;
    let (host, storage) = (apart.host(), cluster.s3.host());
    host.set_cut_from(storage, true);
    let began = revoke(&key, front)?;
    let ended = within(KNOWN_CUT_OFF, "a revoked key still opens where one is cut off", || {
        (opens(&key, apart) == Some(false)).then_some(())
    });
    report.highest(
        "longest until a revoked key opened nothing where one was cut off, in ms",
        millis(began.elapsed()),
    );
    host.set_cut_from(storage, false);
    ended?;
    within(Duration::from_secs(30), "who was cut off does not answer again", || {
        let ready = apart.http().get("/readyz").ok()?;
        (ready.status == 200).then_some(())
    })?;
    match opens(&key, apart) {
        Some(true) => Err("a revoked key opens what was cut off".to_owned()),
        _ => Ok(()),
    }
}

/// Revokes a key; since when it is.
fn revoke(key: &NewKey, process: &Process) -> Result<Instant, Violation> {
    match process.http().delete(&format!("/v1/keys/{}", key.id)) {
        Ok(reply) if reply.status == 204 => Ok(Instant::now()),
        other => Err(format!("a key is not revoked: {other:?}")),
    }
}

/// Whether a key opens a process; none if that cannot be said.
fn opens(key: &NewKey, process: &Process) -> Option<bool> {
    let reply = process.http().with_key(&key.text).get("/v1/metrics").ok()?;
    Some(reply.status == 200)
}
