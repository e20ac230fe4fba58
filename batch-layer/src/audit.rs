//! Comparing what the batch layer made with what was served before it, key by key: pure.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use shared::table::StateTable;

/// What an audit found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Groups that stand on at least one side.
    pub compared: u64,
    /// Groups that stand on one side only, or whose states differ in a bit.
    pub differences: u64,
}

impl Audit {
    /// Both audits as one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            compared: self.compared + other.compared,
            differences: self.differences + other.differences,
        }
    }
}

/// Groups whose states are compared at a time.
const CHUNK: usize = 8192;

/// Compares two tables of one layout.
#[must_use]
pub fn compare(made: &StateTable, served: &StateTable) -> Audit {
    let (a, b) = (made.sorted(), served.sorted());
    let mut audit = Audit::default();
    let mut pairs = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let order = match (a.get(i), b.get(j)) {
            (Some(a), Some(b)) => made.compare_groups(*a, served, *b),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        audit.compared += 1;
        match order {
            Ordering::Equal => {
                pairs.0.push(a[i]);
                pairs.1.push(b[j]);
                (i, j) = (i + 1, j + 1);
            }
            Ordering::Less => {
                audit.differences += 1;
                i += 1;
            }
            Ordering::Greater => {
                audit.differences += 1;
                j += 1;
            }
        }
    }
    for (made_groups, served_groups) in pairs.0.chunks(CHUNK).zip(pairs.1.chunks(CHUNK)) {
        let (a, b) = (made.emit(made_groups), served.emit(served_groups));
        if a != b {
            let differs = |row: &usize| a.slice(*row, 1) != b.slice(*row, 1);
            audit.differences += (0..a.num_rows()).filter(differs).count() as u64;
        }
    }
    audit
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;
    use shared::compile::StateLayout;
    use shared::measure::StateKind;

    fn table(keys: &[(i64, Option<&str>)]) -> StateTable {
        let layout = StateLayout { dimensions: vec!["d".into()], states: vec![StateKind::Count] };
        let mut table = StateTable::new(&layout);
        let times: Vec<i64> = keys.iter().map(|k| k.0).collect();
        let texts: StringArray = keys.iter().map(|k| k.1).collect();
        let groups = table.groups(&times, &[&texts]).unwrap();
        table.update(&groups, &[None]).unwrap();
        table
    }

    #[test]
    fn missing_groups_and_different_states_are_counted() {
        let a = table(&[(1, Some("x")), (1, None), (2, Some("x"))]);
        assert_eq!(compare(&a, &a), Audit { compared: 3, differences: 0 });
        let b = table(&[(2, Some("x")), (2, Some("x")), (1, None), (3, Some("y"))]);
        assert_eq!(compare(&a, &b), Audit { compared: 4, differences: 3 });
        assert_eq!(compare(&b, &a), Audit { compared: 4, differences: 3 });
    }
}
