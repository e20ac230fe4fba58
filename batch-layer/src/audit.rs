//! Comparing what the batch layer made with what was served before it, key by key: pure.

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

/// Compares two tables of one layout.
#[must_use]
pub fn compare(made: &StateTable, served: &StateTable) -> Audit {
    let mut audit = Audit { compared: made.len() as u64, differences: 0 };
    let mut found = 0;
    for (group, theirs) in made.counterparts(served).into_iter().enumerate() {
        let is_same = theirs.is_some_and(|theirs| {
            found += 1;
            let mut states = made.states().iter().zip(served.states());
            states.all(|(made, served)| made.is_same(group, served, theirs))
        });
        audit.differences += u64::from(!is_same);
    }
    let missing = served.len() as u64 - found;
    Audit { compared: audit.compared + missing, differences: audit.differences + missing }
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
