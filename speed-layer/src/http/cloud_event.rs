//! CloudEvents in binary mode: attributes out of headers.

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::intake::{CloudEventData, CloudEventHead, IntakeError};

/// The attributes of a CloudEvent in binary mode; `None` where the headers have none.
///
/// # Errors
/// When an attribute is there twice, or is no text.
pub(super) fn head(
    parts: &Parts,
    content_type: Option<&str>,
) -> Result<Option<CloudEventHead>, IntakeError> {
    let (specversion, id) = (attribute(parts, "specversion")?, attribute(parts, "id")?);
    if specversion.is_none() && id.is_none() {
        return Ok(None);
    }
    Ok(Some(CloudEventHead {
        specversion,
        id,
        source: attribute(parts, "source")?,
        kind: attribute(parts, "type")?,
        time: attribute(parts, "time")?,
        subject: attribute(parts, "subject")?,
        data: match content_type {
            None => CloudEventData::Undeclared,
            Some(kind) if is_json(kind) => CloudEventData::Json,
            Some(_) => CloudEventData::Other,
        },
    }))
}

/// An attribute: what is not printable ASCII is percent-encoded UTF-8 (HTTP binding, 3.1.3.2).
fn attribute(parts: &Parts, name: &str) -> Result<Option<String>, IntakeError> {
    let header = format!("ce-{name}");
    let wrong = |why: &str| IntakeError::MalformedBody(format!("the header `{header}` {why}"));
    let mut values = parts.headers.get_all(&header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong("is there twice"));
    }
    let text = value.to_str().map_err(|_| wrong("is not ASCII; percent-encoded UTF-8 is right"))?;
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| Some(text.into_owned())).map_err(|_| wrong("is not UTF-8"))
}

/// `application/json` and what ends with `+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}
