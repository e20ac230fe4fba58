//! The command line: which command was meant, and the exit code that it ends with.
//!
//! 0 is done, 1 is failed, 2 is wrong usage, 130 and 143 are stopped by a signal. An error is one
//! line on stderr; stdout carries the result and nothing else.

mod backoff;
mod backup;
mod client;
mod completions;
mod confirm;
mod dashboards;
mod demo;
mod doctor;
mod ingest;
mod keys;
mod malloc_arenas;
mod metrics;
mod output;
mod quarantine;
mod query;
mod run;
mod scheduler;
mod serve;
mod status;
mod table;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::settings::{PartialSettings, RoleSetting, Settings, SettingsError};

/// Exactly-once analytics over events: a speed layer for what is new, a batch layer for the rest,
/// one merged answer
#[derive(Parser)]
#[command(name = "merganser", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<CliCommand>,

    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Args)]
struct ServeArgs {
    /// TOML file of settings; merganser.toml is read if it is there
    #[arg(long, env = "MERGANSER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    given: PartialSettings,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Serve until a signal stops it (the default)
    Serve(Box<ServeArgs>),
    /// Make parts of large runs for the leader of a cluster (serve --role executor)
    Executor(Box<ServeArgs>),
    /// Hand out parts of large runs to executors, where the leader does not do it itself
    Scheduler(Box<ServeArgs>),
    /// Check whether a service with these settings would start and run well here
    Doctor(Box<doctor::DoctorArgs>),
    /// Send events from files to a running server
    Ingest(ingest::IngestArgs),
    /// Ask for a metric
    Query(Box<query::QueryArgs>),
    /// Start a batch run and follow it to its end
    Run(run::RunArgs),
    /// Show how the server is
    Status(status::StatusArgs),
    /// List and delete metrics, or apply a file of definitions
    Metrics(metrics::MetricsArgs),
    /// List, print, apply and delete dashboards
    Dashboards(dashboards::DashboardsArgs),
    /// List, show and delete events that could not be counted
    Quarantine(quarantine::QuarantineArgs),
    /// Make, list and revoke keys
    Keys(keys::KeysArgs),
    /// Take a consistent copy of a service's data
    Backup(backup::BackupArgs),
    /// Serve sample data from a fresh directory
    Demo(demo::DemoArgs),
    /// Print a script that lets a shell complete commands and flags
    Completions(completions::CompletionsArgs),
}

/// Why a command did not end well.
#[derive(Debug)]
enum CliError {
    /// It was called in a way that cannot work: exit code 2.
    Usage(String),
    /// It was tried and failed: exit code 1.
    Failed(anyhow::Error),
    /// A signal ended it, and that was said: the exit code that shells give to such a process.
    Stopped(u8),
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs the command that the process was started with.
pub(crate) fn run_cli() -> ExitCode {
    let matches = match CommandLine::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => error.exit(),
    };
    let outcome = match CommandLine::from_arg_matches(&matches) {
        Ok(cli) => dispatch(cli, &matches),
        Err(error) => error.exit(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError::Usage(message)) => {
            output::print_error(&message);
            ExitCode::from(2)
        }
        Err(CliError::Stopped(code)) => ExitCode::from(code),
        Err(CliError::Failed(error)) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(CliError::Failed(error)) => {
            output::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: CommandLine, matches: &ArgMatches) -> Result<(), CliError> {
    let own = |name| matches.subcommand_matches(name).unwrap_or(matches);
    let load = |args: ServeArgs, name| Settings::load(args.given, own(name), args.config);
    match cli.command {
        None => serve::run(load(cli.serve, "")?),
        Some(CliCommand::Serve(args)) => serve::run(load(*args, "serve")?),
        Some(CliCommand::Executor(mut args)) => {
            args.given.role = Some(RoleSetting::executor());
            serve::run(load(*args, "executor")?)
        }
        Some(CliCommand::Scheduler(args)) => scheduler::run(load(*args, "scheduler")?),
        Some(CliCommand::Doctor(args)) => {
            let doctor::DoctorArgs { serve, output } = *args;
            doctor::run(&load(serve, "doctor")?, output)
        }
        Some(CliCommand::Ingest(args)) => ingest::run(&args),
        Some(CliCommand::Query(args)) => query::run(&args),
        Some(CliCommand::Run(args)) => run::run(&args),
        Some(CliCommand::Status(args)) => status::run(&args),
        Some(CliCommand::Metrics(args)) => metrics::run(&args),
        Some(CliCommand::Dashboards(args)) => dashboards::run(&args),
        Some(CliCommand::Quarantine(args)) => quarantine::run(&args),
        Some(CliCommand::Keys(args)) => keys::run(&args),
        Some(CliCommand::Backup(args)) => backup::run(&args),
        Some(CliCommand::Demo(args)) => demo::run(args),
        Some(CliCommand::Completions(args)) => completions::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Settings {
        let matches = CommandLine::command().try_get_matches_from(arguments).unwrap();
        let cli = CommandLine::from_arg_matches(&matches).unwrap();
        let (name, args) = match cli.command {
            None => ("", cli.serve),
            Some(CliCommand::Serve(args)) => ("serve", *args),
            Some(_) => panic!("expected serve"),
        };
        let own = matches.subcommand_matches(name).unwrap_or(&matches);
        Settings::load(args.given, own, args.config).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_takes_the_same_flags() {
        let long = settings(&["merganser", "serve", "--listen", "h:1", "--schedule", ""]);
        let short = settings(&["merganser", "--listen", "h:1", "--schedule", ""]);
        assert_eq!(long.listen, short.listen);
        assert_eq!(long.schedule.0, "");
        assert!(long.sources.schedule.is_explicit() && short.sources.schedule.is_explicit());
        assert!(!long.sources.full_schedule.is_explicit());
    }

    #[test]
    fn the_doctor_takes_the_settings_of_serve() {
        let arguments = ["merganser", "doctor", "--listen", "h:1", "--output", "json"];
        let matches = CommandLine::command().try_get_matches_from(arguments).unwrap();
        let Some(CliCommand::Doctor(args)) =
            CommandLine::from_arg_matches(&matches).unwrap().command
        else {
            panic!("expected doctor")
        };
        let own = matches.subcommand_matches("doctor").unwrap();
        let settings = Settings::load(args.serve.given, own, args.serve.config).unwrap();
        assert_eq!(settings.listen.0, "h:1");
        assert_eq!(args.output, output::OutputFormat::Json);
    }

    #[test]
    fn settings_of_serve_are_refused_before_another_command() {
        assert!(
            CommandLine::command()
                .try_get_matches_from(["merganser", "--listen", "h:1", "status"])
                .is_err()
        );
    }
}
