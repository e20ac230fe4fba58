//! Empty buckets, added for each group that occurs.

use std::collections::HashMap;

use super::rows::{Merged, Row};
use crate::error::Error;
use crate::query::Fill;

/// Adds a row for every bucket of `starts` (ascending) that a group has none in. Without dimensions
/// there is one group, whether it occurs or not.
pub(super) fn fill(
    merged: &Merged,
    mut rows: Vec<Row>,
    dimensions: usize,
    starts: &[i64],
    how: Fill,
    groups_max: usize,
) -> Result<Vec<Row>, Error> {
    if how == Fill::None {
        return Ok(rows);
    }
    let ranks: Vec<Vec<u32>> = (0..dimensions).map(|at| merged.table.ranks(at)).collect();
    let mut groups: HashMap<Vec<u32>, Vec<Row>> = HashMap::new();
    for row in rows.drain(..) {
        let key = ranks.iter().map(|ranks| ranks[row.key as usize]).collect();
        groups.entry(key).or_default().push(row);
    }
    if dimensions == 0 {
        groups.entry(Vec::new()).or_default();
    }
    if groups.len().saturating_mul(starts.len()) > groups_max {
        return Err(Error::TooManyGroups { limit: groups_max });
    }
    for mut known in groups.into_values() {
        known.sort_unstable_by_key(|row| row.time);
        // Without dimensions a row needs no group to take their values from.
        let key = known.first().map_or(0, |row| row.key);
        let mut known = known.into_iter().peekable();
        let mut before = None;
        for start in starts {
            while let Some(row) = known.next_if(|row| row.time < *start) {
                before = row.source;
                rows.push(row);
            }
            let row = known.next_if(|row| row.time == *start).unwrap_or(Row {
                time: *start,
                key,
                source: match how {
                    Fill::Previous => before,
                    Fill::None | Fill::Zero | Fill::Null => None,
                },
            });
            before = row.source;
            rows.push(row);
        }
        rows.extend(known);
    }
    Ok(rows)
}
