//! Properties that the sender's key fixes, written into every event before anything else looks at
//! it: rules, metrics, digest and journal see them, whatever was sent.
//!
//! The text that they make is a function of the event's text and the key's properties, so that an
//! event that is sent again is a duplicate, and under a key with other properties a conflict. What
//! goes to the quarantine is what was sent.

use merganser_api::invalid_code::InvalidCode;
use merganser_core::access::FixedProperties;
use merganser_core::json::JsonCursor;

use super::adapters::TranslationResult;
use super::invalid::EventFault;
use super::raw_event::RawEvent;

/// The texts of events with these properties. `translated` is what events of other standards stand
/// for. None is larger than `bytes_max` before.
pub(super) fn add_properties(
    fixed: &FixedProperties,
    events: &[RawEvent<'_>],
    translated: Option<Vec<TranslationResult>>,
    bytes_max: usize,
) -> Vec<TranslationResult> {
    let mut open = Vec::new();
    let mut written = |raw: &RawEvent<'_>| -> TranslationResult {
        raw.check_size(bytes_max)?;
        let text = raw.text.ok_or_else(|| {
            EventFault::new(InvalidCode::MalformedEvent, "the event is not UTF-8")
        })?;
        // What is no event, the rules say of the text that was sent.
        Ok(insert_into_event(text, fixed, &mut open).unwrap_or_else(|| text.to_owned()))
    };
    match translated {
        None => events.iter().map(written).collect(),
        Some(texts) => events
            .iter()
            .zip(texts)
            .map(|(raw, text)| {
                let text = text?;
                written(&RawEvent { bytes: text.as_bytes(), text: Some(&text), ..*raw })
            })
            .collect(),
    }
}

/// An event's text with the properties in it; `None` where it is no event that could have any.
fn insert_into_event(text: &str, fixed: &FixedProperties, open: &mut Vec<bool>) -> Option<String> {
    let mut cursor = JsonCursor::new(text);
    let mut properties = None;
    cursor.eat(b'{')?;
    let is_empty = cursor.eat(b'}').is_some();
    let mut is_open = !is_empty;
    while is_open {
        let name = cursor.key()?;
        let value = cursor.walk(open, &mut ())?;
        if properties.is_none() && name.text().as_deref() == Some("properties") {
            properties = Some((cursor.offset() - value.len(), value));
        }
        if cursor.eat(b',').is_none() {
            cursor.eat(b'}')?;
            is_open = false;
        }
    }
    if cursor.peek().is_some() {
        return None;
    }
    let Some((start, own)) = properties else {
        let rest = text.trim_ascii_end().strip_suffix('}')?;
        let comma = if is_empty { "" } else { "," };
        return Some(format!("{rest}{comma}\"properties\":{{{}}}}}", fixed.json()));
    };
    let made = insert_into_object(own, fixed, open)?;
    let (before, after) = (text.get(..start)?, text.get(start + own.len()..)?);
    Some([before, &made, after].concat())
}

/// An object's text with the properties before its own, of which those of the same names are left
/// out; `None` where it is neither object nor null.
fn insert_into_object(own: &str, fixed: &FixedProperties, open: &mut Vec<bool>) -> Option<String> {
    let mut made = format!("{{{}", fixed.json());
    let mut cursor = JsonCursor::new(own);
    if own != "null" {
        cursor.eat(b'{')?;
        while cursor.peek()? != b'}' {
            let name = cursor.key()?;
            let value = cursor.walk(open, &mut ())?;
            if !name.text().is_some_and(|name| fixed.has(&name)) {
                made.extend([",", name.json, ":", value]);
            }
            if cursor.eat(b',').is_none() {
                break;
            }
        }
    }
    made.push('}');
    Some(made)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn fixed() -> FixedProperties {
        let values = [("tenant", "acme"), ("by", "a \"key\"")];
        let own = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        std::collections::BTreeMap::from(own).try_into().unwrap()
    }

    fn made(text: &str) -> Option<String> {
        insert_into_event(text, &fixed(), &mut Vec::new())
    }

    #[test]
    fn they_stand_in_every_event_whatever_it_had() {
        const SET: &str = r#""by":"a \"key\"","tenant":"acme""#;
        for (text, wanted) in [
            (r#"{"event":"x"}"#, r#"{"event":"x","properties":{SET}}"#),
            (r#" { } "#, r#" { "properties":{SET}}"#),
            (r#"{"properties":null,"event":"x"}"#, r#"{"properties":{SET},"event":"x"}"#),
            (r#"{"properties": { } }"#, r#"{"properties": {SET} }"#),
            (
                r#"{"properties":{"n": 1.50, "tenant":"evil" ,"s":"\u00e9"},"id":"i"}"#,
                r#"{"properties":{SET,"n":1.50,"s":"\u00e9"},"id":"i"}"#,
            ),
            (r#"{"properties":{"t\u0065nant":"evil"}}"#, r#"{"properties":{SET}}"#),
            (r#"{"pr\u006fperties":{"tenant":{"a":[1]}}}"#, r#"{"pr\u006fperties":{SET}}"#),
            (
                r#"{"properties":{"by":1,"Tenant":2,"x":{"tenant":3}}}"#,
                r#"{"properties":{SET,"Tenant":2,"x":{"tenant":3}}}"#,
            ),
        ] {
            assert_eq!(made(text).unwrap(), wanted.replace("SET", SET), "{text}");
        }
    }

    #[test]
    fn an_invalid_event_is_left_unchanged() {
        for text in
            ["", "[]", "nope", "{\"a\":1", "{} x", "{\"properties\":[1]}", "{\"properties\":7}"]
        {
            assert_eq!(made(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_else_stays_as_it_was(
            own in prop::collection::btree_map("[a-z]{1,3}|tenant|by", any::<i32>(), 0..6),
            more in prop::collection::btree_map("id|event|subject", "[a-z\"]{0,3}", 0..3),
            is_there in any::<bool>(),
        ) {
            let mut event = json!(more);
            if is_there {
                event["properties"] = json!(own);
            }
            let mut wanted = event.clone();
            if !is_there {
                wanted["properties"] = json!({});
            }
            wanted["properties"]["tenant"] = json!("acme");
            wanted["properties"]["by"] = json!("a \"key\"");
            let text = made(&event.to_string()).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
            let again = made(&text);
            prop_assert_eq!(again, Some(text), "written again it is the same");
        }
    }
}
