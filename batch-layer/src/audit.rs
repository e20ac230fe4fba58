//! Comparing what the batch layer made with what was served before it, group by group: pure.

use arrow::array::RecordBatch;
use merganser_api::run::AuditCounts;
use merganser_metric::layout::StateLayout;
use merganser_metric::table::{StateTable, TableError};

/// Compares what was made of a chunk, also as sorted rows, with the rows that were served of it: a
/// group may have several of them, in any order.
///
/// # Errors
/// When the rows are not states of the metric.
pub fn compare_rows(
    made: &StateTable,
    sorted: &[RecordBatch],
    served: &[RecordBatch],
    layout: &StateLayout,
) -> Result<AuditCounts, TableError> {
    // States have one encoding, so that most often all rows are the same, bit for bit.
    if is_same(sorted, served) {
        return Ok(AuditCounts { compared: made.len() as u64, differences: 0 });
    }
    let mut table = StateTable::new(layout);
    served.iter().try_for_each(|batch| table.merge(batch))?;
    Ok(compare(made, &table))
}

/// Whether both are the same rows, however they are cut into batches.
fn is_same(one: &[RecordBatch], other: &[RecordBatch]) -> bool {
    if count_rows(one) != count_rows(other) {
        return false;
    }
    let (mut one, mut other) = (one.iter().cloned(), other.iter().cloned());
    let (mut left, mut right) = (one.next(), other.next());
    while let (Some(a), Some(b)) = (left.take(), right.take()) {
        let rows = a.num_rows().min(b.num_rows());
        if a.slice(0, rows).columns() != b.slice(0, rows).columns() {
            return false;
        }
        let rest = |batch: RecordBatch| {
            let left = batch.num_rows() - rows;
            (left > 0).then(|| batch.slice(rows, left))
        };
        left = rest(a).or_else(|| one.next());
        right = rest(b).or_else(|| other.next());
    }
    true
}

fn count_rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum::<usize>()
}

/// Compares two tables of one layout.
#[must_use]
pub fn compare(made: &StateTable, served: &StateTable) -> AuditCounts {
    let mut audit = AuditCounts { compared: made.len() as u64, differences: 0 };
    let mut found = 0;
    for (group, theirs) in made.matching_groups(served).into_iter().enumerate() {
        let is_same = theirs.is_some_and(|theirs| {
            found += 1;
            let mut states = made.states().iter().zip(served.states());
            states.all(|(made, served)| made.is_same(group, served, theirs))
        });
        audit.differences += u64::from(!is_same);
    }
    let missing = served.len() as u64 - found;
    AuditCounts { compared: audit.compared + missing, differences: audit.differences + missing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;
    use merganser_metric::layout::StateLayout;
    use merganser_metric::measure::StateKind;

    fn table(groups: &[(i64, Option<&str>)]) -> StateTable {
        let layout = StateLayout { dimensions: vec!["d".into()], states: vec![StateKind::Count] };
        let mut table = StateTable::new(&layout);
        let times: Vec<i64> = groups.iter().map(|k| k.0).collect();
        let texts: StringArray = groups.iter().map(|k| k.1).collect();
        let groups = table.groups(&times, &[&texts]).unwrap();
        table.update(&groups, &[None]).unwrap();
        table
    }

    #[test]
    fn rows_are_compared_as_tables_are_however_they_are_cut() {
        let layout = StateLayout { dimensions: vec!["d".into()], states: vec![StateKind::Count] };
        let made = table(&[(1, Some("x")), (1, None), (2, Some("x")), (2, Some("y")), (3, None)]);
        let sorted = made.emit(&made.sorted());
        let cut = |at: usize| [sorted.slice(0, at), sorted.slice(at, sorted.num_rows() - at)];
        let compare = |served: &[RecordBatch]| {
            compare_rows(&made, std::slice::from_ref(&sorted), served, &layout).unwrap()
        };
        for at in 0..=5 {
            assert_eq!(compare(&cut(at)), AuditCounts { compared: 5, differences: 0 });
            let [first, last] = cut(at);
            assert_eq!(
                compare(&[last, first]),
                AuditCounts { compared: 5, differences: 0 },
                "moved"
            );
        }
        let other = table(&[(1, Some("x")), (1, None), (2, Some("x")), (2, Some("z")), (3, None)]);
        let rows = other.emit(&other.sorted());
        assert_eq!(compare(&[rows]), AuditCounts { compared: 6, differences: 2 });
        let twice = [sorted.clone(), sorted.slice(2, 1)];
        assert_eq!(compare(&twice), AuditCounts { compared: 5, differences: 1 }, "a row twice");
        assert_eq!(compare(&[]), AuditCounts { compared: 5, differences: 5 });
    }

    #[test]
    fn missing_groups_and_different_states_are_counted() {
        let a = table(&[(1, Some("x")), (1, None), (2, Some("x"))]);
        assert_eq!(compare(&a, &a), AuditCounts { compared: 3, differences: 0 });
        let b = table(&[(2, Some("x")), (2, Some("x")), (1, None), (3, Some("y"))]);
        assert_eq!(compare(&a, &b), AuditCounts { compared: 4, differences: 3 });
        assert_eq!(compare(&b, &a), AuditCounts { compared: 4, differences: 3 });
    }
}
