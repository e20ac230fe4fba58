//! Follows the schedule: looks at the clock, and queues the runs that are due.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use merganser_core::clock::Clock;
use merganser_core::journal::Journal;
use merganser_core::time::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::catalog::BatchCatalog;
use crate::job::{RunMode, RunQueue, RunTrigger};
use crate::schedule::timetable::{ClockReading, DueRun, Timetable};
use crate::schedule::{Schedule, ScheduleError};

/// The longest until the clock is looked at again: so soon is noticed that it was set.
const LOOK: Duration = Duration::from_secs(1);

/// Queues runs when they are due.
pub(super) struct RunScheduler {
    pub(super) catalog: Arc<BatchCatalog>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) queue: RunQueue,
    pub(super) clock: Arc<dyn Clock>,
    schedule: watch::Sender<Schedule>,
    timetable: Mutex<Timetable>,
}

impl RunScheduler {
    /// A scheduler that knows the runs of the queue: their starts are not repeated.
    pub(super) fn new(
        schedule: Schedule,
        (catalog, journal): (Arc<BatchCatalog>, Arc<dyn Journal>),
        queue: RunQueue,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ScheduleError> {
        let mut timetable = Timetable::new(schedule.parse()?, clock.now());
        timetable.restore(&queue.list(), read_clock(&*clock));
        let (schedule, timetable) = (watch::Sender::new(schedule), Mutex::new(timetable));
        Ok(Self { catalog, journal, queue, clock, schedule, timetable })
    }

    pub(super) fn schedule(&self) -> Schedule {
        self.schedule.borrow().clone()
    }

    /// Follows another schedule from now on.
    pub(super) fn set_schedule(&self, schedule: Schedule) -> Result<(), ScheduleError> {
        self.timetable().change(schedule.parse()?, self.clock.now());
        self.schedule.send_replace(schedule);
        Ok(())
    }

    /// When a run of this mode starts next, if nothing changes the schedule or the clock.
    pub(super) fn next_start(&self, mode: RunMode) -> Option<Timestamp> {
        self.timetable().next(mode, read_clock(&*self.clock))
    }

    /// Queues runs when they are due, also while another one is at work, until `stop` says so.
    pub(super) async fn follow(&self, mut stop: watch::Receiver<bool>) {
        let mut schedule = self.schedule.subscribe();
        while !*stop.borrow() {
            schedule.mark_unchanged();
            let now = read_clock(&*self.clock);
            let due = self.timetable().poll_due(now);
            match due {
                DueRun::Run(mode, start) if self.start_scheduled(mode, start) => {
                    self.timetable().record_start(mode, start, now.steady);
                }
                DueRun::Repeated(start) => {
                    let start = start.to_string();
                    tracing::info!(start, "no run: it had its run before the clock was set back");
                }
                DueRun::Run(..) | DueRun::Nothing => {}
            }
            let wait = self.timetable().wait().map_or(LOOK, |wait| wait.min(LOOK));
            tokio::select! {
                _ = schedule.changed() => {}
                () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Queues the run that is due by the schedule, if there is anything new for it; returns whether
    /// it was queued.
    fn start_scheduled(&self, mode: RunMode, start: Timestamp) -> bool {
        let covered = self.catalog.state().covered_boundary();
        let is_idle = covered.offset >= self.journal.end();
        // Without its data directory a run has nothing to read; intake reports that loss.
        if is_idle || self.journal.confirm().is_err() {
            return false;
        }
        match self.queue.submit(mode, RunTrigger::Schedule, None) {
            Ok(run) => self.queue.update(&run.id, |run| run.scheduled_for = Some(start)),
            Err(busy) => {
                tracing::info!(mode = mode.name(), active = busy.id, "a scheduled run is left out");
                false
            }
        }
    }

    fn timetable(&self) -> MutexGuard<'_, Timetable> {
        // Nothing panics while it is locked.
        self.timetable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the clocks show.
fn read_clock(clock: &dyn Clock) -> ClockReading {
    ClockReading { wall: clock.now(), steady: Instant::now().into_std() }
}
