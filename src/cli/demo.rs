//! `merganser demo`: the whole loop on sample data, in one process and a directory of its own.
//!
//! It reads neither the settings file nor the environment, so that it cannot touch the user's data.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use indicatif::HumanCount;
use merganser_api::answer::AnswerDocument;
use merganser_api::run::RunMode;
use serde_json::value::RawValue;

use super::client::{ApiClient, ClientArgs};
use super::query::{made_of, rows_table};
use super::run::start_and_follow;
use super::serve::{ShutdownSignal, runtime, start_log};
use super::text::pluralize;
use super::{CliError, ingest, output};
use crate::compose::RunningService;
use crate::settings::{CronExpression, ListenAddress, LogFilter, Settings};

/// January 2013: departures from New York's three airports.
const EVENTS: &[u8] = include_bytes!("../../tests/data/flights-2013-01.ndjson.gz");
const METRICS: &str = include_str!("../../tests/data/flights.toml");
/// A dashboard of them, by its name.
const DASHBOARD: (&str, &str) =
    ("flights", include_str!("../../tests/data/flights-dashboard.json"));

/// Share of the events that comes before the batch run, so that both layers hold some.
const BEFORE_THE_RUN: f64 = 0.9;

/// The queries: a title and the parameters of each.
const QUESTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "All of January",
        &[("metric", "flights"), ("measures", "departures,mean_delay,worst,aircraft")],
    ),
    (
        "The carriers that are late most often",
        &[
            ("metric", "flights"),
            ("measures", "departures,late,late_share,delay_p95"),
            ("group_by", "carrier"),
            ("order_by", "-late_share"),
            ("limit", "5"),
        ],
    ),
    (
        "Its first days, as New York counts them",
        &[
            ("metric", "flights"),
            ("measures", "departures,mean_delay"),
            ("granularity", "day"),
            ("timezone", "America/New_York"),
            ("limit", "5"),
        ],
    ),
];

/// Arguments of `merganser demo`.
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Address and port to answer HTTP on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: ListenAddress,

    /// Directory to keep the data in [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// End after the answers instead of serving on
    #[arg(long)]
    once: bool,
}

/// Shows the loop.
pub(super) fn run(args: DemoArgs) -> Result<(), CliError> {
    let temporary = match &args.data_dir {
        Some(_) => None,
        None => {
            let made = tempfile::Builder::new().prefix("merganser-demo-").tempdir();
            Some(made.context("a temporary directory cannot be made")?)
        }
    };
    let own = || temporary.as_ref().map(|made| made.path().to_owned());
    let data_dir = args.data_dir.clone().or_else(own).unwrap_or_default();
    let settings = Settings {
        listen: args.listen,
        data_dir,
        schedule: CronExpression(String::new()),
        full_schedule: CronExpression(String::new()),
        log: LogFilter("warn".to_owned()),
        ..Settings::default()
    };
    start_log(&settings)?;
    runtime()?.block_on(show(settings, args.once))?;
    Ok(())
}

async fn show(settings: Settings, once: bool) -> anyhow::Result<()> {
    let mut stop = ShutdownSignal::listen()?;
    output::print(&format!("starting in {}", settings.data_dir.display()))?;
    let service = Box::pin(RunningService::start(settings)).await?;
    service.wait_until_ready().await?;
    let url = service.url();
    let guide = tokio::task::spawn_blocking({
        let url = url.clone();
        move || tour(&url)
    });
    let shown = tokio::select! {
        shown = guide => shown?,
        () = stop.received() => Ok(()),
    };
    if shown.is_ok() && !once {
        output::print(&format!(
            "\nserving on at {url} until Ctrl-C: a dashboard of the flights at {url}/ui/d/{}, the \
             API at {url}/docs; ask for more, as\n  \
             merganser query flights --server {url} --group-by dest --order-by -miles --limit 9",
            DASHBOARD.0
        ))?;
        stop.received().await;
    }
    service.stop().await?;
    shown
}

fn tour(url: &str) -> anyhow::Result<()> {
    let client =
        ApiClient::new(&ClientArgs::at(url)).map_err(|_| anyhow::anyhow!("`{url}` is no URL"))?;
    for definition in merganser_metric::definition::from_toml(METRICS)? {
        let path = format!("/v1/metrics/{}", definition.name);
        client.put(&path, &definition)?.ok()?;
    }
    let (name, dashboard) = DASHBOARD;
    let dashboard: &RawValue = serde_json::from_str(dashboard)?;
    client.put(&format!("/v1/dashboards/{name}"), dashboard)?.ok()?;
    let mut events = String::new();
    flate2::read::GzDecoder::new(EVENTS).read_to_string(&mut events)?;
    let cut = (events.len() as f64 * BEFORE_THE_RUN) as usize;
    let cut = cut + events[cut..].find('\n').map_or(0, |end| end + 1);
    let (before, after) = events.split_at(cut);
    send(&client, "before the run", before)?;
    output::print(&start_and_follow(&client, RunMode::Incremental)?)?;
    send(&client, "after the run", after)?;
    for (title, parameters) in QUESTIONS {
        let answer: AnswerDocument = client.get("/v1/query", parameters)?.ok()?.json()?;
        output::print(&format!("\n{title}\n{}\n{}", rows_table(&answer), made_of(&answer)))?;
    }
    Ok(())
}

fn send(client: &ApiClient, when: &str, events: &str) -> anyhow::Result<()> {
    let totals = ingest::send_text(client, "sample", events.as_bytes())?;
    output::print(&format!(
        "{when}: {} accepted, {} known already",
        pluralize(totals.accepted, "event"),
        HumanCount(totals.duplicates)
    ))
}
