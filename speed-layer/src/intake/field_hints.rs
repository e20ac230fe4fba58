//! Hints for unknown fields of an event: the field that the sender probably meant.

/// An event's fields.
pub(crate) const FIELDS: [&str; 5] = ["id", "event", "time", "subject", "properties"];

/// The field that is called by another name elsewhere, however that name is spelled; its own name
/// in another case among them.
pub(crate) fn suggest_field(name: &str) -> Option<&'static str> {
    const NAMES: [(&str, &[&str]); 5] = [
        (
            "event",
            &["event", "type", "name", "eventname", "eventtype", "kind", "action", "eventkind"],
        ),
        (
            "time",
            &[
                "time",
                "timestamp",
                "ts",
                "datetime",
                "date",
                "at",
                "eventtime",
                "occurredat",
                "createdat",
                "originaltimestamp",
                "happenedat",
                "when",
                "timems",
                "timestampms",
            ],
        ),
        ("id", &["id", "messageid", "eventid", "uuid", "insertid", "msgid", "idempotencykey"]),
        (
            "subject",
            &[
                "subject",
                "userid",
                "user",
                "distinctid",
                "anonymousid",
                "uid",
                "customerid",
                "customer",
                "actor",
                "accountid",
            ],
        ),
        (
            "properties",
            &[
                "properties",
                "props",
                "data",
                "payload",
                "attributes",
                "params",
                "metadata",
                "eventproperties",
                "traits",
                "context",
                "fields",
                "dimensions",
            ],
        ),
    ];
    if name.len() > 40 {
        return None;
    }
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.iter().find(|(_, names)| names.contains(&&*plain)).map(|(field, _)| *field)
}

/// Whether a field of that name holds events, in other services' bodies.
pub(crate) fn is_list_of_events(name: &str) -> bool {
    ["events", "batch", "records", "items", "messages", "rows"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_elsewhere_are_known_however_they_are_spelled() {
        for (name, field) in [
            ("type", Some("event")),
            ("Event", Some("event")),
            ("event_name", Some("event")),
            ("timestamp", Some("time")),
            ("@timestamp", Some("time")),
            ("created_at", Some("time")),
            ("messageId", Some("id")),
            ("$insert_id", Some("id")),
            ("_id", Some("id")),
            ("user_id", Some("subject")),
            ("userId", Some("subject")),
            ("distinct_id", Some("subject")),
            ("props", Some("properties")),
            ("amount", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(suggest_field(name), field, "{name}");
        }
    }
}
