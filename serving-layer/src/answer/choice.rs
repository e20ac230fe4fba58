//! Which groups may be rows: those that `having` holds for, and of these those of the first
//! `group_limit` combinations of dimension values.
//!
//! Combinations are ordered by one measure over the whole range: by the merge of all that was
//! counted of them in it, each event once even where rows show windows. Those without a row that
//! `having` lets pass take no place.

use merganser_core::time::Timestamp;
use merganser_metric::compile::OverflowCounts;
use merganser_metric::table::StateTable;

use super::order::{PageBuilder, PageRequest};
use super::rows::GroupRow;
use super::{AnswerInput, misfit_warnings, table_error};
use crate::error::ServingError;
use crate::memory::QueryMemoryGuard;
use crate::query::resolve::SortColumn;

/// Groups, ascending; none for all.
type SomeGroups = Option<Vec<u32>>;

/// Groups that may be rows.
#[derive(Debug)]
pub(super) struct GroupChoice {
    /// Those that `having` holds for.
    pub(super) passed: SomeGroups,
    /// Those of them that are among the first.
    limited: SomeGroups,
    _held: QueryMemoryGuard,
}

impl GroupChoice {
    /// Those that may be rows.
    pub(super) fn kept(&self, table: &StateTable) -> impl Iterator<Item = u32> + use<'_> {
        each(self.limited.as_ref().or(self.passed.as_ref()), table)
    }
}

/// The groups of a choice.
pub(super) fn each<'a>(
    chosen: Option<&'a Vec<u32>>,
    table: &StateTable,
) -> impl Iterator<Item = u32> + use<'a> {
    // A table holds at most 2³² groups.
    let all = chosen.is_none().then_some(0..table.len() as u32).into_iter().flatten();
    all.chain(chosen.into_iter().flatten().copied())
}

/// Chooses among the groups that rows could show.
pub(super) fn choose(
    source: AnswerInput<'_>,
    warnings: &mut Vec<String>,
) -> Result<GroupChoice, ServingError> {
    let AnswerInput { query, resolved, metric, states, account, .. } = source;
    let shown = &states.shown;
    let (mut misfits, mut held) = (OverflowCounts::default(), account.hold(0)?);
    let all_bytes = shown.table.len() * size_of::<u32>();
    let passed = match &resolved.having {
        Some(condition) => {
            held.resize(all_bytes)?;
            Some(shown.having(metric, condition, &mut misfits)?)
        }
        None => None,
    };
    warnings.extend(misfit_warnings("having", &misfits));
    let limited = match query.group_limit {
        Some(limit) => {
            held.resize(2 * all_bytes)?;
            Some(first_groups(source, passed.as_ref(), limit, warnings)?)
        }
        None => None,
    };
    Ok(GroupChoice { passed, limited, _held: held })
}

/// Those of some groups whose dimension values come first over the whole range.
fn first_groups(
    source: AnswerInput<'_>,
    passed: Option<&Vec<u32>>,
    limit: usize,
    warnings: &mut Vec<String>,
) -> Result<Vec<u32>, ServingError> {
    let AnswerInput { resolved, metric, states, account, .. } = source;
    let (shown, counted) = (&states.shown.table, &states.counted.table);
    let whole_range = Timestamp::default();
    // Of each group its combination, besides the combinations themselves.
    let most = shown.len() * size_of::<usize>() + counted.size_bytes() + shown.size_bytes();
    let mut held = account.hold(most)?;
    let mut sums = shown.without_groups();
    let combinations = sums
        .groups_like(shown, each(passed, shown).map(|group| (group, whole_range)))
        .map_err(table_error)?;
    // Those that come to it now have no row, and take no place.
    let count = sums.len();
    sums.merge_table(counted, |_| whole_range).map_err(table_error)?;
    held.resize(combinations.len() * size_of::<usize>() + sums.size_bytes())?;
    let sums = states.shown.with(sums, held);
    let order_by: Vec<_> =
        resolved.rank_by.iter().map(|(at, way)| (SortColumn::Measure(*at), *way)).collect();
    let wanted = PageRequest {
        merged: &sums,
        metric,
        order_by: &order_by,
        dimensions: resolved.group_by.len(),
        offset: 0,
        limit,
        per_bucket: false,
    };
    let mut first = PageBuilder::new(wanted, |_| None, account.hold(0)?);
    (0..count as u32).try_for_each(|group| first.push(GroupRow::of(&sums.table, group)))?;
    let (first, _, misfits) = first.end()?;
    warnings.extend(misfit_warnings("group_limit", &misfits));
    let mut is_first = vec![false; count];
    first.iter().for_each(|row| is_first[row.key as usize] = true);
    let of_first = each(passed, shown).zip(&combinations).filter(|(_, at)| is_first[**at]);
    Ok(of_first.map(|(group, _)| group).collect())
}
