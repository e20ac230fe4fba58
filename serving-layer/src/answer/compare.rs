//! The earlier range that an answer is compared with, and where its rows are found there.

use std::collections::HashMap;

use chrono::{Datelike, Months, NaiveDate};
use shared::time::{DAY_US, Grain, TimeRange, Timestamp};

use super::rows::{Merged, Row};
use crate::calendar::{Zone, date_of, date_start};
use crate::query::Compare;

/// The earlier range: a year back by the calendar, or, for the period before, back by months or
/// days where both edges lie on them, else by the range's own length.
pub(crate) fn earlier(zone: &Zone, grain: Grain, range: TimeRange, compare: Compare) -> TimeRange {
    let (from, to) = (zone.local(range.from.0), zone.local(range.to.0));
    let shifted = match compare {
        Compare::PreviousYear => months_back(from, 12).zip(months_back(to, 12)),
        Compare::PreviousPeriod => match (whole_months(from, to), whole_days(from, to)) {
            (Some(months), _) => months_back(from, months).zip(Some(from)),
            (None, Some(length)) => Some((from - length, from)),
            (None, None) => None,
        },
    };
    let (from, to) = match shifted {
        Some((from, to)) => (zone.first_at(from), zone.first_at(to)),
        None => (range.from.0 - (range.to.0 - range.from.0), range.from.0),
    };
    TimeRange { from: grain.floor(Timestamp(from)), to: grain.ceil(Timestamp(to)) }
}

/// A local time so many months earlier; the 29th of February goes to the 28th.
fn months_back(local: i64, months: u32) -> Option<i64> {
    let date = date_of(local.div_euclid(DAY_US)).checked_sub_months(Months::new(months))?;
    Some(date_start(date) + local.rem_euclid(DAY_US))
}

fn whole_months(from: i64, to: i64) -> Option<u32> {
    let first_of = |local: i64| -> Option<NaiveDate> {
        let date = date_of(local.div_euclid(DAY_US));
        (local.rem_euclid(DAY_US) == 0 && date.day() == 1).then_some(date)
    };
    let month = |date: NaiveDate| date.year() * 12 + date.month0() as i32;
    u32::try_from(month(first_of(to)?) - month(first_of(from)?)).ok().filter(|n| *n > 0)
}

fn whole_days(from: i64, to: i64) -> Option<i64> {
    let whole = from.rem_euclid(DAY_US) == 0 && to.rem_euclid(DAY_US) == 0;
    (whole && from < to).then_some(to - from)
}

/// For each row, the group with the same dimension values in the bucket of the same index.
pub(super) fn matches(
    merged: &Merged,
    rows: &[Row],
    starts: &[i64],
    before: &Merged,
    before_starts: &[i64],
    dimensions: usize,
) -> Vec<Option<u32>> {
    let key = |merged: &Merged, group: usize| -> Vec<Option<String>> {
        (0..dimensions).map(|at| merged.table.dimension(group, at).map(str::to_owned)).collect()
    };
    let mut wanted: HashMap<(i64, Vec<Option<String>>), Vec<usize>> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        let Ok(bucket) = starts.binary_search(&row.time) else { continue };
        let Some(time) = before_starts.get(bucket) else { continue };
        let values = if dimensions == 0 { Vec::new() } else { key(merged, row.key as usize) };
        wanted.entry((*time, values)).or_default().push(place);
    }
    let mut found = vec![None; rows.len()];
    for group in 0..before.table.len() {
        let at = (before.table.time(group).0, key(before, group));
        for place in wanted.get(&at).into_iter().flatten() {
            found[*place] = u32::try_from(group).ok();
        }
    }
    found
}
