//! A cluster under load whose processes are killed, told to end, held up past their leases, and cut
//! off from each other, from the storage and from Redis; whose storage hangs, whose nodes of Redis
//! die, part and are resharded. Whatever process is asked, its answer is right.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::cluster::{Cluster, TAKEOVER, TAKEOVER_MAX, within};
use crate::kills::{keep, millis};
use crate::ledger::{Violation, event};
use crate::load::{Load, ask, run, settle};
use crate::network;
use crate::random::Random;
use crate::redis_cluster::{NODE_FAULTS, NodeFault};
use crate::report::Report;
use crate::revocation;
use crate::service::signal;
use crate::successors;

/// Longer than a lease lasts, and than another process takes to notice.
const PAST_LEASE: Duration = Duration::from_millis(6500);
/// Faults of a cluster, before all that was sent is settled and another one is made.
const FAULTS_A_CLUSTER: u64 = 60;

/// Faults after which everything uncertain is sent again: far fewer events than are remembered.
const SETTLED_AFTER: u64 = 5;

/// A client beside those of the load.
const OTHER: usize = 3;
/// Ids that are remembered.
const WINDOW: u64 = 200_000;
/// The same, so few that the journal is trimmed while one looks.
const WINDOW_SMALL: u64 = 300;

/// What is done to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// To the journal's owner, under load.
    Owner(ProcessFault),
    /// To the leader, while a run is under way.
    Leader(ProcessFault),
    /// To any process.
    Any(ProcessFault),
    StorageHangs,
    StorageCutOff,
    KeyRevoked,
    Redis(NodeFault),
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessFault {
    Killed,
    /// Told to end, so that it hands over.
    Ended,
    HeldUp,
    /// From all hosts.
    CutOff,
    CutFromStorage,
    CutFromOwner,
}

impl Fault {
    /// Those that are possible here: cutting off takes networks of their own.
    fn all() -> Vec<Self> {
        use ProcessFault::{CutFromOwner, CutFromStorage, CutOff, Ended, HeldUp, Killed};
        let mut all = vec![Self::StorageHangs, Self::KeyRevoked];
        all.extend([Killed, Ended, HeldUp].map(Self::Owner));
        all.extend([Killed, Ended, HeldUp].map(Self::Leader));
        all.extend([Killed, HeldUp].map(Self::Any));
        all.extend(NODE_FAULTS.map(Self::Redis));
        if network::is_inside() {
            all.push(Self::StorageCutOff);
            all.extend([CutOff, CutFromStorage].map(Self::Owner));
            all.extend([CutOff, CutFromStorage].map(Self::Leader));
            all.extend([CutOff, CutFromStorage, CutFromOwner].map(Self::Any));
        } else {
            all.retain(|fault| *fault != Self::Redis(NodeFault::CutOff));
        }
        all
    }
}

/// Waits until more is acknowledged; how long that took.
fn until_taken(load: &Load) -> Result<Duration, Violation> {
    let (began, before) = (Instant::now(), load.common.ledger.book().position);
    while load.common.ledger.book().position <= before {
        load.common.violation()?;
        if began.elapsed() > TAKEOVER_MAX {
            return Err(format!("no events are taken for {TAKEOVER_MAX:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(began.elapsed())
}

/// The journal's owner is gone, in a way that `hurt` says: another one takes over.
fn take_over(
    cluster: &Cluster,
    load: &Load,
    report: &Report,
    hurt: impl FnOnce(),
) -> Result<(), Violation> {
    hurt();
    // What it had begun may have come to its end, but no further.
    thread::sleep(Duration::from_millis(50));
    let took = until_taken(load)?;
    if took > TAKEOVER {
        println!("{}", keep_all(cluster, format!("a takeover of {took:?}")));
    }
    report.highest("longest takeover of the journal, in ms", millis(took));
    report.add("takeovers within 10 s", u64::from(took <= TAKEOVER));
    report.add("takeovers of the journal", 1);
    Ok(())
}

/// A process that is told to end does, and says that all went well.
fn end(cluster: &mut Cluster, number: usize) -> Result<(), Violation> {
    let service = &mut cluster.processes[number].service;
    service.signal("TERM");
    match service.ends_within(Duration::from_secs(60)) {
        Some(status) if status.success() => Ok(()),
        ended => Err(format!("a process that was told to end: {ended:?}")),
    }
}

/// A run begins, and is under way for a moment.
fn begin_run(cluster: &Cluster, random: &mut Random) {
    cluster.front().start_run("full");
    thread::sleep(Duration::from_millis(random.below(800)));
}

fn hurt(
    fault: Fault,
    cluster: &mut Cluster,
    load: &Load,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let short = Duration::from_millis(200 + random.below(2500));
    match fault {
        Fault::Owner(fault) => hurt_owner(fault, cluster, load, report)?,
        Fault::Leader(fault) => {
            let leader = cluster.known_holder("leader")?;
            begin_run(cluster, random);
            hurt_process(fault, leader, PAST_LEASE, cluster)?;
        }
        // The first process is the one that is asked.
        Fault::Any(fault @ (ProcessFault::Killed | ProcessFault::Ended)) => {
            let any = 1 + random.below(cluster.processes.len() as u64 - 1);
            hurt_process(fault, any as usize, short, cluster)?;
        }
        Fault::Any(fault) => {
            let any = random.below(cluster.processes.len() as u64);
            hurt_process(fault, any as usize, short * 2, cluster)?;
        }
        Fault::StorageHangs => {
            cluster.s3.signal("STOP");
            thread::sleep(short);
            cluster.s3.signal("CONT");
        }
        Fault::StorageCutOff => cluster.s3.host().cut_off(short),
        Fault::KeyRevoked => revocation::somewhere(cluster, report, random)?,
        Fault::Redis(fault) => cluster.redis.hurt(fault, random),
    }
    Ok(())
}

/// The journal's owner is hurt until another process has taken over.
fn hurt_owner(
    fault: ProcessFault,
    cluster: &mut Cluster,
    load: &Load,
    report: &Report,
) -> Result<(), Violation> {
    let number = cluster.known_holder("owner")?;
    let (owner, storage) = (&cluster.processes[number], cluster.s3.host());
    let signal = |name| owner.service.signal(name);
    match fault {
        ProcessFault::Killed => {
            take_over(cluster, load, report, || signal("KILL"))?;
            cluster.restart(number);
            Ok(())
        }
        ProcessFault::Ended => {
            let began = Instant::now();
            end(cluster, number)?;
            until_taken(load)?;
            report.highest("longest hand-over of the journal, in ms", millis(began.elapsed()));
            cluster.restart(number);
            Ok(())
        }
        ProcessFault::HeldUp => {
            let taken_over = take_over(cluster, load, report, || signal("STOP"));
            signal("CONT");
            taken_over
        }
        ProcessFault::CutFromStorage => {
            let taken_over =
                take_over(cluster, load, report, || owner.host().set_cut_from(storage, true));
            owner.host().set_cut_from(storage, false);
            taken_over
        }
        ProcessFault::CutOff | ProcessFault::CutFromOwner => {
            let taken_over = take_over(cluster, load, report, || owner.host().set_cut_off(true));
            owner.host().set_cut_off(false);
            taken_over
        }
    }
}

/// Hurts a process for some time, or for good and starts it again.
fn hurt_process(
    fault: ProcessFault,
    number: usize,
    time: Duration,
    cluster: &mut Cluster,
) -> Result<(), Violation> {
    let process = &cluster.processes[number];
    match fault {
        ProcessFault::Killed => cluster.kill(number),
        ProcessFault::Ended => {
            end(cluster, number)?;
            cluster.restart(number);
        }
        ProcessFault::HeldUp => {
            process.service.signal("STOP");
            thread::sleep(time);
            process.service.signal("CONT");
        }
        ProcessFault::CutOff => process.host().cut_off(time),
        ProcessFault::CutFromStorage => process.host().cut_from(cluster.s3.host(), time),
        ProcessFault::CutFromOwner => {
            let owner = cluster.known_holder("owner")?;
            process.host().cut_from(cluster.processes[owner].host(), time);
        }
    }
    Ok(())
}

/// All faults, in an order that the seed says, for a bounded time.
pub(crate) fn all(a: &Arguments, report: &Report, random: &mut Random) -> Result<(), Violation> {
    let end = Instant::now() + a.share(25, Duration::from_secs(60));
    slept_through_a_trim(None, report, random)?;
    loop {
        under_faults(None, &Fault::all(), end, report, random)?;
        if a.is_long() {
            revocation::cut_off(report)?;
            successors::restored_storage(None, report, random)?;
            successors::published_after_a_collection(None, report, random)?;
        }
        if Instant::now() > end {
            return Ok(());
        }
    }
}

/// An owner sleeps, with requests of its clients before it, while another one takes over and trims
/// everything that the first one knows. What it acknowledges when it wakes up is there.
pub(crate) fn slept_through_a_trim(
    planted: Option<&str>,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let cluster = Cluster::start(planted, WINDOW_SMALL)?;
    let front = cluster.front();
    let owner = cluster.known_holder("owner")?;
    // Its clients ask it and no other.
    let mut load = Load::start(cluster.processes[owner].http(), 20, 4, random);
    load.common.is_forgetful.store(true, Ordering::Relaxed);
    until_taken(&load)?;
    cluster.processes[owner].service.signal("STOP");
    within(TAKEOVER_MAX, "no other process takes the journal over", || {
        cluster.holder("owner").filter(|holder| *holder != owner)
    })?;
    // Another client's, so many that no id of the first ones is remembered any more.
    for from in (0..3).map(|round| round * WINDOW_SMALL * 2) {
        let to = from + WINDOW_SMALL * 2;
        load.common.ledger.try_to(OTHER, to);
        let lines: Vec<String> = (from..to).map(|n| event(OTHER, n, 0)).collect();
        let sent = front.post("/v1/events", "application/x-ndjson", lines.join("\n").as_bytes());
        let position = sent.ok().filter(|reply| reply.status == 200);
        let position = position.and_then(|reply| reply.json()["position"]["0"].as_u64());
        let position = position.ok_or("a healthy owner does not take events")?;
        load.common.ledger.acknowledge(OTHER, from, to, position);
        run(front, "incremental")?;
    }
    // Nothing new is sent when it wakes up, and nothing again: the ids are remembered no more.
    let pid = cluster.processes[owner].service.pid();
    let waking = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        signal(pid, "CONT");
    });
    let result = load.pause();
    waking.join().map_err(|_| "a thread panicked".to_owned())?;
    let result = result.and_then(|()| cluster.ask_all(&load));
    report.add("owners that slept through a trim", 1);
    report.add_load(&load.common);
    result.map_err(|violation| keep(&cluster.processes[0].place, violation))
}

/// Hurts a cluster with some kinds of faults until `end`, or until there were many; with each of
/// them at least once, if there is the time.
pub(crate) fn under_faults(
    planted: Option<&str>,
    faults: &[Fault],
    end: Instant,
    report: &Report,
    random: &mut Random,
) -> Result<(), Violation> {
    let mut cluster = Cluster::start(planted, WINDOW)?;
    let mut load = Load::start(cluster.front(), 60, 4, random);
    load.roam(&cluster.fronts(), random);
    let (mut result, mut round, mut ahead) = (Ok(()), 0, Vec::new());
    while result.is_ok() && Instant::now() < end && round < FAULTS_A_CLUSTER {
        if ahead.is_empty() {
            ahead = faults.to_vec();
        }
        let fault = ahead.swap_remove(random.below(ahead.len() as u64) as usize);
        let began = Instant::now();
        result = hurt(fault, &mut cluster, &load, report, random)
            .and_then(|()| until_taken(&load).map(drop))
            .and_then(|()| cluster.ask_all(&load))
            .map_err(|violation| format!("after {fault:?}: {violation}"));
        report.add("faults of a cluster", 1);
        report
            .highest("longest fault of a cluster until all answer, in ms", millis(began.elapsed()));
        round += 1;
        // What a client gave up is sent again while its ids are remembered.
        if result.is_ok() && round % SETTLED_AFTER == 0 {
            result = load.pause().and_then(|()| settle_patiently(&cluster, &load));
            load.resume(cluster.front(), random);
            load.roam(&cluster.fronts(), random);
        }
        if result.is_ok() && round % 4 == 0 {
            // Who does the runs may have been killed a moment ago.
            let mode = if round % 8 == 0 { "full" } else { "incremental" };
            cluster.front().start_run(mode);
        }
    }
    let result = result.and(load.pause()).and_then(|()| finish(&cluster, &load));
    report.add_load(&load.common);
    result.map_err(|violation| keep_all(&cluster, violation))
}

/// Keeps what all processes have, for whoever looks into it.
fn keep_all(cluster: &Cluster, what: String) -> String {
    let places = cluster.processes.iter().map(|process| &process.place);
    places.fold(what, |what, place| keep(place, what))
}

/// Sends what is uncertain; then everything must be there once, whichever process is asked.
fn finish(cluster: &Cluster, load: &Load) -> Result<(), Violation> {
    let http = cluster.front();
    cluster.known_holder("owner")?;
    settle_patiently(cluster, load)?;
    cluster.ask_all(load)?;
    for mode in ["incremental", "full"] {
        run(http, mode)?;
        cluster.ask_all(load)?;
    }
    if !ask(http, &load.common)? {
        return Err("a healthy cluster does not answer".to_owned());
    }
    Ok(())
}

/// The owner may have changed a moment ago.
fn settle_patiently(cluster: &Cluster, load: &Load) -> Result<(), Violation> {
    let end = Instant::now() + TAKEOVER_MAX;
    loop {
        match settle(cluster.front(), &load.common) {
            Err(violation) if violation.contains("503") && Instant::now() < end => {
                thread::sleep(Duration::from_millis(200));
            }
            settled => return settled,
        }
    }
}
