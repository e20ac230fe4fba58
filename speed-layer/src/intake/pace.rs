//! The rule by which intake leaves processors to runs.
//!
//! The backlog is what no run has archived. Up to its bound, intake takes events as fast as they
//! come. Above the bound, requests take turns in the order of their arrival, at a rate that spreads
//! the room that is left below twice the bound over the time that a run needs:
//!
//! ```text
//! events a second = (2 × bound − backlog) ÷ seconds that the last run took
//! ```
//!
//! The nearer the backlog is to twice the bound, the slower intake becomes, and the more of the
//! processors is the run's; so it settles where intake takes what runs cover. A request whose turn
//! is further away than a client would wait is refused, and told when to come again.
//!
//! Only decisions are here: whoever asks says what time it is and how far the journal and the
//! master dataset are.

use std::time::{Duration, Instant};

use merganser_core::ids::Offset;

/// The longest that a request waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// What the time of a run is taken to be at least and at most.
const RUN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

/// The same before one was seen.
const RUN_AT_FIRST: Duration = Duration::from_secs(60);

/// How far the journal and the master dataset are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The journal's end.
    pub(super) end: Offset,
    /// What lies before is in the master dataset.
    pub(super) archived: Offset,
}

impl Progress {
    /// Events that no run has archived.
    pub(super) fn backlog(self) -> u64 {
        self.end.since(self.archived)
    }
}

/// The turns that intake gives to requests.
#[derive(Debug)]
pub(super) struct Pace {
    max_events: u64,
    archived: Offset,
    /// Since when a run has been at work on what is there, as far as is known: since the last one
    /// published, or the backlog came to half of its bound, where a run starts by itself.
    since: Instant,
    /// How long the last run took.
    run: Duration,
    /// When the next turn may begin.
    next: Instant,
}

impl Pace {
    pub(super) fn new(max_events: u64, archived: Offset, now: Instant) -> Self {
        Self { max_events, archived, since: now, run: RUN_AT_FIRST, next: now }
    }

    /// Looks whether a run has published.
    pub(super) fn observe(&mut self, now: Instant, progress: Progress) {
        if progress.archived > self.archived {
            self.run = now.saturating_duration_since(self.since).clamp(RUN.0, RUN.1);
            (self.archived, self.since) = (progress.archived, now);
            // There is room again, whatever the last turns had taken of what there was.
            self.next = now;
        }
        if progress.backlog() <= self.max_events / 2 {
            self.since = now;
        }
    }

    /// When a request of so many events may be committed.
    ///
    /// # Errors
    /// When to come again, for a request that would wait too long.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        progress: Progress,
        events: u64,
    ) -> Result<Instant, Duration> {
        self.observe(now, progress);
        let backlog = progress.backlog();
        if backlog <= self.max_events {
            return Ok(now);
        }
        let room = self.max_events.saturating_mul(2).saturating_sub(backlog);
        if room == 0 {
            let expected = self.since + self.run;
            return Err(expected.saturating_duration_since(now).max(WAIT_MAX));
        }
        let turn = self.next.max(now);
        let wait = turn - now;
        if wait > WAIT_MAX {
            return Err(wait);
        }
        // One that is larger than the room takes all of it.
        self.next = turn + self.run.mul_f64((events as f64 / room as f64).min(1.0));
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(end: u64, archived: u64) -> Progress {
        Progress { end: Offset(end), archived: Offset(archived) }
    }

    /// After a run that took 10 s, of which the first 100 events are archived.
    fn after_a_run(begun: Instant) -> Pace {
        let mut pace = Pace::new(1_000, Offset(0), begun);
        pace.observe(begun, at(600, 0));
        pace.observe(begun + 10 * SECOND, at(2_100, 100));
        pace
    }

    #[test]
    fn a_burst_up_to_the_bound_does_not_wait() {
        let now = Instant::now();
        let mut pace = Pace::new(1_000, Offset(0), now);
        for end in (0..=1_000).step_by(100) {
            assert_eq!(pace.turn(now, at(end, 0), 100), Ok(now));
        }
    }

    #[test]
    fn above_the_bound_the_room_is_spread_over_the_time_of_a_run() {
        let begun = Instant::now();
        let mut pace = after_a_run(begun);
        let now = begun + 20 * SECOND;
        // 600 events are left for 10 s: 60 a second.
        let full = at(1_500, 100);
        assert_eq!(pace.turn(now, full, 30), Ok(now));
        assert_eq!(pace.turn(now, full, 30), Ok(now + SECOND / 2));
        assert_eq!(pace.turn(now, full, 60), Ok(now + SECOND));
        assert_eq!(pace.turn(now, full, 1), Err(2 * SECOND));
        assert_eq!(pace.turn(now + SECOND, full, 1), Ok(now + 2 * SECOND));
    }

    #[test]
    fn at_twice_the_bound_nothing_is_taken_until_a_run_has_archived_more() {
        let begun = Instant::now();
        let mut pace = after_a_run(begun);
        let now = begun + 13 * SECOND;
        assert_eq!(pace.turn(now, at(2_100, 100), 0), Err(7 * SECOND));
        assert_eq!(pace.turn(now + 60 * SECOND, at(2_100, 100), 1), Err(SECOND), "it is overdue");
        assert_eq!(pace.turn(now, at(2_100, 1_200), 1), Ok(now));
    }

    #[test]
    fn a_large_request_takes_all_of_the_room_and_none_of_what_a_run_frees() {
        let begun = Instant::now();
        let mut pace = after_a_run(begun);
        let now = begun + 20 * SECOND;
        assert_eq!(pace.turn(now, at(2_099, 100), 5_000), Ok(now));
        assert_eq!(pace.turn(now, at(2_099, 100), 1), Err(10 * SECOND));
        // Still over the bound, but there is room again.
        let now = now + 2 * SECOND;
        assert_eq!(pace.turn(now, at(2_099, 1_000), 1), Ok(now));
    }

    #[test]
    fn a_pause_is_not_taken_for_a_long_run() {
        let begun = Instant::now();
        let mut pace = Pace::new(1_000, Offset(0), begun);
        pace.observe(begun + 3_600 * SECOND, at(400, 0));
        pace.observe(begun + 3_601 * SECOND, at(700, 0));
        pace.observe(begun + 3_620 * SECOND, at(900, 100));
        assert_eq!(pace.run, 20 * SECOND);
        pace.observe(begun + 3_620 * SECOND + SECOND / 10, at(900, 200));
        assert_eq!(pace.run, SECOND);
    }

    /// Clients that send as fast as they are let, each with so many events a request, and runs of
    /// which each archives what was there when it began.
    #[derive(Debug)]
    struct Course {
        bound: u64,
        clients: Vec<u64>,
        run_s: u32,
    }

    impl Course {
        /// The largest backlog of 400 s, and the requests that were taken of each client. A request
        /// takes 10 ms by itself, and who is refused comes again when it was told, or after a
        /// second.
        fn play(&self) -> (u64, Vec<u64>) {
            let begun = Instant::now();
            let mut pace = Pace::new(self.bound, Offset(0), begun);
            let (mut end, mut archived, mut sealed, mut largest) = (0, 0, 0, 0);
            let mut asks = vec![begun; self.clients.len()];
            let mut taken = vec![0; self.clients.len()];
            let mut turns: Vec<(Instant, usize)> = Vec::new();
            let mut run_ends = begun + self.run_s * SECOND;
            loop {
                let client = (0..asks.len()).min_by_key(|client| asks[*client]).unwrap();
                let now = asks[client];
                if now > begun + 400 * SECOND {
                    return (largest, taken);
                }
                turns.sort_unstable();
                while turns.first().is_some_and(|(turn, _)| *turn <= now) {
                    let (_, client) = turns.remove(0);
                    end += self.clients[client];
                    taken[client] += 1;
                }
                while run_ends <= now {
                    (archived, sealed) = (sealed, end);
                    run_ends += self.run_s * SECOND;
                }
                largest = largest.max(end - archived);
                asks[client] = match pace.turn(now, at(end, archived), self.clients[client]) {
                    Ok(turn) => {
                        assert!(turn <= now + WAIT_MAX);
                        turns.push((turn, client));
                        turn + SECOND / 100
                    }
                    Err(wait) => {
                        assert!(wait > Duration::ZERO && wait <= RUN.1 + WAIT_MAX);
                        now + wait.min(SECOND)
                    }
                };
            }
        }
    }

    #[test]
    fn clients_that_wait_for_their_turns_are_served_alike() {
        let course = Course { bound: 20_000, clients: vec![100; 8], run_s: 5 };
        let (_, taken) = course.play();
        let (least, most) = (taken.iter().min().unwrap(), taken.iter().max().unwrap());
        assert!(*least > 1_000 && most - least <= least / 10, "{taken:?}");
    }

    proptest! {
        #[test]
        fn the_backlog_stays_bounded_and_nobody_is_starved(
            bound in 1_000_u64..5_000,
            clients in prop::collection::vec(1_u64..200, 1..8),
            run_s in 1_u32..90,
        ) {
            let course = Course { bound, clients, run_s };
            let (largest, taken) = course.play();
            // Above twice the bound by no more than the requests that had their turns.
            let under_way: u64 = course.clients.iter().sum();
            prop_assert!(largest <= 2 * bound + under_way, "{largest}");
            prop_assert!(taken.iter().all(|taken| *taken > 0), "{taken:?}");
        }
    }
}
