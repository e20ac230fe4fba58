//! `merganser run`: a batch run, followed to its end.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde::Deserialize;
use serde_json::json;
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
    run: RunReply,
    /// The document of the server.
    pub(super) document: Box<RawValue>,
}

/// A run, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RunReply {
    id: String,
    state: String,
    mode: String,
    progress: f64,
    step: Option<String>,
    events: Option<u64>,
    generation: Option<u64>,
    error: Option<String>,
    audit: Option<AuditReply>,
}

#[derive(Debug, Deserialize)]
struct AuditReply {
    compared: u64,
    differences: u64,
}

/// Starts a run and follows it.
pub(super) fn run(args: &RunArgs) -> Result<(), CliError> {
    let client = ApiClient::new(&args.client)?;
    let path = start(&client, if args.full { "full" } else { "incremental" })?;
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
pub(super) fn start_and_follow(client: &ApiClient, mode: &str) -> anyhow::Result<String> {
    let ended = follow(client, &start(client, mode)?, "")?;
    ended.check()?;
    Ok(ended.summary())
}

/// Starts a run; where it is.
fn start(client: &ApiClient, mode: &str) -> anyhow::Result<String> {
    let reply = client.post("/v1/runs", &json!({ "mode": mode }))?;
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
        let run: RunReply = reply.json()?;
        backoff = Backoff::with_deadline(AWAY);
        bar.set_position((run.progress * 1000.0) as u64);
        bar.set_message(run.step.clone().unwrap_or_else(|| run.state.clone()));
        if matches!(&*run.state, "succeeded" | "failed" | "cancelled") {
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
        let RunReply { id, state, mode, error, .. } = &self.run;
        let reason = error.as_deref().unwrap_or("no reason was given");
        anyhow::ensure!(state == "succeeded", "the {mode} run {id} {state}: {reason}");
        Ok(())
    }

    /// Events that it read.
    pub(super) fn events(&self) -> u64 {
        self.run.events.unwrap_or_default()
    }

    /// What it did, in a line.
    fn summary(&self) -> String {
        let run = &self.run;
        let mut text = format!("{} run {} succeeded", run.mode, run.id);
        if let Some(generation) = run.generation {
            text.push_str(&format!(", generation {generation}"));
        }
        if let Some(events) = run.events {
            text.push_str(&format!(", {}", pluralize(events, "event")));
        }
        if let Some(AuditReply { compared, differences }) = &run.audit {
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

    fn ended(document: &str) -> FinishedRun {
        let run = serde_json::from_str(document).unwrap();
        FinishedRun { run, document: RawValue::from_string(document.to_owned()).unwrap() }
    }

    #[test]
    fn a_run_that_did_not_succeed_says_why() {
        let done = ended(
            r#"{"id":"run-7","state":"succeeded","mode":"full","progress":1.0,"events":12000,
                "generation":3,"audit":{"compared":40,"differences":0},"attempt":1}"#,
        );
        done.check().unwrap();
        assert_eq!(
            done.summary(),
            "full run run-7 succeeded, generation 3, 12,000 events, audit of 40 keys found 0 \
             differences"
        );
        let failed = ended(r#"{"id":"run-8","state":"failed","mode":"full","error":"no room"}"#);
        assert_eq!(failed.check().unwrap_err().to_string(), "the full run run-8 failed: no room");
        let cancelled = ended(r#"{"id":"run-9","state":"cancelled","mode":"full"}"#);
        assert!(cancelled.check().unwrap_err().to_string().contains("no reason"));
    }
}
