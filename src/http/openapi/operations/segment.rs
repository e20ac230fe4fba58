//! Where calls of the Segment API are taken.

use merganser_api::receipt::Receipt;
use merganser_core::access::RouteAccess;
use utoipa::openapi::HttpMethod;

use super::super::{OperationSpec, ResponseContent, Shape, operation_spec, schema_of};

/// Calls of the Segment API.
pub(in crate::http::openapi) const CALLS: [&str; 15] = [
    "track", "page", "screen", "identify", "group", "alias", "batch", "import", "t", "p", "s", "i",
    "g", "a", "b",
];

/// Where calls of the Segment API are taken.
pub(super) fn calls() -> Vec<OperationSpec> {
    [
        "/v1/segment/{call}",
        "/v1/segment/v1/{call}",
        "/v1/t",
        "/v1/p",
        "/v1/s",
        "/v1/i",
        "/v1/g",
        "/v1/a",
        "/v1/b",
        "/v1/batch",
        "/v1/import",
    ]
    .map(segment)
    .into()
}

fn segment(path: &'static str) -> OperationSpec {
    let what = match path {
        "/v1/t" => "Send a track, as browsers do",
        "/v1/p" => "Send a page, as browsers do",
        "/v1/s" => "Send a screen, as browsers do",
        "/v1/i" => "Send an identify, as browsers do",
        "/v1/g" => "Send a group, as browsers do",
        "/v1/a" => "Send an alias, as browsers do",
        "/v1/b" | "/v1/batch" | "/v1/import" => "Send several calls, as browsers and apps do",
        _ => "Send events as track, page, screen, identify, group, alias or batch",
    };
    OperationSpec {
        query: &[
            ("wait", "`durable` (default) or `applied`: what the response waits for"),
            ("on_invalid", "`quarantine` (default) or `reject` the whole request"),
        ],
        body: Some((
            &[("application/json", Shape::Written("SegmentBody"))],
            "A call of the Segment API, or several as `batch`, whatever the Content-Type; the key \
             may stand in it as `writeKey`; gzip or zstd as Content-Encoding",
        )),
        problems: &["400", "404", "408", "413", "415", "422", "503", "507"],
        access: RouteAccess::WriteKey,
        ..operation_spec(
            HttpMethod::Post,
            path,
            what,
            &[(
                "200",
                "Every event is durable, or in the quarantine",
                ResponseContent::Json(Shape::Of(schema_of::<Receipt>)),
            )],
        )
    }
}
