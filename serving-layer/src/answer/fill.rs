//! Empty buckets, added for each group that occurs.

use super::rows::{GroupRow, MergedStates};
use crate::error::ServingError;
use crate::query::FillPolicy;

/// Bytes of a row while rows are filled.
pub(super) const ROW_BYTES: usize = size_of::<GroupRow>();

/// Passes on every row, and one for every bucket of `starts` (ascending) that a group has none in;
/// those of equal dimension values follow each other in time. Without dimensions there is one
/// group, whether it occurs or not.
pub(super) fn fill(
    merged: &MergedStates,
    mut rows: Vec<GroupRow>,
    dimensions: usize,
    (starts, how): (&[i64], FillPolicy),
    groups_max: usize,
    mut pass: impl FnMut(GroupRow) -> Result<(), ServingError>,
) -> Result<(), ServingError> {
    let number = |row: &GroupRow, at| merged.table.value_number(row.key as usize, at);
    let is_same =
        |a: &GroupRow, b: &GroupRow| (0..dimensions).all(|at| number(a, at) == number(b, at));
    rows.sort_unstable_by(|a, b| {
        let mut values = (0..dimensions).map(|at| number(a, at).cmp(&number(b, at)));
        values.find(|order| order.is_ne()).unwrap_or(a.time.cmp(&b.time))
    });
    let groups = rows.chunk_by(is_same).count().max(usize::from(dimensions == 0));
    if groups.saturating_mul(starts.len()) > groups_max {
        return Err(ServingError::TooManyGroups { limit: groups_max });
    }
    let none = dimensions == 0 && rows.is_empty();
    for known in none.then_some(&[][..]).into_iter().chain(rows.chunk_by(is_same)) {
        // Without dimensions a row needs no group to take their values from.
        let key = known.first().map_or(0, |row| row.key);
        let mut known = known.iter().copied().peekable();
        let mut before = None;
        for start in starts {
            while let Some(row) = known.next_if(|row| row.time < *start) {
                before = row.source;
                pass(row)?;
            }
            let row = known.next_if(|row| row.time == *start).unwrap_or(GroupRow {
                time: *start,
                key,
                source: match how {
                    FillPolicy::Previous => before,
                    FillPolicy::None | FillPolicy::Zero | FillPolicy::Null => None,
                },
            });
            before = row.source;
            pass(row)?;
        }
        known.try_for_each(&mut pass)?;
    }
    Ok(())
}
