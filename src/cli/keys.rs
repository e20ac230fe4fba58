//! `merganser keys`: who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use merganser_api::key::{KeyDocument, KeyList, KeyRequest};
use merganser_core::access::Role;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::{ApiClient, ClientArgs, percent_encoded};
use super::output::{self, OutputFormat};
use super::table::TextTable;
use super::{CliError, serve};
use crate::compose::{self, DataPlace};
use crate::settings::{JournalPlace, StorageLocation};

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
    /// The service's setting of the same name, where it has one
    #[arg(long, value_name = "STORAGE", default_value = "", requires = "data_dir")]
    storage: StorageLocation,
    /// The service's setting of the same name, where it has one
    #[arg(long, value_name = "PLACE", default_value = "directory", requires = "data_dir")]
    journal: JournalPlace,
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
    requests_per_s: Option<NonZeroU32>,
    /// What it is wanted for
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// How to print it: its text alone, or as a JSON document
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

impl KeyCreateArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// When a property is given twice.
    fn request(&self) -> Result<KeyRequest, CliError> {
        let mut set = BTreeMap::new();
        for (name, value) in &self.set {
            if set.insert(name.clone(), value.clone()).is_some() {
                return Err(CliError::Usage(format!("`--set {name}=…` is given twice")));
            }
        }
        Ok(KeyRequest {
            role: self.role,
            metrics: self.metrics.clone().map(BTreeSet::from_iter),
            filter: self.filter.clone(),
            set: (!set.is_empty()).then_some(set),
            expires: self.expires.clone(),
            requests_per_s: self.requests_per_s,
            note: self.note.clone(),
        })
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
    let request = args.request()?;
    let made = match &args.data_dir {
        Some(dir) => {
            let place = DataPlace::offline(dir, args.storage.0.clone(), args.journal.0);
            serve::runtime()?.block_on(compose::create_offline_key(&place, request))?
        }
        None => {
            let reply = ApiClient::new(&args.client)?.post("/v1/keys", &request);
            reply.map_err(anyhow::Error::from)?.ok()?.json()?
        }
    };
    if args.output == OutputFormat::Json {
        return Ok(output::print_json(&made)?);
    }
    let KeyDocument { id, role, key, .. } = made;
    output::print_note(&format!(
        "made the key {id} with role {role}; its text is shown this once:"
    ));
    Ok(output::print(&key.unwrap_or_default())?)
}

fn list(client: &ApiClient, output: OutputFormat) -> anyhow::Result<()> {
    let reply = client.get("/v1/keys", &[])?.ok()?;
    if output == OutputFormat::Json {
        return output::print_json(&reply.json::<Box<RawValue>>()?);
    }
    let KeyList { keys } = reply.json()?;
    let columns =
        ["id", "role", "metrics", "filter", "set", "requests_per_s", "expires_at", "note"];
    let mut table = columns.iter().fold(TextTable::default(), |table, name| table.text(name));
    for key in keys {
        let metrics = key.metrics.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let set = key.set.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
        table.row(vec![
            key.id,
            key.role.to_string(),
            metrics,
            key.filter.unwrap_or_default(),
            set.collect::<Vec<_>>().join(", "),
            key.requests_per_s.map(|rate| rate.to_string()).unwrap_or_default(),
            key.expires_at.unwrap_or_default(),
            key.note.unwrap_or_default(),
        ]);
    }
    output::print(&table.render())
}

/// A property that is set, as `NAME=VALUE`.
fn property(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| "expected NAME=VALUE, as tenant=acme".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}
