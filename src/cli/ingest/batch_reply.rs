//! The server's reply to a batch: a verdict for each of its events.

use indicatif::HumanCount;
use merganser_api::invalid_code::InvalidCode;
use merganser_api::receipt::{InvalidEvent, Receipt};

/// What the server did with a batch.
#[derive(Debug, Default)]
pub(super) struct BatchReply {
    pub(super) receipt: Receipt,
    /// Whether nothing was stored because some are invalid.
    pub(super) is_rejected: bool,
}

impl From<Receipt> for BatchReply {
    fn from(receipt: Receipt) -> Self {
        Self { receipt, is_rejected: false }
    }
}

impl BatchReply {
    /// Why nothing was stored.
    pub(super) fn rejection(&self) -> anyhow::Error {
        let what = match self.receipt.invalid.len() {
            1 => "1 event is invalid".to_owned(),
            count => format!("{} events are invalid", HumanCount(count as u64)),
        };
        anyhow::anyhow!("{what}, and with --on-invalid reject nothing of their request is stored")
    }

    /// Whether every line is of another shape than an event: there is no point in sending more of
    /// such a file.
    pub(super) fn has_no_events(&self) -> bool {
        const SHAPE: [InvalidCode; 4] = [
            InvalidCode::MalformedEvent,
            InvalidCode::NotAnObject,
            InvalidCode::UnknownField,
            InvalidCode::InvalidEvent,
        ];
        let is_shape = |invalid: &InvalidEvent| SHAPE.contains(&invalid.code);
        self.receipt.is_all_invalid() && self.receipt.invalid.iter().all(is_shape)
    }

    /// Whether anything was stored.
    pub(super) fn is_new(&self) -> bool {
        self.receipt.accepted > 0
    }

    /// Whether the event at a place of its batch was refused.
    pub(super) fn is_refused(&self, index: usize) -> bool {
        let Receipt { conflicts, invalid, .. } = &self.receipt;
        conflicts.iter().map(|event| event.index).any(|at| at as usize == index)
            || invalid.iter().map(|event| event.index).any(|at| at as usize == index)
    }
}
