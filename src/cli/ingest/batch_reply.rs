//! The server's reply to a batch: a verdict for each of its events.

use std::collections::BTreeMap;

use indicatif::HumanCount;
use serde::Deserialize;

/// What the server did with a batch.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BatchReply {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    #[serde(default)]
    pub(super) conflicts: Vec<ConflictReply>,
    #[serde(default)]
    pub(super) invalid: Vec<InvalidEventReply>,
    #[serde(default)]
    pub(super) position: BTreeMap<String, u64>,
    /// Whether nothing was stored because some are invalid.
    #[serde(skip)]
    pub(super) is_rejected: bool,
}

impl BatchReply {
    /// Where the journal ended behind the batch.
    pub(super) fn journal_end(&self) -> u64 {
        self.position.values().sum()
    }
}

/// An event whose id has other content.
#[derive(Debug, Deserialize)]
pub(super) struct ConflictReply {
    pub(super) index: usize,
    pub(super) id: String,
}

/// An event that breaks a rule.
#[derive(Debug, Deserialize)]
pub(super) struct InvalidEventReply {
    pub(super) index: usize,
    pub(super) code: String,
    pub(super) message: String,
}

impl BatchReply {
    /// Why nothing was stored.
    pub(super) fn rejection(&self) -> anyhow::Error {
        let what = match self.invalid.len() {
            1 => "1 event is invalid".to_owned(),
            count => format!("{} events are invalid", HumanCount(count as u64)),
        };
        anyhow::anyhow!("{what}, and with --on-invalid reject nothing of their request is stored")
    }

    /// Whether every line is of another shape than an event: there is no point in sending more of
    /// such a file.
    pub(super) fn has_no_events(&self) -> bool {
        const SHAPE: [&str; 4] =
            ["malformed_event", "not_an_object", "unknown_field", "invalid_event"];
        let is_shape = |invalid: &InvalidEventReply| SHAPE.contains(&&*invalid.code);
        self.accepted + self.duplicates == 0
            && self.conflicts.is_empty()
            && !self.invalid.is_empty()
            && self.invalid.iter().all(is_shape)
    }

    /// Whether anything was stored.
    pub(super) fn is_new(&self) -> bool {
        self.accepted > 0
    }

    /// Whether the event at a place of its batch was refused.
    pub(super) fn is_refused(&self, index: usize) -> bool {
        self.conflicts.iter().any(|c| c.index == index)
            || self.invalid.iter().any(|i| i.index == index)
    }
}
