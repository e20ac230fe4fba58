//! `merganser dashboards`: saved documents of charts, kept in files and applied from them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use merganser_api::dashboard::{DashboardItem, DashboardList};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::CliError;
use super::client::{ApiClient, ClientArgs, percent_encoded};
use super::confirm::ConfirmArgs;
use super::output::{self, OutputFormat};
use super::table::TextTable;

/// Arguments of `merganser dashboards`.
#[derive(Args, Debug)]
pub(super) struct DashboardsArgs {
    #[command(subcommand)]
    command: DashboardsCommand,
}

#[derive(Debug, Subcommand)]
enum DashboardsCommand {
    /// List the dashboards
    List {
        #[command(flatten)]
        client: ClientArgs,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// Print a dashboard's document
    Get {
        #[command(flatten)]
        client: ClientArgs,
        /// What the list calls it
        name: String,
    },
    /// Create or change a dashboard
    Apply {
        #[command(flatten)]
        client: ClientArgs,
        /// What it is called [default: the file's name without its ending]
        #[arg(long)]
        name: Option<String>,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
        /// JSON file of its document, as `get` prints it
        file: PathBuf,
    },
    /// Delete a dashboard
    Delete {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        consent: ConfirmArgs,
        /// How to print what was done: not at all, or as a JSON document
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
        /// What the list calls it
        name: String,
    },
}

/// Carries out the command.
pub(super) fn run(args: &DashboardsArgs) -> Result<(), CliError> {
    match &args.command {
        DashboardsCommand::List { client, output } => list(&ApiClient::new(client)?, *output)?,
        DashboardsCommand::Get { client, name } => {
            let reply = ApiClient::new(client)?.get(&path(name), &[]);
            let document: Value = reply.map_err(anyhow::Error::from)?.ok()?.json()?;
            output::print_json(&document)?;
        }
        DashboardsCommand::Apply { client, name, output, file } => {
            apply(&ApiClient::new(client)?, name.as_deref(), file, *output)?;
        }
        DashboardsCommand::Delete { client, consent, output, name } => {
            let client = ApiClient::new(client)?;
            client.get(&path(name), &[]).map_err(anyhow::Error::from)?.ok()?;
            consent.confirm(&format!("delete the dashboard `{name}`"))?;
            client.delete(&path(name)).map_err(anyhow::Error::from)?.ok()?;
            if *output == OutputFormat::Json {
                output::print_json(&json!({ "deleted": name }))?;
            }
        }
    }
    Ok(())
}

fn path(name: &str) -> String {
    format!("/v1/dashboards/{}", percent_encoded(name))
}

fn list(client: &ApiClient, output: OutputFormat) -> anyhow::Result<()> {
    let reply = client.get("/v1/dashboards", &[])?.ok()?;
    if output == OutputFormat::Json {
        return output::print_json(&reply.json::<Box<RawValue>>()?);
    }
    let DashboardList { dashboards } = reply.json()?;
    let mut table =
        TextTable::default().text("name").text("title").number("charts").text("updated_at");
    for DashboardItem { charts, name, title, updated_at } in dashboards {
        table.row(vec![name, title, charts.to_string(), updated_at]);
    }
    output::print(&table.render())
}

fn apply(
    client: &ApiClient,
    name: Option<&str>,
    file: &Path,
    output: OutputFormat,
) -> Result<(), CliError> {
    let shown = file.display();
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("`{shown}` cannot be read"))?;
    // As it stands, so that the service sees what is there twice.
    let document: &RawValue =
        serde_json::from_str(&text).with_context(|| format!("`{shown}` is not JSON"))?;
    let stem = || file.file_stem().and_then(|stem| stem.to_str());
    let name = name.or_else(stem).ok_or_else(|| {
        CliError::Usage(format!("`{shown}` says no name; `--name NAME` is needed"))
    })?;
    let reply = client.put(&path(name), document).map_err(anyhow::Error::from)?.ok()?;
    if output == OutputFormat::Json {
        return Ok(output::print_json(&reply.json::<Box<RawValue>>()?)?);
    }
    let done = if reply.status == 201 { "created" } else { "stands" };
    Ok(output::print(&format!("{done}: `{name}`, at {}", client.page(name)))?)
}
