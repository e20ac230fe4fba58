//! `merganser metrics`: what is defined, and defining more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::Value;
use shared::compile::Metric;
use shared::definition::{Definition, from_toml};

use super::Failure;
use super::client::{Client, ClientArgs, encoded};
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
    /// Show what a file of definitions would create and change, and do it
    Apply {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        choices: Choices,
        /// TOML file of definitions
        file: PathBuf,
    },
}

#[derive(Args, Clone, Copy, Debug)]
struct Choices {
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete the metrics that the file does not name
    #[arg(long)]
    prune: bool,
}

/// Carries out the command.
pub(super) fn run(args: &MetricsArgs) -> Result<(), Failure> {
    match &args.command {
        MetricsCommand::List { client } => list(&Client::new(client)?)?,
        MetricsCommand::Apply { client, choices, file } => {
            apply(&Client::new(client)?, file, *choices)?;
        }
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

fn apply(client: &Client, file: &Path, choices: Choices) -> anyhow::Result<()> {
    let place = || format!("`{}`", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    let wanted = from_toml(&text).with_context(place)?;
    anyhow::ensure!(!wanted.is_empty(), "`{}` defines no metric", file.display());
    // All of them are checked before the first one is sent.
    for definition in &wanted {
        Metric::compile(definition)
            .with_context(|| format!("`{}` in `{}`", definition.name, file.display()))?;
    }
    let Listed { metrics: known } = client.get("/v1/metrics", &[])?.ok()?.json()?;
    let steps = plan(&wanted, &known, choices.prune);
    output::print(&shown(&steps))?;
    if choices.dry_run {
        return Ok(());
    }
    for (name, step) in &steps {
        let path = format!("/v1/metrics/{}", encoded(name));
        let reply = match step {
            Step::Create(definition) | Step::Change(definition) => {
                client.put(&path, &serde_json::to_value(definition)?)?
            }
            Step::Delete => client.delete(&path)?,
            Step::Unchanged | Step::Keep => continue,
        };
        let reply = reply.ok().with_context(|| format!("`{name}`"))?;
        output::print(&match (step, &reply.location) {
            (Step::Delete, _) => format!("{name}: deleted"),
            (_, Some(run)) => format!("{name}: backfilled by {run}"),
            (_, None) => format!("{name}: done"),
        })?;
    }
    Ok(())
}

/// What is to be done about one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step<'a> {
    Create(&'a Definition),
    Change(&'a Definition),
    Unchanged,
    Delete,
    /// The file does not name it, and nothing is to be deleted.
    Keep,
}

/// What is to be done about every metric of the file and of the server, by name.
fn plan<'a>(
    wanted: &'a [Definition],
    known: &'a [Known],
    prune: bool,
) -> BTreeMap<&'a str, Step<'a>> {
    let rest = if prune { Step::Delete } else { Step::Keep };
    let mut steps: BTreeMap<&str, Step<'_>> =
        known.iter().map(|metric| (&*metric.definition.name, rest)).collect();
    for definition in wanted {
        let same = |metric: &&Known| metric.definition.name == definition.name;
        let step = match known.iter().find(same) {
            None => Step::Create(definition),
            Some(metric) if *metric.newest() == *definition => Step::Unchanged,
            Some(_) => Step::Change(definition),
        };
        steps.insert(&definition.name, step);
    }
    steps
}

/// The plan as a person reads it.
fn shown(steps: &BTreeMap<&str, Step<'_>>) -> String {
    let mut table = Table::default().text("metric").text("step").text("what happens");
    for (name, step) in steps {
        let (verb, what) = match step {
            Step::Create(_) => ("create", "answers once its history is computed"),
            Step::Change(_) => ("change", "the old version answers until the new one is whole"),
            Step::Unchanged => ("-", "as it is in the file"),
            Step::Delete => ("delete", "it is not in the file; its views go, its events stay"),
            Step::Keep => ("-", "not in the file; --prune would delete it"),
        };
        table.row([*name, verb, what].map(str::to_owned).to_vec());
    }
    table.render()
}

/// What the server lists.
#[derive(Deserialize)]
struct Listed {
    metrics: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    definition: Definition,
    /// A newer version that does not answer yet.
    next: Option<Next>,
}

#[derive(Deserialize)]
struct Next {
    definition: Definition,
}

impl Known {
    fn newest(&self) -> &Definition {
        self.next.as_ref().map_or(&self.definition, |next| &next.definition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_differs_and_deletes_only_what_it_is_told_to() {
        let file = |text: &str| from_toml(text).unwrap();
        let metric = |name: &str, event: &str| {
            format!("[[metric]]\nname='{name}'\nevent='{event}'\nmeasures.n.kind='count'\n")
        };
        let wanted = file(&(metric("a", "x") + &metric("b", "x") + &metric("c", "x")));
        let known = file(&(metric("b", "y") + &metric("c", "x") + &metric("d", "x")));
        let mut known: Vec<Known> =
            known.into_iter().map(|definition| Known { definition, next: None }).collect();
        let steps = plan(&wanted, &known, false);
        assert_eq!(
            steps.into_iter().collect::<Vec<_>>(),
            [
                ("a", Step::Create(&wanted[0])),
                ("b", Step::Change(&wanted[1])),
                ("c", Step::Unchanged),
                ("d", Step::Keep),
            ]
        );
        assert_eq!(plan(&wanted, &known, true)["d"], Step::Delete);
        known[0].next = Some(Next { definition: wanted[1].clone() });
        assert_eq!(plan(&wanted, &known, false)["b"], Step::Unchanged);
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(encoded("flights_2"), "flights_2");
        assert_eq!(encoded("a/../b?c ü"), "a%2F..%2Fb%3Fc%20%C3%BC");
    }
}
