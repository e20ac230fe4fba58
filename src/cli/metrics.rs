//! `merganser metrics`: what is defined, and defining more.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;
use shared::definition::from_toml;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::output;
use super::table::Table;

/// Arguments of `merganser metrics`.
#[derive(Args, Debug)]
pub(super) struct MetricsArgs {
    #[command(subcommand)]
    command: MetricsCommand,
}

#[derive(Debug, Subcommand)]
enum MetricsCommand {
    /// List the metrics
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Create and change the metrics of a file; those that it does not name stay
    Apply {
        #[command(flatten)]
        client: ClientArgs,
        /// TOML file of definitions
        file: PathBuf,
    },
}

/// Carries out the command.
pub(super) fn run(args: &MetricsArgs) -> Result<(), Failure> {
    match &args.command {
        MetricsCommand::List { client } => list(&Client::new(client)?)?,
        MetricsCommand::Apply { client, file } => apply(&Client::new(client)?, file)?,
    }
    Ok(())
}

fn list(client: &Client) -> anyhow::Result<()> {
    let reply: Value = client.get("/v1/metrics", &[])?.ok()?.json()?;
    let metrics = reply.get("metrics").unwrap_or(&reply).as_array().cloned().unwrap_or_default();
    let mut table =
        Table::default().text("name").number("version").text("state").text("description");
    for metric in &metrics {
        let cell = |name: &str| {
            let value = metric.get(name).or_else(|| metric.get("definition")?.get(name));
            match value {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            }
        };
        table.row(["name", "version", "state", "description"].map(cell).to_vec());
    }
    output::print(&table.render())
}

fn apply(client: &Client, file: &Path) -> anyhow::Result<()> {
    let place = || format!("`{}`", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    let definitions = from_toml(&text).with_context(place)?;
    anyhow::ensure!(!definitions.is_empty(), "`{}` defines no metric", file.display());
    for definition in &definitions {
        let name = &definition.name;
        let path = format!("/v1/metrics/{}", encoded(name));
        let reply = client.put(&path, &serde_json::to_value(definition)?)?;
        let reply = reply.ok().with_context(|| format!("`{name}` in `{}`", file.display()))?;
        output::print(&match (reply.status, &reply.location) {
            (202, Some(run)) => format!("{name}: accepted, backfilled by {run}"),
            (201, _) => format!("{name}: active"),
            _ => format!("{name}: unchanged"),
        })?;
    }
    Ok(())
}

/// A name for use in a path; a wrong one is for the server to refuse.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(encoded("flights_2"), "flights_2");
        assert_eq!(encoded("a/../b?c ü"), "a%2F..%2Fb%3Fc%20%C3%BC");
    }
}
