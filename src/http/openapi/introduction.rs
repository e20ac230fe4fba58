//! What the description opens with: the three requests that one makes first, and the groups of
//! operations in the order in which they are needed.

use utoipa::openapi::HttpMethod;
use utoipa::openapi::tag::{Tag, TagBuilder};

/// The group of what is done first.
pub(super) const START: &str = "start here";

/// The operations that are done first, in the order of the document.
const FIRST: [(HttpMethod, &str); 3] = [
    (HttpMethod::Put, "/v1/metrics/{name}"),
    (HttpMethod::Post, "/v1/events"),
    (HttpMethod::Get, "/v1/query"),
];

/// Whether an operation is one of those that are done first.
pub(super) fn is_first(method: &HttpMethod, path: &str) -> bool {
    FIRST.iter().any(|(first, place)| first == method && *place == path)
}

/// All groups, in the order in which they are needed.
pub(super) fn tags() -> Vec<Tag> {
    let tag = |(name, description): (&str, &str)| {
        TagBuilder::new().name(name).description(Some(description)).build()
    };
    [
        (START, "Define a metric, send events, ask"),
        ("metrics", "Define, list and delete metrics"),
        ("events", "Send events, and see which were refused"),
        ("query", "Ask for the values of metrics"),
        ("dashboards", "Saved documents of charts, which the page shows"),
        ("runs", "Batch runs and their schedule"),
        ("keys", "Access keys and their roles"),
        ("operation", "Service status, health and back-ups"),
    ]
    .map(tag)
    .into()
}

/// In Markdown. A test runs its commands.
pub(super) const TEXT: &str = r#"Events in, exact metrics out. Three requests make an answer.

**Define** a metric: which events it is about, what answers can be grouped by, what is aggregated.

```sh
curl -sS -X PUT http://127.0.0.1:8080/v1/metrics/sales -H "content-type: application/json" -d '
  {"event": "purchase", "dimensions": ["country"],
   "measures": {"orders": {"kind": "count"}, "revenue": {"kind": "sum", "of": "amount"}}}'
```

**Send** events, one or many. With `wait=applied` the next answer includes them.
An `id` makes it safe to send an event again.

```sh
curl -sS "http://127.0.0.1:8080/v1/events?wait=applied" -H "content-type: application/json" -d '
  [{"id": "o-1", "event": "purchase", "properties": {"country": "DE", "amount": 19.99}},
   {"id": "o-2", "event": "purchase", "properties": {"country": "FR", "amount": 0.01}}]'
```

**Ask**. The answer says what it is made of.

```sh
curl -sS "http://127.0.0.1:8080/v1/query?metric=sales&group_by=country"
```

Where the service has keys, each request brings one: `-H "authorization: Bearer KEY"`.

Errors are problem documents (RFC 9457) with a stable `code`;
docs/errors.md says what to do about each.
Only what cannot be read as a request at all is refused with a bare status:
a malformed head, one over the bounds of headers, an address over 64 KiB.
"#;
