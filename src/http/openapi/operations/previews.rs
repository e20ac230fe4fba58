//! Operations for authors of a definition.

use merganser_api::preview::{PreviewDocument, PropertyList};
use utoipa::openapi::HttpMethod;

use super::super::{OperationSpec, ResponseContent, Shape, operation_spec, schema_of};

pub(super) fn previews() -> Vec<OperationSpec> {
    vec![
        OperationSpec {
            query: &[
                ("events", "Newest events that are read, 1 to 10000; default 10000"),
                ("granularity", "As of queries; default all"),
                ("group_by", "Dimensions, separated by commas"),
                ("limit", "Most rows, 1 to 1000; default 100"),
            ],
            body: Some((
                &[
                    ("application/json", super::DEFINITION),
                    ("application/toml", Shape::Written("DefinitionText")),
                ],
                "The definition. Nothing is stored, and no version is made",
            )),
            problems: &["400", "408", "413", "422", "503", "504"],
            ..operation_spec(
                HttpMethod::Post,
                "/v1/metrics:preview",
                "What a definition answers of the newest events",
                &[(
                    "200",
                    "Rows, and what was not used",
                    ResponseContent::Json(Shape::Of(schema_of::<PreviewDocument>)),
                )],
            )
        },
        OperationSpec {
            query: &[
                ("event", "Only events of this type"),
                ("limit", "Most properties, 1 to 1000; default 1000"),
            ],
            problems: &["400", "503", "504"],
            ..operation_spec(
                HttpMethod::Get,
                "/v1/properties",
                "Types and properties of the newest events",
                &[(
                    "200",
                    "Most frequent first",
                    ResponseContent::Json(Shape::Of(schema_of::<PropertyList>)),
                )],
            )
        },
    ]
}
