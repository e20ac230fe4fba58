//! `merganser query --output csv`: the server's own CSV, with all rows or those of `--limit`.
//!
//! The server gives so many rows at once. Where there are more they come in pages, which are kept
//! apart until all are there: they belong together only if all are of one answer, so when what it
//! is made of changes in between it is begun anew. What the rows do not say goes to stderr.

use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar};
use merganser_api::answer::AnswerProvenance;
use serde_json::Value;
use ureq::Body;
use ureq::http::{HeaderMap, Response};

use super::super::client::ApiClient;
use super::super::output;
use super::super::text::pluralize;
use super::QueryArgs;
use super::answer::{is_notable, print_warnings, provenance_line};

/// Rows that the server gives at once.
const PAGE_ROWS: u64 = 100_000;
/// How often the pages of one answer are requested.
const TRIES: u32 = 5;

/// Prints all rows, and the warnings and provenance on stderr.
pub(super) fn run(client: &ApiClient, args: &QueryArgs) -> anyhow::Result<()> {
    write(client, args, &mut io::stdout().lock())?.print_notes();
    Ok(())
}

/// Writes all rows, and gives what they do not say.
fn write(
    client: &ApiClient,
    args: &QueryArgs,
    to: &mut impl Write,
) -> anyhow::Result<ExportHeaders> {
    let bar =
        if output::is_interactive() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("asking");
    for _ in 0..TRIES {
        let headers = match args.limit_per_bucket {
            // It holds within each bucket, so that there are no pages of the whole.
            true => Some(export_single(ask(client, &args.parameters())?, &bar, to)?),
            false => export_pages(client, args, &bar, to)?,
        };
        if let Some(headers) = headers {
            return Ok(headers);
        }
    }
    bar.finish_and_clear();
    anyhow::bail!(
        "the answer has over {} rows, and it changed {TRIES} times while they were read, since \
         events came in or a run ended: its pages would not be of one answer. Ask for at most as \
         many rows, which are: a shorter range (--from, --to), a coarser --granularity, a --filter \
         or fewer dimensions in --group-by",
        HumanCount(PAGE_ROWS)
    )
}

/// What the headers say of an answer.
#[derive(Debug)]
struct ExportHeaders {
    total_rows: u64,
    edges: [Option<String>; 2],
    /// What is compared with, whose end may follow the clock.
    compared: Option<String>,
    provenance: Value,
    warnings: Vec<String>,
}

impl ExportHeaders {
    fn of(headers: &HeaderMap) -> anyhow::Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let json = |name: &str| text(name).and_then(|text| serde_json::from_str(text).ok());
        let total_rows = text("merganser-total-rows").and_then(|text| text.parse().ok());
        Ok(Self {
            total_rows: total_rows.context("the server does not say how many rows there are")?,
            edges: ["merganser-from", "merganser-to"].map(|name| text(name).map(str::to_owned)),
            compared: text("merganser-compare").map(str::to_owned),
            provenance: json("merganser-provenance").unwrap_or_default(),
            warnings: text("merganser-warnings")
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        })
    }

    /// What makes two pages parts of one answer: the same events, merged by the same definition,
    /// in the same range. None if the answer is of no one position.
    fn identity(&self) -> Option<[&Value; 4]> {
        let part = |path: &str| self.provenance.pointer(path).unwrap_or(&Value::Null);
        let is_between = !part("/reach").is_null() || !part("/speed/reach").is_null();
        let is_at_one = part("/speed/through").is_object() && !is_between;
        let parts = ["/generation", "/metric_version", "/missing", "/speed/through"];
        is_at_one.then(|| parts.map(part))
    }

    /// Whether another page is of the same answer.
    fn is_same_answer(&self, other: &Self) -> bool {
        self.identity().is_some()
            && self.identity() == other.identity()
            && (self.total_rows, &self.edges) == (other.total_rows, &other.edges)
            && self.compared == other.compared
    }

    /// On stderr: warnings, and what the answer is made of if there is more to say of it than that
    /// all is in and exact.
    fn print_notes(&self) {
        print_warnings(&self.warnings);
        match serde_json::from_value::<AnswerProvenance>(self.provenance.clone()) {
            Ok(provenance) if is_notable(&provenance) => {
                output::print_note(&provenance_line(&provenance));
            }
            Ok(_) => {}
            Err(_) => {
                output::print_warning("what it is made of is too long for here; ask for json")
            }
        }
    }
}

/// Writes an answer that came at once, and gives what its headers say.
fn export_single(
    mut response: Response<Body>,
    bar: &ProgressBar,
    to: &mut impl Write,
) -> anyhow::Result<ExportHeaders> {
    let headers = ExportHeaders::of(response.headers())?;
    bar.finish_and_clear();
    copy(&mut response.body_mut().as_reader(), to)?;
    to.flush()?;
    Ok(headers)
}

/// Writes all pages; nothing, and gives nothing, if they are not of one answer.
fn export_pages(
    client: &ApiClient,
    args: &QueryArgs,
    bar: &ProgressBar,
    to: &mut impl Write,
) -> anyhow::Result<Option<ExportHeaders>> {
    let (offset, limit) = (args.offset.unwrap_or(0), args.limit.unwrap_or(u64::MAX));
    let page = |from: u64, edges: &[Option<String>; 2]| {
        let (from, count) = (offset.saturating_add(from), PAGE_ROWS.min(limit - from));
        ask(client, &page_parameters(args, from, count, edges))
    };
    let first = page(0, &[None, None])?;
    let headers = ExportHeaders::of(first.headers())?;
    let wanted = headers.total_rows.saturating_sub(offset).min(limit);
    if wanted <= PAGE_ROWS {
        return export_single(first, bar, to).map(Some);
    }
    let mut kept = tempfile::tempfile().context("a temporary file for the pages")?;
    let mut response = Some(first);
    let mut got = 0;
    while got < wanted {
        let mut next = match response.take() {
            Some(first) => first,
            None => page(got, &headers.edges)?,
        };
        if !headers.is_same_answer(&ExportHeaders::of(next.headers())?) {
            return Ok(None);
        }
        let mut rows = BufReader::new(next.body_mut().as_reader());
        if got > 0 {
            // The names of the columns, which stand in the first page.
            rows.read_until(b'\n', &mut Vec::new()).context("the answer broke off")?;
        }
        copy(&mut rows, &mut kept)?;
        got = wanted.min(got + PAGE_ROWS);
        bar.set_message(format!("{} of {}", HumanCount(got), pluralize(wanted, "row")));
    }
    bar.finish_and_clear();
    kept.rewind()?;
    copy(&mut kept, to)?;
    to.flush()?;
    Ok(Some(headers))
}

/// The parameters of a page. A range that is relative to the clock is that of the first page.
fn page_parameters(
    args: &QueryArgs,
    offset: u64,
    limit: u64,
    edges: &[Option<String>; 2],
) -> Vec<(&'static str, String)> {
    let mut parameters = args.parameters();
    parameters.retain(|(name, _)| !["limit", "offset"].contains(name));
    parameters.extend([("limit", limit.to_string()), ("offset", offset.to_string())]);
    for (name, value) in &mut parameters {
        let edge = match *name {
            "from" => edges[0].as_ref(),
            "to" => edges[1].as_ref(),
            _ => None,
        };
        if let Some(edge) = edge {
            value.clone_from(edge);
        }
    }
    parameters
}

fn ask(
    client: &ApiClient,
    parameters: &[(&'static str, String)],
) -> anyhow::Result<Response<Body>> {
    let parameters = parameters.iter().map(|(name, value)| (*name, &**value));
    let parameters: Vec<(&str, &str)> = parameters.chain([("format", "csv")]).collect();
    client.download("/v1/query", &parameters)
}

/// Copies all bytes; distinguishes a source that ends too early from a target that takes no more.
fn copy(from: &mut impl Read, to: &mut impl Write) -> anyhow::Result<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = match from.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => anyhow::bail!("the answer broke off, and is not whole: {error}"),
        };
        to.write_all(&bytes[..count])?;
    }
}

#[cfg(test)]
mod tests;
