//! One event of a body before it is parsed.

use memchr::memchr;
use merganser_api::invalid_code::InvalidCode;

use super::invalid::EventFault;

/// The text of one event, still unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawEvent<'a> {
    /// Array position or line number, from 0.
    pub(crate) index: u32,
    /// As it was sent, without blanks around it.
    pub(crate) bytes: &'a [u8],
    /// The same as text; `None` when it is not UTF-8.
    pub(crate) text: Option<&'a str>,
    /// What stood before it, for an event that has no id of its own.
    pub(crate) id: Option<&'a str>,
}

impl<'a> RawEvent<'a> {
    pub(crate) fn of(index: u32, bytes: &'a [u8]) -> Self {
        Self { index, bytes, text: std::str::from_utf8(bytes).ok(), id: None }
    }

    /// The event behind the id and the tab that its line begins with; the whole line where there
    /// is no tab.
    pub(super) fn strip_id_prefix(self) -> Self {
        let Some(at) = memchr(b'\t', self.bytes) else { return self };
        let (id, rest) = (self.bytes.get(..at), self.bytes.get(at + 1..));
        let bytes = rest.unwrap_or_default().trim_ascii();
        let id = id.and_then(|id| std::str::from_utf8(id).ok()).filter(|id| !id.is_empty());
        let text = self.text.and_then(|text| text.get(at + 1..)).map(str::trim_ascii);
        Self { bytes, text, id, ..self }
    }

    /// Refuses an event that is larger than it may be.
    pub(super) fn check_size(&self, max: usize) -> Result<(), EventFault> {
        let size = self.bytes.len();
        if size <= max {
            return Ok(());
        }
        Err(EventFault::new(
            InvalidCode::EventTooLarge,
            format!("the event has {size} bytes, over the limit `event_max_bytes` of {max}"),
        ))
    }
}
