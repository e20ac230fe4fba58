//! Notices when the wall clock jumps, and says so, once for each jump.
//!
//! Durations are measured by the monotonic clock, which cannot be set. Dates follow the wall clock
//! as it is: schedules, the expiry of keys, `now` in queries, and the times of events and runs. So
//! a jump harms nothing, but explains odd times afterwards.

use std::sync::Arc;
use std::time::Duration;

use merganser_core::clock::Clock;
use merganser_core::time::Timestamp;
use tokio::time::{Instant, sleep};
use tracing::warn;

/// How often the clocks are compared.
const LOOK: Duration = Duration::from_secs(1);
/// How far the two clocks have to diverge between two looks. NTP sets a clock by less, which is
/// normal.
const JUMP: Duration = Duration::from_secs(1);

/// Compares the wall clock with the monotonic one, for as long as it is polled.
pub(super) async fn watch_clock(clock: Arc<dyn Clock>) {
    metrics::describe_counter!(
        "merganser_clock_jumps_total",
        metrics::Unit::Count,
        "Jumps of the wall clock by a second or more, since the start"
    );
    let jumps = metrics::counter!("merganser_clock_jumps_total");
    jumps.increment(0);
    let mut before = (clock.now(), Instant::now());
    loop {
        sleep(LOOK).await;
        let now = (clock.now(), Instant::now());
        if let Some(jump) = detect_jump(before.0, now.0, now.1 - before.1) {
            jumps.increment(1);
            let (direction, seconds) = (jump.direction(), jump.by().as_secs_f64());
            warn!(
                was = %jump.expected, is = %now.0, seconds,
                "the wall clock jumped {direction}; schedules and the expiry of keys follow it"
            );
        }
        before = now;
    }
}

/// Where the wall clock would be, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ClockJump {
    expected: Timestamp,
    found: Timestamp,
}

impl ClockJump {
    fn by(self) -> Duration {
        Duration::from_micros(self.found.0.abs_diff(self.expected.0))
    }

    fn direction(self) -> &'static str {
        if self.found < self.expected { "back" } else { "forward" }
    }
}

/// Whether the wall clock jumped on its way from `before` to `now`, while `took` went by.
fn detect_jump(before: Timestamp, now: Timestamp, took: Duration) -> Option<ClockJump> {
    let took_us = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
    let expected = Timestamp(before.0.saturating_add(took_us));
    let jump = ClockJump { expected, found: now };
    (jump.by() >= JUMP).then_some(jump)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_what_the_time_that_went_by_does_not_explain() {
        let second = Duration::from_secs(1);
        let seconds = |seconds: i64| Timestamp(seconds * 1_000_000);
        let jumped = |to: i64, took: Duration| detect_jump(seconds(100), seconds(to), took);
        assert_eq!(jumped(101, second), None);
        assert_eq!(jumped(100, second / 2), None, "a correction by half a second");
        assert_eq!(jumped(4000, 3900 * second), None, "a process that was stopped");
        let back = jumped(101 - 3600, second).unwrap();
        assert_eq!((back.direction(), back.by()), ("back", 3600 * second));
        assert_eq!(back.expected, seconds(101));
        let forward = jumped(101 + 86_400, second).unwrap();
        assert_eq!((forward.direction(), forward.by()), ("forward", 86_400 * second));
    }
}
