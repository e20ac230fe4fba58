//! Every rule of an event, and bytes that no one would send on purpose.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_795_305_600_000_000);

fn read(bytes: &[u8]) -> Result<Envelope<'_>, EventFault> {
    let raw = RawEvent::of(0, bytes);
    let wanted = PropertyExtractor::default();
    EnvelopeReader::new(64 << 10, &wanted).read(&raw, NOW)
}

fn code(json: &str) -> &'static str {
    match read(json.as_bytes()) {
        Ok(_) => "ok",
        Err(invalid) => invalid.code.name(),
    }
}

#[test]
fn all_fields_are_read_as_they_were_sent() {
    let json = r#" {"id":"o-1","event":"purchase","time":"2026-11-21T10:00:00.123Z",
        "subject":"us\u0065r","properties": {"amount" : 19.99} } "#;
    let event = read(json.as_bytes()).unwrap();
    assert_eq!(event.event, "purchase");
    assert_eq!(event.id.as_deref(), Some("o-1"));
    assert_eq!(event.subject.as_deref(), Some("user"));
    assert_eq!(event.properties, Some(r#"{"amount" : 19.99}"#));
    let time = event.time.unwrap();
    assert_eq!(time.at.to_string(), "2026-11-21T10:00:00.123Z");
    assert_eq!(time.text, r#""2026-11-21T10:00:00.123Z""#);
}

#[test]
fn null_is_absent_and_only_event_is_required() {
    let event =
        read(br#"{"event":"x","id":null,"time":null,"subject":null,"properties":null}"#).unwrap();
    assert_eq!(event, read(br#"{"event":"x"}"#).unwrap());
    assert_eq!((event.id, event.time, event.subject, event.properties), (None, None, None, None));
    assert_eq!(code(r#"{"\u0065vent":"x"}"#), "ok", "names may be escaped");
}

#[test]
fn every_broken_rule_has_its_code() {
    let long = |n: usize| "a".repeat(n);
    for (json, expected) in [
        ("", "malformed_event"),
        ("nope", "malformed_event"),
        (r#"{"event":"x"} {}"#, "malformed_event"),
        (r#"{"event":"x",}"#, "malformed_event"),
        (r#"{"event":"x","a":1"#, "malformed_event"),
        (r#"{"event":"x","\ud800":1}"#, "malformed_event"),
        ("3", "not_an_object"),
        (r#"[{"event":"x"}]"#, "not_an_object"),
        ("null", "not_an_object"),
        (r#"{"event":"x","event":"x"}"#, "duplicate_field"),
        (r#"{"event":"x","properties":null,"properties":{}}"#, "duplicate_field"),
        (r#"{"event":"x","amount":3}"#, "unknown_field"),
        (r#"{"Event":"x"}"#, "unknown_field"),
        ("{}", "invalid_event"),
        (r#"{"id":"1"}"#, "invalid_event"),
        (r#"{"event":null}"#, "invalid_event"),
        (r#"{"event":3}"#, "invalid_event"),
        (r#"{"event":""}"#, "invalid_event"),
        (r#"{"event":"x y"}"#, "invalid_event"),
        (r#"{"event":"é"}"#, "invalid_event"),
        (&format!(r#"{{"event":"{}"}}"#, long(129)), "invalid_event"),
        (&format!(r#"{{"event":"{}"}}"#, long(128)), "ok"),
        (r#"{"event":"aZ09_.:-"}"#, "ok"),
        (r#"{"event":"x","id":""}"#, "invalid_id"),
        (r#"{"event":"x","id":7}"#, "invalid_id"),
        (r#"{"event":"x","id":"\ud800"}"#, "invalid_id"),
        (&format!(r#"{{"event":"x","id":"{}"}}"#, long(257)), "invalid_id"),
        (&format!(r#"{{"event":"x","id":"{}é"}}"#, long(255)), "invalid_id"),
        (&format!(r#"{{"event":"x","id":"{}"}}"#, long(256)), "ok"),
        (r#"{"event":"x","time":"yesterday"}"#, "invalid_time"),
        (r#"{"event":"x","time":1.0}"#, "invalid_time"),
        (r#"{"event":"x","time":"2999-01-01T00:00:00Z"}"#, "invalid_time"),
        (r#"{"event":"x","time":1795305600001}"#, "invalid_time"),
        (r#"{"event":"x","time":1795305600000}"#, "ok"),
        (r#"{"event":"x","time":1795305600}"#, "invalid_time"),
        (r#"{"event":"x","time":-100000000000}"#, "ok"),
        (r#"{"event":"x","time":-99999999999}"#, "invalid_time"),
        (r#"{"event":"x","subject":{}}"#, "invalid_subject"),
        (&format!(r#"{{"event":"x","subject":"{}"}}"#, long(257)), "invalid_subject"),
        (r#"{"event":"x","subject":""}"#, "ok"),
        (r#"{"event":"x","properties":[1]}"#, "invalid_properties"),
        (r#"{"event":"x","properties":"{}"}"#, "invalid_properties"),
        (r#"{"event":"x","properties":{"a":"\ude00"}}"#, "invalid_properties"),
        (r#"{"event":"x","properties":{"a":1,"a":2}}"#, "duplicate_property"),
        (r#"{"event":"x","properties":{"a":1e999}}"#, "ok"),
    ] {
        assert_eq!(code(json), expected, "{json}");
    }
}

#[test]
fn messages_say_what_would_be_right() {
    let message = |json: &str| read(json.as_bytes()).unwrap_err().message;
    assert!(message(r#"{"event":"x","amount":3}"#).contains("move it under `properties`"));
    assert!(message(r#"{"event":"x y"}"#).contains("A-Za-z0-9_.:-"));
    for (json, words) in [
        (r#"{"type":"purchase"}"#, "`event` is meant by `type`"),
        (r#"{"name":"purchase"}"#, "`event` is meant by `name`"),
        (r#"{"Event":"purchase"}"#, "`event` is meant by `Event`"),
        (r#"{"event":"p","timestamp":1}"#, "`time` is meant by `timestamp`"),
        (r#"{"event":"p","userId":"u"}"#, "`subject` is meant by `userId`"),
        (r#"{"event":"p","user_id":"u"}"#, "`subject` is meant by `user_id`"),
        (r#"{"event":"p","props":{}}"#, "`properties` is meant by `props`"),
        (r#"{"event":"p","messageId":"m"}"#, "`id` is meant by `messageId`"),
        (r#"{"event":"p","type":"x"}"#, "`type` is not a field"),
        (r#"{"event":"p","type":"x"}"#, "move it under `properties`"),
        (r#"{"events":[{"event":"p"}]}"#, "send the array itself"),
        (r#"{"batch":[]}"#, "send the array itself"),
        (r#"{"specversion":"1.0","type":"t"}"#, "`application/cloudevents+json`"),
        (
            r#"{"type":"p","timestamp":1,"user_id":"u","amount":5,"tax":1}"#,
            "`type`, `timestamp`, `user_id`, `amount` and `tax` are no fields of an event (`id`, \
             `event`, `time`, `subject`, `properties`); `event` is meant by `type`; `time` is \
             meant by `timestamp`; `subject` is meant by `user_id`; move `amount` and `tax` under \
             `properties`",
        ),
        (r#"[{"event":"p"}]"#, "an array of events is sent as `application/json`"),
        (r#"{"event":"p"},"#, "an array of events is sent as `application/json`"),
        (r#"{"event":"p","id":7}"#, r#"it must be text, as `"7"`"#),
        (r#"{"event":"p","properties":"{\"a\":1}"}"#, "and not the text of one"),
        (r#"{"event":"Order Completed"}"#, "as `Order_Completed`"),
    ] {
        let found = message(json);
        assert!(found.contains(words), "{json}: {found}");
    }
    let many: String = (0..100).map(|n| format!(r#","{}{n}":1"#, "é".repeat(200))).collect();
    let found = message(&format!(r#"{{"event":"p"{many}}}"#));
    assert!(found.contains("and others are no fields") && found.len() < 1000, "{found}");
    let long = format!(r#"{{"event":"{}"}}"#, "é".repeat(1000));
    assert!(message(&long).len() < 300);
}

#[test]
fn depth_costs_no_stack() {
    for depth in [200, 10_000] {
        let nested = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let expected =
            if nested.len() > (64 << 10) - 100 { "event_too_large" } else { "properties_too_deep" };
        assert_eq!(code(&format!(r#"{{"event":"x","properties":{nested}}}"#)), expected);
    }
    assert_eq!(code(&format!(r#"{{"event":{}"#, "[".repeat(60_000))), "malformed_event");
}

#[test]
fn size_and_encoding_are_faults_of_the_event_alone() {
    let large = format!(r#"{{"event":"x","subject":"{}"}}"#, "z".repeat(70_000));
    assert_eq!(code(&large), "event_too_large");
    let invalid = read(b"{\"event\":\"x\xff\"}").unwrap_err();
    assert_eq!(invalid.code, InvalidCode::MalformedEvent);
}

const GOOD: &[u8] = br#"{"id":"o-1","event":"p","time":"2026-11-21T10:00:00.1+02:00","subject":"u",
"properties":{"a":19.99,"b":{"c":["\ud83d\ude00",1e9,null,{"d":[]}]}}}"#;

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn mutated_events_do_not_panic(
        changes in prop::collection::vec((0..GOOD.len(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let mut bytes = GOOD.to_vec();
        for (at, byte, how) in changes {
            let at = at.min(bytes.len().saturating_sub(1));
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(event) = read(&bytes) {
            prop_assert!(event.event.len() <= 128);
            let text = event.properties.unwrap_or("{}");
            prop_assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{}", text);
        }
    }
}
