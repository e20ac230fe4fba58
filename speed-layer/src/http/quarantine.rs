//! Routes of the quarantine. Its calls may wait for a file, so they leave the async threads.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::quarantine::{QuarantineId, QuarantineItem, QuarantineListing};
use merganser_api::request::NoParameters;
use merganser_core::blocking::run_blocking;
use merganser_core::text::clipped;

use super::IngestState;
use super::parameters::QuarantineListParameters;
use crate::intake::{IntakeError, QuarantineEntry, QuarantinePage};

/// An entry, as clients see it.
fn quarantine_item(entry: &QuarantineEntry) -> QuarantineItem {
    let event = entry.event.clone();
    QuarantineItem {
        id: entry.id,
        received_at: event.received.to_string(),
        kind: event.kind,
        code: event.code,
        message: event.message,
        index: event.index,
        raw: event.raw.text,
        raw_truncated: event.raw.is_truncated,
        count: entry.count,
        last_received_at: entry.last_received.unwrap_or(event.received).to_string(),
    }
}

pub(super) async fn list(
    State(routes): State<IngestState>,
    uri: Uri,
) -> Result<Json<QuarantineListing>, Problem> {
    let options = QuarantineListParameters::of_query(&uri)?;
    let quarantine = routes.intake.quarantine().clone();
    let QuarantineListParameters { after, code, limit } = options;
    let list = move || Ok::<_, IntakeError>(quarantine.list(after, code.as_deref(), limit));
    let page = run_blocking(list).await?;
    let next = page.entries.last().map(|entry| entry.id).filter(|_| page.has_more);
    let entries = page.entries.iter().map(|entry| quarantine_item(entry)).collect();
    let dropped = page.codes.values().map(|code| code.dropped).sum();
    let QuarantinePage { total, codes, .. } = page;
    Ok(Json(QuarantineListing { entries, next, total, dropped, codes }))
}

pub(super) async fn show(
    State(routes): State<IngestState>,
    Path(id): Path<String>,
    _: NoParameters,
) -> Result<Json<QuarantineItem>, Problem> {
    let quarantine = routes.intake.quarantine().clone();
    let found = match id.parse::<QuarantineId>() {
        Ok(id) => run_blocking(move || Ok::<_, IntakeError>(quarantine.get(id))).await?,
        Err(_) => None,
    };
    found.map(|entry| Json(quarantine_item(&entry))).ok_or_else(|| unknown(&id))
}

pub(super) async fn delete(
    State(routes): State<IngestState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let intake = routes.intake.clone();
    let delete = move |id| {
        intake.check_journal()?;
        let is_deleted = intake.quarantine().delete(id)?;
        // Whoever owns the journal by now may have read it before.
        intake.confirm_ownership()?;
        Ok::<_, IntakeError>(is_deleted)
    };
    let is_deleted = match id.parse::<QuarantineId>() {
        Ok(id) => run_blocking(move || delete(id)).await?,
        Err(_) => false,
    };
    if is_deleted {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(unknown(&id))
}

fn unknown(id: &str) -> Problem {
    let short = clipped(id);
    let detail = format!("the quarantine has no entry `{short}`; they look like `q-17`");
    Problem::new(ErrorCode::UnknownQuarantineEntry, detail)
}
