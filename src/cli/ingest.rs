//! `merganser ingest`: files of events, sent in batches.
//!
//! An event's `id` makes sending it again safe, so what was interrupted is resumed by running the
//! same command again: what the server has, it counts as duplicates. For events without an `id`
//! that does not hold, and the command says so.

mod batches;
mod send;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use self::batches::Batches;
use self::send::{Sender, Totals};
use super::Failure;
use super::client::{Client, ClientArgs};
use super::output;

/// Arguments of `merganser ingest`.
#[derive(Args, Debug)]
pub(super) struct IngestArgs {
    #[command(flatten)]
    client: ClientArgs,

    /// Files of one JSON event a line, plain, gzip or zstd; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Events of a request
    #[arg(long, value_name = "N", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_events: u32,

    /// How to compress requests
    #[arg(long, value_enum, default_value_t = Encoding::None)]
    encoding: Encoding,

    /// What to wait for: until events are on disk, or until every query includes them
    #[arg(long, value_enum, default_value_t = Wait::Durable)]
    wait: Wait,

    /// What invalid events lead to: they alone go to the quarantine, or their request is rejected
    #[arg(long, value_enum, default_value_t = OnInvalid::Quarantine)]
    on_invalid: OnInvalid,

    /// How long to try again while the server is away or overloaded, in seconds
    #[arg(long, value_name = "S", default_value_t = 120)]
    retry_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Encoding {
    None,
    Gzip,
    Zstd,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wait {
    Durable,
    Applied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnInvalid {
    Quarantine,
    Reject,
}

/// Name of an option as the server takes it.
fn name(option: impl ValueEnum) -> String {
    option.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Sends the files, in their order.
pub(super) fn run(args: &IngestArgs) -> Result<(), Failure> {
    let client = Client::new(&args.client)?;
    let sender = Sender {
        client: &client,
        path: format!("/v1/events?wait={}&on_invalid={}", name(args.wait), name(args.on_invalid)),
        encoding: args.encoding,
        on_invalid: args.on_invalid,
        retry: Duration::from_secs(args.retry_s),
    };
    for file in &args.files {
        if !is_stdin(file) {
            File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        }
    }
    let bar = progress(&args.files);
    let mut totals = Totals::default();
    let outcome = args.files.iter().try_for_each(|file| {
        let source = open(file, &bar)?;
        send_all(&sender, file, source, args.batch_events as usize, &bar, &mut totals)
    });
    bar.finish_and_clear();
    totals.report(outcome.is_ok())?;
    outcome?;
    match totals.refused() {
        0 => Ok(()),
        refused => Err(Failure::Failed(anyhow::anyhow!(
            "{} of the events were not accepted",
            HumanCount(refused)
        ))),
    }
}

/// Sends events from a text in memory, without retries or a progress bar.
pub(super) fn send_text(client: &Client, name: &str, text: &[u8]) -> anyhow::Result<Totals> {
    let sender = Sender {
        client,
        path: "/v1/events?wait=applied".to_owned(),
        encoding: Encoding::None,
        on_invalid: OnInvalid::Quarantine,
        retry: Duration::from_secs(10),
    };
    let mut totals = Totals::default();
    let source = Box::new(io::Cursor::new(text.to_vec()));
    send_all(&sender, Path::new(name), source, 5_000, &ProgressBar::hidden(), &mut totals)?;
    Ok(totals)
}

fn send_all(
    sender: &Sender<'_>,
    file: &Path,
    source: Box<dyn Read>,
    batch_events: usize,
    bar: &ProgressBar,
    totals: &mut Totals,
) -> anyhow::Result<()> {
    let place = || format!("`{}`", file.display());
    for batch in Batches::new(source, batch_events).with_context(place)? {
        let batch = batch.with_context(place)?;
        let verdict = sender.send(&batch, bar).with_context(|| {
            let (first, last) = (batch.lines.first(), batch.lines.last());
            let line = |number: Option<&u64>| number.copied().unwrap_or_default();
            format!("`{}` lines {} to {}", file.display(), line(first), line(last))
        })?;
        totals.add(file, &batch, &verdict, bar);
        bar.set_message(format!("{} events", HumanCount(totals.sent())));
    }
    Ok(())
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn open(file: &Path, bar: &ProgressBar) -> anyhow::Result<Box<dyn Read>> {
    if is_stdin(file) {
        return Ok(Box::new(bar.wrap_read(io::stdin().lock())));
    }
    let opened =
        File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    Ok(Box::new(bar.wrap_read(opened)))
}

fn progress(files: &[PathBuf]) -> ProgressBar {
    if !output::is_watched() {
        return ProgressBar::hidden();
    }
    let size = |file: &PathBuf| std::fs::metadata(file).ok().map(|metadata| metadata.len());
    let (bar, template) = match files.iter().map(size).sum::<Option<u64>>() {
        Some(total) => {
            (ProgressBar::new(total), "{bar:40} {percent:>3} %  {msg}  {elapsed}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}  {elapsed}"),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
