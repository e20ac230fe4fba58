//! `merganser keys`: who may do what.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use merganser_core::access::Role;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::client::{ApiClient, ClientArgs, percent_encoded};
use super::output::{self, OutputFormat};
use super::table::TextTable;
use super::{CliError, serve};
use crate::compose;

/// Arguments of `merganser keys`.
#[derive(Args, Debug)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key and print its text, which is shown this once
    Create(Box<KeyCreateArgs>),
    /// List the keys
    List {
        #[command(flatten)]
        client: ClientArgs,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// Revoke a key: it opens nothing from then on
    Revoke {
        #[command(flatten)]
        client: ClientArgs,
        /// What the list calls it
        id: String,
        /// How to print what was done: not at all, or as a JSON document
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
}

#[derive(Args, Debug)]
struct KeyCreateArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Make it in the directory of a service that is stopped, instead of asking one that runs
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What it is for: ingest, read or admin
    #[arg(long)]
    role: Role,
    /// Metrics that a reader is bound to
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    metrics: Option<Vec<String>>,
    /// SQL condition over dimensions that holds for all that a reader sees, as "tenant = 'acme'"
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// Property that is written into every event that the key sends, whatever was sent; can be
    /// given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = property)]
    set: Vec<(String, String)>,
    /// How long it lasts, as 90d, 12h or 30m, or until when
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Requests that it may make in a second
    #[arg(long, value_name = "N")]
    requests_per_s: Option<u32>,
    /// What it is wanted for
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// How to print it: its text alone, or as a JSON document
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

impl KeyCreateArgs {
    /// The body of the request.
    ///
    /// # Errors
    /// When a property is given twice.
    fn body(&self) -> Result<Value, CliError> {
        let mut set = Map::new();
        for (name, value) in &self.set {
            if set.insert(name.clone(), value.clone().into()).is_some() {
                return Err(CliError::Usage(format!("`--set {name}=…` is given twice")));
            }
        }
        let mut body = Map::new();
        body.insert("role".to_owned(), self.role.name().into());
        let mut add = |name: &str, value: Option<Value>| {
            body.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("metrics", self.metrics.clone().map(Value::from));
        add("filter", self.filter.clone().map(Value::from));
        add("set", (!set.is_empty()).then_some(Value::Object(set)));
        add("expires", self.expires.clone().map(Value::from));
        add("requests_per_s", self.requests_per_s.map(Value::from));
        add("note", self.note.clone().map(Value::from));
        Ok(Value::Object(body))
    }
}

/// Carries out the command.
pub(super) fn run(args: &KeysArgs) -> Result<(), CliError> {
    match &args.command {
        KeysCommand::Create(args) => create(args)?,
        KeysCommand::List { client, output } => list(&ApiClient::new(client)?, *output)?,
        KeysCommand::Revoke { client, id, output } => {
            let reply =
                ApiClient::new(client)?.delete(&format!("/v1/keys/{}", percent_encoded(id)));
            reply.map_err(anyhow::Error::from)?.ok()?;
            if *output == OutputFormat::Json {
                output::print_json(&json!({ "revoked": id }))?;
            }
        }
    }
    Ok(())
}

/// Prints the text of the new key alone on stdout, so that a script can take it.
fn create(args: &KeyCreateArgs) -> Result<(), CliError> {
    let body = args.body()?;
    let made: Box<RawValue> = match &args.data_dir {
        Some(dir) => {
            let body = body.to_string();
            let made =
                serve::runtime()?.block_on(compose::create_offline_key(dir, body.as_bytes()))?;
            to_raw_value(&made).map_err(anyhow::Error::from)?
        }
        None => {
            let reply = ApiClient::new(&args.client)?.post("/v1/keys", &body);
            reply.map_err(anyhow::Error::from)?.ok()?.json()?
        }
    };
    if args.output == OutputFormat::Json {
        return Ok(output::print_json(&made)?);
    }
    let made: Value = serde_json::from_str(made.get()).map_err(anyhow::Error::from)?;
    let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or("–").to_owned();
    output::print_note(&format!(
        "made the key {} with role {}; its text is shown this once:",
        text("id"),
        text("role")
    ));
    Ok(output::print(&text("key"))?)
}

fn list(client: &ApiClient, output: OutputFormat) -> anyhow::Result<()> {
    let reply = client.get("/v1/keys", &[])?.ok()?;
    if output == OutputFormat::Json {
        return output::print_json(&reply.json::<Box<RawValue>>()?);
    }
    let reply: Value = reply.json()?;
    let keys = reply.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let columns =
        ["id", "role", "metrics", "filter", "set", "requests_per_s", "expires_at", "note"];
    let mut table = columns.iter().fold(TextTable::default(), |table, name| table.text(name));
    for key in &keys {
        table.row(columns.iter().map(|name| cell(key.get(name))).collect());
    }
    output::print(&table.render())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(fields)) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{name}={}", value.as_str().unwrap_or_default())
            };
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// A property that is set, as `NAME=VALUE`.
fn property(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| "expected NAME=VALUE, as tenant=acme".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}
