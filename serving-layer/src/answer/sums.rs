//! Sums beside the rows: merges of their states, never of their values.
//!
//! What `other` is compared with is all of the earlier bucket that no row of its own is compared
//! with: so values of the rows and of `other` come to the same events there as here, although some
//! groups of the earlier range may be gone. Groups that `having` leaves out are left out of both.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use merganser_core::time::Timestamp;
use merganser_metric::table::StateTable;

use super::choice::each;
use super::columns::NamedColumns;
use super::rows::{GroupRow, MergedStates};
use super::{AnswerInput, misfit_warnings, page, table_error};
use crate::calendar::Granularity;
use crate::error::ServingError;
use crate::merge::ensure_total;
use crate::query::LIMIT_MAX;

/// Rows of measures that are sums of others, and what they are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct SummedRows {
    /// The rows.
    pub values: RecordBatch,
    /// With `compare`: as many of the earlier range.
    pub compared: Option<RecordBatch>,
}

/// What there is besides the page.
pub(super) struct LeftOut<'a> {
    /// Groups that `having` holds for; none for all.
    pub(super) passed: &'a Option<Vec<u32>>,
    /// The rows of the page.
    pub(super) rows: &'a [GroupRow],
    /// With `compare`: starts of the answer's buckets.
    pub(super) own_starts: &'a [i64],
    /// With `compare`: starts of those of the earlier range.
    pub(super) before_starts: &'a [i64],
}

/// The merge of all that was counted.
pub(super) fn totals(
    source: AnswerInput<'_>,
    warnings: &mut Vec<String>,
) -> Result<SummedRows, ServingError> {
    let mut total = |counted: &MergedStates| {
        let mut sum = counted.table.undivided();
        ensure_total(&mut sum)?;
        let all = each(None, &counted.table).map(|group| (group, Timestamp(0)));
        sum.merge_like(&counted.table, all).map_err(table_error)?;
        let held = source.account.hold(sum.size_bytes())?;
        let mut columns = NamedColumns::default();
        finish(source, "totals", &counted.with(sum, held), &[Some(0)], &mut columns, warnings)?;
        columns.into_batch(1)
    };
    let values = total(&source.states.counted)?;
    let compared = source.earlier.map(|(before, _)| total(&before.counted)).transpose()?;
    Ok(SummedRows { values, compared })
}

/// By bucket, the merge of the rows that are left out of the page.
pub(super) fn other(
    source: AnswerInput<'_>,
    left_out: &LeftOut<'_>,
    warnings: &mut Vec<String>,
) -> Result<SummedRows, ServingError> {
    let shown = &source.states.shown;
    let table = &shown.table;
    let _marks = source.account.hold(2 * table.len())?;
    let is_shown = marked(table, shown_groups(table, left_out.rows));
    let rest = each(left_out.passed.as_ref(), table).filter(|group| !is_shown[*group as usize]);
    let mut sums = table.undivided();
    sums.merge_like(table, rest.map(|group| (group, table.time(group as usize))))
        .map_err(table_error)?;
    if sums.len() > LIMIT_MAX {
        return Err(ServingError::TooManyRows { rows: sums.len(), limit: LIMIT_MAX });
    }
    let held = source.account.hold(sums.size_bytes())?;
    let sums = shown.with(sums, held);
    let order = sums.table.sorted();
    let buckets = source.resolved.calendar.granularity() != Granularity::All;
    let mut columns = NamedColumns::default();
    if buckets {
        columns.push_times(order.iter().map(|group| Some(sums.table.time(*group).0)));
    }
    let groups: Vec<Option<u32>> = order.iter().map(|group| Some(*group as u32)).collect();
    finish(source, "other", &sums, &groups, &mut columns, warnings)?;
    let compared = match source.earlier {
        Some((before, _)) => {
            let own = (&sums, &order[..]);
            let not_passed = left_out.passed.as_ref().map(|passed| {
                let is_passed = marked(table, passed.iter().copied());
                is_passed.into_iter().map(|is_passed| !is_passed).collect()
            });
            let skipped = Skipped { is_shown, not_passed };
            Some(compared(source, &before.shown, left_out, own, &skipped, warnings)?)
        }
        None => None,
    };
    Ok(SummedRows { values: columns.into_batch(order.len())?, compared })
}

/// Groups of the answer that no sum of others has.
struct Skipped {
    is_shown: Vec<bool>,
    not_passed: Option<Vec<bool>>,
}

impl Skipped {
    fn has(&self, group: usize) -> bool {
        self.is_shown[group] || self.not_passed.as_ref().is_some_and(|marks| marks[group])
    }
}

/// For each sum, the merge of all of the earlier bucket but what a row is compared with.
fn compared(
    source: AnswerInput<'_>,
    before: &MergedStates,
    left_out: &LeftOut<'_>,
    (sums, order): (&MergedStates, &[usize]),
    skipped: &Skipped,
    warnings: &mut Vec<String>,
) -> Result<RecordBatch, ServingError> {
    let LeftOut { rows, own_starts, before_starts, .. } = *left_out;
    let (table, dimensions) = (&source.states.shown.table, source.resolved.group_by.len());
    // Rows that were filled show no group of their bucket, and are compared all the same.
    let filled = rows.iter().filter(|row| shown_group(table, row).is_none());
    let numbers = |row: &GroupRow| {
        (0..dimensions).map(|at| table.value_number(row.key as usize, at)).collect::<Vec<u32>>()
    };
    let _filled = source.account.hold(rows.len() * (32 + 4 * dimensions))?;
    let filled: HashSet<(i64, Vec<u32>)> = filled.map(|row| (row.time, numbers(row))).collect();
    let own_bucket = |time: Timestamp| {
        let at = before_starts.binary_search(&time.0).ok()?;
        own_starts.get(at).map(|start| Timestamp(*start))
    };
    let is_other = |group: &(u32, Timestamp)| {
        let (group, own) = *group;
        let values = (0..dimensions).map(|at| before.table.dimension(group as usize, at));
        let values: Vec<Option<&str>> = values.collect();
        let Some(numbers) = table.value_numbers(&values) else { return true };
        match table.group_of(own, &values) {
            Some(group) => !skipped.has(group),
            None => !filled.contains(&(own.0, numbers)),
        }
    };
    let groups = each(None, &before.table);
    let groups = groups
        .filter_map(|group| Some((group, own_bucket(before.table.time(group as usize))?)))
        .filter(is_other);
    let mut merged = before.table.undivided();
    merged.merge_like(&before.table, groups).map_err(table_error)?;
    let held = source.account.hold(merged.size_bytes())?;
    let merged = before.with(merged, held);
    let mut columns = NamedColumns::default();
    let times = order.iter().map(|group| sums.table.time(*group));
    if source.resolved.calendar.granularity() != Granularity::All {
        let before_start =
            |own: Timestamp| before_starts.get(own_starts.binary_search(&own.0).ok()?).copied();
        columns.push_times(times.clone().map(before_start));
    }
    let groups: Vec<Option<u32>> =
        times.map(|own| merged.table.group_of(own, &[]).map(|group| group as u32)).collect();
    finish(source, "other, compare", &merged, &groups, &mut columns, warnings)?;
    columns.into_batch(order.len())
}

/// Adds the answer's measures of some groups.
fn finish(
    source: AnswerInput<'_>,
    what: &'static str,
    sums: &MergedStates,
    groups: &[Option<u32>],
    columns: &mut NamedColumns,
    warnings: &mut Vec<String>,
) -> Result<(), ServingError> {
    let (metric, measures) = (source.metric, &source.resolved.measures);
    let misfits = page::measures(sums, metric, measures, groups, columns)?;
    warnings.extend(misfit_warnings(what, &misfits));
    Ok(())
}

/// The group that a row shows in its own bucket.
fn shown_group(table: &StateTable, row: &GroupRow) -> Option<u32> {
    row.source.filter(|group| table.time(*group as usize).0 == row.time)
}

fn shown_groups<'a>(
    table: &'a StateTable,
    rows: &'a [GroupRow],
) -> impl Iterator<Item = u32> + use<'a> {
    rows.iter().filter_map(move |row| shown_group(table, row))
}

/// By group, whether it is one of these.
fn marked(table: &StateTable, groups: impl Iterator<Item = u32>) -> Vec<bool> {
    let mut marks = vec![false; table.len()];
    groups.for_each(|group| marks[group as usize] = true);
    marks
}
