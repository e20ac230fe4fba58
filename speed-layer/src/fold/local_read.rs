//! Reading the writer's own tables, a portion at a time between batches, so that the fold goes on.

use merganser_core::ids::{Epoch, MetricId, Offset};
use merganser_metric::views::{SpeedReadRequest, SpeedViewError, SpeedViewStates};
use tokio::sync::oneshot;

use super::portion::PortionBounds;
use super::tables::MetricTables;
use crate::store::{ReadCaveats, collect_caveats};

/// Groups that are copied at once.
const PORTION: PortionBounds = PortionBounds { groups_max: 16_384, size_bytes_max: 16 << 20 };

/// A read under way.
#[derive(Debug)]
pub(super) struct LocalRead {
    pub(super) metric: MetricId,
    read: SpeedReadRequest,
    groups_max: usize,
    reply: oneshot::Sender<Result<SpeedViewStates, SpeedViewError>>,
    part: Option<Box<SpeedViewStates>>,
    /// What is left, by epoch; groups in falling order.
    todo: Vec<(Epoch, Vec<usize>)>,
}

impl LocalRead {
    pub(super) fn new(
        metric: MetricId,
        read: SpeedReadRequest,
        groups_max: usize,
        reply: oneshot::Sender<Result<SpeedViewStates, SpeedViewError>>,
    ) -> Self {
        Self { metric, read, groups_max, reply, part: None, todo: Vec::new() }
    }

    /// Copies a portion. Gives itself back while there is more.
    pub(super) fn advance(mut self, tables: Option<&MetricTables>, folded: Offset) -> Option<Self> {
        // A reader who went away needs no answer.
        if self.reply.is_closed() {
            return None;
        }
        match self.copy(tables, folded) {
            Ok(None) => Some(self),
            Ok(Some(part)) => {
                let _ = self.reply.send(Ok(part));
                None
            }
            Err(error) => {
                let _ = self.reply.send(Err(error));
                None
            }
        }
    }

    fn copy(
        &mut self,
        tables: Option<&MetricTables>,
        folded: Offset,
    ) -> Result<Option<SpeedViewStates>, SpeedViewError> {
        let unknown = || SpeedViewError::Unavailable("the metric is not folded".to_owned());
        let tables = tables.ok_or_else(unknown)?;
        if tables.first() > self.read.from {
            return Err(SpeedViewError::Retired { first: tables.first() });
        }
        let Some(part) = &mut self.part else {
            self.part = Some(Box::new(self.begin(tables, folded)?));
            return Ok(None);
        };
        // What was folded since may be in what was copied since.
        part.reach = folded;
        let Some((epoch, groups)) = self.todo.last_mut() else {
            return Ok(self.part.take().map(|part| *part));
        };
        match tables.table(*epoch) {
            Some(table) => {
                let last = groups.iter().rev().copied();
                let count = PORTION.count_fitting(&table.states, last);
                let numbers = groups.split_off(groups.len() - count);
                part.states.push(table.states.emit(&numbers));
            }
            None => groups.clear(),
        }
        if groups.is_empty() {
            self.todo.pop();
        }
        Ok(None)
    }

    fn begin(
        &mut self,
        tables: &MetricTables,
        folded: Offset,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let to = self.read.to;
        let is_in_range = |epoch: Epoch| to.is_none_or(|to| epoch < to);
        for (epoch, table) in tables.epochs(self.read.from).filter(|(epoch, _)| is_in_range(*epoch))
        {
            let groups = table.states.within(self.read.range);
            if !groups.is_empty() {
                self.todo.push((epoch, groups));
            }
        }
        if self.todo.iter().map(|(_, groups)| groups.len()).sum::<usize>() > self.groups_max {
            return Err(SpeedViewError::TooLarge { limit: self.groups_max });
        }
        let counters = tables.epochs(self.read.from).map(|(epoch, table)| (epoch, &table.counters));
        let ReadCaveats { missing, omissions } = collect_caveats(&self.read, counters);
        Ok(SpeedViewStates {
            through: folded,
            reach: folded,
            states: Vec::new(),
            missing,
            omissions,
        })
    }
}
