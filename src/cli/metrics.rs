//! `merganser metrics`: what is defined, and defining more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use merganser_api::metric::{MetricDocument, MetricList};
use merganser_metric::definition::MetricDefinition;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::CliError;
use super::client::{ApiClient, ClientArgs, percent_encoded};
use super::confirm::ConfirmArgs;
use super::output::{self, OutputFormat};
use super::run::follow;
use super::table::TextTable;
use super::text::pluralize;
use crate::compose::definitions;

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
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// Show what a file of definitions would create and change, do it, and follow the backfills
    Apply {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        choices: ApplyArgs,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
        /// TOML file of definitions
        file: PathBuf,
    },
    /// Delete metrics: their views go, their events stay
    Delete {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        consent: ConfirmArgs,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t)]
        output: OutputFormat,
        /// What the list calls them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Args, Clone, Copy, Debug)]
struct ApplyArgs {
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete the metrics that the file does not name
    #[arg(long)]
    prune: bool,
    /// End as soon as the definitions are taken, without waiting for their backfills
    #[arg(long)]
    no_wait: bool,
}

/// Carries out the command.
pub(super) fn run(args: &MetricsArgs) -> Result<(), CliError> {
    match &args.command {
        MetricsCommand::List { client, output } => list(&ApiClient::new(client)?, *output)?,
        MetricsCommand::Apply { client, choices, output, file } => {
            apply(&ApiClient::new(client)?, file, *choices, *output)?;
        }
        MetricsCommand::Delete { client, consent, output, names } => {
            delete(&ApiClient::new(client)?, names, *consent, *output)?;
        }
    }
    Ok(())
}

/// Deletes metrics, once it is agreed to and all of them are there.
fn delete(
    client: &ApiClient,
    names: &[String],
    consent: ConfirmArgs,
    output: OutputFormat,
) -> Result<(), CliError> {
    let path = |name: &str| format!("/v1/metrics/{}", percent_encoded(name));
    for name in names {
        client.get(&path(name), &[]).map_err(anyhow::Error::from)?.ok()?;
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let metrics = if names.len() == 1 { "the metric" } else { "the metrics" };
    consent.confirm(&format!(
        "delete {metrics} {} with what was computed of it; its events stay",
        quoted.join(", ")
    ))?;
    for name in names {
        client
            .delete(&path(name))
            .map_err(anyhow::Error::from)?
            .ok()
            .map_err(|error| error.context(format!("`{name}`")))?;
        if output == OutputFormat::Table {
            output::print(&format!("{name}: deleted"))?;
        }
    }
    if output == OutputFormat::Json {
        output::print_json(&json!({ "deleted": names }))?;
    }
    Ok(())
}

fn list(client: &ApiClient, output: OutputFormat) -> anyhow::Result<()> {
    let reply = client.get("/v1/metrics", &[])?.ok()?;
    if output == OutputFormat::Json {
        return output::print_json(&reply.json::<Box<RawValue>>()?);
    }
    let MetricList { metrics } = reply.json()?;
    let mut table =
        TextTable::default().text("name").number("version").text("state").text("description");
    for metric in metrics {
        let (version, state) = (metric.version.to_string(), metric.state.name().to_owned());
        table.row(vec![metric.name, version, state, metric.description.unwrap_or_default()]);
    }
    output::print(&table.render())
}

fn apply(
    client: &ApiClient,
    file: &Path,
    choices: ApplyArgs,
    output: OutputFormat,
) -> anyhow::Result<()> {
    // All of them are checked before the first one is sent.
    let wanted = definitions::read(file)?;
    anyhow::ensure!(!wanted.is_empty(), "`{}` defines no metric", file.display());
    let MetricList { metrics: known } = client.get("/v1/metrics", &[])?.ok()?.json()?;
    let steps = plan(&wanted, &known, choices.prune);
    if output == OutputFormat::Table {
        output::print(&plan_table(&steps))?;
    }
    let mut done: Vec<ApplyStepReport<'_>> =
        steps.iter().map(|(name, step)| ApplyStepReport::new(name, *step)).collect();
    if !choices.dry_run {
        for (done, step) in done.iter_mut().zip(steps.values()) {
            (done.location, done.warnings) = send(client, done.metric, *step)?;
            done.warnings
                .iter()
                .for_each(|text| output::print_note(&format!("{}: warning: {text}", done.metric)));
            if output == OutputFormat::Table {
                done.print_result(*step, choices)?;
            }
        }
    }
    let waited = if choices.no_wait { Ok(()) } else { wait(client, &mut done, output) };
    if output == OutputFormat::Json {
        output::print_json(&ApplyReport { dry_run: choices.dry_run, metrics: &done })?;
    }
    waited
}

/// Does what a step says; the run that backfills the metric, if there is one, and what is doubtful
/// about its definition.
fn send(
    client: &ApiClient,
    name: &str,
    step: ApplyStep<'_>,
) -> anyhow::Result<(Option<String>, Vec<String>)> {
    let path = format!("/v1/metrics/{}", percent_encoded(name));
    let reply = match step {
        ApplyStep::Create(definition) | ApplyStep::Change(definition) => {
            client.put(&path, definition)?
        }
        ApplyStep::Delete => client.delete(&path)?,
        ApplyStep::Unchanged | ApplyStep::Keep => return Ok((None, Vec::new())),
    };
    let reply = reply.ok().with_context(|| format!("`{name}`"))?;
    // A metric that was deleted is answered without a body.
    let shown: Option<MetricDocument> = match reply.body.is_empty() {
        true => None,
        false => Some(reply.json()?),
    };
    Ok((reply.location, shown.and_then(|shown| shown.warnings).unwrap_or_default()))
}

/// Follows all backfills to their ends.
///
/// # Errors
/// When one did not succeed, once all have ended.
fn wait(
    client: &ApiClient,
    done: &mut [ApplyStepReport<'_>],
    output: OutputFormat,
) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for done in done {
        let Some(location) = &done.location else { continue };
        let ended = follow(client, location, &format!("{}  ", done.metric))?;
        match ended.check() {
            Ok(()) if output == OutputFormat::Table => output::print(&format!(
                "{}: backfilled by {location}, {}",
                done.metric,
                pluralize(ended.events(), "event")
            ))?,
            Ok(()) => {}
            Err(error) => outcome = outcome.and(Err(error.context(format!("`{}`", done.metric)))),
        }
        done.run = Some(ended.document);
    }
    outcome
}

/// What was done, for `--output json`.
#[derive(Debug, Serialize)]
struct ApplyReport<'a> {
    dry_run: bool,
    metrics: &'a [ApplyStepReport<'a>],
}

/// What was done about a metric.
#[derive(Debug, Serialize)]
struct ApplyStepReport<'a> {
    metric: &'a str,
    step: &'static str,
    /// Where the run is that backfills it.
    location: Option<String>,
    /// What is doubtful about the definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// The run at its end, if it was waited for.
    run: Option<Box<RawValue>>,
}

impl<'a> ApplyStepReport<'a> {
    fn new(metric: &'a str, step: ApplyStep<'_>) -> Self {
        let step = match step {
            ApplyStep::Create(_) => "create",
            ApplyStep::Change(_) => "change",
            ApplyStep::Unchanged => "unchanged",
            ApplyStep::Delete => "delete",
            ApplyStep::Keep => "keep",
        };
        Self { metric, step, location: None, warnings: Vec::new(), run: None }
    }

    /// Tells of what is done now and not later, by a run that is waited for.
    fn print_result(&self, step: ApplyStep<'_>, choices: ApplyArgs) -> anyhow::Result<()> {
        let name = self.metric;
        match (step, &self.location) {
            (ApplyStep::Unchanged | ApplyStep::Keep, _) => Ok(()),
            (ApplyStep::Delete, _) => output::print(&format!("{name}: deleted")),
            (ApplyStep::Create(_) | ApplyStep::Change(_), None) => {
                output::print(&format!("{name}: done"))
            }
            (ApplyStep::Create(_) | ApplyStep::Change(_), Some(run)) if choices.no_wait => {
                output::print(&format!("{name}: backfilled by {run}"))
            }
            (ApplyStep::Create(_) | ApplyStep::Change(_), Some(_)) => Ok(()),
        }
    }
}

/// What is to be done about one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ApplyStep<'a> {
    Create(&'a MetricDefinition),
    Change(&'a MetricDefinition),
    Unchanged,
    Delete,
    /// The file does not name it, and nothing is to be deleted.
    Keep,
}

/// What is to be done about every metric of the file and of the server, by name.
fn plan<'a>(
    wanted: &'a [MetricDefinition],
    known: &'a [MetricDocument],
    prune: bool,
) -> BTreeMap<&'a str, ApplyStep<'a>> {
    let rest = if prune { ApplyStep::Delete } else { ApplyStep::Keep };
    let mut steps: BTreeMap<&str, ApplyStep<'_>> =
        known.iter().map(|metric| (&*metric.definition.name, rest)).collect();
    for definition in wanted {
        let same = |metric: &&MetricDocument| metric.definition.name == definition.name;
        let step = match known.iter().find(same) {
            None => ApplyStep::Create(definition),
            Some(metric) if *newest(metric) == *definition => ApplyStep::Unchanged,
            Some(_) => ApplyStep::Change(definition),
        };
        steps.insert(&definition.name, step);
    }
    steps
}

/// The plan as a person reads it.
fn plan_table(steps: &BTreeMap<&str, ApplyStep<'_>>) -> String {
    let mut table = TextTable::default().text("metric").text("step").text("what happens");
    for (name, step) in steps {
        let (verb, what) = match step {
            ApplyStep::Create(_) => ("create", "answers once its history is computed"),
            ApplyStep::Change(_) => {
                ("change", "the old version answers until the new one is whole")
            }
            ApplyStep::Unchanged => ("-", "as it is in the file"),
            ApplyStep::Delete => ("delete", "it is not in the file; its views go, its events stay"),
            ApplyStep::Keep => ("-", "not in the file; --prune would delete it"),
        };
        table.row([*name, verb, what].map(str::to_owned).to_vec());
    }
    table.render()
}

/// The definition that answers, or will.
fn newest(metric: &MetricDocument) -> &MetricDefinition {
    metric.next.as_ref().map_or(&metric.definition, |next| &next.definition)
}

#[cfg(test)]
mod tests {
    use merganser_api::metric::{MetricState, NextVersion};
    use merganser_metric::definition::from_toml;

    use super::*;

    fn metric_of(definition: MetricDefinition) -> MetricDocument {
        MetricDocument {
            boundary: None,
            description: None,
            first_bucket: None,
            groups: None,
            last_bucket: None,
            name: definition.name.clone(),
            next: None,
            omissions: None,
            progress: None,
            state: MetricState::Active,
            type_mismatches: None,
            version: 1,
            warnings: None,
            definition,
        }
    }

    #[test]
    fn a_plan_shows_differences_and_deletes_only_with_the_option() {
        let file = |text: &str| from_toml(text).unwrap();
        let metric = |name: &str, event: &str| {
            format!("[[metric]]\nname='{name}'\nevent='{event}'\nmeasures.n.kind='count'\n")
        };
        let wanted = file(&(metric("a", "x") + &metric("b", "x") + &metric("c", "x")));
        let known = file(&(metric("b", "y") + &metric("c", "x") + &metric("d", "x")));
        let mut known: Vec<MetricDocument> = known.into_iter().map(metric_of).collect();
        let steps = plan(&wanted, &known, false);
        assert_eq!(
            steps.into_iter().collect::<Vec<_>>(),
            [
                ("a", ApplyStep::Create(&wanted[0])),
                ("b", ApplyStep::Change(&wanted[1])),
                ("c", ApplyStep::Unchanged),
                ("d", ApplyStep::Keep),
            ]
        );
        assert_eq!(plan(&wanted, &known, true)["d"], ApplyStep::Delete);
        let (definition, state) = (wanted[1].clone(), MetricState::Backfilling);
        known[0].next = Some(NextVersion { definition, progress: 0.0, state, version: 2 });
        assert_eq!(plan(&wanted, &known, false)["b"], ApplyStep::Unchanged);
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        assert_eq!(percent_encoded("flights_2"), "flights_2");
        assert_eq!(percent_encoded("a/../b?c ü"), "a%2F..%2Fb%3Fc%20%C3%BC");
    }
}
