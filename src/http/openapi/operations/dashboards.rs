//! Operations of dashboards.

use merganser_api::dashboard::{Dashboard, DashboardItem, DashboardList};
use merganser_core::access::RouteAccess;
use utoipa::openapi::HttpMethod;

use super::super::{NOTHING, OperationSpec, ResponseContent, Shape, operation_spec, schema_of};

pub(super) fn dashboards() -> Vec<OperationSpec> {
    let one = "/v1/dashboards/{name}";
    vec![
        OperationSpec {
            access: RouteAccess::Read,
            ..operation_spec(
                HttpMethod::Get,
                "/v1/dashboards",
                "List dashboards",
                &[(
                    "200",
                    "All dashboards, by name",
                    ResponseContent::Json(Shape::Of(schema_of::<DashboardList>)),
                )],
            )
        },
        OperationSpec {
            problems: &["400", "404", "503"],
            access: RouteAccess::Read,
            ..operation_spec(
                HttpMethod::Get,
                one,
                "A dashboard's document; `ETag` names its version",
                &[(
                    "200",
                    "The document",
                    ResponseContent::Json(Shape::Of(schema_of::<Dashboard>)),
                )],
            )
        },
        OperationSpec {
            body: Some((
                &[("application/json", Shape::Of(schema_of::<Dashboard>))],
                "The document. With `If-Match` it takes the place of that version only, with \
                 `If-None-Match: *` of none; otherwise of whatever there is",
            )),
            problems: &["400", "408", "412", "413", "422", "503"],
            ..operation_spec(
                HttpMethod::Put,
                one,
                "Create or change a dashboard",
                &[
                    (
                        "200",
                        "It stands",
                        ResponseContent::Json(Shape::Of(schema_of::<DashboardItem>)),
                    ),
                    (
                        "201",
                        "There was none",
                        ResponseContent::Json(Shape::Of(schema_of::<DashboardItem>)),
                    ),
                ],
            )
        },
        OperationSpec {
            problems: &["400", "404", "412", "503"],
            ..operation_spec(HttpMethod::Delete, one, "Delete a dashboard", NOTHING)
        },
    ]
}
