//! `merganser ingest`: files of events, sent in batches.
//!
//! What was interrupted is resumed by running the same command again: it goes on where the server
//! had acknowledged everything (`resume`). What it sends again all the same, since nobody knows
//! what became of it, the server knows by its `id`; an event without one gets one by its line
//! (`ids`). Told to stop, it awaits the answer under way (`interrupt`) and says what is certain
//! (`standing`).

mod batches;
mod csv;
mod ids;
mod interrupt;
mod looks;
mod open;
mod resume;
mod send;
mod standing;
mod table;

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use self::batches::{Batch, Batches, Place, Source};
use self::ids::LineIds;
use self::interrupt::Watch;
use self::looks::Looks;
use self::open::Opening;
use self::resume::{Bookmark, Journal, Reached};
use self::send::{End, Sender, Totals};
use self::standing::{Standing, command};
use self::table::{Format, TableArgs};
use super::Failure;
use super::client::{Client, ClientArgs};
use super::counted::counted;
use super::output::{self, Output};

/// Arguments of `merganser ingest`.
#[derive(Args, Debug)]
pub(super) struct IngestArgs {
    #[command(flatten)]
    client: ClientArgs,

    /// Files of one JSON event a line, or CSV, plain, gzip or zstd; Parquet; Arrow; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    table: TableArgs,

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

    /// Leave events without an `id` as they are, so that they count as often as they are sent; else
    /// they get one by which the same line of the same file counts once
    #[arg(long)]
    no_ids: bool,

    /// Send files from their beginning, wherever an earlier run was interrupted
    #[arg(long)]
    restart: bool,

    /// How to print the sum of what the server did
    #[arg(long, value_enum, default_value_t)]
    output: Output,
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
    for file in &args.files {
        if !is_stdin(file) {
            File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        }
    }
    let formats = formats(args)?;
    let retry = Duration::from_secs(args.retry_s);
    let (bar, watch) = (progress(&args.files), Watch::default());
    listen(&watch, &bar, args.output)?;
    let mut bookmarks = bookmarks(&client, retry, args)?;
    let mut sending = Sending::new(
        Sender {
            client: &client,
            path: format!(
                "/v1/events?wait={}&on_invalid={}",
                name(args.wait),
                name(args.on_invalid)
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
            let file = Opening { file, format, table: &args.table, ids };
            sending.file(&file, bookmark.as_mut())
        },
    );
    let signal = watch.end();
    sending.bar.finish_and_clear();
    // Only now, so that a file that was sent whole is not sent again because another was not.
    if outcome.is_ok() {
        bookmarks.iter().flatten().for_each(Bookmark::remove);
    }
    let end = if outcome.is_ok() { End::Complete } else { End::Interrupted };
    watch.standing(|standing| tell(standing, end, args.output))?;
    if let Some(signal) = signal {
        return Err(Failure::Stopped(signal.exit_code()));
    }
    outcome?;
    match watch.standing(|standing| standing.totals.refused()) {
        0 => Ok(()),
        refused => Err(Failure::Failed(anyhow::anyhow!(
            "{} {} not accepted",
            counted(refused, "event"),
            if refused == 1 { "was" } else { "were" }
        ))),
    }
}

/// Listens to signals, and says how things stand where one of them has to end the process at once.
fn listen(watch: &Watch, bar: &ProgressBar, output: Output) -> anyhow::Result<()> {
    let (told, waiting) = (bar.clone(), bar.clone());
    watch.listen(
        move |standing| {
            told.finish_and_clear();
            // There is nobody left to hand an error to.
            let _ = tell(standing, End::Interrupted, output);
        },
        move |lines| {
            let note = format!("waiting for the answer to {lines}; once more ends it at once");
            waiting.suspend(|| output::note(&note));
        },
    )
}

/// Says what the server did, and how things stand where not everything was sent.
fn tell(standing: &Standing, end: End, output: Output) -> anyhow::Result<()> {
    standing.totals.report(end, output)?;
    if end == End::Interrupted {
        output::note(&standing.told(&command(env::args_os())));
    }
    Ok(())
}

/// What each file is.
fn formats(args: &IngestArgs) -> Result<Vec<Format>, Failure> {
    let format = |file: &PathBuf| {
        let of_name = || Format::of_name(&file.to_string_lossy());
        let format = args.table.format.unwrap_or_else(of_name);
        let name = file.display();
        if let Some(flag) = args.table.useless_for(format) {
            let what = match format {
                Format::Ndjson => "CSV, Parquet and Arrow",
                Format::Csv | Format::Parquet | Format::Arrow => "CSV",
            };
            return Err(Failure::Usage(format!(
                "`{flag}` is for {what}; by its name `{name}` is something else (`--format` says \
                 what a file is)"
            )));
        }
        if is_stdin(file) && matches!(format, Format::Parquet | Format::Arrow) {
            return Err(Failure::Usage("Parquet and Arrow are read from files".to_owned()));
        }
        Ok(format)
    };
    args.files.iter().map(format).collect()
}

/// For each file what is kept of how far it was sent, if anything can be.
fn bookmarks(
    client: &Client,
    retry: Duration,
    args: &IngestArgs,
) -> anyhow::Result<Vec<Option<Bookmark>>> {
    let none = || -> Vec<Option<Bookmark>> { args.files.iter().map(|_| None).collect() };
    if args.files.iter().all(|file| is_stdin(file)) {
        return Ok(none());
    }
    let Some(journal) = Journal::of(client, retry)? else {
        output::note(
            "the server does not tell this key which journal it sends to: what is interrupted \
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
pub(super) fn send_text(client: &Client, name: &str, text: &[u8]) -> anyhow::Result<Totals> {
    let watch = Watch::default();
    let sender = Sender {
        client,
        path: "/v1/events?wait=applied".to_owned(),
        encoding: Encoding::None,
        on_invalid: OnInvalid::Quarantine,
        retry: Duration::from_secs(10),
        watch: &watch,
    };
    let mut sending = Sending::new(sender, 5_000, ProgressBar::hidden());
    let source = Box::new(io::Cursor::new(text.to_vec()));
    let mut batches = Batches::new(source, 5_000, LineIds::Without)?;
    sending.batches(Path::new(name), &mut batches, None)?;
    Ok(watch.standing(|standing| std::mem::take(&mut standing.totals)))
}

/// Files on their way to a server.
struct Sending<'a> {
    sender: Sender<'a>,
    batch_events: usize,
    bar: ProgressBar,
    begun: Option<Instant>,
    /// That a place cannot be kept is said once.
    is_told: bool,
}

impl<'a> Sending<'a> {
    fn new(sender: Sender<'a>, batch_events: usize, bar: ProgressBar) -> Self {
        Self { sender, batch_events, bar, begun: None, is_told: false }
    }

    /// Sends a file, from where an earlier run came to.
    fn file(
        &mut self,
        opening: &Opening<'_>,
        mut bookmark: Option<&mut Bookmark>,
    ) -> anyhow::Result<()> {
        let file = opening.file;
        let place = || format!("`{}`", file.display());
        let before = self.bar.position();
        let mut batches = opening.open(&self.bar, self.batch_events)?;
        let ids = batches.ids();
        self.sender.watch.standing(|standing| standing.begin(file, 0));
        match bookmark.as_ref().map_or(Ok(None), |bookmark| bookmark.read(ids)) {
            Ok(None) => {}
            Ok(Some(Reached { probe: Some(event), place })) if !self.knows(&event, &*batches, &place)? => {
                self.note(&format!("{}: {}: beginning anew", file.display(), resume::LOST));
            }
            Ok(Some(Reached { place: reached, .. })) => {
                if batches.go_to(&reached).with_context(place)? {
                    self.sender.watch.standing(|standing| standing.begin(file, reached.lines));
                    let lines = HumanCount(reached.lines);
                    self.note(&format!(
                        "{}: going on after line {lines}, where an earlier run was interrupted; \
                         --restart begins anew",
                        file.display()
                    ));
                } else {
                    let changed = "it was changed since an earlier run was interrupted";
                    self.note(&format!("{}: {changed}: beginning anew", file.display()));
                    self.bar.set_position(before);
                    batches = opening.open_again(&self.bar, self.batch_events)?;
                }
                self.bar.reset_eta();
            }
            Err(why) => self.note(&format!("{}: {why}: beginning anew", file.display())),
        }
        let outcome = self.batches(file, &mut *batches, bookmark.as_deref_mut());
        if let Some(bookmark) = bookmark {
            let written = bookmark.write();
            self.tell(bookmark, written);
        }
        outcome
    }

    /// Whether the server has an event that it has acknowledged; if not, it has it now.
    fn knows(&self, event: &str, source: &dyn Source, place: &Place) -> anyhow::Result<bool> {
        let body = event.as_bytes().to_vec();
        let lines = vec![place.lines];
        let batch = Batch { body, shape: source.shape(), lines, ..Batch::default() };
        let verdict = self.sender.send(&batch, &self.bar)?;
        self.sender.watch.standing(Standing::not_taken);
        Ok(!verdict.is_new())
    }

    fn batches(
        &mut self,
        file: &Path,
        batches: &mut dyn Source,
        mut bookmark: Option<&mut Bookmark>,
    ) -> anyhow::Result<()> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let place = || format!("`{}`", file.display());
        let start = batches.start_of_lines().with_context(place)?;
        let mut is_first = start.is_some();
        if let Some(looks) = start.and_then(Looks::of_start) {
            return Err(anyhow::anyhow!("{looks}")).with_context(place);
        }
        for batch in batches {
            let batch = batch.with_context(place)?;
            if is_first && let Some(looks) = Looks::of_lines(|| batch.texts()) {
                return Err(anyhow::anyhow!("{looks}")).with_context(place);
            }
            let verdict = self.sender.send(&batch, &self.bar).with_context(|| batch.place(file))?;
            let sent = self.sender.watch.standing(|standing| {
                standing.totals.add(file, &batch, &verdict, &self.bar);
                match verdict.is_rejected() {
                    true => standing.not_taken(),
                    false => standing.acknowledged(batch.end.lines),
                }
                standing.totals.sent()
            });
            if verdict.is_rejected() {
                return Err(verdict.rejection()).with_context(|| batch.place(file));
            }
            if let Some(bookmark) = &mut bookmark {
                let end = verdict.journal_end();
                let written = bookmark.reached(&batch, end, batch.last_taken(&verdict));
                self.tell(bookmark, written);
            }
            if std::mem::take(&mut is_first) && verdict.is_of_no_events() {
                let count = counted(batch.lines.len() as u64, "event");
                let error = anyhow::anyhow!(
                    "it is no file of events: of the first request's {count} none has the shape of \
                     one; stopped there"
                );
                return Err(error).with_context(place);
            }
            let rate = sent as f64 / begun.elapsed().as_secs_f64().max(1e-3);
            let (sent, rate) = (counted(sent, "event"), HumanCount(rate as u64));
            self.bar.set_message(format!("{sent}, {rate}/s"));
        }
        Ok(())
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| output::note(text));
    }

    fn tell(&mut self, bookmark: &Bookmark, written: io::Result<()>) {
        if let Err(error) = written
            && !std::mem::replace(&mut self.is_told, true)
        {
            let path = bookmark.path().display();
            self.note(&format!(
                "how far the file was sent cannot be kept in `{path}`: {error}; what is \
                 interrupted may begin anew"
            ));
        }
    }
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
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
