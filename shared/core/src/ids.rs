//! Identifiers and places in arrival order.
//!
//! Every number that crosses a crate has a type of its own, so that an offset is never taken for an
//! epoch. Merganser cuts batch from speed by these, never by time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The first one.
            pub const ZERO: Self = Self(0);

            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An event's place in its partition of the journal: dense, from 0, never reused. As an end it
    /// means "everything below".
    Offset
}
number! {
    /// A number of segments sealed together: the unit that moves from the speed to the batch layer.
    Epoch
}
number! {
    /// A manifest's number, one more with each publication.
    Generation
}
number! {
    /// One version of one metric, numbered within a data directory and never reused. Store keys and
    /// file names are made from it, never from a name that a user chose.
    MetricId
}
number! {
    /// A writer's claim on a journal or speed store: the higher one wins, the lower one is refused.
    Fence
}

impl Offset {
    /// The offset `count` events further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }

    /// How many events lie in `[from, self)`; 0 when `from` is not below.
    #[must_use]
    pub const fn since(self, from: Self) -> u64 {
        self.0.saturating_sub(from.0)
    }
}

/// An independent sequence of the journal. One machine has one, [`PartitionId::ONLY`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PartitionId(pub u32);

impl PartitionId {
    /// The partition of a single machine.
    pub const ONLY: Self = Self(0);
}

/// The next offset of each partition: `{"0": 123456}` in JSON, `0:123456` in a query string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(
    as = Position,
    description = "The next offset of each partition: every event below it is meant",
    value_type = BTreeMap<String, u64>,
    example = json!({"0": 123456})
)]
pub struct PartitionOffsets(pub BTreeMap<PartitionId, Offset>);

impl PartitionOffsets {
    /// A position of the single partition.
    #[must_use]
    pub fn only(offset: Offset) -> Self {
        Self(BTreeMap::from([(PartitionId::ONLY, offset)]))
    }

    /// How many events lie below, in all partitions.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.0.values().map(|offset| offset.0).sum()
    }
}

impl fmt::Display for PartitionOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (partition, offset)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{}:{offset}", partition.0)?;
        }
        Ok(())
    }
}

impl FromStr for PartitionOffsets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|pair| {
                parse_pair(pair).ok_or_else(|| {
                    format!(
                        "`{pair}` is not a position; expected `partition:offset`, as `0:123456`"
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse_pair(pair: &str) -> Option<(PartitionId, Offset)> {
    let (partition, offset) = pair.split_once(':')?;
    Some((PartitionId(partition.trim().parse().ok()?), Offset(offset.trim().parse().ok()?)))
}

/// Where an epoch begins: the first epoch that something does not cover, and its first offset.
/// As a metric's boundary it cuts batch (below) from speed (from here on).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[schema(description = "Where a metric's batch view ends")]
pub struct Boundary {
    /// The first epoch that is not covered
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// That epoch's first offset: so many events lie below
    #[schema(value_type = u64)]
    pub offset: Offset,
}

/// A journal's identity, made once with its directory. Speed stores carry it, so that one journal's
/// counters are never taken for another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JournalId(pub Uuid);

impl From<JournalId> for String {
    fn from(id: JournalId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for JournalId {
    type Error = uuid::Error;

    fn try_from(text: String) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_what_it_writes() {
        let position: PartitionOffsets = "0:123456,1:77".parse().unwrap();
        assert_eq!(position.to_string(), "0:123456,1:77");
        assert_eq!(serde_json::to_string(&position).unwrap(), r#"{"0":123456,"1":77}"#);
        assert!("0:x".parse::<PartitionOffsets>().unwrap_err().contains("0:123456"));
        assert!("".parse::<PartitionOffsets>().is_err());
    }
}
