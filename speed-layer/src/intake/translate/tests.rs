//! What events of other standards become.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::intake::adapters::{CloudEventData, CloudEventHead, SegmentCall};

const MAX: usize = 1000;

fn raw(bytes: &[u8]) -> RawEvent<'_> {
    RawEvent::of(0, bytes)
}

fn native(format: &BodyFormat, event: &Value) -> Result<Value, String> {
    let text = event.to_string();
    let translated = translate(format, &[raw(text.as_bytes())], MAX).unwrap().remove(0);
    translated.map(|text| serde_json::from_str(&text).unwrap()).map_err(|fault| fault.message)
}

#[test]
fn native_events_are_left_alone() {
    assert_eq!(translate(&BodyFormat::Json, &[raw(b"{}")], MAX), None);
    assert_eq!(translate(&BodyFormat::Ndjson, &[], MAX), None);
}

fn cloud_event(more: &Value) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": "A1", "source": "/shop/1", "type": "com.example.order",
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

#[test]
fn a_cloud_event_keeps_what_identifies_and_describes_it() {
    let at = |more: &Value| native(&BodyFormat::CloudEvents, &cloud_event(more));
    let wanted = |properties: Value| {
        let mut wanted = json!({ "event": "com.example.order", "id": "/shop/1 A1" });
        if !properties.is_null() {
            wanted["properties"] = properties;
        }
        Ok(wanted)
    };
    assert_eq!(at(&json!({})), wanted(Value::Null));
    assert_eq!(at(&json!({ "data": { "a": 1 } })), wanted(json!({ "a": 1 })));
    assert_eq!(at(&json!({ "data": [1, "x"] })), wanted(json!({ "data": [1, "x"] })));
    assert_eq!(at(&json!({ "data": "text" })), wanted(json!({ "data": "text" })));
    assert_eq!(at(&json!({ "data_base64": "AQI=" })), wanted(json!({ "data_base64": "AQI=" })));
    let one = json!({ "time": "2026-01-02T03:04:05Z", "subject": "s", "traceparent": "00-1" });
    let other = json!({ "time": "2026-01-02T03:04:05Z", "subject": "s", "traceparent": "00-2" });
    assert_eq!(at(&one), at(&other), "what middlemen change makes no other event");
    assert_eq!(at(&one).unwrap()["subject"], "s");
    assert_eq!(at(&one).unwrap()["time"], "2026-01-02T03:04:05Z");
    for (wrong, words) in [
        (json!({ "id": null }), "no CloudEvent"),
        (json!({ "id": "" }), "`id` is empty"),
        (json!({ "source": "a b" }), "blanks"),
        (json!({ "specversion": "0.3" }), "1.0 is read"),
        (json!({ "time": 1767323045000_u64 }), "expected a string"),
        (json!({ "data": 1, "data_base64": "AQ==" }), "both"),
    ] {
        let said = at(&wrong).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    let said = native(&BodyFormat::CloudEvents, &json!({ "specversion": "1.0" })).unwrap_err();
    assert!(said.contains("missing field"), "{said}");
}

#[test]
fn a_too_large_event_is_not_translated() {
    let text = vec![0_u8; MAX + 1];
    let head = BodyFormat::CloudEventData(Arc::default());
    let fault = translate(&head, &[raw(&text)], MAX).unwrap().remove(0).unwrap_err();
    assert_eq!(fault.code.name(), "event_too_large");
}

#[test]
fn digits_and_the_text_of_data_stay_as_they_were_sent() {
    let text = r#"{"specversion":"1.0","id":"i","source":"s","type":"t",
        "data":{"n":12345678901234567890.10, "s":"\u00e9"}}"#;
    let translated = translate(&BodyFormat::CloudEvents, &[raw(text.as_bytes())], MAX).unwrap();
    let text = translated[0].as_ref().unwrap();
    assert!(text.contains(r#""properties":{"n":12345678901234567890.10, "s":"\u00e9"}"#), "{text}");
}

#[test]
fn attributes_in_headers_make_the_same_event() {
    let head = |data| {
        BodyFormat::CloudEventData(Arc::new(CloudEventHead {
            specversion: Some("1.0".to_owned()),
            id: Some("A1".to_owned()),
            source: Some("/shop/1".to_owned()),
            kind: Some("com.example.order".to_owned()),
            time: Some("2026-01-02T03:04:05Z".to_owned()),
            subject: None,
            data,
        }))
    };
    let binary = |data, body: &[u8]| -> Result<Value, String> {
        let translated = translate(&head(data), &[raw(body)], MAX).unwrap().remove(0);
        translated.map(|text| serde_json::from_str(&text).unwrap()).map_err(|e| e.message)
    };
    let structured = |more: Value| {
        let mut more = more;
        more["time"] = json!("2026-01-02T03:04:05Z");
        native(&BodyFormat::CloudEvents, &cloud_event(&more))
    };
    assert_eq!(
        binary(CloudEventData::Json, br#"{"a":1}"#),
        structured(json!({ "data": { "a": 1 } }))
    );
    assert_eq!(binary(CloudEventData::Json, b""), structured(json!({})));
    assert_eq!(binary(CloudEventData::Other, b"{text"), structured(json!({ "data": "{text" })));
    assert_eq!(
        binary(CloudEventData::Other, b"\xff\x00"),
        structured(json!({ "data_base64": "/wA=" }))
    );
    assert_eq!(binary(CloudEventData::Undeclared, b"7"), structured(json!({ "data": 7 })));
    let said = binary(CloudEventData::Json, b"{text").unwrap_err();
    assert!(said.contains("says that the data is JSON"), "{said}");
    let said = binary(CloudEventData::Undeclared, b"hello there").unwrap_err();
    assert!(said.contains("no `Content-Type`") && said.contains("text/plain"), "{said}");
    let nothing = BodyFormat::CloudEventData(Arc::default());
    let said = translate(&nothing, &[raw(b"{}")], MAX).unwrap().remove(0).unwrap_err().message;
    assert!(said.contains("ce-specversion"), "{said}");
}

#[test]
fn calls_of_segment_become_events_that_are_the_same_when_sent_again() {
    let batch = |message: &Value| native(&BodyFormat::SegmentBatch, message);
    let track = json!({
        "type": "track", "messageId": "m-1", "event": "Order Completed", "userId": 17,
        "anonymousId": "anon", "timestamp": "2026-01-02T03:04:05.678Z",
        "properties": { "revenue": 9.5, "name": "own" }, "name": "other",
        "sentAt": "2026-01-02T03:04:06Z", "context": { "retries": 1 },
    });
    let wanted = json!({
        "event": "Order_Completed", "id": "m-1", "time": "2026-01-02T03:04:05.678Z",
        "subject": "17",
        "properties": { "event": "Order Completed", "anonymousId": "anon", "revenue": 9.5,
            "name": "own" },
    });
    assert_eq!(batch(&track), Ok(wanted.clone()));
    let mut again = track.clone();
    again["sentAt"] = json!("2026-01-02T03:05:00Z");
    again["context"] = json!({ "retries": 2 });
    assert_eq!(batch(&again), Ok(wanted.clone()));
    let mut one = track;
    one.as_object_mut().unwrap().remove("type");
    assert_eq!(native(&BodyFormat::Segment(SegmentCall::Track), &one), Ok(wanted));
    assert_eq!(batch(&one), native(&BodyFormat::Segment(SegmentCall::Track), &one));

    let long = |id: &str| {
        let text = format!(r#"{{"type":"page","messageId":"m","userId":{id}}}"#);
        let made = translate(&BodyFormat::SegmentBatch, &[raw(text.as_bytes())], MAX);
        made.unwrap().remove(0).map_err(|fault| fault.message)
    };
    assert!(long("123456789012345678901").unwrap().contains("\"123456789012345678901\""));
    assert!(long("{}").unwrap_err().contains("`userId`"));

    let identify = json!({ "type": "identify", "messageId": "m", "anonymousId": "a",
        "traits": { "plan": "pro" }, "properties": { "not": "these" } });
    let wanted = json!({ "event": "identify", "id": "m", "subject": "a",
        "properties": { "plan": "pro" } });
    assert_eq!(batch(&identify), Ok(wanted));
    let page = json!({ "type": "page", "messageId": "m", "name": "Home", "userId": "u" });
    let wanted = json!({ "event": "page", "id": "m", "subject": "u",
        "properties": { "name": "Home" } });
    assert_eq!(batch(&page), Ok(wanted));
    for (wrong, words) in [
        (json!({ "messageId": "m" }), "`type` is missing"),
        (json!({ "type": "track", "event": "" }), "`event` is missing"),
        (json!({ "type": "page", "messageId": [1] }), "`messageId` is neither"),
        (json!({ "type": "track", "messageId": "m" }), "`event` is missing"),
        (json!({ "type": "shout", "messageId": "m" }), "shout"),
        (json!([1]), "no call"),
    ] {
        let said = batch(&wrong).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    // What clients send for nothing: null, empty texts, an empty array.
    let bare = json!({ "type": "track", "event": "x", "messageId": null, "userId": "",
        "timestamp": null, "originalTimestamp": "", "properties": [], "traits": null,
        "context": null, "integrations": null, "writeKey": "k" });
    assert_eq!(batch(&bare), Ok(json!({ "event": "x" })), "the server makes the id");
    let some = json!({ "type": "track", "event": "x", "messageId": 7, "timestamp": "",
        "originalTimestamp": "2026-01-02T03:04:05Z" });
    let wanted = json!({ "event": "x", "id": "7", "time": "2026-01-02T03:04:05Z" });
    assert_eq!(batch(&some), Ok(wanted));
    let odd = json!({ "type": "page", "messageId": "m", "properties": 7, "name": "n" });
    assert_eq!(batch(&odd).unwrap()["properties"], 7, "the rules of events refuse it");
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[{}\\[\\]\":,a-z0-9 ]{0,40}") {
        for format in [BodyFormat::CloudEvents, BodyFormat::SegmentBatch] {
            for translated in translate(&format, &[raw(text.as_bytes())], MAX).unwrap() {
                prop_assert!(translated.is_err());
            }
        }
    }

    #[test]
    fn properties_with_more_fields_are_json_and_hold_their_own(
        own in prop::collection::btree_map("[a-z]{1,4}|name|event", any::<i32>(), 0..5),
    ) {
        let own = json!(own);
        let message = json!({ "type": "track", "messageId": "m", "event": "a b", "name": "n",
            "properties": own });
        let made = native(&BodyFormat::SegmentBatch, &message).unwrap();
        for (name, value) in own.as_object().unwrap() {
            prop_assert_eq!(&made["properties"][name], value);
        }
        prop_assert!(made["properties"]["name"].is_string() || own.get("name").is_some());
    }
}

#[test]
fn a_quarantined_event_shows_what_stood_beside_the_body() {
    let head =
        CloudEventHead { id: Some("1".into()), kind: Some("t".into()), ..Default::default() };
    let binary = BodyFormat::CloudEventData(Arc::new(head));
    assert_eq!(*original_text(&binary, b"{}"), *b"ce-id: 1\r\nce-type: t\r\n\r\n{}");
    let track = BodyFormat::Segment(SegmentCall::Track);
    assert_eq!(*original_text(&track, b"{}"), *b"POST /v1/segment/track\r\n\r\n{}");
    assert_eq!(*original_text(&BodyFormat::Json, b"{}"), *b"{}");
}

#[test]
fn a_quarantined_call_does_not_show_its_key() {
    for (sent, kept) in [
        ("{}", "{}"),
        ("[{\"writeKey\":1}]", "[{\"writeKey\":1}]"),
        (r#"{"event":"x","a":{"writeKey":1}}"#, r#"{"event":"x","a":{"writeKey":1}}"#),
        (r#"{"writeKey":"mgs_1","event":"x"}"#, r#"{"writeKey":"…","event":"x"}"#),
        (r#" { "write\u004bey" : "mgs_1" } "#, r#" { "write\u004bey" : "…" } "#),
        (
            r#"{"a":[1],"writeKey":"m\"","writeKey":{"b":2}}"#,
            r#"{"a":[1],"writeKey":"…","writeKey":"…"}"#,
        ),
        (r#"{"\ud800":1,"writeKey":"mgs_1"}"#, r#"{"\ud800":1,"writeKey":"…"}"#),
    ] {
        assert_eq!(
            *original_text(&BodyFormat::SegmentBatch, sent.as_bytes()),
            *kept.as_bytes(),
            "{sent}"
        );
        let track =
            original_text(&BodyFormat::Segment(SegmentCall::Track), sent.as_bytes()).into_owned();
        let wanted = format!("POST /v1/segment/track\r\n\r\n{kept}");
        assert_eq!(String::from_utf8(track).unwrap(), wanted);
    }
}
