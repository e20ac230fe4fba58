//! A change of what the quarantine holds: a line of its file.

use merganser_api::quarantine::QuarantineId;
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::QuarantineEntry;

/// See the module's text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum QuarantineRecord {
    Add(QuarantineEntry),
    /// An event that is there came so many times more, the last time then.
    Again {
        id: QuarantineId,
        count: u64,
        received: Timestamp,
    },
    Delete(QuarantineId),
}
