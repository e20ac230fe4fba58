//! Every operation of the API.

mod dashboards;
mod previews;
mod query;
mod runs;
mod segment;

use merganser_api::key::{KeyDocument, KeyList, KeyRequest};
use merganser_api::metric::{DimensionValues, MetricDocument, MetricList};
use merganser_api::quarantine::{QuarantineItem, QuarantineListing};
use merganser_api::receipt::Receipt;
use merganser_api::session::{SessionDocument, SessionRequest};
use merganser_api::status::{ProcessState, ServiceStatus};
use merganser_core::access::RouteAccess;
use merganser_metric::definition::MetricDefinition;
use utoipa::openapi::HttpMethod;

use super::{NOTHING, OperationSpec, ResponseContent, Shape, operation_spec, schema_of};

#[cfg(test)]
pub(super) use self::query::QUERY;
pub(super) use self::segment::CALLS;

const DEFINITION: Shape = Shape::Of(schema_of::<MetricDefinition>);
const METRIC: ResponseContent = ResponseContent::Json(Shape::Of(schema_of::<MetricDocument>));

/// All operations, in the order of the document.
pub(super) fn all() -> Vec<OperationSpec> {
    let groups = [
        ("metrics", metrics()),
        ("metrics", previews::previews()),
        ("events", events()),
        ("events", segment::calls()),
        ("events", quarantine()),
        ("query", query::query()),
        ("dashboards", dashboards::dashboards()),
        ("runs", runs::runs()),
        ("runs", runs::schedule()),
        ("keys", keys()),
        ("keys", session()),
        ("operation", operation()),
    ];
    let tagged = |(tag, group): (&'static str, Vec<OperationSpec>)| {
        group.into_iter().map(move |one| OperationSpec { tag, ..one })
    };
    groups.into_iter().flat_map(tagged).collect()
}

fn events() -> Vec<OperationSpec> {
    vec![OperationSpec {
        query: &[
            ("wait", "`durable` (default) or `applied`: what the response waits for"),
            ("on_invalid", "`quarantine` (default) or `reject` the whole request"),
            (
                "ids",
                "Of lines and CSV: `line` if an id and a tab (or the delimiter) stand before each, \
                 which counts where the event has none; default `event`",
            ),
            ("event", "Of CSV, Arrow and Parquet: the type of all events"),
            ("event_column", "The column of their types; default `event`"),
            ("time_column", "The column of times; default `time`, none if empty"),
            ("id_column", "The column of ids; default `id`, none if empty"),
            ("subject_column", "The column of subjects; default `subject`, none if empty"),
            ("number_columns", "Of CSV: columns of numbers, with commas between"),
            ("text_columns", "Of CSV: columns of text, even if it looks like numbers"),
            ("delimiter", "Of CSV: what stands between fields; default `,`"),
            ("first_line", "Of CSV: the line of a file that the first row is"),
        ],
        body: Some((
            &[
                ("application/json", Shape::Written("Events")),
                ("application/x-ndjson", Shape::Written("Event")),
                ("application/cloudevents+json", Shape::Written("CloudEvent")),
                ("application/cloudevents-batch+json", Shape::Written("CloudEvents")),
                ("application/vnd.apache.arrow.stream", Shape::Written("Columns")),
                ("application/vnd.apache.parquet", Shape::Written("Columns")),
                ("text/csv", Shape::Written("Csv")),
            ],
            "One event, an array, or one event a line; CloudEvents (with headers as `ce-id` \
                 the body is the data of one); rows of columns that are named as an event's \
                 fields, or of others that the options name; CSV with a line of names; gzip or \
                 zstd as Content-Encoding",
        )),
        problems: &["400", "408", "413", "415", "422", "503", "507"],
        access: RouteAccess::Ingest,
        ..operation_spec(
            HttpMethod::Post,
            "/v1/events",
            "Send events",
            &[(
                "200",
                "A verdict for every event, and the position after them",
                ResponseContent::Json(Shape::Of(schema_of::<Receipt>)),
            )],
        )
    }]
}

fn quarantine() -> Vec<OperationSpec> {
    vec![
        OperationSpec {
            query: &[
                ("limit", "Most events"),
                ("after", "Go on after this quarantine id"),
                ("code", "Only those that break this rule"),
            ],
            ..operation_spec(
                HttpMethod::Get,
                "/v1/quarantine",
                "List events that were invalid",
                &[(
                    "200",
                    "A page of them",
                    ResponseContent::Json(Shape::Of(schema_of::<QuarantineListing>)),
                )],
            )
        },
        OperationSpec {
            problems: &["400", "404"],
            ..operation_spec(
                HttpMethod::Get,
                "/v1/quarantine/{id}",
                "A quarantined event",
                &[(
                    "200",
                    "The event",
                    ResponseContent::Json(Shape::Of(schema_of::<QuarantineItem>)),
                )],
            )
        },
        OperationSpec {
            problems: &["404"],
            ..operation_spec(
                HttpMethod::Delete,
                "/v1/quarantine/{id}",
                "Drop a quarantined event",
                NOTHING,
            )
        },
    ]
}

fn metrics() -> Vec<OperationSpec> {
    let one = "/v1/metrics/{name}";
    vec![
        OperationSpec {
            body: Some((&[("application/json", DEFINITION)], "The definition")),
            problems: &["400", "408", "413", "422", "503"],
            ..operation_spec(
                HttpMethod::Put,
                one,
                "Create or change a metric",
                &[
                    ("200", "The same definition stands already", METRIC),
                    ("202", "Accepted; Location is the run that backfills it", METRIC),
                ],
            )
        },
        OperationSpec {
            access: RouteAccess::Read,
            ..operation_spec(
                HttpMethod::Get,
                "/v1/metrics",
                "List metrics",
                &[(
                    "200",
                    "All metrics",
                    ResponseContent::Json(Shape::Of(schema_of::<MetricList>)),
                )],
            )
        },
        OperationSpec {
            problems: &["400", "404"],
            access: RouteAccess::Read,
            ..operation_spec(
                HttpMethod::Get,
                one,
                "A metric's definition, version and state",
                &[("200", "The metric", METRIC)],
            )
        },
        OperationSpec {
            problems: &["400", "404", "503"],
            ..operation_spec(HttpMethod::Delete, one, "Delete a metric", NOTHING)
        },
        OperationSpec {
            query: &[
                ("prefix", "Only values that begin with it"),
                ("limit", "Most values; default 100"),
                ("partial", "refuse (default) or allow answers that miss something"),
            ],
            problems: &["400", "404", "413", "503", "504"],
            access: RouteAccess::Read,
            ..operation_spec(
                HttpMethod::Get,
                "/v1/metrics/{name}/dimensions/{dimension}",
                "A dimension's values, most frequent first",
                &[(
                    "200",
                    "The values",
                    ResponseContent::Json(Shape::Of(schema_of::<DimensionValues>)),
                )],
            )
        },
    ]
}

fn keys() -> Vec<OperationSpec> {
    vec![
        OperationSpec {
            body: Some((
                &[("application/json", Shape::Of(schema_of::<KeyRequest>))],
                "`role`; for readers also the `metrics` and the `filter` that they are bound to",
            )),
            problems: &["400", "408", "409", "413", "422", "503"],
            ..operation_spec(
                HttpMethod::Post,
                "/v1/keys",
                "Make a key",
                &[(
                    "201",
                    "The key, shown this once",
                    ResponseContent::Json(Shape::Of(schema_of::<KeyDocument>)),
                )],
            )
        },
        operation_spec(
            HttpMethod::Get,
            "/v1/keys",
            "List keys",
            &[(
                "200",
                "All keys, without their texts",
                ResponseContent::Json(Shape::Of(schema_of::<KeyList>)),
            )],
        ),
        OperationSpec {
            problems: &["400", "404", "409", "503"],
            ..operation_spec(HttpMethod::Delete, "/v1/keys/{id}", "Revoke a key", NOTHING)
        },
    ]
}

fn session() -> Vec<OperationSpec> {
    const SESSION: &[(&str, &str, ResponseContent)] = &[(
        "200",
        "Who asks, and what that opens",
        ResponseContent::Json(Shape::Of(schema_of::<SessionDocument>)),
    )];
    let path = "/v1/session";
    vec![
        OperationSpec {
            body: Some((
                &[("application/json", Shape::Of(schema_of::<SessionRequest>))],
                "The key",
            )),
            problems: &["400", "401", "403", "408", "413", "422", "429", "503"],
            access: RouteAccess::Open,
            ..operation_spec(
                HttpMethod::Post,
                path,
                "Open a session of the service's page: a cookie stands for the key",
                SESSION,
            )
        },
        OperationSpec {
            problems: &["400", "403"],
            access: RouteAccess::Open,
            ..operation_spec(HttpMethod::Get, path, "Who asks", SESSION)
        },
        OperationSpec {
            access: RouteAccess::Open,
            ..operation_spec(HttpMethod::Delete, path, "End the session", NOTHING)
        },
    ]
}

fn operation() -> Vec<OperationSpec> {
    const STATE: &[(&str, &str, ResponseContent)] =
        &[("200", "Yes", ResponseContent::Json(Shape::Of(schema_of::<ProcessState>)))];
    vec![
        OperationSpec {
            access: RouteAccess::ReadAll,
            ..operation_spec(
                HttpMethod::Get,
                "/v1/status",
                "Service status",
                &[(
                    "200",
                    "Positions, lags and counts",
                    ResponseContent::Json(Shape::Of(schema_of::<ServiceStatus>)),
                )],
            )
        },
        OperationSpec {
            problems: &["400", "409", "503"],
            ..operation_spec(
                HttpMethod::Get,
                "/v1/backup",
                "Consistent copy of the data directory",
                &[("200", "A tar archive", ResponseContent::Text("application/x-tar"))],
            )
        },
        OperationSpec {
            problems: &[],
            access: RouteAccess::Open,
            ..operation_spec(HttpMethod::Get, "/healthz", "Liveness: the process runs", STATE)
        },
        OperationSpec {
            problems: &["503"],
            access: RouteAccess::Open,
            ..operation_spec(
                HttpMethod::Get,
                "/readyz",
                "Readiness: it accepts events and answers queries",
                STATE,
            )
        },
        OperationSpec {
            problems: &[],
            access: RouteAccess::ReadAll,
            ..operation_spec(
                HttpMethod::Get,
                "/metrics",
                "Metrics for Prometheus",
                &[("200", "All metrics in the text format", ResponseContent::Text("text/plain"))],
            )
        },
    ]
}
