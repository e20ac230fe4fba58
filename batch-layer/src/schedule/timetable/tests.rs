//! Clocks that are set back and forth, second by second.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use merganser_core::time::{DAY_US, HOUR_US, MINUTE_US};

use super::*;
use crate::job::{RunQueue, RunTrigger};
use crate::schedule::Schedule;

const SECOND_US: i64 = 1_000_000;

fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc).into()
}

fn plan(incremental: &str, full: &str, timezone: &str) -> ParsedSchedule {
    let schedule = Schedule {
        incremental: incremental.to_owned(),
        full: full.to_owned(),
        timezone: timezone.to_owned(),
    };
    schedule.parse().unwrap()
}

/// A service that looks at its clocks once a second, and runs what is due.
struct Service {
    table: Timetable,
    now: ClockReading,
    runs: Vec<(RunMode, Timestamp)>,
    /// What the wall clock showed at each run, in minutes.
    minutes: BTreeMap<i64, usize>,
    repeated: usize,
}

impl Service {
    fn new(plan: ParsedSchedule, now: &str) -> Self {
        let now = ClockReading { wall: at(now), steady: Instant::now() };
        let table = Timetable::new(plan, now.wall);
        Self { table, now, runs: Vec::new(), minutes: BTreeMap::new(), repeated: 0 }
    }

    fn look(&mut self) {
        match self.table.poll_due(self.now) {
            DueRun::Run(mode, start) => {
                self.table.record_start(mode, start, self.now.steady);
                self.runs.push((mode, start));
                *self.minutes.entry(self.now.wall.0.div_euclid(MINUTE_US)).or_default() += 1;
            }
            DueRun::Repeated(_) => self.repeated += 1,
            DueRun::Nothing => {}
        }
    }

    fn go_on(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now.steady += Duration::from_secs(1);
            self.now.wall.0 += SECOND_US;
            self.look();
        }
    }

    fn jump(&mut self, by_us: i64) {
        self.now.wall.0 += by_us;
        self.look();
    }

    /// How many runs there were since the last call.
    fn taken(&mut self) -> usize {
        std::mem::take(&mut self.runs).len()
    }

    fn check_minutes(&self) {
        let twice: Vec<_> = self.minutes.iter().filter(|(_, runs)| **runs > 1).collect();
        assert!(twice.is_empty(), "minutes with more than one run: {twice:?}");
    }
}

#[test]
fn each_start_has_one_run_and_the_full_one_goes_first() {
    let mut service = Service::new(plan("*/5 * * * *", "0 3 * * *", "UTC"), "2026-11-22T02:54:30Z");
    service.go_on(700);
    let expected = [
        (RunMode::Incremental, at("2026-11-22T02:55:00Z")),
        (RunMode::Full, at("2026-11-22T03:00:00Z")),
        (RunMode::Incremental, at("2026-11-22T03:05:00Z")),
    ];
    assert_eq!(service.runs, expected);
    let next = |mode| service.table.next(mode, service.now);
    assert_eq!(next(RunMode::Incremental), Some(at("2026-11-22T03:10:00Z")));
    assert_eq!(next(RunMode::Full), Some(at("2026-11-23T03:00:00Z")));
    let off = Service::new(plan("", "", "UTC"), "2026-11-22T02:54:30Z");
    assert_eq!((off.table.wait(), off.table.next(RunMode::Full, off.now)), (None, None));
}

#[test]
fn a_clock_that_jumps_by_hours_and_days_is_followed_as_it_is() {
    for by_us in [HOUR_US, DAY_US, 3 * HOUR_US + 7 * SECOND_US, 400 * DAY_US] {
        for back_first in [true, false] {
            let by_us = if back_first { -by_us } else { by_us };
            let mut service = Service::new(plan("* * * * *", "", "UTC"), "2026-11-22T12:00:30Z");
            service.go_on(300);
            assert_eq!(service.taken(), 5);
            service.jump(by_us);
            // What was left out has one run.
            assert_eq!(service.taken(), usize::from(by_us > 0));
            service.go_on(300);
            assert_eq!(service.taken(), 5, "after a jump of {by_us} µs");
            service.jump(-by_us);
            service.go_on(300);
            assert!(service.taken() >= 5, "after a jump of {} µs", -by_us);
            assert_eq!(service.repeated, 0);
            service.check_minutes();
        }
    }
}

#[test]
fn minutes_that_a_clock_reaches_again_at_once_have_no_second_run() {
    let mut service = Service::new(plan("* * * * *", "", "UTC"), "2026-11-22T12:00:30Z");
    service.go_on(160);
    assert_eq!(service.taken(), 3);
    service.jump(-2 * MINUTE_US);
    // It is 12:01:10, and 12:02 and 12:03 had their runs.
    let next = service.table.next(RunMode::Incremental, service.now);
    assert_eq!(next, Some(at("2026-11-22T12:04:00Z")));
    service.go_on(120);
    assert_eq!((service.taken(), service.repeated), (0, 2));
    service.go_on(120);
    assert_eq!(service.taken(), 2);
    // Back by an hour, and forth again within the same minute.
    service.jump(-HOUR_US);
    service.go_on(5);
    service.jump(HOUR_US);
    assert_eq!((service.taken(), service.repeated), (0, 3));
    service.go_on(60);
    assert_eq!(service.taken(), 1);
    service.check_minutes();
}

/// A schedule that has been followed for days does not stand still for as long as the clock was
/// set back by.
#[test]
fn starts_that_come_again_much_later_are_due_again() {
    let mut service = Service::new(plan("* * * * *", "0 3 * * *", "UTC"), "2026-11-22T00:00:30Z");
    service.go_on(4 * 3600);
    service.taken();
    service.jump(-HOUR_US);
    service.go_on(140);
    assert!((1..=3).contains(&service.taken()), "it stands still");
    service.jump(-HOUR_US / 2);
    service.go_on(3600);
    let full = |service: &Service| service.runs.iter().filter(|r| r.0 == RunMode::Full).count();
    assert_eq!(full(&service), 0, "3:00 has had its run an hour ago");
    assert_eq!(service.taken(), 60);
    service.jump(-DAY_US);
    service.go_on(86_400);
    assert_eq!(full(&service), 1, "a night without a full run");
    assert_eq!(service.taken(), 24 * 60);
}

#[test]
fn changes_of_summer_time_leave_no_minute_out_and_double_none() {
    let days = [
        ("Europe/Berlin", "2026-03-28T22:00:00Z"),
        ("Europe/Berlin", "2026-10-24T21:59:30Z"),
        ("America/New_York", "2026-03-08T04:59:30Z"),
        ("America/New_York", "2026-11-01T03:59:30Z"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T12:00:00Z"),
        // Its midnight is left out.
        ("America/Santiago", "2026-09-06T02:00:00Z"),
    ];
    for (zone, start) in days {
        let mut service = Service::new(plan("* * * * *", "", zone), start);
        service.go_on(6 * 3600);
        assert_eq!(service.taken(), 6 * 60, "{zone} {start}");
        service.check_minutes();
        for full in ["30 2 * * *", "0 0 * * *", "59 1 * * *"] {
            let mut service = Service::new(plan("", full, zone), start);
            service.go_on(22 * 3600);
            assert_eq!(service.taken(), 1, "`{full}` {zone} {start}");
        }
    }
}

#[test]
fn a_restart_remembers_which_starts_had_their_runs() {
    let queue = RunQueue::default();
    let run = queue.submit(RunMode::Incremental, RunTrigger::Schedule, None).unwrap();
    queue.update(&run.id, |run| run.scheduled_for = Some(at("2026-11-22T12:01:00Z")));
    let mut service = Service::new(plan("* * * * *", "", "UTC"), "2026-11-22T12:00:58Z");
    service.table.restore(&queue.list(), service.now);
    service.go_on(10);
    assert_eq!((service.taken(), service.repeated), (0, 1));
    service.go_on(60);
    assert_eq!(service.taken(), 1);
}

/// Jumps of any size at any time: no minute of the wall clock has two runs within the time that
/// starts are passed over, and no three minutes go by without a look at a new minute having one.
#[test]
fn runs_go_on_when_the_clock_jumps() {
    let mut seed = 14_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut service = Service::new(plan("* * * * *", "0 3 * * *", "UTC"), "2026-11-22T12:00:30Z");
    for _ in 0..2_000 {
        let by_us = [SECOND_US, MINUTE_US, HOUR_US, DAY_US][random(4) as usize];
        let by_us = by_us * (random(5) as i64 - 2);
        service.jump(by_us);
        service.go_on(random(200) as i64);
        assert!(service.table.ran.len() <= 2 * REMEMBERED_MAX);
        let before = service.table.ran.clone();
        for (n, ran) in before.iter().enumerate() {
            let again = before.iter().skip(n + 1).find(|other| other.start == ran.start);
            let gap = again.map(|again| again.at - ran.at);
            assert!(gap.is_none_or(|gap| gap >= PASSED_OVER_MIN), "{ran:?} again after {gap:?}");
        }
    }
    service.taken();
    service.go_on(900);
    assert!(service.taken() >= 4, "it stands still");
}
