//! Who is next, of those who wait: a decision without clock or lock.
//!
//! Whoever has the fewest turns at present is next, and of these whoever has had the least time
//! (*start-time fair queueing*: what one did not use while not asking is not saved up). Within one
//! asker's share its queries and the refreshes of its live answers share likewise.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use merganser_api::request::CallerId;

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkPurpose {
    /// An answer that somebody waits for.
    Query,
    /// Another answer for those who follow one.
    Refresh,
}

/// Who wants a turn, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PermitRequest {
    /// Whose share it is of.
    pub(crate) asker: CallerId,
    /// What for.
    pub(crate) purpose: WorkPurpose,
}

impl PermitRequest {
    /// An answer that somebody waits for.
    pub(crate) fn query(asker: CallerId) -> Self {
        Self { asker, purpose: WorkPurpose::Query }
    }

    /// Another answer for those who follow one.
    pub(crate) fn refresh(asker: CallerId) -> Self {
        Self { asker, purpose: WorkPurpose::Refresh }
    }
}

/// One who waits.
pub(crate) trait FairWaiter {
    /// Whether it does not wait any more.
    fn is_gone(&self) -> bool;
    /// Whether there is what it needs, which it takes then: it is asked only when it is the next.
    fn fits(&self) -> bool;
}

/// Those who wait and what everyone has had.
pub(crate) struct FairQueue<W> {
    lines: HashMap<CallerId, AskerQueue<W>>,
    /// What whoever was next had had by then: who comes anew begins with as much.
    had: f64,
    arrivals: u64,
}

/// Those of one asker.
struct AskerQueue<W> {
    running: usize,
    had: f64,
    queues: [PurposeQueue<W>; 2],
}

struct PurposeQueue<W> {
    had: f64,
    /// With their places in the order of arrival.
    waiting: VecDeque<(u64, W)>,
}

impl<W> Default for FairQueue<W> {
    fn default() -> Self {
        Self { lines: HashMap::new(), had: 0.0, arrivals: 0 }
    }
}

impl<W> AskerQueue<W> {
    fn is_idle(&self) -> bool {
        self.running == 0 && !self.is_waiting()
    }

    fn is_waiting(&self) -> bool {
        self.queues.iter().any(|queue| !queue.waiting.is_empty())
    }

    /// When its first came.
    fn first(&self) -> u64 {
        let firsts = self.queues.iter().filter_map(|queue| queue.waiting.front());
        firsts.map(|(arrival, _)| *arrival).min().unwrap_or(u64::MAX)
    }

    fn order(&self, other: &Self) -> Ordering {
        let first = || self.first().cmp(&other.first());
        let running = self.running.cmp(&other.running);
        running.then(self.had.total_cmp(&other.had)).then_with(first)
    }
}

impl<W> FairQueue<W> {
    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        !self.lines.values().any(AskerQueue::is_waiting)
    }

    fn line(&mut self, asker: &CallerId) -> &mut AskerQueue<W> {
        let had = self.had;
        let queue = || PurposeQueue { had: 0.0, waiting: VecDeque::new() };
        let new = || AskerQueue { running: 0, had, queues: [queue(), queue()] };
        let line = self.lines.entry(asker.clone()).or_insert_with(new);
        if line.is_idle() {
            line.had = line.had.max(had);
        }
        line
    }

    /// One more waits.
    pub(crate) fn wait(&mut self, asking: &PermitRequest, waiter: W) {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let line = self.line(&asking.asker);
        let other = line.queues[1 - asking.purpose as usize].had;
        let queue = &mut line.queues[asking.purpose as usize];
        if queue.waiting.is_empty() {
            queue.had = queue.had.max(other);
        }
        queue.waiting.push_back((arrival, waiter));
    }

    /// A turn begins without waiting.
    pub(crate) fn begin(&mut self, asking: &PermitRequest) {
        self.line(&asking.asker).running += 1;
    }

    /// The next one whose turn begins now.
    pub(crate) fn next(&mut self) -> Option<(PermitRequest, W)>
    where
        W: FairWaiter,
    {
        let mut askers: Vec<CallerId> =
            self.lines.iter().filter(|(_, l)| l.is_waiting()).map(|(a, _)| a.clone()).collect();
        askers.sort_by(|a, b| self.lines[a].order(&self.lines[b]));
        for asker in askers {
            let Some(line) = self.lines.get_mut(&asker) else { continue };
            let mut purposes = [WorkPurpose::Query, WorkPurpose::Refresh];
            purposes.sort_by(|a, b| {
                line.queues[*a as usize].had.total_cmp(&line.queues[*b as usize].had)
            });
            for purpose in purposes {
                let waiting = &mut line.queues[purpose as usize].waiting;
                waiting.retain(|(_, waiter)| !waiter.is_gone());
                let at = waiting.iter().position(|(_, waiter)| waiter.fits());
                if let Some((_, waiter)) = at.and_then(|at| waiting.remove(at)) {
                    line.running += 1;
                    self.had = self.had.max(line.had);
                    return Some((PermitRequest { asker, purpose }, waiter));
                }
            }
        }
        None
    }

    /// A turn ends that took so many seconds.
    pub(crate) fn end(&mut self, asking: &PermitRequest, seconds: f64) {
        if let Some(line) = self.lines.get_mut(&asking.asker) {
            line.running -= 1;
            line.had += seconds;
            line.queues[asking.purpose as usize].had += seconds;
        }
        let had = self.had;
        self.lines.retain(|_, line| !line.is_idle() || line.had > had);
        if self.lines.values().all(AskerQueue::is_idle) {
            self.lines.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// One who waits: a name, the seconds that its turn takes, and how often it was asked whether
    /// there is what it needs.
    struct One(&'static str, f64, Cell<usize>);

    impl FairWaiter for One {
        fn is_gone(&self) -> bool {
            self.0 == "gone"
        }

        fn fits(&self) -> bool {
            self.2.set(self.2.get() + 1);
            self.0 != "large"
        }
    }

    fn one(name: &'static str, seconds: f64) -> One {
        One(name, seconds, Cell::new(0))
    }

    fn asking(name: &str, purpose: WorkPurpose) -> PermitRequest {
        PermitRequest { asker: CallerId::key(name), purpose }
    }

    /// Plays turns of so many seconds for whoever is next; how many each had.
    fn play(fair: &mut FairQueue<One>, turns: usize) -> HashMap<&'static str, usize> {
        let mut had = HashMap::new();
        for _ in 0..turns {
            let (asking, waiter) = fair.next().unwrap();
            *had.entry(waiter.0).or_default() += 1;
            let seconds = waiter.1;
            fair.wait(&asking, waiter);
            fair.end(&asking, seconds);
        }
        had
    }

    #[test]
    fn a_hundred_of_one_key_get_no_more_time_than_one_of_another() {
        let mut fair = FairQueue::default();
        (0..100).for_each(|_| fair.wait(&asking("many", WorkPurpose::Query), one("many", 1.0)));
        fair.wait(&asking("one", WorkPurpose::Query), one("one", 1.0));
        assert_eq!(play(&mut fair, 40), [("many", 20), ("one", 20)].into());
        // Who takes less time has more turns.
        let mut fair = FairQueue::default();
        fair.wait(&asking("long", WorkPurpose::Query), one("long", 9.0));
        fair.wait(&asking("short", WorkPurpose::Query), one("short", 1.0));
        let had = play(&mut fair, 100);
        assert!((9..=11).contains(&had["long"]), "{had:?}");
    }

    #[test]
    fn refreshes_and_queries_share_what_their_key_has() {
        let mut fair = FairQueue::default();
        (0..100).for_each(|_| fair.wait(&asking("a", WorkPurpose::Refresh), one("refresh", 1.0)));
        fair.wait(&asking("a", WorkPurpose::Query), one("query", 1.0));
        fair.wait(&asking("b", WorkPurpose::Query), one("other", 1.0));
        let had = play(&mut fair, 80);
        assert_eq!(had, [("refresh", 20), ("query", 20), ("other", 40)].into());
    }

    #[test]
    fn nothing_is_saved_up_and_who_comes_late_waits_for_one_turn_only() {
        let mut fair = FairQueue::default();
        fair.wait(&asking("a", WorkPurpose::Query), one("a", 1.0));
        play(&mut fair, 1_000);
        fair.wait(&asking("b", WorkPurpose::Query), one("b", 1.0));
        assert_eq!(fair.next().unwrap().1.0, "b");
        // It has one, so the other is next.
        assert_eq!(fair.next().unwrap().1.0, "a");
        fair.end(&asking("a", WorkPurpose::Query), 1.0);
        fair.end(&asking("b", WorkPurpose::Query), 1.0);
        assert!(fair.is_empty() && fair.lines.is_empty(), "nobody is remembered for ever");
    }

    #[test]
    fn who_is_gone_or_does_not_fit_holds_nobody_up_and_only_the_next_takes_what_it_needs() {
        let mut fair = FairQueue::default();
        for name in ["gone", "large", "small", "later"] {
            fair.wait(&asking("a", WorkPurpose::Query), one(name, 1.0));
        }
        let (_, small) = fair.next().unwrap();
        assert_eq!((small.0, small.2.get()), ("small", 1));
        let (_, later) = fair.next().unwrap();
        assert_eq!((later.0, later.2.get()), ("later", 1), "asked when it was the next only");
        assert!(fair.next().is_none() && !fair.is_empty());
    }
}
