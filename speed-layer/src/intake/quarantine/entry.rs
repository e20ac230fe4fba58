//! What the quarantine keeps of an event.

use merganser_api::quarantine::{QuarantineId, QuarantineKind};
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The text of an event, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawText {
    /// As it was sent; what is not UTF-8 is replaced by U+FFFD.
    #[serde(rename = "raw")]
    pub text: String,
    /// Whether `text` is only its beginning.
    #[serde(rename = "raw_truncated")]
    pub is_truncated: bool,
    /// xxh3-64 of the bytes that were sent, where `text` is not all of them.
    #[serde(default, rename = "raw_digest", skip_serializing_if = "Option::is_none")]
    pub digest: Option<u64>,
}

impl RawText {
    /// Of the bytes that were sent, cut after `bytes_max`.
    pub(crate) fn new(bytes: &[u8], bytes_max: usize) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (text, is_truncated) = match bytes.get(..bytes_max) {
            Some(cut) if cut.len() < bytes.len() => {
                // A character that the cut went through is left out.
                let half = cut.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
                (text(cut.get(..cut.len() - half).unwrap_or_default()), true)
            }
            _ => (text(bytes), false),
        };
        let digest = (text.as_bytes() != bytes).then(|| xxh3_64(bytes));
        Self { text, is_truncated, digest }
    }
}

/// An event to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedEvent {
    /// When its request arrived.
    pub received: Timestamp,
    /// Why it is here.
    pub kind: QuarantineKind,
    /// The rule that it breaks, or `conflict`.
    pub code: String,
    /// What was wrong, and what would be right.
    pub message: String,
    /// Its array position or line number, from 0.
    pub index: u32,
    /// What was sent.
    #[serde(flatten)]
    pub raw: RawText,
}

impl QuarantinedEvent {
    /// The same for events of the same text that break the same rule.
    pub(super) fn fingerprint(&self) -> u128 {
        let text = self.raw.digest.unwrap_or_else(|| xxh3_64(self.raw.text.as_bytes()));
        let mut both = self.code.clone().into_bytes();
        both.extend(text.to_le_bytes());
        xxh3_128(&both)
    }
}

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// Its number.
    pub id: QuarantineId,
    /// The event and the reason, as they came first.
    #[serde(flatten)]
    pub event: QuarantinedEvent,
    /// How often it came.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub count: u64,
    /// When it came last, if that was not the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_received: Option<Timestamp>,
}

impl QuarantineEntry {
    /// What an entry takes beside its texts.
    const OVERHEAD_BYTES: usize = 320;

    /// Of an event that comes for the first time.
    pub(super) fn new(id: QuarantineId, event: QuarantinedEvent) -> Self {
        Self { id, event, count: once(), last_received: None }
    }

    /// It came so many times more, the last time then.
    pub(super) fn record_repeat(&mut self, count: u64, received: Timestamp) {
        self.count = self.count.saturating_add(count);
        self.last_received = Some(received);
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.event.raw.text.len() + self.event.message.len() + Self::OVERHEAD_BYTES
    }
}

const fn once() -> u64 {
    1
}

fn is_once(count: &u64) -> bool {
    *count == once()
}
