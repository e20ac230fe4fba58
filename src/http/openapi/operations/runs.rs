//! Operations of runs and their schedule.

use merganser_api::run::{RunList, RunRecord, RunRequest};
use merganser_api::schedule::ScheduleDocument;
use merganser_core::access::RouteAccess;
use utoipa::openapi::HttpMethod;

use super::super::{OperationSpec, ResponseContent, Shape, operation_spec, schema_of};

pub(super) fn runs() -> Vec<OperationSpec> {
    let one = "/v1/runs/{id}";
    vec![
        OperationSpec {
            body: Some((
                &[("application/json", Shape::Of(schema_of::<RunRequest>))],
                "`mode`: incremental or full; `metrics`: names, default all",
            )),
            problems: &["400", "404", "408", "409", "413", "422"],
            ..operation_spec(
                HttpMethod::Post,
                "/v1/runs",
                "Start a batch run",
                &[(
                    "202",
                    "Started; Location is the run",
                    ResponseContent::Json(Shape::Of(schema_of::<RunRecord>)),
                )],
            )
        },
        OperationSpec {
            query: &[("limit", "Most runs, 1 to 1000; default 100")],
            access: RouteAccess::ReadAll,
            ..operation_spec(
                HttpMethod::Get,
                "/v1/runs",
                "List runs, newest first",
                &[(
                    "200",
                    "The newest runs",
                    ResponseContent::Json(Shape::Of(schema_of::<RunList>)),
                )],
            )
        },
        OperationSpec {
            problems: &["400", "404"],
            access: RouteAccess::ReadAll,
            ..operation_spec(
                HttpMethod::Get,
                one,
                "A run's state and progress",
                &[(
                    "200",
                    "The run; as a stream whenever it changes",
                    ResponseContent::JsonOrStream(Shape::Of(schema_of::<RunRecord>)),
                )],
            )
        },
        OperationSpec {
            problems: &["400", "404", "409"],
            ..operation_spec(
                HttpMethod::Delete,
                one,
                "Cancel a run",
                &[(
                    "200",
                    "The run, cancelled or about to be",
                    ResponseContent::Json(Shape::Of(schema_of::<RunRecord>)),
                )],
            )
        },
    ]
}

pub(super) fn schedule() -> Vec<OperationSpec> {
    const SCHEDULE: &[(&str, &str, ResponseContent)] =
        &[("200", "The schedule", ResponseContent::Json(Shape::Of(schema_of::<ScheduleDocument>)))];
    vec![
        OperationSpec {
            access: RouteAccess::ReadAll,
            ..operation_spec(
                HttpMethod::Get,
                "/v1/schedule",
                "When runs start by themselves",
                SCHEDULE,
            )
        },
        OperationSpec {
            body: Some((
                &[("application/json", Shape::Of(schema_of::<ScheduleDocument>))],
                "`incremental` and `full` as cron or empty, and `timezone`",
            )),
            problems: &["400", "408", "413", "422", "503"],
            ..operation_spec(
                HttpMethod::Put,
                "/v1/schedule",
                "Change when runs start by themselves",
                SCHEDULE,
            )
        },
    ]
}
