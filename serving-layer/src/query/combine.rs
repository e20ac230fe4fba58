//! Parameters that mean nothing without others, or not together with them.

use super::parameters::wrong;
use super::{GROUP_LIMIT_MAX, Query, QueryError};
use crate::calendar::Granularity;

impl Query {
    /// Refuses what cannot be asked for together.
    pub(super) fn check_together(&self) -> Result<(), QueryError> {
        let needs = |name: &str, what: &str| Err(wrong(name, what));
        match self {
            Self { group_limit: Some(0), .. } => {
                let found = format!("is 0; a whole number from 1 to {GROUP_LIMIT_MAX} is right");
                needs("group_limit", &found)
            }
            Self { group_limit: Some(_), group_by, .. } if group_by.is_empty() => {
                needs("group_limit", "needs `group_by`, whose groups it limits")
            }
            Self { other: true, group_by, .. } if group_by.is_empty() => {
                needs("other", "needs `group_by`, whose other groups it merges")
            }
            Self { other: true, limit: None, group_limit: None, .. } => {
                needs("other", "needs `limit` or `group_limit`, which leave groups out")
            }
            Self { window: Some(_), granularity: Granularity::All, .. } => {
                needs("window", "needs a `granularity` other than all, as `day`")
            }
            Self { window: Some(window), granularity, .. } => match window.misfit(*granularity) {
                Some(fits) => needs(
                    "window",
                    &format!(
                        "is `{window}`, which does not start where buckets of `granularity` {} \
                         do; {fits} would do",
                        granularity.name()
                    ),
                ),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The first parameter that only JSON can answer, if one is asked for.
    #[must_use]
    pub fn json_alone(&self) -> Option<&'static str> {
        [("totals", self.totals), ("other", self.other)]
            .into_iter()
            .find_map(|(name, is_asked)| is_asked.then_some(name))
    }
}
