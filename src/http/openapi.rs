//! The description of the API, as OpenAPI.
//!
//! One table of operations; the document is built from it. Shapes of bodies are described in words:
//! the contract's detail is in the answers and problem documents themselves.

use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, Required,
};

/// An operation: what it is for, what it takes and what it answers.
struct Described {
    method: HttpMethod,
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    /// Parameters of the query string, each with its meaning.
    query: &'static [(&'static str, &'static str)],
    /// Content types of the body, and what it holds.
    body: Option<(&'static [&'static str], &'static str)>,
    /// Statuses of success, and what they mean.
    success: &'static [(&'static str, &'static str)],
    /// Statuses of problem documents.
    problems: &'static [&'static str],
}

const JSON: &[&str] = &["application/json"];
const OK: &[(&str, &str)] = &[("200", "As asked")];

/// The description of the whole API.
pub(super) fn document() -> OpenApi {
    let operations = events().into_iter().chain(metrics()).chain(query()).chain(runs());
    let paths = operations.chain(operation()).fold(PathsBuilder::new(), |paths, described| {
        let method = described.method.clone();
        paths.path(described.path, PathItem::new(method, build(&described)))
    });
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Merganser")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Events in, exact metrics out. Errors are problem documents (RFC 9457) with a stable \
             `code`.",
        ))
        .license(Some(license));
    OpenApiBuilder::new().info(info.build()).paths(paths.build()).build()
}

fn build(described: &Described) -> Operation {
    let mut operation = OperationBuilder::new()
        .tag(described.tag)
        .summary(Some(described.summary))
        .operation_id(Some(operation_id(described)));
    for name in described.path.split('/').filter_map(|part| part.strip_prefix('{')) {
        let name = name.trim_end_matches('}');
        operation = operation.parameter(parameter(name, "Which one", ParameterIn::Path));
    }
    for (name, meaning) in described.query {
        operation = operation.parameter(parameter(name, meaning, ParameterIn::Query));
    }
    if let Some((types, meaning)) = described.body {
        let content = || ContentBuilder::new().schema(Some(object())).build();
        let body = types
            .iter()
            .fold(RequestBodyBuilder::new(), |body, kind| body.content(*kind, content()));
        let body = body.description(Some(meaning)).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    for (status, meaning) in described.success {
        operation = operation.response(*status, ResponseBuilder::new().description(*meaning));
    }
    for status in described.problems {
        let content = ContentBuilder::new().schema(Some(object())).build();
        let response = ResponseBuilder::new()
            .description("A problem document")
            .content("application/problem+json", content);
        operation = operation.response(*status, response);
    }
    operation.build()
}

/// `get_v1_runs_id` of `GET /v1/runs/{id}`.
fn operation_id(described: &Described) -> String {
    let method = match described.method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Post => "post",
        HttpMethod::Delete => "delete",
        HttpMethod::Options => "options",
        HttpMethod::Head => "head",
        HttpMethod::Patch => "patch",
        HttpMethod::Trace => "trace",
    };
    let words = described.path.split(|c: char| !c.is_ascii_alphanumeric());
    [method].into_iter().chain(words.filter(|word| !word.is_empty())).collect::<Vec<_>>().join("_")
}

fn parameter(name: &str, meaning: &str, place: ParameterIn) -> Parameter {
    let is_required =
        place == ParameterIn::Path || (name == "metric" && place == ParameterIn::Query);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(meaning))
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
        .build()
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Object))
}

fn described(method: HttpMethod, path: &'static str, summary: &'static str) -> Described {
    let tag = path.trim_start_matches("/v1/").trim_start_matches('/').split('/').next();
    Described {
        method,
        path,
        tag: tag.unwrap_or(path),
        summary,
        query: &[],
        body: None,
        success: OK,
        problems: &[],
    }
}

fn events() -> Vec<Described> {
    vec![
        Described {
            query: &[
                ("wait", "`durable` (default) or `applied`: what the response waits for"),
                ("on_invalid", "`quarantine` (default) or `reject` the whole request"),
            ],
            body: Some((
                &["application/json", "application/x-ndjson"],
                "One event, an array, or one event a line; gzip or zstd as Content-Encoding",
            )),
            success: &[("200", "A verdict for every event, and the position after them")],
            problems: &["400", "413", "415", "422", "503", "507"],
            ..described(HttpMethod::Post, "/v1/events", "Send events")
        },
        Described {
            query: &[("limit", "Most events"), ("after", "Go on after this quarantine id")],
            problems: &["400"],
            ..described(HttpMethod::Get, "/v1/quarantine", "List events that were invalid")
        },
        Described {
            problems: &["404"],
            ..described(HttpMethod::Delete, "/v1/quarantine/{id}", "Drop a quarantined event")
        },
    ]
}

fn metrics() -> Vec<Described> {
    let one = "/v1/metrics/{name}";
    vec![
        described(HttpMethod::Get, "/v1/metrics", "List metrics"),
        Described {
            problems: &["404"],
            ..described(HttpMethod::Get, one, "A metric's definition, version and state")
        },
        Described {
            body: Some((JSON, "The definition")),
            success: &[
                ("200", "The same definition stands already"),
                ("202", "Accepted; Location is the run that backfills it"),
            ],
            problems: &["422", "503"],
            ..described(HttpMethod::Put, one, "Create or change a metric")
        },
        Described { problems: &["404"], ..described(HttpMethod::Delete, one, "Delete a metric") },
    ]
}

const QUERY: &[(&str, &str)] = &[
    ("metric", "The metric to ask for"),
    ("measures", "Measures, separated by commas; default: all"),
    ("from", "First instant: RFC 3339, a date, or relative as now-7d"),
    ("to", "First instant after; as `from`"),
    ("granularity", "all, minute, 5m, 15m, hour, day, week, month, quarter or year"),
    ("timezone", "IANA name; default UTC"),
    ("group_by", "Dimensions, separated by commas"),
    ("filter", "SQL condition over dimensions"),
    ("having", "SQL condition over measures, after the merge"),
    ("order_by", "Columns, separated by commas; - before one for descending"),
    ("limit", "Most rows; default 10000, at most 100000"),
    ("offset", "Rows to leave out"),
    ("limit_per_bucket", "true: the limit holds within each time bucket"),
    ("fill", "none, zero, null or previous: how empty buckets are filled"),
    ("compare", "previous_period or previous_year"),
    ("partial", "refuse (default) or allow answers that miss something"),
    ("after", "Wait until the answer includes this position, as 0:123456"),
    ("format", "json (default), csv, ndjson, arrow or parquet"),
];

fn query() -> Vec<Described> {
    const ANSWER: &[(&str, &str)] = &[("200", "Columns, rows and provenance")];
    const PROBLEMS: &[&str] = &["400", "404", "503", "504"];
    vec![
        Described {
            query: QUERY,
            success: ANSWER,
            problems: PROBLEMS,
            ..described(HttpMethod::Get, "/v1/query", "Ask for a metric")
        },
        Described {
            body: Some((JSON, "The parameters of GET by the same names; lists are arrays")),
            success: ANSWER,
            problems: PROBLEMS,
            ..described(HttpMethod::Post, "/v1/query", "Ask for a metric")
        },
    ]
}

fn runs() -> Vec<Described> {
    let one = "/v1/runs/{id}";
    vec![
        Described {
            body: Some((JSON, "`mode`: incremental or full; `metrics`: names, default all")),
            success: &[("202", "Started; Location is the run")],
            problems: &["400", "409", "503"],
            ..described(HttpMethod::Post, "/v1/runs", "Start a batch run")
        },
        described(HttpMethod::Get, "/v1/runs", "List runs, newest first"),
        Described {
            problems: &["404"],
            ..described(HttpMethod::Get, one, "A run's state and progress")
        },
        Described {
            problems: &["404", "409"],
            ..described(HttpMethod::Delete, one, "Cancel a run")
        },
        described(HttpMethod::Get, "/v1/schedule", "When runs start by themselves"),
        Described {
            body: Some((JSON, "`incremental` and `full` as cron or empty, and `timezone`")),
            problems: &["400", "422"],
            ..described(HttpMethod::Put, "/v1/schedule", "Change when runs start by themselves")
        },
    ]
}

fn operation() -> Vec<Described> {
    vec![
        described(HttpMethod::Get, "/v1/status", "How the service is"),
        described(HttpMethod::Get, "/healthz", "Whether the process lives"),
        Described {
            problems: &["503"],
            ..described(HttpMethod::Get, "/readyz", "Whether it can accept and answer")
        },
        described(HttpMethod::Get, "/metrics", "Figures for Prometheus"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_one_path_stand_together_and_paths_name_their_parameters() {
        let document = serde_json::to_value(document()).unwrap();
        let query = &document["paths"]["/v1/query"];
        assert!(query["get"].is_object() && query["post"].is_object());
        assert_eq!(query["get"]["parameters"].as_array().unwrap().len(), QUERY.len());
        let run = &document["paths"]["/v1/runs/{id}"]["delete"];
        assert_eq!(run["operationId"], "delete_v1_runs_id");
        assert_eq!(run["parameters"][0]["in"], "path");
        assert_eq!(run["responses"].as_object().unwrap().len(), 3);
    }
}
