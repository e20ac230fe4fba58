//! Why an event is invalid: the rule that it breaks, and how a message quotes it.

use std::borrow::Cow;

use merganser_api::invalid_code::InvalidCode;

/// Why an event is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventFault {
    pub(crate) code: InvalidCode,
    pub(crate) message: String,
}

impl EventFault {
    pub(crate) fn new(code: InvalidCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The text that a JSON string spells; `None` when it is no string, or spells half a surrogate
/// pair. Only text with escapes is copied.
pub(crate) fn unescape(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_some() {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}
