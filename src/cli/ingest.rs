//! `merganser ingest`: files of events, sent in batches.
//!
//! What was interrupted is resumed by running the same command again: it goes on where the server
//! had acknowledged everything (`resume`). Events that it sends again, since their first answer is
//! unknown, the server recognizes by their `id`; an event without an id gets one from its line
//! (`line_ids`). After a signal it awaits the answer under way (`interrupt`) and says what is
//! certain (`progress`).

mod batch_reply;
mod batch_sender;
mod batches;
mod columns;
mod csv;
mod file_sender;
mod input_file;
mod interrupt;
mod line_ids;
mod progress;
mod resume;
mod totals;
mod unsupported_format;

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use self::batch_sender::BatchSender;
use self::batches::LineBatchIter;
use self::columns::{ColumnArgs, InputFormat};
use self::file_sender::FileSender;
use self::input_file::InputFile;
use self::interrupt::{InterruptError, InterruptWatch};
use self::line_ids::LineIds;
use self::progress::{UploadProgress, redacted_command};
use self::resume::{Bookmark, ServerJournal};
use self::totals::{UploadOutcome, UploadTotals};
use super::CliError;
use super::client::{ApiClient, ClientArgs};
use super::output::{self, OutputFormat};
use super::text::pluralize;

/// Arguments of `merganser ingest`.
#[derive(Args, Debug)]
pub(super) struct IngestArgs {
    #[command(flatten)]
    client: ClientArgs,

    /// Files of one JSON event a line, or CSV, plain, gzip or zstd; Parquet; Arrow; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    table: ColumnArgs,

    /// Events of a request
    #[arg(long, value_name = "N", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_events: u32,

    /// How to compress requests
    #[arg(long, value_enum, default_value_t = EncodingArg::None)]
    encoding: EncodingArg,

    /// What to wait for: until events are on disk, or until every query includes them
    #[arg(long, value_enum, default_value_t = WaitArg::Durable)]
    wait: WaitArg,

    /// What invalid events lead to: they alone go to the quarantine, or their request is rejected
    #[arg(long, value_enum, default_value_t = OnInvalidArg::Quarantine)]
    on_invalid: OnInvalidArg,

    /// How long to try again while the server is away or overloaded, in seconds
    #[arg(long, value_name = "S", default_value_t = 120)]
    retry_s: u64,

    /// Leave events without an `id` as they are, so that they count as often as they are sent; else
    /// they get one by which the same line of the same file counts once
    #[arg(long)]
    no_ids: bool,

    /// Send files from their beginning, wherever an earlier run was interrupted
    #[arg(long)]
    restart: bool,

    /// How to print the sum of what the server did
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EncodingArg {
    None,
    Gzip,
    Zstd,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WaitArg {
    Durable,
    Applied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnInvalidArg {
    Quarantine,
    Reject,
}

/// Name of an option as the server takes it.
fn arg_name(option: impl ValueEnum) -> String {
    option.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Sends the files, in their order.
pub(super) fn run(args: &IngestArgs) -> Result<(), CliError> {
    let client = ApiClient::new(&args.client)?;
    for file in &args.files {
        if !is_stdin(file) {
            File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        }
    }
    let formats = input_formats(args)?;
    let retry = Duration::from_secs(args.retry_s);
    let (bar, watch) = (progress(&args.files), InterruptWatch::default());
    watch_signals(&watch, &bar, args.output)?;
    let mut bookmarks = bookmarks(&client, retry, args)?;
    let mut sending = FileSender::new(
        BatchSender {
            client: &client,
            path: format!(
                "/v1/events?wait={}&on_invalid={}",
                arg_name(args.wait),
                arg_name(args.on_invalid)
            ),
            encoding: args.encoding,
            on_invalid: args.on_invalid,
            retry,
            watch: &watch,
        },
        args.batch_events as usize,
        bar,
    );
    let outcome = args.files.iter().zip(formats).zip(&mut bookmarks).try_for_each(
        |((file, format), bookmark)| {
            let ids = if args.no_ids { LineIds::Without } else { LineIds::of(file)? };
            let file = InputFile { file, format, table: &args.table, ids };
            sending.send_file(&file, bookmark.as_mut())
        },
    );
    let signal = watch.end();
    sending.bar.finish_and_clear();
    // Only now, so that a file that was sent whole is not sent again because another was not.
    if outcome.is_ok() {
        bookmarks.iter().flatten().for_each(Bookmark::remove);
    }
    let end = if outcome.is_ok() { UploadOutcome::Complete } else { UploadOutcome::Interrupted };
    watch.with_progress(|standing| print_summary(standing, end, args.output))?;
    // A signal that came behind the last answer has stopped nothing.
    match (outcome, signal) {
        (Err(error), Some(signal)) => {
            if !error.is::<InterruptError>() {
                output::print_error(&format!("{error:#}"));
            }
            return Err(CliError::Stopped(signal.exit_code()));
        }
        (outcome, _) => outcome?,
    }
    match watch.with_progress(|standing| standing.totals.refused()) {
        0 => Ok(()),
        refused => Err(CliError::Failed(anyhow::anyhow!(
            "{} {} not accepted",
            pluralize(refused, "event"),
            if refused == 1 { "was" } else { "were" }
        ))),
    }
}

/// Listens to signals, and says how things stand where one of them has to end the process at once.
fn watch_signals(
    watch: &InterruptWatch,
    bar: &ProgressBar,
    output: OutputFormat,
) -> anyhow::Result<()> {
    let (ended, waiting) = (bar.clone(), bar.clone());
    watch.listen(
        move |standing| {
            ended.finish_and_clear();
            // The process ends, so that an error has no receiver.
            let _ = print_summary(standing, UploadOutcome::Interrupted, output);
        },
        move |lines| {
            let note = format!("waiting for the answer to {lines}; once more ends it at once");
            waiting.suspend(|| output::print_note(&note));
        },
    )
}

/// Says what the server did, and how things stand where not everything was sent.
fn print_summary(
    standing: &UploadProgress,
    end: UploadOutcome,
    output: OutputFormat,
) -> anyhow::Result<()> {
    standing.totals.report(end, output)?;
    if end == UploadOutcome::Interrupted {
        output::print_note(&standing.interruption_note(&redacted_command(env::args_os())));
    }
    Ok(())
}

/// What each file is.
fn input_formats(args: &IngestArgs) -> Result<Vec<InputFormat>, CliError> {
    args.files.iter().map(|file| input_format(args, file)).collect()
}

fn input_format(args: &IngestArgs, file: &Path) -> Result<InputFormat, CliError> {
    let of_name = || InputFormat::of_name(&file.to_string_lossy());
    let format = args.table.format.unwrap_or_else(of_name);
    let name = file.display();
    if let Some(flag) = args.table.inapplicable_flag(format) {
        let what = match format {
            InputFormat::Ndjson => "CSV, Parquet and Arrow",
            InputFormat::Csv | InputFormat::Parquet | InputFormat::Arrow => "CSV",
        };
        return Err(CliError::Usage(format!(
            "`{flag}` is for {what}; by its name `{name}` is something else (`--format` says what \
             a file is)"
        )));
    }
    if is_stdin(file) && matches!(format, InputFormat::Parquet | InputFormat::Arrow) {
        return Err(CliError::Usage("Parquet and Arrow are read from files".to_owned()));
    }
    Ok(format)
}

/// For each file what is kept of how far it was sent, if anything can be.
fn bookmarks(
    client: &ApiClient,
    retry: Duration,
    args: &IngestArgs,
) -> anyhow::Result<Vec<Option<Bookmark>>> {
    let none = || -> Vec<Option<Bookmark>> { args.files.iter().map(|_| None).collect() };
    if args.files.iter().all(|file| is_stdin(file)) {
        return Ok(none());
    }
    let Some(journal) = ServerJournal::of(client, retry)? else {
        output::print_note(
            "the server does not show this key which journal it sends to: what is interrupted \
             will begin anew",
        );
        return Ok(none());
    };
    let found = args.files.iter().map(|file| match is_stdin(file) {
        true => None,
        false => Bookmark::of(&journal, file),
    });
    let found: Vec<Option<Bookmark>> = found.collect();
    if args.restart {
        found.iter().flatten().for_each(Bookmark::remove);
    }
    Ok(found)
}

/// Sends events from a text in memory, without retries or a progress bar.
pub(super) fn send_text(
    client: &ApiClient,
    name: &str,
    text: &[u8],
) -> anyhow::Result<UploadTotals> {
    let watch = InterruptWatch::default();
    let sender = BatchSender {
        client,
        path: "/v1/events?wait=applied".to_owned(),
        encoding: EncodingArg::None,
        on_invalid: OnInvalidArg::Quarantine,
        retry: Duration::from_secs(10),
        watch: &watch,
    };
    let mut sending = FileSender::new(sender, 5_000, ProgressBar::hidden());
    let source = Box::new(io::Cursor::new(text.to_vec()));
    let mut batches = LineBatchIter::new(source, 5_000, LineIds::Without)?;
    sending.send_batches(Path::new(name), &mut batches, None)?;
    Ok(watch.with_progress(|standing| std::mem::take(&mut standing.totals)))
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn progress(files: &[PathBuf]) -> ProgressBar {
    if !output::is_interactive() {
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
