//! Which waiter is next: a decision without clock or lock.
//!
//! The caller with the fewest permits at present is next, and of several such callers the one that
//! has used the least time (*start-time fair queueing*: time that a caller does not use while it
//! waits for nothing is not saved up). The queries of one caller and the refreshes of its
//! subscriptions share the caller's part by the same rule.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use merganser_api::request::CallerId;

/// What a permit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkPurpose {
    /// An answer that a client waits for.
    Query,
    /// A later answer of a subscription.
    Refresh,
}

/// Which caller wants a permit, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PermitRequest {
    /// The caller whose share it is taken from.
    pub(crate) caller: CallerId,
    /// What for.
    pub(crate) purpose: WorkPurpose,
}

impl PermitRequest {
    /// For an answer that a client waits for.
    pub(crate) fn query(caller: CallerId) -> Self {
        Self { caller, purpose: WorkPurpose::Query }
    }

    /// For a later answer of a subscription.
    pub(crate) fn refresh(caller: CallerId) -> Self {
        Self { caller, purpose: WorkPurpose::Refresh }
    }
}

/// Work that waits for a permit.
pub(crate) trait FairWaiter {
    /// Whether it gave up.
    fn is_gone(&self) -> bool;
    /// Takes what the work needs besides the permit, if it is free; called only for the next
    /// waiter.
    fn fits(&self) -> bool;
}

/// The waiters, and the time that each caller has used.
pub(crate) struct FairQueue<W> {
    lines: HashMap<CallerId, CallerQueue<W>>,
    /// The time that the last granted caller had used by then: a new caller begins with as much.
    had: f64,
    arrivals: u64,
}

/// The waiters of one caller.
struct CallerQueue<W> {
    running: usize,
    had: f64,
    queues: [PurposeQueue<W>; 2],
}

struct PurposeQueue<W> {
    had: f64,
    /// Each with its number in the order of arrival.
    waiting: VecDeque<(u64, W)>,
}

impl<W> Default for FairQueue<W> {
    fn default() -> Self {
        Self { lines: HashMap::new(), had: 0.0, arrivals: 0 }
    }
}

impl<W> CallerQueue<W> {
    fn is_idle(&self) -> bool {
        self.running == 0 && !self.is_waiting()
    }

    fn is_waiting(&self) -> bool {
        self.queues.iter().any(|queue| !queue.waiting.is_empty())
    }

    /// The arrival of its first waiter.
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
    /// Whether there are no waiters.
    pub(crate) fn is_empty(&self) -> bool {
        !self.lines.values().any(CallerQueue::is_waiting)
    }

    fn line(&mut self, caller: &CallerId) -> &mut CallerQueue<W> {
        let had = self.had;
        let queue = || PurposeQueue { had: 0.0, waiting: VecDeque::new() };
        let new = || CallerQueue { running: 0, had, queues: [queue(), queue()] };
        let line = self.lines.entry(caller.clone()).or_insert_with(new);
        if line.is_idle() {
            line.had = line.had.max(had);
        }
        line
    }

    /// Adds a waiter.
    pub(crate) fn wait(&mut self, request: &PermitRequest, waiter: W) {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let line = self.line(&request.caller);
        let other = line.queues[1 - request.purpose as usize].had;
        let queue = &mut line.queues[request.purpose as usize];
        if queue.waiting.is_empty() {
            queue.had = queue.had.max(other);
        }
        queue.waiting.push_back((arrival, waiter));
    }

    /// A permit is granted without waiting.
    pub(crate) fn begin(&mut self, request: &PermitRequest) {
        self.line(&request.caller).running += 1;
    }

    /// The next waiter, which is granted a permit now.
    pub(crate) fn next(&mut self) -> Option<(PermitRequest, W)>
    where
        W: FairWaiter,
    {
        let mut callers: Vec<CallerId> =
            self.lines.iter().filter(|(_, l)| l.is_waiting()).map(|(a, _)| a.clone()).collect();
        callers.sort_by(|a, b| self.lines[a].order(&self.lines[b]));
        for caller in callers {
            let Some(line) = self.lines.get_mut(&caller) else { continue };
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
                    return Some((PermitRequest { caller, purpose }, waiter));
                }
            }
        }
        None
    }

    /// A permit ends after so many seconds.
    pub(crate) fn end(&mut self, request: &PermitRequest, seconds: f64) {
        if let Some(line) = self.lines.get_mut(&request.caller) {
            line.running -= 1;
            line.had += seconds;
            line.queues[request.purpose as usize].had += seconds;
        }
        let had = self.had;
        self.lines.retain(|_, line| !line.is_idle() || line.had > had);
        if self.lines.values().all(CallerQueue::is_idle) {
            self.lines.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A waiter: a name, the seconds that it works, and the number of calls of `fits`.
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

    fn request(name: &str, purpose: WorkPurpose) -> PermitRequest {
        PermitRequest { caller: CallerId::key(name), purpose }
    }

    /// Grants so many permits, each to the next waiter; counts the permits of each.
    fn play(fair: &mut FairQueue<One>, permits: usize) -> HashMap<&'static str, usize> {
        let mut had = HashMap::new();
        for _ in 0..permits {
            let (request, waiter) = fair.next().unwrap();
            *had.entry(waiter.0).or_default() += 1;
            let seconds = waiter.1;
            fair.wait(&request, waiter);
            fair.end(&request, seconds);
        }
        had
    }

    #[test]
    fn a_hundred_of_one_key_get_no_more_time_than_one_of_another() {
        let mut fair = FairQueue::default();
        (0..100).for_each(|_| fair.wait(&request("many", WorkPurpose::Query), one("many", 1.0)));
        fair.wait(&request("one", WorkPurpose::Query), one("one", 1.0));
        assert_eq!(play(&mut fair, 40), [("many", 20), ("one", 20)].into());
        // A caller whose queries take less time gets more permits.
        let mut fair = FairQueue::default();
        fair.wait(&request("long", WorkPurpose::Query), one("long", 9.0));
        fair.wait(&request("short", WorkPurpose::Query), one("short", 1.0));
        let had = play(&mut fair, 100);
        assert!((9..=11).contains(&had["long"]), "{had:?}");
    }

    #[test]
    fn refreshes_and_queries_of_a_key_share_the_part_of_the_key() {
        let mut fair = FairQueue::default();
        (0..100).for_each(|_| fair.wait(&request("a", WorkPurpose::Refresh), one("refresh", 1.0)));
        fair.wait(&request("a", WorkPurpose::Query), one("query", 1.0));
        fair.wait(&request("b", WorkPurpose::Query), one("other", 1.0));
        let had = play(&mut fair, 80);
        assert_eq!(had, [("refresh", 20), ("query", 20), ("other", 40)].into());
    }

    #[test]
    fn unused_time_is_not_saved_up_and_a_new_caller_waits_for_one_permit_only() {
        let mut fair = FairQueue::default();
        fair.wait(&request("a", WorkPurpose::Query), one("a", 1.0));
        play(&mut fair, 1_000);
        fair.wait(&request("b", WorkPurpose::Query), one("b", 1.0));
        assert_eq!(fair.next().unwrap().1.0, "b");
        // `b` has a permit, so `a` is next.
        assert_eq!(fair.next().unwrap().1.0, "a");
        fair.end(&request("a", WorkPurpose::Query), 1.0);
        fair.end(&request("b", WorkPurpose::Query), 1.0);
        assert!(fair.is_empty() && fair.lines.is_empty(), "no caller is kept for ever");
    }

    #[test]
    fn a_waiter_that_gave_up_or_does_not_fit_holds_up_no_other() {
        let mut fair = FairQueue::default();
        for name in ["gone", "large", "small", "later"] {
            fair.wait(&request("a", WorkPurpose::Query), one(name, 1.0));
        }
        let (_, small) = fair.next().unwrap();
        assert_eq!((small.0, small.2.get()), ("small", 1));
        let (_, later) = fair.next().unwrap();
        assert_eq!(
            (later.0, later.2.get()),
            ("later", 1),
            "`fits` is called for the next waiter only"
        );
        assert!(fair.next().is_none() && !fair.is_empty());
    }
}
