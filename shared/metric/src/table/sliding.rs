//! Windows that slide over the buckets of a group, without an inverse of the merge.
//!
//! Minima, maxima and sketches cannot be subtracted, so what leaves a window cannot be taken out of
//! a running sum. A queue of aggregates made of two stacks needs no inverse: the back holds one
//! aggregate of what came in, the front the aggregates of each of its entries with all that came
//! after it in the front. What leaves is on top of the front; when it is empty the back is turned
//! over into it. Each entry is merged a constant number of times, whatever the window's length.
//!
//! Source: Tangwongsan, Hirzel, Schneider, "Low-Latency Sliding-Window Aggregation in Worst-Case
//! Constant Time", DEBS 2017, section 3, which calls it Two-Stacks.

use merganser_core::time::Timestamp;

use super::{StateTable, TableError};
use crate::measure::StateColumn;

/// A bucket with its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowedBucket {
    /// The bucket's start.
    pub bucket: Timestamp,
    /// The start of the first bucket in its window, which is not after `bucket`.
    pub start: Timestamp,
}

/// Merges the buckets of each combination of dimension values within windows.
#[derive(Debug)]
pub struct SlidingMerge<'a> {
    table: &'a StateTable,
    /// Groups, those of equal dimension values together and in order of time.
    groups: Vec<u32>,
    /// Where the next combination begins.
    next: usize,
    /// Ascending in `bucket`.
    windows: &'a [WindowedBucket],
    /// Whether they ascend in `start` too.
    is_ascending: bool,
    queue: AggregateQueue,
}

impl<'a> SlidingMerge<'a> {
    /// Over a table's groups, for windows that ascend in `bucket`. Where one starts before that of
    /// an earlier bucket, what is in it is merged anew.
    #[must_use]
    pub fn new(table: &'a StateTable, windows: &'a [WindowedBucket]) -> Self {
        // A table holds at most 2³² groups.
        let mut groups: Vec<u32> = (0..table.len() as u32).collect();
        groups.sort_unstable_by(|a, b| {
            let (one, other) = (*a as usize, *b as usize);
            let mut values = table.dimensions.iter().map(|d| d.values[one].cmp(&d.values[other]));
            let values = values.find(|order| order.is_ne());
            values.unwrap_or_else(|| table.times[one].cmp(&table.times[other]))
        });
        let is_ascending = windows.is_sorted_by_key(|window| window.start);
        let queue = AggregateQueue::new(table);
        Self { table, groups, next: 0, windows, is_ascending, queue }
    }

    /// Adds the rows of the next combination of dimension values to a table that was made by
    /// [`StateTable::without_groups`]: one for each window that holds a group of it. `false` once
    /// there is none.
    ///
    /// # Errors
    /// As [`StateTable::merge_table`].
    pub fn merge_next(&mut self, to: &mut StateTable) -> Result<bool, TableError> {
        let (table, windows) = (self.table, self.windows);
        let Some(first) = self.groups.get(self.next) else { return Ok(false) };
        let is_same = |group: &u32| {
            let mut dimensions = table.dimensions.iter();
            dimensions.all(|d| d.values[*group as usize] == d.values[*first as usize])
        };
        let rest = &self.groups[self.next..];
        let entries = &rest[..rest.iter().take_while(|group| is_same(group)).count()];
        self.next += entries.len();
        let time = |at: usize| table.time(entries[at] as usize);
        self.queue.begin(entries.len());
        let (mut low, mut high, mut at) = (0, 0, 0);
        let mut last_start = None;
        while let Some(window) = windows.get(at) {
            if last_start.replace(window.start).is_some_and(|last| window.start < last) {
                low = 0;
                self.queue.rewind();
            }
            while high < entries.len() && time(high) <= window.bucket {
                self.queue.push(table, entries[high] as usize)?;
                high += 1;
            }
            while low < high && time(low) < window.start {
                low += 1;
            }
            if low < high {
                let group = to.groups_like(table, [(entries[low], window.bucket)])?;
                self.queue.merge_from(low, (table, entries), &mut to.states, group[0])?;
                at += 1;
            } else if !self.is_ascending {
                at += 1;
            } else if high < entries.len() {
                // Windows before hold nothing.
                let ahead = &windows[at..];
                at += ahead.partition_point(|window| window.bucket < time(high));
            } else {
                break;
            }
        }
        Ok(true)
    }
}

/// A queue of the entries of one combination, by their place among them.
#[derive(Debug)]
struct AggregateQueue {
    /// By place, the entry and all after it that are below `turned`.
    front: Vec<StateColumn>,
    /// All from `turned` on that came in.
    back: Vec<StateColumn>,
    /// The first place that is not in the front.
    turned: usize,
    /// How many came in.
    count: usize,
}

impl AggregateQueue {
    fn new(table: &StateTable) -> Self {
        let empty = || table.states.iter().map(|states| StateColumn::new(states.kind()));
        let mut back: Vec<StateColumn> = empty().collect();
        back.iter_mut().for_each(|states| states.resize(1));
        Self { front: empty().collect(), back, turned: 0, count: 0 }
    }

    /// Forgets what was in it, and takes so many entries from here on.
    fn begin(&mut self, entries: usize) {
        for states in &mut self.front {
            states.resize(states.len().max(entries));
        }
        self.back.iter_mut().for_each(|states| states.clear(0));
        (self.turned, self.count) = (0, 0);
    }

    /// Has entries again that were not to be asked for any more.
    fn rewind(&mut self) {
        self.turned = 0;
    }

    /// Takes the next entry, a group of the table.
    fn push(&mut self, table: &StateTable, group: usize) -> Result<(), TableError> {
        self.count += 1;
        for (back, states) in self.back.iter_mut().zip(&table.states) {
            back.merge_pairs(&[(0, group)], states)?;
        }
        Ok(())
    }

    /// Merges all entries from a place on, of which there is one, into a group. Those before are
    /// not asked for again.
    fn merge_from(
        &mut self,
        low: usize,
        entries: (&StateTable, &[u32]),
        to: &mut [StateColumn],
        group: usize,
    ) -> Result<(), TableError> {
        if low >= self.turned {
            self.turn(low, entries)?;
        }
        for ((to, front), back) in to.iter_mut().zip(&self.front).zip(&self.back) {
            to.merge_pairs(&[(group, low)], front)?;
            to.merge_pairs(&[(group, 0)], back)?;
        }
        Ok(())
    }

    /// Turns the back over into the front: its entries from `low` on.
    fn turn(
        &mut self,
        low: usize,
        (table, entries): (&StateTable, &[u32]),
    ) -> Result<(), TableError> {
        let last = self.count - 1;
        for (front, states) in self.front.iter_mut().zip(&table.states) {
            for at in (low..self.count).rev() {
                match at == last {
                    true => front.clear(at),
                    false => front.copy(at + 1, at),
                }
                front.merge_pairs(&[(at, entries[at] as usize)], states)?;
            }
        }
        self.back.iter_mut().for_each(|states| states.clear(0));
        self.turned = self.count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, StringArray};
    use arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;
    use crate::layout::StateLayout;
    use crate::measure::StateKind;

    proptest! {
        /// Whether windows ascend or not, each row counts what its window holds.
        #[test]
        fn each_window_counts_what_lies_in_it(
            events in prop::collection::vec((0..30_i64, 0..3_usize), 0..40),
            widths in prop::collection::vec(0..12_i64, 40),
            is_even in any::<bool>(),
        ) {
            let states = vec![StateKind::Count];
            let layout = StateLayout { dimensions: vec!["a".into()], states };
            let mut table = StateTable::new(&layout);
            let names = [Some("x"), None, Some("y")];
            let times: Vec<i64> = events.iter().map(|(time, _)| *time).collect();
            let values: StringArray = events.iter().map(|(_, name)| names[*name]).collect();
            let groups = table.groups(&times, &[&values]).unwrap();
            table.update(&groups, &[None]).unwrap();
            let width = |at: usize| if is_even { widths[0] } else { widths[at] };
            let windows: Vec<WindowedBucket> = (0..40)
                .map(|at| {
                    let bucket = Timestamp(at as i64);
                    WindowedBucket { bucket, start: Timestamp(bucket.0 - width(at)) }
                })
                .collect();
            let mut rows = table.without_groups();
            let mut sliding = SlidingMerge::new(&table, &windows);
            while sliding.merge_next(&mut rows).unwrap() {}
            let mut found = 0;
            for WindowedBucket { bucket, start } in windows {
                for name in names {
                    let is_in = |(time, own): &&(i64, usize)| {
                        (start.0..=bucket.0).contains(time) && names[*own] == name
                    };
                    let count = events.iter().filter(is_in).count() as i64;
                    let group = rows.group_of(bucket, &[name]);
                    prop_assert_eq!(group.is_some(), count > 0);
                    if let Some(group) = group {
                        let counts = rows.states()[0].emit(&[group]);
                        prop_assert_eq!(counts.as_primitive::<Int64Type>().value(0), count);
                        found += 1;
                    }
                }
            }
            prop_assert_eq!(rows.len(), found);
        }
    }
}
