//! How many groups are copied or written at once.

use merganser_metric::table::StateTable;

/// How large a portion may be: what one atomic step of the store takes well.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortionBounds {
    /// Most groups.
    pub(super) groups_max: usize,
    /// About the most bytes; at least one group is taken whatever its size.
    pub(super) size_bytes_max: usize,
}

impl PortionBounds {
    /// How many of the groups are written out at once: as many as fit, and at least one.
    pub(super) fn count_fitting(
        self,
        table: &StateTable,
        groups: impl Iterator<Item = usize>,
    ) -> usize {
        let mut size_bytes = 0_usize;
        let fits = |group: &usize| {
            let before = size_bytes;
            size_bytes = size_bytes.saturating_add(table.group_bytes(*group));
            before == 0 || size_bytes <= self.size_bytes_max
        };
        groups.take(self.groups_max).take_while(fits).count()
    }
}
