//! `merganser run`: a batch run, followed to its end.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use merganser_api::run::{AuditCounts, RunMode, RunRecord, RunRequest, RunState};
use serde_json::value::RawValue;

use super::CliError;
use super::backoff::Backoff;
use super::client::{ApiClient, ClientArgs};
use super::output::{self, OutputFormat};
use super::text::pluralize;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long a server may be away while a run is followed.
const AWAY: Duration = Duration::from_secs(60);

/// Arguments of `merganser run`.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    client: ClientArgs,

    /// Recompute everything from the master dataset
    #[arg(long)]
    full: bool,

    /// How to print what it did
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

/// A run that has ended.
#[derive(Debug)]
pub(super) struct FinishedRun {
    run: RunRecord,
    /// The document of the server.
    pub(super) document: Box<RawValue>,
}

/// Starts a run and follows it.
pub(super) fn run(args: &RunArgs) -> Result<(), CliError> {
    let client = ApiClient::new(&args.client)?;
    let path = start(&client, if args.full { RunMode::Full } else { RunMode::Incremental })?;
    let ended = follow(&client, &path, "")?;
    if args.output == OutputFormat::Json {
        // The document of a run that failed is printed, too.
        output::print_json(&ended.document)?;
        ended.check()?;
        return Ok(());
    }
    ended.check()?;
    Ok(output::print(&ended.summary())?)
}

/// Starts a run, waits for its end and prints what it did, in a line.
///
/// # Errors
/// When another run is active, or the run does not succeed.
pub(super) fn start_and_follow(client: &ApiClient, mode: RunMode) -> anyhow::Result<String> {
    let ended = follow(client, &start(client, mode)?, "")?;
    ended.check()?;
    Ok(ended.summary())
}

/// Starts a run; where it is.
fn start(client: &ApiClient, mode: RunMode) -> anyhow::Result<String> {
    let reply = client.post("/v1/runs", &RunRequest { mode, metrics: None })?;
    if reply.status == 409
        && let Some(active) = &reply.location
    {
        anyhow::bail!("another run is active: {active}; try again when it has ended");
    }
    let reply = reply.ok().context("the run was not started")?;
    reply.location.context("the server did not say where the run is")
}

/// Waits for the end of a run, with a bar: what it is for, and how far it is.
///
/// # Errors
/// When the server does not know it, or was away for too long.
pub(super) fn follow(client: &ApiClient, path: &str, purpose: &str) -> anyhow::Result<FinishedRun> {
    let bar = progress();
    bar.set_prefix(purpose.to_owned());
    let mut backoff = Backoff::with_deadline(AWAY);
    loop {
        let reply = match client.get(path, &[]) {
            Ok(reply) => reply.ok()?,
            Err(_) if backoff.wait(None) => continue,
            Err(error) => return Err(error.into()),
        };
        let run: RunRecord = reply.json()?;
        backoff = Backoff::with_deadline(AWAY);
        bar.set_position((run.progress * 1000.0) as u64);
        bar.set_message(run.step.clone());
        if run.state.is_final() {
            return Ok(FinishedRun { run, document: reply.json()? });
        }
        std::thread::sleep(LOOK);
    }
}

impl FinishedRun {
    /// Whether it did what it was for.
    ///
    /// # Errors
    /// With why it did not.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let RunRecord { id, state, mode, error, .. } = &self.run;
        let reason = error.as_deref().unwrap_or("no reason was given");
        let (mode, outcome) = (mode.name(), state.name());
        anyhow::ensure!(*state == RunState::Succeeded, "the {mode} run {id} {outcome}: {reason}");
        Ok(())
    }

    /// Events that it read.
    pub(super) fn events(&self) -> u64 {
        self.run.events
    }

    /// What it did, in a line.
    fn summary(&self) -> String {
        let run = &self.run;
        let mut text = format!("{} run {} succeeded", run.mode.name(), run.id);
        if let Some(generation) = run.generation {
            text.push_str(&format!(", generation {generation}"));
        }
        text.push_str(&format!(", {}", pluralize(run.events, "event")));
        if let Some(AuditCounts { compared, differences }) = &run.audit {
            text.push_str(&format!(
                ", audit of {} found {}",
                pluralize(*compared, "key"),
                pluralize(*differences, "difference")
            ));
        }
        text
    }
}

fn progress() -> ProgressBar {
    if !output::is_interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix}{bar:40} {percent:>3} %  {msg}  {elapsed}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1000).with_style(style).with_finish(ProgressFinish::AndClear)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: RunState, changes: serde_json::Value) -> FinishedRun {
        let mut document = serde_json::json!({
            "id": "run-7", "state": state, "mode": "full", "trigger": "api", "progress": 1.0,
            "step": "", "events": 12_000, "days": 3, "attempt": 1, "started_at": null,
            "ended_at": null, "error": null, "audit": null, "generation": null,
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        let run = serde_json::from_value(document.clone()).unwrap();
        FinishedRun { run, document: RawValue::from_string(document.to_string()).unwrap() }
    }

    #[test]
    fn a_run_that_did_not_succeed_says_why() {
        let audit = serde_json::json!({ "compared": 40, "differences": 0 });
        let done = serde_json::json!({ "generation": 3, "audit": audit });
        let done = ended(RunState::Succeeded, done);
        done.check().unwrap();
        assert_eq!(
            done.summary(),
            "full run run-7 succeeded, generation 3, 12,000 events, audit of 40 keys found 0 \
             differences"
        );
        let failed = ended(RunState::Failed, serde_json::json!({ "error": "no room" }));
        assert_eq!(failed.check().unwrap_err().to_string(), "the full run run-7 failed: no room");
        let cancelled = ended(RunState::Cancelled, serde_json::json!({}));
        assert!(cancelled.check().unwrap_err().to_string().contains("no reason"));
    }
}
