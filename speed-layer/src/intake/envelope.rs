//! One event: from JSON text to checked fields, borrowing from the body.
//!
//! One pass over the text finds the five fields, checks syntax and the rules of properties, and
//! finds those that metrics use; the other fields are then read from their own pieces. What breaks
//! a rule is said with a code and a message and never stops the other events of its request.
//! Nesting costs no stack: the pass over the text does not recurse.

mod faults;

use merganser_api::invalid_code::InvalidCode;
use std::borrow::Cow;

use merganser_core::json::JsonCursor;
use merganser_core::text::excerpt;
use merganser_core::time::Timestamp;
use merganser_metric::extract::{PropertyExtractor, PropertyFinder};

use self::faults::{UNKNOWN_MAX, not_an_object, unknown_fields};
use super::event_time;
use super::invalid::{EventFault, unescape};
use super::properties::PropertyRules;
use super::raw_event::RawEvent;

/// Characters of an event's type.
const TYPE_BYTES_MAX: usize = 128;
/// Bytes of an id.
pub(super) const ID_BYTES_MAX: usize = 256;
/// Bytes of a subject.
const SUBJECT_BYTES_MAX: usize = 256;

/// An event's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTime<'a> {
    pub(crate) at: Timestamp,
    /// The JSON text that said so.
    pub(crate) text: &'a str,
}

/// A valid event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    pub(crate) event: Cow<'a, str>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) time: Option<EventTime<'a>>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) properties: Option<&'a str>,
}

/// Reads the events of one request, reusing its memory from event to event.
#[derive(Debug)]
pub(crate) struct EnvelopeReader<'x, 'a> {
    event_max_bytes: usize,
    pass: EnvelopeParser<'x, 'a>,
}

impl<'x, 'a> EnvelopeReader<'x, 'a> {
    /// A reader that finds the properties which `wanted` reads.
    pub(crate) fn new(event_max_bytes: usize, wanted: &'x PropertyExtractor) -> Self {
        let (rules, found) = (PropertyRules::default(), PropertyFinder::new(wanted));
        Self { event_max_bytes, pass: EnvelopeParser { rules, found, open: Vec::new() } }
    }

    /// The wanted properties of the event that was read last.
    pub(crate) fn extracted(&self) -> &PropertyFinder<'x, 'a> {
        &self.pass.found
    }

    /// Checks every rule; the event's time may be `latest` at most.
    pub(crate) fn read(
        &mut self,
        raw: &RawEvent<'a>,
        latest: Timestamp,
    ) -> Result<Envelope<'a>, EventFault> {
        raw.check_size(self.event_max_bytes)?;
        self.read_unbounded(raw, latest)
    }

    /// The same of an event that has been measured.
    pub(crate) fn read_unbounded(
        &mut self,
        raw: &RawEvent<'a>,
        latest: Timestamp,
    ) -> Result<Envelope<'a>, EventFault> {
        let Some(text) = raw.text else {
            return Err(EventFault::new(InvalidCode::MalformedEvent, "the event is not UTF-8"));
        };
        let fields = self.pass.read(text)?;
        let Some(event) = non_null(fields.event) else {
            return Err(EventFault::new(
                InvalidCode::InvalidEvent,
                "`event` is missing; it names the event's type, as `\"event\":\"purchase\"`",
            ));
        };
        let event = text_field(event, "event", InvalidCode::InvalidEvent)?;
        check_type(&event)?;
        let id = match (non_null(fields.id), raw.id) {
            (Some(id), _) => {
                Some(bounded_text(id, "id", InvalidCode::InvalidId, 1..=ID_BYTES_MAX)?)
            }
            (None, Some(id)) => {
                Some(bounded(id.into(), "id", InvalidCode::InvalidId, 1..=ID_BYTES_MAX)?)
            }
            (None, None) => None,
        };
        let time = non_null(fields.time)
            .map(|text| {
                event_time::read(text, latest)
                    .map(|at| EventTime { at, text })
                    .map_err(|message| EventFault::new(InvalidCode::InvalidTime, message))
            })
            .transpose()?;
        let subject = non_null(fields.subject)
            .map(|subject| {
                let code = InvalidCode::InvalidSubject;
                bounded_text(subject, "subject", code, 0..=SUBJECT_BYTES_MAX)
            })
            .transpose()?;
        let properties = non_null(fields.properties);
        if let Some(properties) = properties {
            if !properties.starts_with('{') {
                let hint = match unescape(properties).is_some_and(|t| t.starts_with('{')) {
                    true => ", and not the text of one",
                    false => "",
                };
                let given = excerpt(properties);
                return Err(EventFault::new(
                    InvalidCode::InvalidProperties,
                    format!("`properties` is `{given}`; it must be an object{hint}"),
                ));
            }
            self.pass.rules.end()?;
        }
        Ok(Envelope { event, id, time, subject, properties })
    }
}

/// A field that is null counts as absent.
fn non_null(field: Option<&str>) -> Option<&str> {
    field.filter(|text| *text != "null")
}

fn check_type(event: &str) -> Result<(), EventFault> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if (1..=TYPE_BYTES_MAX).contains(&event.len()) && event.bytes().all(is_allowed) {
        return Ok(());
    }
    let mut message = format!(
        "`event` is `{}`; it must be 1 to {TYPE_BYTES_MAX} characters of `A-Za-z0-9_.:-`",
        excerpt(event)
    );
    if (1..=TYPE_BYTES_MAX).contains(&event.len()) && event.is_ascii() {
        let allowed = |c: char| if is_allowed(c as u8) { c } else { '_' };
        let plain: String = event.chars().map(allowed).collect();
        message.push_str(&format!(", as `{}`", excerpt(&plain)));
    }
    Err(EventFault::new(InvalidCode::InvalidEvent, message))
}

fn bounded_text<'a>(
    json: &'a str,
    name: &str,
    code: InvalidCode,
    bytes: std::ops::RangeInclusive<usize>,
) -> Result<Cow<'a, str>, EventFault> {
    bounded(text_field(json, name, code)?, name, code, bytes)
}

fn bounded<'a>(
    text: Cow<'a, str>,
    name: &str,
    code: InvalidCode,
    bytes: std::ops::RangeInclusive<usize>,
) -> Result<Cow<'a, str>, EventFault> {
    if bytes.contains(&text.len()) {
        return Ok(text);
    }
    Err(EventFault::new(
        code,
        format!(
            "`{name}` has {} bytes; it must have {} to {}",
            text.len(),
            bytes.start(),
            bytes.end()
        ),
    ))
}

fn text_field<'a>(
    json: &'a str,
    name: &str,
    code: InvalidCode,
) -> Result<Cow<'a, str>, EventFault> {
    unescape(json).ok_or_else(|| {
        let is_number = json.bytes().all(|byte| byte.is_ascii_digit());
        let hint = match is_number && json.len() <= 60 {
            true => format!(", as `\"{json}\"`"),
            false => String::new(),
        };
        EventFault::new(code, format!("`{name}` is {}; it must be text{hint}", excerpt(json)))
    })
}

/// The JSON text of each field, as it was sent.
#[derive(Default)]
struct EnvelopeFields<'a> {
    event: Option<&'a str>,
    id: Option<&'a str>,
    time: Option<&'a str>,
    subject: Option<&'a str>,
    properties: Option<&'a str>,
    fault: Option<EventFault>,
    /// Names of fields that an event does not have, up to one more than [`UNKNOWN_MAX`].
    unknown: Vec<Box<str>>,
}

/// The pass over an event's text, and the memory that it uses again.
#[derive(Debug)]
struct EnvelopeParser<'x, 'a> {
    rules: PropertyRules<'a>,
    found: PropertyFinder<'x, 'a>,
    open: Vec<bool>,
}

impl<'a> EnvelopeParser<'_, 'a> {
    fn read(&mut self, text: &'a str) -> Result<EnvelopeFields<'a>, EventFault> {
        self.rules.begin();
        self.found.begin();
        let mut cursor = JsonCursor::new(text);
        let fields = self.fields(&mut cursor).filter(|_| cursor.peek().is_none());
        let fields = fields.ok_or_else(|| not_an_object(text))?;
        if let Some(fault) = fields.fault {
            return Err(fault);
        }
        match fields.unknown.is_empty() {
            true => Ok(fields),
            false => Err(unknown_fields(&fields)),
        }
    }

    /// The fields of the object that comes next; `None` when there is none.
    fn fields(&mut self, cursor: &mut JsonCursor<'a>) -> Option<EnvelopeFields<'a>> {
        let mut fields = EnvelopeFields::default();
        cursor.eat(b'{')?;
        if cursor.eat(b'}').is_some() {
            return Some(fields);
        }
        loop {
            let name = cursor.key()?.text()?;
            let value = match &*name {
                "properties" if fields.properties.is_none() => {
                    cursor.walk(&mut self.open, &mut (&mut self.rules, &mut self.found))?
                }
                _ => cursor.walk(&mut self.open, &mut ())?,
            };
            fields.set(&name, value);
            if cursor.eat(b',').is_none() {
                return cursor.eat(b'}').map(|()| fields);
            }
        }
    }
}

impl<'a> EnvelopeFields<'a> {
    fn set(&mut self, name: &str, value: &'a str) {
        let slot = match name {
            "event" => &mut self.event,
            "id" => &mut self.id,
            "time" => &mut self.time,
            "subject" => &mut self.subject,
            "properties" => &mut self.properties,
            other => {
                if self.unknown.len() <= UNKNOWN_MAX {
                    self.unknown.push(excerpt(other).into());
                }
                return;
            }
        };
        if slot.replace(value).is_some() {
            self.fault.get_or_insert_with(|| {
                EventFault::new(InvalidCode::DuplicateField, format!("`{name}` occurs twice"))
            });
        }
    }
}

#[cfg(test)]
mod tests;
