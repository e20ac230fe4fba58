//! The ways in which definitions were and are folded.

use serde::{Deserialize, Serialize};

/// How definitions are folded. A metric's version keeps the way that it began with, as long as its
/// states depend on it: states that were folded in two ways cannot be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub enum FoldVersion {
    /// `distinct` counts numbers by their spelling, and as the text of it; expressions take numbers
    /// of 9 places; the `latest` of a time is a text.
    #[default]
    First,
    /// `distinct` counts numbers by their value; expressions take numbers of 18 places; the
    /// `latest` of a time is a time.
    Second,
}

impl FoldVersion {
    /// How new versions of metrics are folded.
    pub const CURRENT: Self = Self::Second;
}

impl From<FoldVersion> for u32 {
    fn from(fold: FoldVersion) -> Self {
        match fold {
            FoldVersion::First => 1,
            FoldVersion::Second => 2,
        }
    }
}

impl TryFrom<u32> for FoldVersion {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self::First),
            2 => Ok(Self::Second),
            _ => Err(format!("fold {number}, this build knows 1 and 2; use a newer Merganser")),
        }
    }
}
