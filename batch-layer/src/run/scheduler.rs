//! Follows the schedule: looks at the clock, and queues the runs that are due.

use std::sync::Arc;
use std::time::Duration;

use merganser_core::clock::Clock;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::Catalog;
use tokio::time::Instant;

use super::executor::RunExecutor;
use super::worker::RunServiceInner;
use crate::job::{RunMode, RunTrigger};
use crate::schedule::timetable::{ClockReading, DueRun};

/// The longest until the clock is looked at again: so soon is noticed that it was set.
const LOOK: Duration = Duration::from_secs(1);

/// Queues runs when they are due, also while another one is at work.
pub(super) async fn follow_schedule(inner: Arc<RunServiceInner>) {
    let (mut stop, mut schedule) = (inner.stop.subscribe(), inner.schedule.subscribe());
    while !*stop.borrow() {
        schedule.mark_unchanged();
        let now = read_clock(&*inner.executor.clock);
        let due = inner.timetable().poll_due(now);
        match due {
            DueRun::Run(mode, start) if start_scheduled(&inner.executor, mode, start) => {
                inner.timetable().record_start(mode, start, now.steady);
            }
            DueRun::Repeated(start) => {
                let start = start.to_string();
                tracing::info!(start, "no run: it had its run before the clock was set back");
            }
            DueRun::Run(..) | DueRun::Nothing => {}
        }
        let wait = inner.timetable().wait().map_or(LOOK, |wait| wait.min(LOOK));
        tokio::select! {
            _ = schedule.changed() => {}
            () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Queues the run that is due by the schedule, if there is anything new for it: whether it did.
fn start_scheduled(executor: &RunExecutor, mode: RunMode, start: Timestamp) -> bool {
    let snapshot = executor.catalog.current();
    let end = executor.journal.end();
    let is_idle = snapshot.metrics.iter().all(|metric| metric.boundary.offset >= end);
    // Where the data directory is gone there is nothing to run on, which is told elsewhere.
    if is_idle || executor.journal.confirm().is_err() {
        return false;
    }
    match executor.queue.submit(mode, RunTrigger::Schedule, None) {
        Ok(run) => executor.queue.update(&run.id, |run| run.scheduled_for = Some(start)),
        Err(busy) => {
            tracing::info!(mode = mode.name(), active = busy.id, "a scheduled run is left out");
            false
        }
    }
}

/// What the clocks show.
pub(super) fn read_clock(clock: &dyn Clock) -> ClockReading {
    ClockReading { wall: clock.now(), steady: Instant::now().into_std() }
}
