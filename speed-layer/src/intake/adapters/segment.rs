//! The calls of Segment's HTTP API.
//!
//! | Segment | event |
//! |---|---|
//! | `event` of a `track`, else the call's name | `event`; what cannot stand there becomes `_` |
//! | `messageId` | `id`; without one the server makes it, as Segment's does |
//! | `timestamp`, else `originalTimestamp` | `time` |
//! | `userId`, else `anonymousId` | `subject` |
//! | `properties`, of `identify` and `group` `traits` | `properties` |
//!
//! `name` and `category` of a page or screen, `groupId`, `previousId`, `anonymousId` beside a
//! `userId`, and the `event` of a `track` that had to be changed are added to `properties` where
//! they have no key of that name. A message of a batch without `type` that names an `event` is a
//! `track`. An empty text is as none, and an empty array as an empty object, which some clients
//! send for it. `sentAt`, `receivedAt`, `context` and the rest are not kept: they are about the
//! sending, and may differ when it is done again.

use std::borrow::Cow;

use merganser_core::json::JsonCursor;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{NativeEvent, malformed, not_text, to_json};
use crate::intake::invalid::{EventFault, unescape};
use crate::intake::raw_event::RawEvent;

const WHAT: &str = "call of the Segment API";

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentCall {
    /// A user did something.
    Track,
    /// A user looked at a page.
    Page,
    /// A user looked at a screen of an app.
    Screen,
    /// Traits of a user.
    Identify,
    /// The group that a user belongs to.
    Group,
    /// Two ids are of one person.
    Alias,
}

impl SegmentCall {
    /// All calls.
    pub const EACH: [Self; 6] =
        [Self::Track, Self::Page, Self::Screen, Self::Identify, Self::Group, Self::Alias];

    /// Its name, in paths and bodies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Identify => "identify",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SegmentMessage<'a> {
    #[serde(rename = "type")]
    call: Option<SegmentCall>,
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    original_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    anonymous_id: Option<&'a RawValue>,
    #[serde(borrow)]
    group_id: Option<&'a RawValue>,
    #[serde(borrow)]
    previous_id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    category: Option<&'a RawValue>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    #[serde(borrow)]
    traits: Option<&'a RawValue>,
}

/// An id; some clients send numbers, of which every digit counts.
fn id_text<'a>(name: &str, id: &'a RawValue) -> Result<Option<Cow<'a, str>>, EventFault> {
    let json = id.get();
    let text = match json.as_bytes().first() {
        Some(b'"') => unescape(json),
        Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(json)),
        _ => None,
    };
    let text = text.ok_or_else(|| malformed(WHAT, format!("`{name}` is neither text nor number")));
    text.map(|text| Some(text).filter(|text| !text.is_empty()))
}

/// `call` is what the path says; in a batch each message says it.
pub(in crate::intake) fn translate(
    call: Option<SegmentCall>,
    raw: &RawEvent<'_>,
) -> Result<String, EventFault> {
    let text = raw.text.ok_or_else(|| not_text(WHAT))?;
    let message: SegmentMessage<'_> =
        serde_json::from_str(text).map_err(|error| malformed(WHAT, error))?;
    let missing = |name: &str| malformed(WHAT, format!("`{name}` is missing"));
    let named = message.event.as_deref().filter(|name| !name.is_empty());
    let stated = call.or(message.call).or(named.map(|_| SegmentCall::Track));
    let call = stated.ok_or_else(|| missing("type"))?;
    let name = match call {
        SegmentCall::Track => named.ok_or_else(|| missing("event"))?,
        other => other.name(),
    };
    let event = event_type_of(name);
    let id_of = |name, id: Option<_>| id.map_or(Ok(None), |id| id_text(name, id));
    let id = id_of("messageId", message.message_id)?;
    let user = id_of("userId", message.user_id)?;
    let anonymous = id_of("anonymousId", message.anonymous_id)?;
    let beside = user.is_some().then_some(anonymous.as_deref()).flatten();
    let own = match call {
        SegmentCall::Identify | SegmentCall::Group => message.traits,
        _ => message.properties,
    };
    let own = own.filter(|own| !is_empty_array(own));
    let json = |text: &str| to_raw_value(text).map_err(|error| malformed(WHAT, error));
    let added = [
        ("event", (event != name).then(|| json(name)).transpose()?),
        ("name", message.name.map(ToOwned::to_owned)),
        ("category", message.category.map(ToOwned::to_owned)),
        ("groupId", message.group_id.map(ToOwned::to_owned)),
        ("previousId", message.previous_id.map(ToOwned::to_owned)),
        ("anonymousId", beside.map(json).transpose()?),
    ];
    let added = added.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let properties = prepend_fields(own, added)?;
    let native = NativeEvent {
        event: &event,
        id: id.as_deref(),
        time: non_empty_time(message.timestamp)
            .or_else(|| non_empty_time(message.original_timestamp)),
        subject: user.as_deref().or(anonymous.as_deref()),
        properties: properties.as_deref().or(own),
    };
    to_json(&native, WHAT)
}

/// A call's text with `"…"` for the value of its `writeKey`, however the name is spelled: the key
/// is a secret, and nothing that is kept may hold it.
pub(in crate::intake) fn without_key(bytes: &[u8]) -> Cow<'_, [u8]> {
    // It has been read as JSON before, so that it is text, and each walk gets to its end.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let (mut cursor, mut open) = (JsonCursor::new(text), Vec::new());
    let (mut made, mut copied) = (String::new(), 0);
    let mut is_open = cursor.eat(b'{').is_some();
    while is_open {
        let Some(name) = cursor.key() else { break };
        let Some(value) = cursor.walk(&mut open, &mut ()) else { break };
        if name.text().as_deref() == Some("writeKey") {
            let start = cursor.offset() - value.len();
            made.push_str(text.get(copied..start).unwrap_or_default());
            made.push_str("\"…\"");
            copied = cursor.offset();
        }
        is_open = cursor.eat(b',').is_some();
    }
    if copied == 0 {
        return Cow::Borrowed(text.as_bytes());
    }
    made.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(made.into_bytes())
}

/// A time that says something.
fn non_empty_time(time: Option<&RawValue>) -> Option<&RawValue> {
    time.filter(|time| time.get() != "\"\"")
}

fn is_empty_array(value: &RawValue) -> bool {
    let inner = value.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// A name as an event's type.
fn event_type_of(name: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    match name.chars().all(is_allowed) {
        true => Cow::Borrowed(name),
        false => name.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect(),
    }
}

/// An object's text with more fields before its own, which stay as they are; `None` where there is
/// nothing to add. A field that the object has is not added.
fn prepend_fields<'a>(
    own: Option<&RawValue>,
    added: impl Iterator<Item = (&'a str, &'a RawValue)>,
) -> Result<Option<Box<RawValue>>, EventFault> {
    let own = own.map_or("{}", RawValue::get);
    if !own.starts_with('{') {
        // Not an object: the rules of events say so.
        return Ok(None);
    }
    let known: std::collections::HashMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(own).map_err(|error| malformed(WHAT, error))?;
    let mut text = String::new();
    for (name, value) in added.filter(|(name, _)| !known.contains_key(*name)) {
        text.push_str(if text.is_empty() { "{" } else { "," });
        text.push_str(&format!("\"{name}\":{}", value.get()));
    }
    if text.is_empty() {
        return Ok(None);
    }
    if !known.is_empty() {
        text.push(',');
    }
    text.push_str(own.strip_prefix('{').unwrap_or_default());
    RawValue::from_string(text).map(Some).map_err(|error| malformed(WHAT, error))
}
