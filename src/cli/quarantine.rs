//! `merganser quarantine`: events that could not be counted, and why.

use merganser_core::text::excerpt;

use clap::{Args, Subcommand};
use merganser_api::quarantine::{QuarantineItem, QuarantineListing};
use serde_json::json;
use serde_json::value::RawValue;

use super::CliError;
use super::client::{ApiClient, ClientArgs, percent_encoded};
use super::confirm::ConfirmArgs;
use super::output::{self, OutputFormat};
use super::table::TextTable;
use super::text::pluralize;

/// Entries of a page: as many as the server gives at a time.
const PAGE_MAX: u32 = 1000;

/// Arguments of `merganser quarantine`.
#[derive(Args, Debug)]
pub(super) struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// List the events, oldest first, and how many there are of each kind of reason
    List {
        #[command(flatten)]
        client: ClientArgs,
        /// Most events
        #[arg(long, value_name = "N", default_value_t = 20,
              value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
        limit: u32,
        /// Go on after this one
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// Only those that break this rule, as invalid_time
        #[arg(long)]
        code: Option<String>,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// Show an event as it was sent, and the whole reason
    Show {
        #[command(flatten)]
        client: ClientArgs,
        /// What the list calls it
        id: String,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// Delete events that are settled
    Delete {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        consent: ConfirmArgs,
        #[command(flatten)]
        which: QuarantineSelection,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct QuarantineSelection {
    /// What the list calls them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All that break this rule, as malformed_event
    #[arg(long)]
    code: Option<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Carries out the command.
pub(super) fn run(args: &QuarantineArgs) -> Result<(), CliError> {
    match &args.command {
        QuarantineCommand::List { client, limit, after, code, output } => {
            let request = QuarantinePageRequest {
                after: after.as_deref(),
                code: code.as_deref(),
                limit: *limit,
            };
            list(&ApiClient::new(client)?, request, *output)?;
        }
        QuarantineCommand::Show { client, id, output } => {
            show(&ApiClient::new(client)?, id, *output)?;
        }
        QuarantineCommand::Delete { client, consent, which, output } => {
            delete(&ApiClient::new(client)?, which, *consent, *output)?;
        }
    }
    Ok(())
}

/// Which part of the list.
#[derive(Clone, Copy, Debug)]
struct QuarantinePageRequest<'a> {
    after: Option<&'a str>,
    code: Option<&'a str>,
    limit: u32,
}

impl QuarantinePageRequest<'_> {
    fn fetch(self, client: &ApiClient) -> anyhow::Result<super::client::HttpReply> {
        let limit = self.limit.to_string();
        let mut parameters = vec![("limit", &*limit)];
        parameters.extend(self.after.map(|id| ("after", id)));
        parameters.extend(self.code.map(|code| ("code", code)));
        client.get("/v1/quarantine", &parameters)?.ok()
    }
}

fn list(
    client: &ApiClient,
    request: QuarantinePageRequest<'_>,
    output: OutputFormat,
) -> anyhow::Result<()> {
    let reply = request.fetch(client)?;
    if output == OutputFormat::Json {
        return output::print_json(&reply.json::<Box<RawValue>>()?);
    }
    let page: QuarantineListing = reply.json()?;
    let columns = ["id", "received_at", "code", "count", "message", "raw"];
    let mut table = columns.iter().fold(TextTable::default(), |table, name| match *name {
        "count" => table.number(name),
        name => table.text(name),
    });
    for entry in &page.entries {
        let (id, count) = (entry.id.to_string(), entry.count.to_string());
        let raw = excerpt(&entry.raw).into_owned();
        let cells = [&id, &entry.received_at, &entry.code, &count, &entry.message, &raw];
        table.row(cells.map(ToOwned::to_owned).to_vec());
    }
    output::print(&table.render())?;
    let codes = page.codes.iter().map(|(code, total)| match total.dropped {
        0 => format!("{code} {}", total.entries),
        dropped => format!("{code} {} ({dropped} dropped)", total.entries),
    });
    let codes = codes.collect::<Vec<_>>().join(", ");
    let of = format!("{} of {}", page.entries.len(), pluralize(page.total as u64, "entry"));
    let dropped = match page.dropped {
        0 => String::new(),
        dropped => format!("; {dropped} dropped since it was full"),
    };
    let colon = if codes.is_empty() { "" } else { ": " };
    output::print(&format!("\n{of}{dropped}{colon}{codes}"))?;
    if let Some(next) = page.next {
        output::print_note(&format!("more follow: --after {next}"));
    }
    Ok(())
}

fn show(client: &ApiClient, id: &str, output: OutputFormat) -> anyhow::Result<()> {
    let reply = client.get(&path(id), &[])?.ok()?;
    if output == OutputFormat::Json {
        return output::print_json(&reply.json::<Box<RawValue>>()?);
    }
    let entry: QuarantineItem = reply.json()?;
    let more = match entry.count {
        1 => String::new(),
        count => format!(", {count} times, the last one at {}", entry.last_received_at),
    };
    output::print(&format!(
        "{}: {}: {}\nreceived at {}{more}; place {} of its request, from 0\n\n{}{}",
        entry.id,
        entry.code,
        entry.message,
        entry.received_at,
        entry.index,
        entry.raw,
        if entry.raw_truncated { "… (this is only the beginning)" } else { "" },
    ))
}

fn delete(
    client: &ApiClient,
    which: &QuarantineSelection,
    consent: ConfirmArgs,
    output: OutputFormat,
) -> Result<(), CliError> {
    let deleted = match (&which.code, which.all) {
        (None, false) => {
            for id in &which.ids {
                delete_one(client, id)?;
            }
            which.ids.len() as u64
        }
        (code, _) => delete_all(client, code.as_deref(), consent)?,
    };
    match output {
        OutputFormat::Table => output::print(&format!("deleted {}", pluralize(deleted, "entry")))?,
        OutputFormat::Json => output::print_json(&json!({ "deleted": deleted }))?,
    }
    Ok(())
}

/// Deletes all that there are by now, of a code if one is given; how many.
fn delete_all(
    client: &ApiClient,
    code: Option<&str>,
    consent: ConfirmArgs,
) -> Result<u64, CliError> {
    let first: QuarantineListing =
        QuarantinePageRequest { after: None, code, limit: PAGE_MAX }.fetch(client)?.json()?;
    let count = match code {
        None => first.total,
        Some(code) => first.codes.get(code).map_or(0, |total| total.entries),
    } as u64;
    if count > 0 {
        consent.confirm(&format!("delete {} for good", pluralize(count, "entry")))?;
    }
    let (mut page, mut deleted) = (first, 0);
    loop {
        for entry in &page.entries {
            delete_one(client, &entry.id.to_string())?;
            deleted += 1;
        }
        // Entries that arrive meanwhile were not confirmed.
        let Some(next_starts) = page.next.filter(|_| deleted < count) else { return Ok(deleted) };
        let after = next_starts.to_string();
        page = QuarantinePageRequest { after: Some(&after), code, limit: PAGE_MAX }
            .fetch(client)?
            .json()?;
    }
}

fn delete_one(client: &ApiClient, id: &str) -> anyhow::Result<()> {
    client.delete(&path(id))?.ok()?;
    Ok(())
}

fn path(id: &str) -> String {
    format!("/v1/quarantine/{}", percent_encoded(id))
}
