//! `merganser run`: a batch run, followed to its end.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;

use super::Failure;
use super::backoff::Backoff;
use super::client::{Client, ClientArgs};
use super::output;

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
}

/// A run, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Run {
    id: String,
    state: String,
    mode: String,
    progress: f64,
    step: Option<String>,
    events: Option<u64>,
    generation: Option<u64>,
    error: Option<String>,
    audit: Option<Audit>,
}

#[derive(Debug, Deserialize)]
struct Audit {
    compared: u64,
    differences: u64,
}

/// Starts a run and follows it.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let client = Client::new(&args.client)?;
    let text = start_and_follow(&client, if args.full { "full" } else { "incremental" })?;
    Ok(output::print(&text)?)
}

/// Starts a run, waits for its end and tells what it did, in a line.
///
/// # Errors
/// When another run is active, or the run does not succeed.
pub(super) fn start_and_follow(client: &Client, mode: &str) -> anyhow::Result<String> {
    let reply = client.post("/v1/runs", &json!({ "mode": mode }))?;
    if reply.status == 409
        && let Some(active) = &reply.location
    {
        anyhow::bail!("another run is active: {active}; try again when it has ended");
    }
    let reply = reply.ok().context("the run was not started")?;
    let path = reply.location.clone().context("the server did not say where the run is")?;
    let run = follow(client, &path)?;
    anyhow::ensure!(
        run.state == "succeeded",
        "the {} run {} {}: {}",
        run.mode,
        run.id,
        run.state,
        run.error.as_deref().unwrap_or("no reason was given")
    );
    Ok(summary(&run))
}

fn follow(client: &Client, path: &str) -> anyhow::Result<Run> {
    let bar = progress();
    let mut backoff = Backoff::within(AWAY);
    loop {
        let run: Run = match client.get(path, &[]) {
            Ok(reply) => reply.ok()?.json()?,
            Err(_) if backoff.wait(None) => continue,
            Err(error) => return Err(error.into()),
        };
        backoff = Backoff::within(AWAY);
        bar.set_position((run.progress * 1000.0) as u64);
        bar.set_message(run.step.clone().unwrap_or_else(|| run.state.clone()));
        if matches!(&*run.state, "succeeded" | "failed" | "cancelled") {
            bar.finish_and_clear();
            return Ok(run);
        }
        std::thread::sleep(LOOK);
    }
}

fn summary(run: &Run) -> String {
    let mut text = format!("{} run {} succeeded", run.mode, run.id);
    if let Some(generation) = run.generation {
        text.push_str(&format!(", generation {generation}"));
    }
    if let Some(events) = run.events {
        text.push_str(&format!(", {} events", HumanCount(events)));
    }
    if let Some(Audit { compared, differences }) = &run.audit {
        text.push_str(&format!(
            ", audit of {} keys found {} differences",
            HumanCount(*compared),
            HumanCount(*differences)
        ));
    }
    text
}

fn progress() -> ProgressBar {
    if !output::is_watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {elapsed}");
    ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
