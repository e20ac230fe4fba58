//! The description of the API, as OpenAPI.
//!
//! One table of operations ([`operations`]); the shapes that they take and answer are derived from
//! the types of `merganser_api` that routes read and write. A test compares the document with the
//! routes that there are.
//!
//! By hand, in `schemas.json`, stand only bodies that no type of ours is read from: events, which
//! are read from their text in one pass; CloudEvents and calls of Segment, which others define;
//! columns and CSV, which are no JSON; and the query, whose parameters are read one by one.

mod introduction;
mod operations;

use std::collections::BTreeMap;

use axum::http::Method;
use merganser_api::answer::{AnswerDocument, CompareMode};
use merganser_api::problem::ProblemDocument;
use merganser_core::access::RouteAccess;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Components, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, Ref, RefOr, Required,
};

/// An operation: what it is for, what it takes and what it answers.
struct OperationSpec {
    method: HttpMethod,
    path: &'static str,
    /// The group that it stands in; see [`introduction::tags`].
    tag: &'static str,
    summary: &'static str,
    /// Parameters of the query string, each with its meaning.
    query: &'static [(&'static str, &'static str)],
    /// Content types of the body with their shapes, and what it holds.
    body: Option<(&'static [(&'static str, Shape)], &'static str)>,
    /// Statuses of success, what they mean, and the shapes of their bodies.
    success: &'static [(&'static str, &'static str, ResponseContent)],
    /// Statuses of problem documents, besides those of keys.
    problems: &'static [&'static str],
    /// Who may use it.
    access: RouteAccess,
}

/// The named shapes of the document.
type NamedSchemas = BTreeMap<String, RefOr<Schema>>;

/// The shape of a body.
#[derive(Clone, Copy)]
enum Shape {
    /// That of a type: [`schema_of`] it.
    Of(fn(&mut NamedSchemas) -> RefOr<Schema>),
    /// One that stands in `schemas.json` by this name.
    Written(&'static str),
}

/// A reference to the shape of a type, which is added with all that it refers to.
fn schema_of<T: ToSchema>(schemas: &mut NamedSchemas) -> RefOr<Schema> {
    let name = T::name();
    if !schemas.contains_key(&*name) {
        let mut others = Vec::new();
        T::schemas(&mut others);
        schemas.extend(others);
        schemas.insert(name.to_string(), T::schema());
    }
    schema_ref(&name)
}

/// A response's body.
#[derive(Clone, Copy)]
enum ResponseContent {
    /// There is none.
    Nothing,
    /// JSON of a shape.
    Json(Shape),
    /// JSON of a shape, or a stream of it as server-sent events.
    JsonOrStream(Shape),
    /// An answer in one of its formats.
    Answer,
    /// Text of this content type.
    Text(&'static str),
}

const NOTHING: &[(&str, &str, ResponseContent)] = &[("204", "Done", ResponseContent::Nothing)];

/// The shapes that are written by hand, by name.
const SCHEMAS: &str = include_str!("openapi/schemas.json");

/// Path, method and who may use it, of every operation.
pub(super) fn route_access() -> Vec<(&'static str, Method, RouteAccess)> {
    operations::all().into_iter().map(|one| (one.path, method(&one.method), one.access)).collect()
}

/// The paths of operations with one of these tags, each once.
pub(super) fn paths_of(tags: &[&str]) -> Vec<&'static str> {
    let tagged = operations::all().into_iter().filter(|one| tags.contains(&one.tag));
    let mut paths: Vec<&'static str> = tagged.map(|one| one.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Statuses of requests that bring no key, the wrong one, or too many.
const KEY_PROBLEMS: [&str; 3] = ["401", "403", "429"];

/// How a key is brought; one of them is enough.
const SCHEMES: [(&str, HttpAuthScheme); 2] =
    [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)];

/// The description of the whole API.
pub(super) fn document() -> OpenApi {
    // A test reads them and compares; without it there would be none, and no harm beyond.
    let mut schemas: NamedSchemas = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let paths = operations::all().into_iter().fold(PathsBuilder::new(), |paths, described| {
        let method = described.method.clone();
        paths.path(described.path, PathItem::new(method, build(&described, &mut schemas)))
    });
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Merganser")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(introduction::TEXT))
        .license(Some(license));
    let mut components = Components::new();
    components.schemas = schemas;
    for (name, scheme) in SCHEMES {
        let scheme = HttpBuilder::new().scheme(scheme).description(Some(
            "A key; with Basic the password. A service without keys needs none.",
        ));
        components.add_security_scheme(name, SecurityScheme::Http(scheme.build()));
    }
    let document = OpenApiBuilder::new().info(info.build()).paths(paths.build());
    let document = document.tags(Some(introduction::tags()));
    document.components(Some(components)).build()
}

fn build(described: &OperationSpec, schemas: &mut NamedSchemas) -> Operation {
    let mut operation = OperationBuilder::new()
        .tag(described.tag)
        .summary(Some(described.summary))
        .operation_id(Some(operation_id(described)));
    if introduction::is_first(&described.method, described.path) {
        operation = operation.tag(introduction::START);
    }
    for name in described.path.split('/').filter_map(|part| part.strip_prefix('{')) {
        let name = name.trim_end_matches('}');
        operation =
            operation.parameter(parameter(described.path, name, "Which one", ParameterIn::Path));
    }
    for (name, meaning) in described.query {
        operation =
            operation.parameter(parameter(described.path, name, meaning, ParameterIn::Query));
    }
    if let Some((types, meaning)) = described.body {
        let body = types.iter().fold(RequestBodyBuilder::new(), |body, (kind, shape)| {
            body.content(*kind, content(shape.schema(schemas)))
        });
        let body = body.description(Some(meaning)).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    for (status, meaning, body) in described.success {
        operation = operation.response(*status, response(meaning, *body, schemas));
    }
    let key_problems = if described.access == RouteAccess::Open { &[][..] } else { &KEY_PROBLEMS };
    for status in described.problems.iter().chain(key_problems) {
        let response = ResponseBuilder::new()
            .description("A problem document")
            .content("application/problem+json", content(schema_of::<ProblemDocument>(schemas)));
        operation = operation.response(*status, response);
    }
    let needs = match described.access {
        RouteAccess::Open => Vec::new(),
        _ => SCHEMES.map(|(name, _)| SecurityRequirement::new(name, [""; 0])).into(),
    };
    operation.securities(Some(needs)).build()
}

fn response(meaning: &str, body: ResponseContent, schemas: &mut NamedSchemas) -> ResponseBuilder {
    const STREAM: &str = "text/event-stream";
    const FORMATS: [&str; 4] = [
        "text/csv",
        "application/x-ndjson",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
    ];
    const ANSWER: Shape = Shape::Of(schema_of::<AnswerDocument>);
    let response = ResponseBuilder::new().description(meaning);
    let text = || content(string().into());
    let mut json = |response: ResponseBuilder, shape: Shape| {
        response.content("application/json", content(shape.schema(schemas)))
    };
    match body {
        ResponseContent::Nothing => response,
        ResponseContent::Json(shape) => json(response, shape),
        ResponseContent::JsonOrStream(shape) => json(response, shape).content(STREAM, text()),
        ResponseContent::Answer => FORMATS
            .into_iter()
            .chain([STREAM])
            .fold(json(with_row_headers(response), ANSWER), |response, kind| {
                response.content(kind, text())
            }),
        ResponseContent::Text(kind) => response.content(kind, text()),
    }
}

/// What formats of rows alone say in headers.
fn with_row_headers(response: ResponseBuilder) -> ResponseBuilder {
    const STANDARD_HEADERS: [(&str, &str); 6] = [
        ("merganser-from", "The first instant that was answered; except for JSON, as the others"),
        ("merganser-to", "The first instant after"),
        ("merganser-total-rows", "Rows before `limit` and `offset`"),
        ("merganser-provenance", "What the answer is made of: JSON in ASCII, of 4 KiB at most"),
        ("merganser-compare", "With `compare`: the earlier range, as in JSON"),
        ("merganser-warnings", "What a reader of the values should know: a JSON array, likewise"),
    ];
    STANDARD_HEADERS.into_iter().fold(response, |response, (name, meaning)| {
        let header = HeaderBuilder::new().schema(Some(string())).description(Some(meaning));
        response.header(name, header.build())
    })
}

impl Shape {
    fn schema(self, schemas: &mut NamedSchemas) -> RefOr<Schema> {
        match self {
            Self::Of(schema) => schema(schemas),
            Self::Written(name) => schema_ref(name),
        }
    }
}

fn content(schema: RefOr<Schema>) -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(schema)).build()
}

fn schema_ref(schema: &str) -> RefOr<Schema> {
    Ref::from_schema_name(schema).into()
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

/// `get_v1_runs_id` of `GET /v1/runs/{id}`.
fn operation_id(described: &OperationSpec) -> String {
    let method = method(&described.method).as_str().to_lowercase();
    let words = described.path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    [&*method].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

fn method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

fn parameter(path: &str, name: &str, meaning: &str, place: ParameterIn) -> Parameter {
    let is_required =
        place == ParameterIn::Path || (name == "metric" && place == ParameterIn::Query);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(meaning))
        .schema(Some(parameter_schema(path, name)))
        .build()
}

/// What a parameter of an operation can be.
fn parameter_schema(path: &str, name: &str) -> ObjectBuilder {
    let one_of = |names: &[&str]| string().enum_values(Some(names.iter().copied()));
    let whole = |least: usize, most: usize| {
        let ty = ObjectBuilder::new().schema_type(SchemaType::new(Type::Integer));
        ty.minimum(Some(least)).maximum(Some(most))
    };
    match name {
        "wait" => one_of(&["durable", "applied"]),
        "ids" => one_of(&["event", "line"]),
        "on_invalid" => one_of(&["quarantine", "reject"]),
        "partial" => one_of(&["refuse", "allow"]),
        "fill" => one_of(&["none", "zero", "null", "previous"]),
        "compare" => one_of(&CompareMode::EACH.map(|(name, _)| name)),
        "format" => one_of(&["json", "csv", "ndjson", "arrow", "parquet"]),
        "csv" => one_of(&["verbatim", "spreadsheet"]),
        "limit_per_bucket" | "totals" | "other" => one_of(&["true", "false"]),
        "group_limit" => whole(1, 10_000),
        "events" => whole(1, 10_000),
        "limit" if path == "/v1/metrics:preview" => whole(1, 1000),
        "limit" if path.starts_with("/v1/query") || path.starts_with("/v1/metrics") => {
            whole(0, 100_000)
        }
        "limit" => whole(1, 1000),
        "offset" => whole(0, 1 << 53),
        "first_line" => whole(1, 1 << 53),
        "delimiter" => string().min_length(Some(1)).max_length(Some(1)),
        "time_column" | "id_column" | "subject_column" => string(),
        // Empty: events of all types.
        "event" if path == "/v1/properties" => string(),
        "call" => one_of(&operations::CALLS),
        _ => string().min_length(Some(1)),
    }
}

/// An operation that answers 200, takes no body, is refused for stray parameters only, and is for
/// role `admin`.
fn operation_spec(
    method: HttpMethod,
    path: &'static str,
    summary: &'static str,
    success: &'static [(&'static str, &'static str, ResponseContent)],
) -> OperationSpec {
    OperationSpec {
        method,
        path,
        tag: "",
        summary,
        query: &[],
        body: None,
        success,
        problems: &["400"],
        access: RouteAccess::Admin,
    }
}

#[cfg(test)]
mod tests {
    use merganser_api::error_code::ErrorCode;
    use serde_json::Value;

    use super::*;

    #[test]
    fn methods_of_one_path_stand_together_and_paths_name_their_parameters() {
        let document = serde_json::to_value(document()).unwrap();
        let query = &document["paths"]["/v1/query"];
        assert!(query["get"].is_object() && query["post"].is_object());
        assert_eq!(query["get"]["parameters"].as_array().unwrap().len(), operations::QUERY.len());
        let run = &document["paths"]["/v1/runs/{id}"]["delete"];
        assert_eq!(run["operationId"], "delete_v1_runs_id");
        assert_eq!(run["parameters"][0]["in"], "path");
        assert_eq!(run["responses"].as_object().unwrap().len(), 4 + KEY_PROBLEMS.len());
        let values = &document["paths"]["/v1/metrics/{name}/dimensions/{dimension}"]["get"];
        assert_eq!(values["parameters"].as_array().unwrap().len(), 5);
    }

    #[test]
    fn it_opens_on_what_one_does_first() {
        let text = document().to_json().unwrap();
        let paths = &text[text.find("\"paths\"").unwrap()..];
        let place = |path: &str| paths.find(&format!("\"{path}\":{{")).unwrap();
        let places =
            ["/v1/metrics/{name}", "/v1/events", "/v1/query", "/v1/runs", "/v1/keys", "/v1/status"]
                .map(place);
        assert!(places.is_sorted(), "{places:?}");
        let document: Value = serde_json::from_str(&text).unwrap();
        let tags = document["tags"].as_array().unwrap().iter();
        let tags: Vec<&str> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
        assert_eq!(tags[..4], ["start here", "metrics", "events", "query"]);
        let first = |method: &str, path: &str| &document["paths"][path][method]["tags"];
        assert_eq!(*first("put", "/v1/metrics/{name}"), serde_json::json!(["metrics", tags[0]]));
        assert_eq!(*first("post", "/v1/events"), serde_json::json!(["events", tags[0]]));
        assert_eq!(*first("get", "/v1/query"), serde_json::json!(["query", tags[0]]));
        let mut used = std::collections::BTreeSet::new();
        for operation in document["paths"].as_object().unwrap().values() {
            for described in operation.as_object().unwrap().values() {
                let own = described["tags"].as_array().unwrap().iter();
                used.extend(own.map(|tag| tag.as_str().unwrap()));
            }
        }
        assert_eq!(used, tags.into_iter().collect(), "each group is described, and has operations");
    }

    #[test]
    fn problems_list_their_codes() {
        let document = serde_json::to_value(document()).unwrap();
        let schemas = &document["components"]["schemas"];
        assert_eq!(
            schemas["Problem"]["properties"]["code"]["$ref"],
            "#/components/schemas/ErrorCode"
        );
        let codes = schemas["ErrorCode"]["enum"].as_array().unwrap();
        let names: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(*codes, names);
    }

    /// The names of all shapes that are referred to.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                Value::String(text) if name == "$ref" => found.push(text.clone()),
                other => references(other, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn shapes_are_described_and_every_reference_leads_to_one() {
        let document = serde_json::to_value(document()).unwrap();
        let written: BTreeMap<String, Value> = serde_json::from_str(SCHEMAS).unwrap();
        let shapes = document["components"]["schemas"].as_object().unwrap();
        for (name, shape) in &written {
            assert_eq!(shapes[name]["description"], shape["description"], "{name}");
            assert_eq!(shapes[name]["required"], shape["required"], "{name}");
        }
        for (name, shape) in shapes.iter().filter(|(name, _)| !written.contains_key(*name)) {
            assert!(shape["description"].is_string(), "{name} says what it is");
            for (field, shown) in shape["properties"].as_object().into_iter().flatten() {
                let choices = shown["oneOf"].as_array().into_iter().flatten();
                let is_described =
                    [shown].into_iter().chain(choices).any(|one| one["description"].is_string());
                assert!(is_described, "{name}.{field} says what it is");
            }
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        for shape in [
            "Event",
            "Receipt",
            "Problem",
            "Definition",
            "Query",
            "Answer",
            "Run",
            "Schedule",
            "Status",
        ] {
            assert!(found.contains(&format!("#/components/schemas/{shape}")), "{shape}");
        }
        for reference in found {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(shapes.contains_key(name), "{reference}");
        }
    }
}
