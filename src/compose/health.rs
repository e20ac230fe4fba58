//! Looks after the parts: whether the service is ready, how fast events come in, whether a metric
//! is so full, or the backlog so large, that a run is wanted, and whether the data directory is
//! still there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use batch_layer::job::{RunMode, RunState, RunTrigger};
use batch_layer::run::RunService;
use merganser_core::clock::Clock;
use merganser_core::ids::MetricId;
use merganser_metric::views::SpeedViews;
use speed_layer::fold::SpeedHandle;
use speed_layer::intake::IntakeHandle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::clock;
use super::status::StatusCollector;
use crate::http::Readiness;

/// How often parts are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long after a run the next one is started for the backlog: others have a turn between them.
const BACKLOG_PAUSE: Duration = Duration::from_secs(2);
/// The same after one that failed.
const BACKLOG_RETRY: Duration = Duration::from_secs(10);
/// Over which time the rate of events is measured.
const RATE: Duration = Duration::from_secs(5);
/// How often it is looked whether the data directory is still the one of the start.
const DIRECTORY: Duration = Duration::from_secs(1);
/// How often the disk is measured.
const DISK: Duration = Duration::from_secs(60);

/// Starts to look, until `stop`. Whatever a start still has to finish is a reason from now on.
pub(super) fn start_health_checks(
    readiness: &Readiness,
    stop: &CancellationToken,
    (intake, runs, speed, status): (&IntakeHandle, &RunService, &SpeedHandle, &StatusCollector),
    clock: &Arc<dyn Clock>,
    retire_grace: Duration,
) {
    readiness.set_not_ready("speed views", "catching up with the journal");
    check_parts(readiness, intake, runs, speed);
    let parts = check_parts_loop(readiness.clone(), intake.clone(), runs.clone(), speed.clone());
    let tasks = [
        tokio::spawn(parts),
        tokio::spawn(follow_fold(readiness.clone(), speed.clone())),
        tokio::spawn({
            let (full, runs) = (speed.full(), runs.clone());
            async move { run_on_group_limit(full, &runs, retire_grace).await }
        }),
        tokio::spawn({
            let (intake, runs) = (intake.clone(), runs.clone());
            async move {
                run_on_backlog(|| intake.observe_backlog(), intake.backlog_max(), &runs).await;
            }
        }),
        tokio::spawn(watch_data_dir(intake.clone())),
        tokio::spawn(clock::watch_clock(Arc::clone(clock))),
        tokio::spawn({
            let (accepted, noted) = (status.clone(), status.clone());
            measure_rate(move || accepted.accepted(), move |rate| noted.set_events_per_second(rate))
        }),
        tokio::spawn(measure_disk(status.clone())),
    ];
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    });
}

async fn check_parts_loop(
    readiness: Readiness,
    intake: IntakeHandle,
    runs: RunService,
    speed: SpeedHandle,
) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = speed.failures();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            // The sender lives in `speed`.
            _ = failures.changed() => {}
        }
        check_parts(&readiness, &intake, &runs, &speed);
    }
}

fn check_parts(
    readiness: &Readiness,
    intake: &IntakeHandle,
    runs: &RunService,
    speed: &SpeedHandle,
) {
    match intake.stopped() {
        Some(reason) => readiness.set_not_ready("intake", reason.to_string()),
        None => readiness.set_ready("intake"),
    }
    match runs.is_ready() {
        false => readiness.set_not_ready("runs", "finishing what the last process left unfinished"),
        true => readiness.set_ready("runs"),
    }
    match speed.failure() {
        Some(failure) => readiness
            .set_not_ready("speed store", format!("{} (since {})", failure.reason, failure.since)),
        None => readiness.set_ready("speed store"),
    }
}

async fn follow_fold(readiness: Readiness, speed: SpeedHandle) {
    if speed.ready().await.is_ok() {
        readiness.set_ready("speed views");
    }
    if let Err(error) = speed.ended().await {
        error!(%error, "the speed views stand still");
        readiness.set_not_ready("speed views", error.to_string());
    }
}

/// Starts a run while a metric has reached its bound of groups: what the batch views cover, the
/// speed views let go of after `retire_grace`. What is left out meanwhile is in the next run.
pub(super) async fn run_on_group_limit(
    mut full: watch::Receiver<BTreeSet<MetricId>>,
    runs: &RunService,
    retire_grace: Duration,
) {
    while full.wait_for(|full| !full.is_empty()).await.is_ok() {
        if let Ok(run) = runs.queue().submit(RunMode::Incremental, RunTrigger::Limit, None) {
            info!(run = run.id, "a metric has reached its bound of groups: started a run");
            end_of(runs, &run.id).await;
            sleep(retire_grace).await;
        }
        sleep(LOOK).await;
    }
}

/// Starts a run while the backlog is over half of its bound, so that a burst does not wait for the
/// schedule until intake slows down. Looking at it also tells intake how fast runs are.
pub(super) async fn run_on_backlog(backlog: impl Fn() -> u64, backlog_max: u64, runs: &RunService) {
    let mut next = Instant::now();
    loop {
        sleep(LOOK).await;
        let backlog = backlog();
        if backlog <= backlog_max / 2 || Instant::now() < next {
            continue;
        }
        if let Ok(run) = runs.queue().submit(RunMode::Incremental, RunTrigger::Limit, None) {
            info!(run = run.id, backlog, "the backlog is large: started a run");
            let pause = match end_of(runs, &run.id).await {
                Some(RunState::Succeeded) => BACKLOG_PAUSE,
                _ => BACKLOG_RETRY,
            };
            next = Instant::now() + pause;
        }
    }
}

/// Waits for the end of a run; nothing when its record is gone.
async fn end_of(runs: &RunService, id: &str) -> Option<RunState> {
    let mut run = runs.queue().follow(id)?;
    run.wait_for(|run| run.state.is_final()).await.ok().map(|run| run.state)
}

/// Looks whether the data directory is still there. When it is not, intake stops, says so, and is
/// no longer ready.
async fn watch_data_dir(intake: IntakeHandle) {
    let mut tick = interval(DIRECTORY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let intake = intake.clone();
        if let Ok(Err(_)) = spawn_blocking(move || intake.check_journal()).await {
            return;
        }
    }
}

/// Notes how fast events are accepted, every now and then. Never ends.
pub(super) async fn measure_rate(accepted: impl Fn() -> u64, note: impl Fn(u64)) {
    let (mut before, mut since) = (accepted(), Instant::now());
    loop {
        sleep(RATE).await;
        let (accepted, now) = (accepted(), Instant::now());
        let seconds = (now - since).as_secs_f64().max(0.001);
        note(((accepted - before) as f64 / seconds).round() as u64);
        (before, since) = (accepted, now);
    }
}

async fn measure_disk(status: StatusCollector) {
    let mut tick = interval(DISK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let status = status.clone();
        // A walk that panics measures nothing this time.
        let _ = spawn_blocking(move || status.measure_disk()).await;
    }
}
